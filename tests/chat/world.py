"""A whole chat in memory: one hub, any number of clients, and the bytes between them.

There are no sockets and no clock: `settle` moves bytes, and the test advances the time.
A test can cut a connection at any byte, freeze the disk, stall a reader, and crash the server.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable
from typing import TypeVar

from netchat.chat.client import ChatClient
from netchat.chat.client_events import ClientEvent, RoomEvent
from netchat.chat.connection import Connection, RoomFeed
from netchat.chat.effects import (
    CheckPassword,
    ClearHistory,
    Close,
    Fanout,
    Log,
    RunFileJob,
    Write,
)
from netchat.chat.file_jobs import FileJob
from netchat.chat.hub import Hub
from netchat.chat.outbox import ClientState
from netchat.chat.persistence import Batch
from netchat.chat.settings import Settings
from netchat.errors import PeerError
from netchat.net.files.file_store import FileStore
from netchat.net.history.memory_history import MemoryHistory
from netchat.net.history.purge import Purge
from netchat.net.history.sqlite_history import SqliteHistory
from netchat.wire import (
    Error,
    ErrorCode,
    Event,
    FrameReader,
    Hello,
    Message,
    Welcome,
    decode,
    encode,
)

T = TypeVar("T")

History = MemoryHistory | SqliteHistory

#: Start of the clock: far from 0, so that no code can rely on 0.
BEGIN = 1000.0


def hello(name: str, device: bytes = b"", token: bytes = b"") -> Hello:
    """Return a HELLO, by default of a new device."""
    return Hello(0, device or secrets.token_bytes(16), token, name, "test", ())


def hashed(password: str) -> str:
    """Return the stand-in for the hash of a password."""
    return f"hash of {password}"


def refusal(answer: list[Message]) -> tuple[ErrorCode, int, int]:
    """Return code, type and reference of the only ERROR in an answer."""
    (error,) = answer
    assert isinstance(error, Error)
    return ErrorCode(error.code), error.about, error.reference


class Link(Connection):
    """A connection, with the bytes in transit on it.

    Attributes:
        up: Bytes in transit to the server.
        down: Bytes in transit to the client.
        closed: Whether the server has closed it; the bytes in `down` still arrive.
        slowed: Each pause in reading that the server requested, in seconds.
    """

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self.up, self.down = bytearray(), bytearray()
        self.closed = False
        self.slowed: list[float] = []
        self.paused_until = 0.0
        self.reader = FrameReader()
        self._client_reader = FrameReader()
        self._unread: list[bytes] = []
        self._wire: list[Message] = []
        self._taken = 0

    def put(self, data: bytes) -> None:
        """Send bytes from the server."""
        assert not self.closed, "nothing may be sent after a close"
        self.down += data
        self._unread.append(data)

    @property
    def wire(self) -> list[Message]:
        """All messages that the server has sent."""
        data = b"".join(self._unread)
        self._unread.clear()
        self._wire += [decode(frame) for frame in self._client_reader.feed(data)]
        return self._wire

    def take(self) -> list[Message]:
        """Return the server's messages since the last call."""
        new = self.wire[self._taken :]
        self._taken = len(self._wire)
        return new

    def events(self) -> list[Event]:
        """Return every EVENT that the server has sent."""
        return [m for m in self.wire if isinstance(m, Event)]


class User:
    """A client and its events."""

    def __init__(
        self, name: str, memory: ClientState | None = None, *, can_seal: bool = False
    ) -> None:
        # The page's client, which runs these tests too, takes no option.
        self.core = (
            ChatClient(name, memory, can_seal=True) if can_seal else ChatClient(name, memory)
        )
        self.link: Link | None = None
        self.happened: list[ClientEvent] = []

    def events(self, room: str = "lobby") -> list[Event]:
        """Return the events of a room that the client reported."""
        return [h.event for h in self.all(RoomEvent) if h.event.room == room]

    def texts(self, room: str = "lobby") -> list[str]:
        """Return the messages of a room that the client reported."""
        return [event.text for event in self.events(room) if event.device]

    def all(self, kind: type[T]) -> list[T]:
        """Return all reported events of one kind."""
        return [h for h in self.happened if isinstance(h, kind)]


class World:
    """A server and its clients.

    Attributes:
        now: Simulated time, in seconds; tests advance it.
        frozen: Whether batches stay uncommitted, as on a slow disk.
        batches: Batches that were taken but not committed.
        notes: The server's log.
        checks: Passwords that wait for their check.
        slow_checks: Whether they wait until the test calls `check`.
        store: The files, or None if the server has none.
        jobs: Jobs about files that wait to be carried out.
        slow_jobs: Whether they wait until the test calls `run_job`.
    """

    def __init__(
        self,
        history: History | None = None,
        *,
        is_clustered: bool = False,
        store: FileStore | None = None,
        **settings: float | str,
    ) -> None:
        self.history = history if history is not None else MemoryHistory()
        self.settings = Settings(**{"rate": 0.0, **settings})  # type: ignore[arg-type]
        self.now = BEGIN
        self.frozen = False
        self.batches: deque[Batch] = deque()
        self.users: list[User] = []
        self.links: list[Link] = []
        self.notes: list[Log] = []
        self.checks: deque[CheckPassword] = deque()
        self.slow_checks = False
        self.store = store
        self.jobs: deque[FileJob] = deque()
        self.slow_jobs = False
        self._addresses = 0
        stored = self.history.load()
        self.hub = Hub(self.settings, self.history, stored, self.now, is_clustered=is_clustered)
        if store is not None:
            self.hub.enable_files(store.files, store.partials)

    # -- clients --------------------------------------------------------------------------------

    def user(
        self, name: str, *rooms: str, memory: ClientState | None = None, can_seal: bool = False
    ) -> User:
        """Connect a client and join rooms."""
        user = User(name, memory, can_seal=can_seal)
        self.users.append(user)
        self.connect(user)
        for room in rooms:
            user.core.join(room)
        self.settle()
        return user

    def link(self, host: str = "10.0.0.1") -> Link:
        """Open a connection on which the test is the client."""
        self._addresses += 1
        link = Link(f"{host}:{self._addresses}")
        self.links.append(link)
        self.hub.connect(link, self.now)
        self._carry_out()
        return link

    def greet(self, name: str, device: bytes = b"") -> tuple[Link, Welcome]:
        """Open a connection with a session, on which the test is the client."""
        link = self.link()
        (welcome,) = self.say(link, hello(name, device))
        assert isinstance(welcome, Welcome)
        return link, welcome

    def connect(self, user: User) -> None:
        """Connect or reconnect a client."""
        assert user.link is None
        user.link = self.link()
        user.core.connected()

    def say(self, link: Link, *messages: Message) -> list[Message]:
        """Send messages on a connection and return the server's answers."""
        link.take()
        for message in messages:
            link.up += encode(message)
        self.settle()
        return link.take()

    # -- faults ---------------------------------------------------------------------------------

    def drop(self, user: User, up: int = 0, down: int = 0) -> None:
        """Cut a client's connection; `up` and `down` bytes in transit still arrive."""
        link = user.link
        assert link is not None
        self._pump(user)
        self._receive(link, up)
        self._hand_over(user, down)
        self.hang_up(link)

    def hang_up(self, link: Link) -> None:
        """Cut a connection."""
        if link in self.links:
            self.links.remove(link)
            self.hub.lost(link, self.now)
            self._carry_out()
        for user in self.users:
            if user.link is link:
                user.link = None
                user.core.lost()
                user.happened += user.core.take_events()

    def purge(self) -> None:
        """Purge all events that are older than now."""
        purge = Purge(self.history, int(self.now * 1e6), 0, at_once=True)
        while purge.step():
            pass
        for number, feed in self.hub.state.feeds.items():
            feed.oldest = purge.oldest.get(number, feed.oldest)

    def feed(self, code: str) -> RoomFeed:
        """Return the feed of a room."""
        return self.hub.state.feeds[self.hub.state.shared.rooms[code].id]

    def crash(self) -> None:
        """Crash the server, losing all that was not committed, and restart it."""
        self.batches.clear()
        for link in list(self.links):
            self.links.remove(link)
            for user in self.users:
                if user.link is link:
                    user.link = None
                    user.core.lost()
        self.hub = Hub(self.settings, self.history, self.history.load(), self.now)

    def stall(self, link: Link) -> None:
        """Stop a client from reading."""
        link.holds = 1
        self.hub.stalled(link, self.now)

    def drain(self, link: Link) -> None:
        """Let a client read again."""
        link.holds = 0
        self.hub.drained(link)

    # -- progress -------------------------------------------------------------------------------

    def tick(self, seconds: float = 0.0) -> None:
        """Let time pass while all clients respond to PING."""
        self.now += seconds
        for link in self.links:
            link.heard = self.now
        self.wait()

    def wait(self, seconds: float = 0.0) -> None:
        """Let time pass without messages."""
        self.now += seconds
        self.hub.tick(self.now)
        self._carry_out()
        self.settle()

    def check(self) -> None:
        """Check the oldest password, with a stand-in for argon2id."""
        work = self.checks.popleft()
        is_right = not work.stored or work.stored == hashed(work.given)
        encoded = hashed(work.new) if is_right and work.new else None
        self.hub.password_checked(work, encoded, self.now, is_right=is_right)
        self._carry_out()

    def run_job(self) -> None:
        """Carry out the oldest job about files."""
        assert self.store is not None
        job = self.jobs.popleft()
        self.hub.file_job_done(job, self.store.run(job), self.now)
        self._carry_out()

    def commit(self) -> None:
        """Finish writing the oldest batch."""
        batch = self.batches.popleft()
        self.history.write([batch])
        self.hub.commit(batch)
        self._carry_out()

    def take_batch(self) -> bool:
        """Take the hub's batch, to be committed later; return whether there was one."""
        batch = self.hub.take_batch()
        if batch is not None:
            self.batches.append(batch)
        return batch is not None

    def settle(self, until: Callable[[], bool] = lambda: False) -> None:
        """Move bytes and commit batches until nothing is left to do, or `until` returns True."""
        moved = True
        while moved and not until():
            moved = self.exchange()
            while self.checks and not self.slow_checks:
                self.check()
                moved = True
            while self.jobs and not self.slow_jobs:
                self.run_job()
                moved = True
            if not self.frozen:
                moved |= self.take_batch()
                while self.batches:
                    self.commit()

    def exchange(self) -> bool:
        """Deliver all bytes in transit once; return whether there were any."""
        moved = False
        for user in self.users:
            self._pump(user)
        for link in list(self.links):
            moved |= self._receive(link)
        if self.hub.state.catching_up:
            moved = True
            self.hub.catch_up()
            self._carry_out()
        for user in self.users:
            moved |= self._hand_over(user)
        for link in list(self.links):
            if link.closed:
                self.hang_up(link)
        return moved

    def _pump(self, user: User) -> None:
        if user.link is not None:
            user.link.up += user.core.data_to_send()

    def _receive(self, link: Link, count: int | None = None) -> bool:
        """Pass received bytes to the server as `netchat.net.server_driver` does; return whether any."""
        if link.holds or link.closed or self.now < link.paused_until:
            return False
        data = bytes(link.up[:count])
        if not data and not link.reader.unread:
            return False
        del link.up[: len(data)]
        hub, link.heard = self.hub, self.now
        try:
            frames = link.reader.feed(data, hub.permitted(link, self.now))
        except PeerError as error:
            hub.receive(link, error.frames, self.now)
            hub.protocol_error(link, error)
            frames = []
        else:
            hub.receive(link, frames, self.now)
        if seconds := hub.pause(link, self.now, more=link.reader.unread):
            link.slowed.append(seconds)
            link.paused_until = self.now + seconds
        if link.reader.pending:
            if frames or not link.partial_since:
                link.partial_since = self.now
                hub.state.partial_frames[link] = None
        elif link.partial_since:
            link.partial_since = 0.0
            hub.state.partial_frames.pop(link, None)
        self._carry_out()
        return True

    def _hand_over(self, user: User, count: int | None = None) -> bool:
        """Pass received bytes to the client."""
        link = user.link
        if link is None or link.stalled_since:
            return False
        data = bytes(link.down[:count])
        del link.down[: len(data)]
        if data:
            user.core.feed(data)
            user.happened += user.core.take_events()
        return bool(data)

    def _carry_out(self) -> None:
        for output in self.hub.take_effects():
            match output:
                case Write(to, data):
                    assert isinstance(to, Link)
                    if to in self.links:
                        to.put(data)
                case Fanout(to, data):
                    for link in to:
                        assert isinstance(link, Link)
                        assert link in self.links, "events for a connection that is gone"
                        link.put(data)
                case Close(link):
                    assert isinstance(link, Link)
                    link.closed = True
                case CheckPassword():
                    self.checks.append(output)
                case ClearHistory(room, floor):
                    if isinstance(self.history, MemoryHistory):
                        self.history.clear_room(room, floor)
                    else:
                        while self.history.clear_room(room, floor, 100):
                            pass
                case Log():
                    self.notes.append(output)
                case RunFileJob(job):
                    self.jobs.append(job)
