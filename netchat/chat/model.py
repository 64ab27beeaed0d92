"""Connections, sessions and rooms: what a chat server knows.

They refer to each other, so they share one module.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from netchat.chat.room_tail import RoomTail
from netchat.wire import History, RoomKind, Who

__all__ = ["Connection", "RepeatedSend", "Reply", "Room", "Session"]


class Connection:
    """A peer's connection, with or without a session.

    A transport's protocol class inherits from it, which saves one object per connection.

    Attributes:
        address: The peer's address and port, for logs.
        share: The address group that the connection counts against (`fair_shares.share_of`).
        session: The session on it, once HELLO was accepted.
        heard: Time at which the last byte arrived, in seconds.
        ping_sent: Whether a PING awaits its PONG.
        partial_since: Time at which the incomplete frame began, or 0.
        stalled_since: Time at which the send buffer became full, or 0.
        lagging_rooms: The rooms whose events it does not get live, each with the last event that
            it was sent.
        pending_replies: Requests with large replies, answered one at a time as the peer reads them.
        holds: Why the server reads nothing from it now, as bits defined by the transport; else 0.
            A peer that is not read does not time out.
        allowance: Frames that it may send at once (the tokens of a token bucket).
        refilled_at: Time at which the token bucket was last refilled, in seconds.
        warned_at: Time of the last warning that it sends too fast, in seconds, or 0.
        closing: Whether either peer has ended the conversation; further frames are ignored.
        finished: Whether nothing more may be written to it.
    """

    __slots__ = (
        "address",
        "allowance",
        "closing",
        "finished",
        "heard",
        "holds",
        "lagging_rooms",
        "partial_since",
        "pending_replies",
        "ping_sent",
        "refilled_at",
        "session",
        "share",
        "stalled_since",
        "warned_at",
    )

    def __init__(self, address: str = "?") -> None:
        self.address = address
        self.share = ""
        self.session: Session | None = None
        self.heard = 0.0
        self.ping_sent = False
        self.partial_since = 0.0
        self.stalled_since = 0.0
        self.lagging_rooms: dict[Room, int] | None = None
        self.pending_replies: deque[Reply] | None = None
        self.holds = 0
        self.allowance = 0.0
        self.refilled_at = 0.0
        self.warned_at = 0.0
        self.closing = self.finished = False


class Session:
    """A user's name and rooms, which outlive the connection.

    Attributes:
        id: Session number, public.
        name: The user's name.
        device: The user's device id.
        token: Hash of the token that resumes it.
        previous: Hash of the token before that. It stays valid until the client proves that it has
            the new one by sending a request, because the WELCOME with the new token may be lost.
        connection: The connection it is on, or None while the user is away.
        away_since: Time at which the connection was lost, in seconds.
        rooms: The rooms that it is a member of, by code.
        share: The address group that it counts against, also while away. Empty after a restart of
            the server, when it is unknown.
    """

    __slots__ = (
        "away_since",
        "connection",
        "device",
        "id",
        "name",
        "previous",
        "rooms",
        "share",
        "token",
    )

    def __init__(self, number: int, name: str, device: int) -> None:
        self.id = number
        self.name = name
        self.device = device
        self.token = b""
        self.previous = b""
        self.connection: Connection | None = None
        self.away_since = 0.0
        self.rooms: dict[str, Room] = {}
        self.share = ""


class Room:
    """A room: its members and the state of its log.

    Attributes:
        id: Room number in the history.
        code: Room code.
        kind: Lobby, room or private room.
        log: Identity of its log.
        head: Sequence number of the last event that was numbered.
        delivered: Sequence number of the last event that is durable and was sent.
        oldest: Sequence number of the oldest event that is still kept.
        members: The sessions in it, connected or not.
        live: The connections that get its events as they happen. A lagging connection is not
            among them: it catches up from the tail or the history.
        tail: The most recent frames.
        counters: The largest counter of each device that has sent a message recently.
        empty_since: Time at which the last member left, or None. Always None for the lobby.
        share: The address group that it counts against while it is empty.
    """

    __slots__ = (
        "code",
        "counters",
        "delivered",
        "empty_since",
        "head",
        "id",
        "kind",
        "live",
        "log",
        "members",
        "oldest",
        "share",
        "tail",
    )

    def __init__(self, number: int, code: str, kind: RoomKind, log: int, head: int = 0) -> None:
        self.id = number
        self.code = code
        self.kind = kind
        self.log = log
        self.head = self.delivered = head
        self.oldest = 1
        self.members: dict[Session, None] = {}
        self.live: dict[Connection, None] = {}
        self.tail = RoomTail()
        self.counters: dict[int, int] = {}
        self.empty_since: float | None = None
        self.share = ""

    def start_position(self, known: int | None) -> int:
        """Return the event after which a member's stream of events starts.

        Args:
            known: The last event that the client has, or None.
        """
        if known is None:
            # A user must not miss private messages that were sent while away.
            known = 0 if self.kind is RoomKind.PRIVATE else self.delivered
        return max(min(known, self.delivered), self.oldest - 1)

    def peer_of(self, session: Session) -> str:
        """Return the name of the other member of a private room, or an empty string."""
        if self.kind is not RoomKind.PRIVATE:
            return ""
        return next((other.name for other in self.members if other is not session), "")


class RepeatedSend(NamedTuple):
    """A SEND with a counter that its device has already used in the room, or a smaller one."""

    room: Room
    counter: int


Reply = Who | History | RepeatedSend
