"""The state of a chat server, and the steps its rules are made of.

`Hub` drives it; the request handlers use it. Each step changes the state at once, and puts what
must be durable into the batch under way and what others see behind it.
"""

from __future__ import annotations

import random
import secrets
from collections import deque
from collections.abc import Callable
from functools import partial

from netchat.chat.fair_shares import Shares
from netchat.chat.model.connection import Close, Connection, Log, Output, Write
from netchat.chat.model.room import Room
from netchat.chat.model.session import Session
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

__all__ = ["State"]

#: Seconds after which a user may begin a further conversation with the same second one, and how
#: many of them at once: there is one private room for each two, so that nobody needs many.
PAIR_SECONDS, PAIR_BURST = 20.0, 3

#: Rooms without a member that are kept, so that people come back to them.
MAX_EMPTY = 1024


class State:
    """Who is connected, who is in which room, and what is to be done and written next.

    Args:
        settings: its limits.
        history: where it reads back what it has asked to be written.
        snapshot: what that history knew when the server started.
        now: the present, in seconds of any clock that does not jump.
        wall_offset: what to add to `now` to get seconds since 1970.
        rng: source of tokens, room codes and log ids; by default the system's secure one.

    Attributes:
        rng: source of tokens, room codes and log ids.
        wall_offset: the same, kept up to date by the driver: events carry the time of day, and
            clocks are set while a server runs.
        connections: all connections, in no order.
        half_open: those that have not said HELLO yet, oldest first.
        sessions: all sessions by number.
        away: the sessions without a connection, longest away first.
        rooms: the rooms by code.
        privates: the private rooms by their two sessions' numbers.
        asked: when a user may again begin a conversation with another one without counting.
        source: the address of the connection whose frames are being handled; else empty.
        parting: rooms that a connection gets no more events of once its leaving is durable; as
            often as it is about to leave them.
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
        self.partials: dict[Connection, None] = {}
        self.stalls: dict[Connection, None] = {}
        self.catching_up: dict[Connection, None] = {}
        self.addresses: dict[str, int] = {}
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
        self.parting: dict[Connection, list[Room]] = {}
        self.asked: dict[tuple[Session, Session], float] = {}
        self.swept = now
        self.messages = 0
        self.wall_offset = wall_offset
        self.rng = rng if rng is not None else secrets.SystemRandom()
        self._damaged: set[Room] = set()
        self.source = ""
        self._outputs: list[Output] = []
        self._batch = Batch()
        self._next_id = snapshot.next_id
        self._restore(snapshot, now)

    @property
    def batch(self) -> Batch:
        """The batch that is being collected."""
        return self._batch

    def wall(self, now: float) -> int:
        """The time of day, in microseconds since 1970; 0 before 1970, which frames cannot carry."""
        return max(int((now + self.wall_offset) * 1e6), 0)

    def read_events(
        self, room: Room, first: int, last: int, max_bytes: int, reader: Connection | None = None
    ) -> tuple[list[bytes], int]:
        """Read events of a room, and leave out what is damaged.

        Args:
            room: the room.
            first: the first event wanted.
            last: the last one.
            max_bytes: about how many bytes to read at most.
            reader: the connection to warn of damage.

        Returns:
            The frames, in order, and the sequence number of the first one (0 if there is none).
        """
        try:
            return self.history.read(room.id, first, last, max_bytes)
        except HistoryError as error:
            self.note_damage(room, error)
        after = self.history.resume(room.id, first, last)
        if reader is not None:
            text = f"The server's history is damaged: events {first} to {after - 1} are missing."
            self.send(reader, Error(ErrorCode.STORAGE, 0, 0, text, ""))
        if after > last:
            return [], 0
        return self.history.read(room.id, after, last, max_bytes)

    def note_damage(self, room: Room, error: HistoryError) -> None:
        """Write a line to the server's log the first time that a room is found damaged."""
        if room not in self._damaged:
            self._damaged.add(room)
            self.note("storage", room=room.code, text=str(error))

    def new_id(self) -> int:
        """A number that no room and no session has."""
        self._next_id += 1
        return self._next_id - 1

    def write(self, connection: Connection, data: bytes) -> None:
        """Send bytes to a connection; none to one that was lost while a commit was under way."""
        if connection in self.connections and not connection.finished:
            self._outputs.append(Write(connection, data))

    def send(self, connection: Connection, message: Message) -> None:
        """Send a message to a connection."""
        self.write(connection, encode(message))

    def close(self, connection: Connection) -> None:
        """Close a connection, behind what was written to it; nothing more is sent on it."""
        if connection.finished:
            return
        connection.closing = connection.finished = True
        self._unfollow(connection)
        if connection in self.connections:
            self._outputs.append(Close(connection))

    def note(self, event: str, **fields: object) -> None:
        """Write a line to the server's log."""
        self._outputs.append(Log(event, fields, self.source))

    def refuse(
        self,
        connection: Connection,
        code: ErrorCode,
        text: str,
        about: type[Message],
        reference: int = 0,
        suggestion: str = "",
    ) -> None:
        """Say no to one request; the connection goes on."""
        self.send(connection, Error(code, about.TYPE, reference, text, suggestion))
        name = connection.session.name if connection.session else ""
        self.note("refused", name=name, address=connection.address, code=code.name, text=text)

    def disconnect(self, connection: Connection, code: ErrorCode, text: str) -> None:
        """Say why, and close the connection."""
        self.greeted(connection)
        if connection.closing:
            return
        self.send(connection, Error(code, 0, 0, text, ""))
        self.close(connection)
        name = connection.session.name if connection.session else ""
        self.note("dismissed", name=name, address=connection.address, code=code.name, text=text)

    def greeted(self, connection: Connection) -> None:
        """A connection is half open no longer."""
        if self.half_open.pop(connection, None) is not None:
            self.half_open_shares.give_back(connection.share)

    def settle_down(self, session: Session, share: str) -> None:
        """Count a session against an address from now on."""
        self.user_shares.give_back(session.share)
        session.share = share
        self.user_shares.take(share)

    def may_ask(self, session: Session, other: Session, now: float) -> bool:
        """Whether a user may begin another conversation with a second one now.

        One in `PAIR_SECONDS`, `PAIR_BURST` at once (generic cell rate algorithm).
        """
        due = max(self.asked.get((session, other), now), now)
        if due > now + (PAIR_BURST - 1) * PAIR_SECONDS:
            return False
        self.asked.pop((session, other), None)  # to the end: oldest first
        self.asked[session, other] = due + PAIR_SECONDS
        return True

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
        """Append an event to a room's log; its members see it once it is durable."""
        room.head = seq = room.head + 1
        time = self.wall(now)
        frame = encode(Event(seq, time, device, counter, kind, room.code, sender, text))
        batch = self._batch
        batch.rows.append(EventRow(room.id, seq, device, counter, time, frame))
        if device:
            batch.counters[room.id, device] = counter
        frames = batch.frames.get(room)
        if frames is None:
            frames = batch.frames[room] = []
        frames.append(frame)
        batch.size += len(frame)

    def new_room(self, code: str, kind: RoomKind, share: str = "") -> Room:
        """Make a room without members, which counts against an address while it is empty."""
        room = Room(self.new_id(), code, kind, self.rng.getrandbits(63))
        room.share = share
        self.rooms[code] = room
        self._batch.changes.append(RoomRow(room.id, code, kind, room.log))
        return room

    def add_member(self, session: Session, room: Room) -> None:
        """Make a session a member of a room."""
        session.rooms[room.code] = room
        room.members[session] = None
        self._occupied(room)
        self._batch.changes.append(MembershipRow(session.id, room.id))

    def remove_member(self, session: Session, room: Room, why: str, now: float) -> None:
        """End a membership: a notice to the room, and its events stop behind that notice."""
        if room.kind is RoomKind.PRIVATE:
            self.privates.pop(frozenset(s.id for s in room.members), None)
        del session.rooms[room.code]
        del room.members[session]
        self._batch.changes.append(MembershipDeleted(session.id, room.id))
        self._batch.left.add((session.id, room.id))
        self.event(room, EventKind.LEAVE, session.name, why, now)
        if session.connection is not None:
            self.parting.setdefault(session.connection, []).append(room)
            self._batch.after.append(partial(self._mute, session.connection, room))
        if room.members or room.kind is RoomKind.LOBBY:
            return
        # The rooms that an address has filled up the server with go at once, not those of others.
        if room.kind is RoomKind.PRIVATE or not self.empty_shares.allows(room.share):
            self.drop_room(room)
        else:
            room.empty_since = now
            self.empty_shares.take(room.share)

    def _occupied(self, room: Room) -> None:
        """A room has a member, or is no more."""
        if room.empty_since is not None:
            room.empty_since = None
            self.empty_shares.give_back(room.share)

    def drop_room(self, room: Room) -> None:
        """Forget a room; its code is free again."""
        self._occupied(room)
        del self.rooms[room.code]
        self._damaged.discard(room)
        self._batch.changes.append(RoomDeleted(room.id))

    def save_session(self, session: Session) -> None:
        """Make a session's present state durable."""
        self._batch.changes.append(
            SessionRow(session.id, session.token, session.previous, session.device, session.name)
        )

    def end_session(self, session: Session, why: str, now: float) -> None:
        """End a session: it leaves its rooms, and its name is free."""
        for room in list(session.rooms.values()):
            self.remove_member(session, room, why, now)
        del self.sessions[session.id]
        self.user_shares.give_back(session.share)
        del self.by_device[session.device]
        self.by_name.remove(session)
        self.by_token.pop(session.token, None)
        self.by_token.pop(session.previous, None)
        self.away.pop(session, None)
        self._batch.changes.append(SessionDeleted(session.id))
        self.note("left", name=session.name, why=why, users=len(self.sessions))

    def detach(self, connection: Connection) -> None:
        """Part a connection from its session; the session stays."""
        self._unfollow(connection)
        session = connection.session
        if session is not None:
            connection.session = session.connection = None

    def _unfollow(self, connection: Connection) -> None:
        """Let a connection get nothing more of any room."""
        session = connection.session
        if session is None:
            return
        for room in (*session.rooms.values(), *self.parting.pop(connection, ())):
            room.live.pop(connection, None)
        connection.lagging = connection.asked = None
        self.catching_up.pop(connection, None)

    def follow(self, connection: Connection, room: Room, after: int) -> None:
        """Let a connection get a room's events, from the one behind `after` on."""
        followed = connection in room.live or room in (connection.lagging or ())
        if connection.finished or followed:
            return
        # `after` is beyond `delivered` for who joins in the batch that is being committed, behind
        # other events of it: those are not for them.
        if after == room.delivered and not connection.stalled_since:
            room.live[connection] = None
            return
        if connection.lagging is None:
            connection.lagging = {}
        connection.lagging[room] = after
        if not connection.stalled_since:
            self.catching_up[connection] = None

    def queue_reply(self, connection: Connection, answer: Callable[[], None]) -> None:
        """Give a large answer when the connection has taken in what it is owed already."""
        if connection.session is None or connection.closing:
            return  # it was lost while a commit was under way
        if connection.asked is None:
            connection.asked = deque()
        connection.asked.append(answer)
        if not connection.stalled_since:
            self.catching_up[connection] = None

    def _mute(self, connection: Connection, room: Room) -> None:
        if connection in self.parting:
            self.parting[connection].remove(room)
            if not self.parting[connection]:
                del self.parting[connection]
        # Also for who has come back meanwhile: they follow the room anew, behind their JOINED.
        room.live.pop(connection, None)
        if connection.lagging:
            connection.lagging.pop(room, None)

    def _restore(self, snapshot: Snapshot, now: float) -> None:
        rooms: dict[int, Room] = {}
        for row, head, oldest in snapshot.rooms:
            room = Room(row.id, row.code, RoomKind(row.kind), row.log, head)
            room.oldest = oldest
            if room.kind is not RoomKind.LOBBY:
                room.empty_since = now
                self.empty_shares.take(room.share)
            rooms[row.id] = self.rooms[row.code] = room
        for saved in snapshot.sessions:
            session = Session(saved.id, saved.name, saved.device)
            session.token, session.previous = saved.token, saved.previous
            session.away_since = now
            self.sessions[saved.id] = self.by_device[saved.device] = session
            self.user_shares.take(session.share)
            self.by_name.add(session)
            self.by_token[saved.token] = session
            if saved.previous:
                self.by_token[saved.previous] = session
            self.away[session] = None
        for seat in snapshot.seats:
            room, session = rooms[seat.room], self.sessions[seat.session]
            session.rooms[room.code] = room
            room.members[session] = None
            self._occupied(room)
        for room in rooms.values():
            if room.kind is RoomKind.PRIVATE and len(room.members) == 2:
                self.privates[frozenset(s.id for s in room.members)] = room
        if LOBBY not in self.rooms:
            self.new_room(LOBBY, RoomKind.LOBBY)
