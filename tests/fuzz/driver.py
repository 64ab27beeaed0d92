"""Driver of a hub for the fuzzer: a server without sockets, disk or clock, and its peers.

It does what `netchat.net.server_driver` does, at times that the input selects, and checks everything
that the hub outputs: a violated invariant is an `AssertionError`.
"""

from __future__ import annotations

from collections import deque

from netchat import wire
from netchat.chat.connection import Connection
from netchat.chat.effects import CheckPassword, ClearHistory, Close, Fanout, Log, Write
from netchat.chat.hub import Hub
from netchat.chat.persistence import Batch
from netchat.chat.room_tail import TAIL_BYTES
from netchat.chat.server_state import MAX_CHECKS
from netchat.chat.settings import Settings
from netchat.errors import PeerError
from netchat.net.history.memory_history import MemoryHistory
from netchat.wire import (
    Event,
    Feature,
    FrameReader,
    HistoryEnd,
    Joined,
    Left,
    Message,
    SealedEvent,
    Welcome,
)

__all__ = ["SETTINGS", "Driver", "Peer"]

#: Small limits, so that a short conversation reaches all of them.
SETTINGS = Settings(
    max_users=4,
    max_rooms=3,
    max_frame=2048,
    max_text=64,
    max_half_open=3,
    max_per_address=5,
    rate=50,
    burst=250,
    accounts="optional",
)


class Peer(Connection):
    """A connection, and what its client has received."""

    def __init__(self, number: int) -> None:
        super().__init__(f"10.0.0.{number % 2}:{number}")
        self.reader = FrameReader(SETTINGS.max_frame)
        self.gone = False
        self.told_to_close = False
        self.token = b""
        self.next: dict[str, int] = {}


class Driver:
    """A hub with a history in memory.

    Attributes:
        peers: The open connections.
        tokens: Every token that the server has issued.
        codes: Every room code that the server has sent.
        checks: Passwords that wait for their check.
    """

    def __init__(self) -> None:
        self.now = 1000.0
        self.history = MemoryHistory()
        self.hub = Hub(SETTINGS, self.history, self.history.load(), self.now)
        self.peers: list[Peer] = []
        self.tokens: list[bytes] = [b"", bytes(32)]
        self.codes = ["lobby"]
        self.checks: deque[CheckPassword] = deque()
        self._written: Batch | None = None
        self._count = 0
        self._floors: dict[int, int] = {}

    # -- input ----------------------------------------------------------------------------------

    def connect(self) -> None:
        peer = Peer(self._count)
        self._count += 1
        self.peers.append(peer)
        self.hub.connect(peer, self.now)
        self.look()

    def receive(self, peer: Peer, data: bytes) -> None:
        peer.heard = self.now
        try:
            frames = peer.reader.feed(data, self.hub.permitted(peer, self.now))
        except PeerError as error:
            if not peer.closing:
                self.hub.receive(peer, list(error.frames), self.now)
                self.hub.protocol_error(peer, error)
        else:
            self.hub.receive(peer, frames, self.now)
            if peer.reader.pending:
                peer.partial_since = peer.partial_since or self.now
                self.hub.state.partial_frames[peer] = None
            elif peer.partial_since:
                peer.partial_since = 0.0
                self.hub.state.partial_frames.pop(peer, None)
            pause = self.hub.pause(peer, self.now, more=peer.reader.unread)
            assert pause >= 0
            assert peer.closing or not peer.reader.unread or pause, "unread bytes without a pause"
        self.look()

    def lose(self, peer: Peer) -> None:
        self.hub.lost(peer, self.now)
        peer.gone = True
        self.peers.remove(peer)
        self.look()

    def stall(self, peer: Peer) -> None:
        if peer.stalled_since:
            self.hub.drained(peer)
        elif not peer.told_to_close:
            self.hub.stalled(peer, self.now)
        self.look()

    def catch_up(self) -> None:
        self.hub.catch_up()
        self.look()

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.hub.tick(self.now)
        self.look()
        for peer in [p for p in self.peers if p.reader.unread and not p.closing]:
            self.receive(peer, b"")

    def write(self) -> None:
        """Begin a commit; it ends with the next `commit`, and more frames may arrive in between."""
        if self._written is None:
            self._written = self.hub.take_batch()
            if self._written is not None:
                self.history.write([self._written])

    def commit(self) -> None:
        self.write()
        if self._written is not None:
            batch, self._written = self._written, None
            self.hub.commit(batch)
            self.look()

    def check_password(self) -> None:
        """Check the oldest password, whose connection may be gone; a text is its own hash."""
        if self.checks:
            work = self.checks.popleft()
            is_right = not work.stored or work.stored == work.given
            encoded = work.new if is_right and work.new else None
            self.hub.password_checked(work, encoded, self.now, is_right=is_right)
            self.look()

    # -- output ---------------------------------------------------------------------------------

    def look(self) -> None:
        """Carry out the effects, as the peers would."""
        for output in self.hub.take_effects():
            match output:
                case Fanout(to, data):
                    for connection in to:
                        self._deliver(connection, data)
                case Write(to, data):
                    self._deliver(to, data)
                case Close(connection):
                    assert isinstance(connection, Peer)
                    assert not connection.gone, "a lost connection is closed"
                    connection.told_to_close = True
                case CheckPassword():
                    self.checks.append(output)
                    assert len(self.checks) <= MAX_CHECKS
                case ClearHistory(room, floor):
                    self.history.clear_room(room, floor)
                    self._floors[room] = floor
                case Log():
                    pass

    def _deliver(self, to: Connection, data: bytes) -> None:
        assert isinstance(to, Peer)
        assert not to.gone, "bytes for a lost connection"
        if to.told_to_close:
            return  # a closed transport sends no more
        messages = [wire.decode(frame) for frame in FrameReader(2**24).feed(data)]
        past = bool(messages) and isinstance(messages[-1], HistoryEnd)
        for message in messages:
            self._told(to, message, past=past)

    def _told(self, peer: Peer, message: Message, *, past: bool) -> None:
        match message:
            case Welcome():
                peer.token = message.token
                self.tokens.append(message.token)
                peer.next = {m.room: m.last + 1 for m in message.rooms}
            case Joined():
                for told in message.membership:
                    if told.room not in self.codes:
                        self.codes.append(told.room)
                    peer.next.setdefault(told.room, told.last + 1)
            case Left():
                peer.next.pop(message.room, None)
            case Event() | SealedEvent():
                self._durable(peer, message)
                if not past:
                    wanted = peer.next.get(message.room)
                    assert wanted is not None, f"an event of {message.room}, which it is not in"
                    assert message.seq == wanted or self._is_cleared(message.room, wanted), (
                        f"event {message.seq}, but {wanted} is next"
                    )
                    peer.next[message.room] = wanted + 1
            case _:
                pass

    def _is_cleared(self, code: str, seq: int) -> bool:
        room = self.hub.state.shared.rooms.get(code)
        return room is not None and seq < self._floors.get(room.id, 0)

    def _durable(self, peer: Peer, event: Event | SealedEvent) -> None:
        rooms = [r for r in self.hub.state.shared.rooms.values() if r.code == event.room]
        for room in rooms:
            if event.seq < self._floors.get(room.id, 0):
                continue  # the history was cleared since
            frames, first = self.history.read(room.id, event.seq, event.seq, 1)
            assert first == event.seq, "an event is shown that is not in the history"
            if peer.features & Feature.MODERATION:
                assert frames == [wire.encode(event)], "an event differs from what the history has"

    def check(self) -> None:
        """Check the invariants."""
        hub, alive = self.hub, set(self.peers)
        assert set(hub.state.connections) == alive
        for register in (
            hub.state.half_open,
            hub.state.partial_frames,
            hub.state.stalled_connections,
            hub.state.catching_up,
        ):
            assert set(register) <= alive, "a lost connection is still stored"
        assert sum(hub.state.addresses.values()) == len(alive)
        assert len(hub.state.half_open) <= SETTINGS.max_half_open
        assert len(hub.state.shared.sessions) <= SETTINGS.max_users
        assert (
            len(hub.state.shared.by_device)
            == len(hub.state.shared.by_name)
            == len(hub.state.shared.sessions)
        )
        assert len(hub.state.shared.by_token) <= 2 * len(hub.state.shared.sessions)
        assert set(hub.state.away) == {
            number for number, s in hub.state.shared.sessions.items() if s.is_away
        }
        assert set(hub.state.attached) == set(hub.state.shared.sessions) - set(hub.state.away)
        for session in hub.state.shared.sessions.values():
            assert session.is_away or hub.state.attached[session.id].session is session
            # Other users can add private rooms to a user's own, at most one each.
            assert len(session.rooms) <= SETTINGS.max_rooms + SETTINGS.max_users
        assert {feed.room for feed in hub.state.feeds.values()} == set(
            hub.state.shared.rooms.values()
        )
        for feed in hub.state.feeds.values():
            room = feed.room
            assert set(feed.live) <= alive
            assert set(room.members) <= set(hub.state.shared.sessions.values())
            assert sum(len(chunk.data) for chunk in feed.tail._chunks) <= TAIL_BYTES + 64 * 2048
            assert feed.delivered <= room.head
        for number, log in self.history._rooms.items():
            first = log[0].seq if log else 1
            assert [row.seq for row in log] == list(range(first, first + len(log))), (
                "a log has a hole"
            )
            named = [(row.device, row.counter) for row in log if row.device]
            assert len(set(named)) == len(named), f"room {number} has a message twice"

    def finish(self) -> None:
        """Disconnect all clients and let time pass: nothing must be left."""
        for peer in list(self.peers):
            self.lose(peer)
        while self.checks:
            self.check_password()
        self.commit()
        assert not self.hub.state.checks.counts, "a password is still counted as being checked"
        for seconds in (SETTINGS.resume_seconds + 1, SETTINGS.room_ttl + 10, 10.0):
            self.wait(seconds)
            self.commit()
        self.check()
        assert not self.hub.state.shared.sessions
        assert not self.hub.state.shared.by_token
        assert not self.hub.state.shared.privates
        assert not self.hub.state.addresses
        assert set(self.hub.state.shared.rooms) == {"lobby"}
        assert not self.hub.state.batch, "some output is never written"
