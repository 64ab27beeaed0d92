"""The state of one server: its connections, what they are to receive, and its limits.

`Hub` holds it and the handlers use it. The state that all servers share is in `shared`, and only
commands change it (`netchat.chat.ordering`).
"""

from __future__ import annotations

import math
import random
import secrets
from collections import deque
from typing import Any

from netchat.chat.connection import Absence, Connection, Reply, RoomFeed
from netchat.chat.connection_rate import ConnectionRate
from netchat.chat.conversation_limit import ConversationLimit
from netchat.chat.effects import ClearHistory, Close, Effect, Log, Write
from netchat.chat.fair_shares import Shares
from netchat.chat.login_limit import LoginLimit
from netchat.chat.model import Room, Session
from netchat.chat.persistence import Batch, HistoryReader, Snapshot
from netchat.chat.proposals import Proposals
from netchat.chat.settings import Settings
from netchat.chat.shared_state import SharedState
from netchat.errors import HistoryError
from netchat.version import __version__
from netchat.wire import Error, ErrorCode, Message, RoomKind, encode

__all__ = ["MAX_CHECKS", "ServerState"]

#: Empty rooms that are kept, so that users can return to them.
MAX_EMPTY = 1024

#: Maximum number of passwords that wait for a check, or are being checked. At 20 ms each on two threads,
#: the last one waits for 0.6 s.
MAX_CHECKS = 64

#: Of these, those that one address may always have while any are free. A user with a right password may
#: repeat it at any rate, and must not keep other addresses from logging in.
CHECKS_PER_ADDRESS = 8

#: Cost of a refused request, in frames of the rate limit: an ERROR is built, sent and logged.
REFUSAL_COST = 4


class ServerState:
    """Connections and room feeds of one server, and the current batch and effects.

    Args:
        settings: Limits and timeouts.
        history: The history, for reading.
        snapshot: The state stored in the history when the server started.
        now: The current time, in seconds of a monotonic clock.
        wall_offset: Seconds to add to `now` to get the time since 1970.
        rng: Source of tokens, room codes and log ids; by default the system's secure one.
        is_clustered: Whether the log of a cluster orders the commands.

    Attributes:
        shared: Sessions, names, rooms and memberships, which all servers share.
        server: Epoch of this server, by which commands refer to it.
        proposals: Commands that wait for their position in the log of a cluster; None without one.
        software: Name and version of this server, for WELCOME.
        servers_frame: SERVERS for clients; empty without a cluster.
        other_servers: How ROSTER refers to the servers in it, by epoch.
        follows_servers: The connections whose clients want SERVERS.
        now: Time of the input that is being handled, in seconds.
        time: The same as the time of day, in microseconds since 1970.
        rng: Source of tokens, room codes and log ids.
        wall_offset: Seconds to add to `now` to get the time since 1970, kept up to date by the driver:
            events carry the time of day, and the clock may be set while the server runs.
        connections: All connections, unordered.
        half_open: The connections without HELLO, and the time since which each could send it.
        partial_frames: The connections with an incomplete frame.
        stalled_connections: The connections whose send buffer is full, oldest first.
        catching_up: The connections with events or replies to send.
        addresses: Number of connections from each address group.
        attached: The connections of sessions, by session number.
        away: The sessions without a connection by number, longest away first.
        feeds: Delivery of each room's events, by room number.
        leaving: Rooms whose events a connection still gets until its leaving is durable. A room
            appears once for each pending departure.
        login_limit: Limit on wrong passwords.
        checks: Shares of the passwords that are being checked.
        closing: Rooms that were closed, until this is durable.
        conversation_limit: Limit on conversations with the same other user.
        is_memory_scarce: Whether large replies must be shorter than usual; set by the driver.
        last_sweep: Time of the last check of every connection, in seconds.
        files: Transfers of files (`FileService`); None if this server has none.
        deliveries: Number of events sent to members, as they happened or when the members caught up.
        source: Address of the connection whose frames are being handled, or an empty string.
        effects: What the driver must do now, in order.
        batch: What must be durable before the rest happens.
    """

    def __init__(
        self,
        settings: Settings,
        history: HistoryReader,
        snapshot: Snapshot,
        now: float,
        wall_offset: float = 0.0,
        rng: random.Random | None = None,
        *,
        is_clustered: bool = False,
    ) -> None:
        self.settings = settings
        self.history = history
        self.shared = SharedState.load(snapshot.state) if snapshot.state else SharedState(snapshot)
        self.server = 0 if is_clustered else 1
        self.proposals = Proposals() if is_clustered else None
        self.software = f"netchat {__version__}"
        self.servers_frame = b""
        self.other_servers: dict[int, int] = {}
        self.follows_servers: dict[Connection, None] = {}
        self.connections: dict[Connection, None] = {}
        self.half_open: dict[Connection, float] = {}
        self.partial_frames: dict[Connection, None] = {}
        self.stalled_connections: dict[Connection, None] = {}
        self.catching_up: dict[Connection, None] = {}
        self.addresses: dict[str, int] = {}
        self.connection_rate = ConnectionRate()
        self.half_open_shares = Shares(settings.max_half_open)
        self.user_shares = Shares(settings.max_users)
        self.empty_shares = Shares(MAX_EMPTY)
        self.attached: dict[int, Connection] = {}
        self.away: dict[int, Absence] = {}
        self.feeds: dict[int, RoomFeed] = {}
        self.leaving: dict[Connection, list[RoomFeed]] = {}
        self.closing: dict[RoomFeed, None] = {}
        self.conversation_limit = ConversationLimit()
        self.login_limit = LoginLimit()
        self.checks = Shares(MAX_CHECKS, CHECKS_PER_ADDRESS)
        self.is_memory_scarce = False
        self.last_sweep = now
        self.wall_offset = wall_offset
        self.rng = rng if rng is not None else secrets.SystemRandom()
        self._damaged: set[Room] = set()
        self.files: Any = None
        self.deliveries = 0
        self.source = ""
        self.effects: list[Effect] = []
        self.batch = Batch()
        self.begin(now)
        self._restore(snapshot)

    def begin(self, now: float) -> None:
        """Set the time of the input that is about to be handled."""
        time = int((now + self.wall_offset) * 1e6)
        self.now, self.time = now, time if time > 0 else 0  # before 1970: frames are unsigned

    def is_name_taken(self, name: str) -> bool:
        """Return whether a name belongs to a user or an account, or looks like one that does."""
        return name in self.shared.by_name or name in self.shared.account_names

    def read_events(
        self, room: Room, first: int, last: int, max_bytes: int, reader: Connection | None = None
    ) -> tuple[list[bytes], int]:
        """Read events of a room, skipping damaged ones.

        Args:
            room: The room.
            first: Sequence number of the first event.
            last: Sequence number of the last event.
            max_bytes: Approximate limit on the bytes to read.
            reader: The connection to warn about damage.

        Returns:
            The frames in order, and the sequence number of the first one (0 without any).
        """
        try:
            return self.history.read(room.id, first, last, max_bytes)
        except HistoryError as error:
            self.note_damage(room, error)
        found: tuple[list[bytes], int] = [], 0
        after = self.history.resume(room.id, first, last)
        if after <= last:
            try:
                found = self.history.read(room.id, after, last, max_bytes)
            except HistoryError:  # it has been damaged since `resume`, or is still being damaged
                after = last + 1
        if reader is not None:
            text = f"The server's history is damaged: events {first} to {after - 1} are missing."
            self.send(reader, Error(ErrorCode.STORAGE, 0, 0, text, ""))
        return found

    def note_damage(self, room: Room, error: HistoryError) -> None:
        """Log that a room's history is damaged, once per room."""
        if room not in self._damaged:
            self._damaged.add(room)
            self.log("storage", room=room.code, text=str(error))

    def write(self, connection: Connection, data: bytes) -> None:
        """Send bytes to a connection, unless it is gone."""
        if connection in self.connections and not connection.finished:
            self.effects.append(Write(connection, data))

    def send(self, connection: Connection, message: Message) -> None:
        """Send a message to a connection."""
        self.write(connection, encode(message))

    def close(self, connection: Connection) -> None:
        """Close a connection after everything written to it has been sent."""
        if connection.finished:
            return
        connection.closing = connection.finished = True
        self._unfollow_all(connection)
        if connection in self.connections:
            self.effects.append(Close(connection))

    def log(self, event: str, **fields: object) -> None:
        """Add an entry to the server's log."""
        self.effects.append(Log(event, fields, self.source))

    def refuse(
        self,
        connection: Connection,
        code: ErrorCode,
        text: str,
        about: type[Message],
        reference: int = 0,
        suggestion: str = "",
    ) -> None:
        """Refuse one request; the connection stays open."""
        connection.allowance -= REFUSAL_COST
        self.send(connection, Error(code, about.TYPE, reference, text, suggestion))
        name = connection.session.name if connection.session else ""
        self.log("refused", name=name, address=connection.address, code=code.name, text=text)

    def disconnect(self, connection: Connection, code: ErrorCode, text: str) -> None:
        """Send an ERROR and close the connection."""
        self.end_handshake(connection)
        if connection.closing:
            return
        self.send(connection, Error(code, 0, 0, text, ""))
        self.close(connection)
        name = connection.session.name if connection.session else ""
        self.log("dismissed", name=name, address=connection.address, code=code.name, text=text)

    def end_handshake(self, connection: Connection) -> None:
        """Remove a connection from the half-open ones."""
        if self.half_open.pop(connection, None) is not None:
            self.half_open_shares.release(connection.share)

    def pause_handshake(self, connection: Connection) -> None:
        """Set no timeout for HELLO until `resume_handshake`: the server cannot read it yet."""
        if connection in self.half_open:
            self.half_open[connection] = math.inf

    def resume_handshake(self, connection: Connection, now: float) -> None:
        """Start the timeout for HELLO again."""
        if connection in self.half_open:
            self.half_open[connection] = now

    def attach(self, connection: Connection, session: Session) -> None:
        """Put a session on a connection."""
        self.end_handshake(connection)
        self.user_shares.acquire(connection.share)
        self.attached[session.id] = connection
        connection.session = session

    def detach(self, connection: Connection) -> None:
        """Detach a connection from its session; the session stays."""
        self._unfollow_all(connection)
        connection.session = None

    def _unfollow_all(self, connection: Connection) -> None:
        """Stop sending a connection the events of any room."""
        session = connection.session
        if session is None:
            return
        feeds = [self.feeds[room.id] for room in session.rooms.values()]
        for feed in [*feeds, *self.leaving.pop(connection, []), *self.closing]:
            feed.live.pop(connection, None)
        connection.lagging_rooms = connection.pending_replies = None
        self.catching_up.pop(connection, None)

    def follow(self, connection: Connection, feed: RoomFeed, after: int) -> None:
        """Send a connection a room's events after event `after`, now and as they happen."""
        followed = connection in feed.live or feed in (connection.lagging_rooms or ())
        if connection.finished or followed:
            return
        # `after` is above `delivered` if the user joins in the batch that is being committed, after
        # other events of that batch: the user must not get those.
        if after == feed.delivered and not connection.stalled_since:
            feed.live[connection] = None
            return
        if connection.lagging_rooms is None:
            connection.lagging_rooms = {}
        connection.lagging_rooms[feed] = after
        if not connection.stalled_since:
            self.catching_up[connection] = None

    def queue_reply(self, connection: Connection, request: Reply) -> None:
        """Queue a request until the connection has read the replies before it."""
        if connection.session is None or connection.closing:
            return  # it was lost during a commit
        if connection.pending_replies is None:
            connection.pending_replies = deque()
        connection.pending_replies.append(request)
        if not connection.stalled_since:
            self.catching_up[connection] = None

    def unfollow(self, connection: Connection, feed: RoomFeed) -> None:
        """Stop sending a connection the events of a room, once its leaving is durable."""
        if connection in self.leaving:
            self.leaving[connection].remove(feed)
            if not self.leaving[connection]:
                del self.leaving[connection]
        # This also applies if the user rejoined meanwhile: JOINED then starts a new stream.
        feed.live.pop(connection, None)
        if connection.lagging_rooms:
            connection.lagging_rooms.pop(feed, None)

    def mark_empty(self, feed: RoomFeed) -> None:
        """Count a room as empty, from now on."""
        feed.empty_since = self.now
        self.empty_shares.acquire(feed.share)

    def mark_occupied(self, feed: RoomFeed) -> None:
        """Stop counting a room as empty."""
        if feed.empty_since is not None:
            feed.empty_since = None
            self.empty_shares.release(feed.share)

    def remove_feed(self, number: int) -> None:
        """Forget a room that was deleted. Members who are leaving it still get its last events."""
        feed = self.feeds.pop(number)
        self.mark_occupied(feed)
        self._damaged.discard(feed.room)

    def _restore(self, snapshot: Snapshot) -> None:
        """Start delivery of the stored rooms; stored sessions that are away are so from now on."""
        oldest = {row.id: first for row, _, first in snapshot.rooms}
        for room in self.shared.rooms.values():
            first = oldest.get(room.id, 1)
            feed = self.feeds[room.id] = RoomFeed(room, room.head, first)
            if room.rules is not None and room.rules.floor > first:
                # The server stopped before it had deleted the events.
                feed.oldest = room.rules.floor
                self.effects.append(ClearHistory(room.id, feed.oldest))
            if not room.members and room.kind is not RoomKind.LOBBY:
                self.mark_empty(feed)
        for number, session in self.shared.sessions.items():
            if session.is_away:
                self.away[number] = Absence(self.now, "")
                self.user_shares.acquire("")
