"""Connections, and what one server knows about each room and session on its own."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from netchat.chat.connection_transfers import ConnectionTransfers
from netchat.chat.model import Room, Session
from netchat.chat.room_tail import RoomTail
from netchat.wire import (
    Bans,
    DeviceList,
    FoundMessage,
    Frame,
    History,
    Role,
    RoomKind,
    Search,
    Who,
)

__all__ = [
    "Absence",
    "Connection",
    "PartialHistory",
    "PartialSearch",
    "ProvenAccount",
    "RepeatedSend",
    "Reply",
    "RoomFeed",
]


class Connection:
    """A peer's connection, with or without a session.

    A transport's protocol class inherits from it, which saves one object per connection.

    Attributes:
        address: The peer's address and port, for logs.
        is_encrypted: Whether TLS protects it, so that the client may send a password.
        share: The address group that the connection counts against (`fair_shares.share_of`).
        session: The session on it, once HELLO was accepted.
        heard: Time at which the last byte arrived, in seconds.
        ping_sent: Whether a PING awaits its PONG.
        partial_since: Time at which the incomplete frame began, or 0.
        stalled_since: Time at which the send buffer became full, or 0.
        lagging_rooms: The rooms whose events it does not get live, each with the last event that
            it was sent.
        pending_replies: Requests with large replies, answered one at a time as the peer reads them.
        holds: Why the server reads nothing from it now, as bits defined by the transport; otherwise 0.
            A peer that the server does not read does not time out.
        allowance: Frames that it may send at once (the tokens of a token bucket).
        refilled_at: Time at which the token bucket was last refilled, in seconds.
        proposals: Number of its requests whose commands wait for their position in a cluster's log.
        moves: Number of them that are not messages.
        deferred: Frames that wait until the requests before them are answered.
        has_confirmed: Whether the client has proved that it has the session's new token.
        account: The account that has logged in on it before HELLO, with the version of the password.
        is_checking: Whether a password that it has sent is being checked.
        told_role: The role in the last ACCOUNT_STATUS that was sent on it, or None.
        warned_at: Time of the last warning that it sends too fast, in seconds, or 0.
        closing: Whether either peer has ended the conversation; further frames are ignored.
        finished: Whether nothing more may be written to it.
        features: Optional features of the client, from its HELLO.
        transfers: Transfers of files on it, or None before the first one.
    """

    __slots__ = (
        "account",
        "address",
        "allowance",
        "closing",
        "deferred",
        "features",
        "finished",
        "has_confirmed",
        "heard",
        "holds",
        "is_checking",
        "is_encrypted",
        "lagging_rooms",
        "moves",
        "partial_since",
        "pending_replies",
        "ping_sent",
        "proposals",
        "refilled_at",
        "session",
        "share",
        "stalled_since",
        "told_role",
        "transfers",
        "warned_at",
    )

    def __init__(self, address: str = "?") -> None:
        self.address = address
        self.share = ""
        self.session: Session | None = None
        self.heard = 0.0
        self.is_encrypted = False
        self.ping_sent = self.has_confirmed = False
        self.proposals = self.moves = 0
        self.deferred: list[Frame] | None = None
        self.partial_since = 0.0
        self.stalled_since = 0.0
        self.lagging_rooms: dict[RoomFeed, int] | None = None
        self.pending_replies: deque[Reply] | None = None
        self.holds = 0
        self.allowance = 0.0
        self.refilled_at = 0.0
        self.warned_at = 0.0
        self.is_checking = False
        self.account: ProvenAccount | None = None
        self.told_role: Role | None = None
        self.closing = self.finished = False
        self.features = 0
        self.transfers: ConnectionTransfers | None = None


class RoomFeed:
    """Delivery of one room's events to the connections of this server.

    Attributes:
        room: The room.
        delivered: Sequence number of the last event that is durable and was sent.
        oldest: Sequence number of the oldest event that is still kept.
        live: The connections that get its events as they happen. A lagging connection is not
            among them: it catches up from the tail or the history.
        tail: The most recent frames.
        empty_since: Time at which the last member left, in seconds, or None. Always None for the
            lobby.
        share: The address group that the room counts against while it is empty.
    """

    __slots__ = ("delivered", "empty_since", "live", "oldest", "room", "share", "tail")

    def __init__(self, room: Room, delivered: int = 0, oldest: int = 1) -> None:
        self.room = room
        self.delivered = delivered
        self.oldest = oldest
        self.live: dict[Connection, None] = {}
        self.tail = RoomTail()
        self.empty_since: float | None = None
        self.share = ""

    def start_position(self, known: int | None) -> int:
        """Return the event after which a member's stream of events starts.

        Args:
            known: The last event that the client has, or None.
        """
        if known is None:
            # A user must not miss private messages that were sent while away.
            known = 0 if self.room.kind is RoomKind.PRIVATE else self.delivered
        # Not `delivered`: in a cluster, a client that moves to a slower server already has events that
        # this server delivers after the client's WELCOME, in the same batch.
        return max(min(known, self.room.head), self.oldest - 1)


class ProvenAccount(NamedTuple):
    """An account whose password was given on a connection."""

    account: int
    """Account number."""

    version: int
    """Version of the password that was checked."""


class Absence(NamedTuple):
    """A session that has lost its connection."""

    since: float
    """Time at which this server learned of it, in seconds."""

    share: str
    """The address group that it counts against. Empty if unknown, as after a restart."""


class RepeatedSend(NamedTuple):
    """A SEND with a counter that its device has already used in the room, or a smaller one."""

    feed: RoomFeed
    counter: int


class PartialHistory(NamedTuple):
    """An answer to HISTORY of which a part has been sent."""

    request: History

    room: int
    """Number of the room: later, its code may name another one."""

    first: int
    """Sequence number of the first event that was sent."""

    next: int
    """Sequence number of the next event."""

    last: int
    """Sequence number of the last event to send."""

    sent: int
    """Bytes of events that were sent."""


class PartialSearch(NamedTuple):
    """A SEARCH of which a part has been carried out."""

    request: Search

    room: int
    """Number of the room."""

    before: int
    """Sequence number before which the search continues."""

    oldest: int
    """Sequence number at which it ends."""

    read: int
    """Bytes of events that were searched."""

    found: tuple[FoundMessage, ...]


Reply = Who | History | PartialHistory | Search | PartialSearch | Bans | DeviceList | RepeatedSend
