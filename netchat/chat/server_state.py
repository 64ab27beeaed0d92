"""The state of a chat server, and the operations on it.

`Hub` holds it and the handlers use it. Each operation changes the state at once, adds what must be
durable to the current batch, and lists what users see for after the batch's commit.
"""

from __future__ import annotations

import random
import secrets
from collections import deque

from netchat.chat.commit_actions import Unfollow
from netchat.chat.connection_rate import ConnectionRate
from netchat.chat.conversation_limit import ConversationLimit
from netchat.chat.effects import Close, Effect, Log, Write
from netchat.chat.fair_shares import Shares
from netchat.chat.model import Connection, Reply, Room, Session
from netchat.chat.name_table import NameTable
from netchat.chat.persistence import (
    Batch,
    EventRow,
    HistoryReader,
    MembershipDeleted,
    MembershipRow,
    RoomDeleted,
    RoomRow,
    SessionDeleted,
    SessionRow,
    Snapshot,
)
from netchat.chat.room_codes import LOBBY
from netchat.chat.settings import Settings
from netchat.errors import HistoryError
from netchat.wire import Error, ErrorCode, Event, EventKind, Message, RoomKind, encode

__all__ = ["ServerState"]

#: Empty rooms that are kept, so that users can return to them.
MAX_EMPTY = 1024

#: Cost of a refused request, in frames of the rate limit: an ERROR is built, sent and logged.
REFUSAL_COST = 4


class ServerState:
    """Connections, sessions, rooms, and the current batch and effects.

    Args:
        settings: Limits and timeouts.
        history: The history, for reading.
        snapshot: The state stored in the history when the server started.
        now: The current time, in seconds of a monotonic clock.
        wall_offset: Seconds to add to `now` to get the time since 1970.
        rng: Source of tokens, room codes and log ids; by default the system's secure one.

    Attributes:
        rng: Source of tokens, room codes and log ids.
        wall_offset: The same, kept up to date by the driver: events carry the time of day, and the
            clock may be set while the server runs.
        connections: All connections, unordered.
        half_open: The connections without HELLO and the time they started, oldest first.
        partial_frames: The connections with an incomplete frame.
        stalled_connections: The connections whose send buffer is full, oldest first.
        catching_up: The connections with events or replies to send.
        addresses: Number of connections from each address group.
        sessions: All sessions by number.
        away: The sessions without a connection, longest away first.
        rooms: The rooms by code.
        privates: The private rooms by the numbers of their two sessions.
        leaving: Rooms whose events a connection still gets until its leaving is durable. A room
            appears once for each pending departure.
        conversation_limit: Limit on conversations with the same other user.
        is_memory_scarce: Whether large replies must be shorter than usual; set by the driver.
        last_sweep: Time of the last check of every connection, in seconds.
        messages: Number of messages since the start.
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
    ) -> None:
        self.settings = settings
        self.history = history
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
        self.sessions: dict[int, Session] = {}
        self.by_device: dict[int, Session] = {}
        self.by_token: dict[bytes, Session] = {}
        self.by_name = NameTable()
        self.away: dict[Session, None] = {}
        self.rooms: dict[str, Room] = {}
        self.privates: dict[frozenset[int], Room] = {}
        self.leaving: dict[Connection, list[Room]] = {}
        self.conversation_limit = ConversationLimit()
        self.is_memory_scarce = False
        self.last_sweep = now
        self.messages = 0
        self.wall_offset = wall_offset
        self.rng = rng if rng is not None else secrets.SystemRandom()
        self._damaged: set[Room] = set()
        self.source = ""
        self.effects: list[Effect] = []
        self.batch = Batch()
        self._next_id = snapshot.next_id
        self._restore(snapshot, now)

    def wall(self, now: float) -> int:
        """Return the time of day in microseconds since 1970; 0 before 1970, as frames are unsigned."""
        return max(int((now + self.wall_offset) * 1e6), 0)

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

    def new_id(self) -> int:
        """Return an unused number for a room or session."""
        self._next_id += 1
        return self._next_id - 1

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

    def is_connected(self, number: int) -> bool:
        """Return whether the session with this number has a connection."""
        session = self.sessions.get(number)
        return session is not None and session.connection is not None

    def move_share(self, session: Session, share: str) -> None:
        """Count a session against another address group."""
        self.user_shares.release(session.share)
        session.share = share
        self.user_shares.acquire(share)

    def event(
        self,
        room: Room,
        kind: EventKind,
        sender: str,
        text: str,
        now: float,
        device: int = 0,
        counter: int = 0,
    ) -> None:
        """Append an event to a room's log. Members receive it once it is durable."""
        room.head = seq = room.head + 1
        time = self.wall(now)
        frame = encode(Event(seq, time, device, counter, kind, room.code, sender, text))
        batch = self.batch
        batch.rows.append(EventRow(room.id, seq, device, counter, time, frame))
        if device:
            batch.counters[room.id, device] = counter
        frames = batch.frames.get(room)
        if frames is None:
            frames = batch.frames[room] = []
        frames.append(frame)
        batch.size += len(frame)

    def new_room(self, code: str, kind: RoomKind, share: str = "") -> Room:
        """Create an empty room, which counts against an address group while it is empty."""
        room = Room(self.new_id(), code, kind, self.rng.getrandbits(63))
        room.share = share
        self.rooms[code] = room
        self.batch.changes.append(RoomRow(room.id, code, kind, room.log))
        return room

    def add_member(self, session: Session, room: Room) -> None:
        """Make a session a member of a room."""
        session.rooms[room.code] = room
        room.members[session] = None
        self._mark_occupied(room)
        self.batch.changes.append(MembershipRow(session.id, room.id))

    def remove_member(self, session: Session, room: Room, why: str, now: float) -> None:
        """End a membership: send LEAVE to the room, the last event that this member gets."""
        if room.kind is RoomKind.PRIVATE:
            self.privates.pop(frozenset(s.id for s in room.members), None)
        del session.rooms[room.code]
        del room.members[session]
        self.batch.changes.append(MembershipDeleted(session.id, room.id))
        self.batch.left.add((session.id, room.id))
        self.event(room, EventKind.LEAVE, session.name, why, now)
        if session.connection is not None:
            self.leaving.setdefault(session.connection, []).append(room)
            self.batch.after.append(Unfollow(session.connection, room))
        if room.members or room.kind is RoomKind.LOBBY:
            return
        # An address above its share of empty rooms loses its own rooms, not those of others.
        if room.kind is RoomKind.PRIVATE or not self.empty_shares.allows(room.share):
            self.drop_room(room)
        else:
            room.empty_since = now
            self.empty_shares.acquire(room.share)

    def _mark_occupied(self, room: Room) -> None:
        """Stop counting a room as empty."""
        if room.empty_since is not None:
            room.empty_since = None
            self.empty_shares.release(room.share)

    def drop_room(self, room: Room) -> None:
        """Delete a room; its code becomes free."""
        self._mark_occupied(room)
        del self.rooms[room.code]
        self._damaged.discard(room)
        self.batch.changes.append(RoomDeleted(room.id))

    def save_session(self, session: Session) -> None:
        """Add a session's current state to the batch."""
        self.batch.changes.append(
            SessionRow(session.id, session.token, session.previous, session.device, session.name)
        )

    def end_session(self, session: Session, why: str, now: float) -> None:
        """End a session: it leaves its rooms, and its name becomes free."""
        for room in list(session.rooms.values()):
            self.remove_member(session, room, why, now)
        del self.sessions[session.id]
        self.user_shares.release(session.share)
        del self.by_device[session.device]
        self.by_name.remove(session)
        self.by_token.pop(session.token, None)
        self.by_token.pop(session.previous, None)
        self.away.pop(session, None)
        self.batch.changes.append(SessionDeleted(session.id))
        self.log("left", name=session.name, why=why, users=len(self.sessions))

    def detach(self, connection: Connection) -> None:
        """Detach a connection from its session; the session stays."""
        self._unfollow_all(connection)
        session = connection.session
        if session is not None:
            connection.session = session.connection = None

    def _unfollow_all(self, connection: Connection) -> None:
        """Stop sending a connection the events of any room."""
        session = connection.session
        if session is None:
            return
        for room in (*session.rooms.values(), *self.leaving.pop(connection, ())):
            room.live.pop(connection, None)
        connection.lagging_rooms = connection.pending_replies = None
        self.catching_up.pop(connection, None)

    def follow(self, connection: Connection, room: Room, after: int) -> None:
        """Send a connection a room's events after event `after`, now and as they happen."""
        followed = connection in room.live or room in (connection.lagging_rooms or ())
        if connection.finished or followed:
            return
        # `after` is above `delivered` if the user joins in the batch that is being committed, after
        # other events of that batch: the user must not get those.
        if after == room.delivered and not connection.stalled_since:
            room.live[connection] = None
            return
        if connection.lagging_rooms is None:
            connection.lagging_rooms = {}
        connection.lagging_rooms[room] = after
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

    def unfollow(self, connection: Connection, room: Room) -> None:
        """Stop sending a connection the events of a room, once its leaving is durable."""
        if connection in self.leaving:
            self.leaving[connection].remove(room)
            if not self.leaving[connection]:
                del self.leaving[connection]
        # This also applies if the user rejoined meanwhile: JOINED then starts a new stream.
        room.live.pop(connection, None)
        if connection.lagging_rooms:
            connection.lagging_rooms.pop(room, None)

    def _restore(self, snapshot: Snapshot, now: float) -> None:
        rooms: dict[int, Room] = {}
        for row, head, oldest in snapshot.rooms:
            room = Room(row.id, row.code, RoomKind(row.kind), row.log, head)
            room.oldest = oldest
            if room.kind is not RoomKind.LOBBY:
                room.empty_since = now
                self.empty_shares.acquire(room.share)
            rooms[row.id] = self.rooms[row.code] = room
        for saved in snapshot.sessions:
            session = Session(saved.id, saved.name, saved.device)
            session.token, session.previous = saved.token, saved.previous
            session.away_since = now
            self.sessions[saved.id] = self.by_device[saved.device] = session
            self.user_shares.acquire(session.share)
            self.by_name.add(session)
            self.by_token[saved.token] = session
            if saved.previous:
                self.by_token[saved.previous] = session
            self.away[session] = None
        for member in snapshot.memberships:
            room, session = rooms[member.room], self.sessions[member.session]
            session.rooms[room.code] = room
            room.members[session] = None
            self._mark_occupied(room)
        for room in rooms.values():
            if room.kind is RoomKind.PRIVATE and len(room.members) == 2:
                self.privates[frozenset(s.id for s in room.members)] = room
        if LOBBY not in self.rooms:
            self.new_room(LOBBY, RoomKind.LOBBY)
