"""A server on a free port and its clients, all in the test process."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import secrets
import ssl
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

from netchat.chat.client_events import ClientEvent, RoomEvent
from netchat.chat.effects import Log
from netchat.chat.server_log import ServerLog
from netchat.chat.settings import Settings
from netchat.errors import HistoryError
from netchat.net.client_driver import ClientDriver
from netchat.net.history.memory_history import MemoryHistory
from netchat.net.history.sqlite_history import SqliteHistory
from netchat.net.server_driver import ServerDriver
from netchat.net.tls.client import TlsClient
from netchat.net.tls.server import TlsServer
from netchat.net.tls.trust import Trust
from netchat.wire import FrameReader, Hello, Message, decode, encode

#: Seconds after which a test that waits has failed.
TIMEOUT = 20.0


class BrittleHistory(SqliteHistory):
    """A history whose disk is full while `full` is set."""

    full = False

    def write(self, batches):
        if self.full:
            raise HistoryError("the disk is full")
        super().write(batches)


@functools.cache
def certificate_folder() -> Path:
    """Return a folder with a certificate for this machine, for all tests of the process."""
    return Path(tempfile.mkdtemp(prefix="netchat-tls-"))


class OverTls:
    """TLS below the servers, connections and clients of this module, while `active`."""

    def __init__(self) -> None:
        self.server: TlsServer | None = None

    @contextlib.contextmanager
    def active(self) -> Iterator[None]:
        """Use TLS for everything that is started meanwhile."""
        self.server = TlsServer(folder=certificate_folder())
        try:
            yield
        finally:
            self.server = None

    def context(self) -> ssl.SSLContext | None:
        """Return the context of a client that verifies the certificate, if active."""
        if self.server is None:
            return None
        return ssl.create_default_context(cafile=str(self.server.files.ca))

    def client(self) -> TlsClient | None:
        """Return the factory of a client's connections, if active."""
        return None if self.server is None else TlsClient(Trust(ca=self.server.files.ca))


over_tls = OverTls()


class Serving:
    """A running server.

    Attributes:
        port: Port that it listens on.
        notes: Its log entries.
        log: Receiver of log entries.
    """

    def __init__(
        self, history: SqliteHistory | MemoryHistory, settings: Settings, cluster=None, tls=None
    ) -> None:
        self.history = history
        self.notes: list[Log] = []
        self.log = ServerLog(self.notes.append)
        self.server = ServerDriver(history, settings, self.log, cluster, tls or over_tls.server)
        self.port = 0

    @property
    def peers(self):
        """Server side of each connection."""
        return list(self.server.hub.state.connections)

    def noted(self, event: str) -> list[Log]:
        """Return the log entries of one kind."""
        return [note for note in self.notes if note.event == event]


@contextlib.asynccontextmanager
async def serve(
    history=None, port: int = 0, *, udp: bool = False, tls=None, **settings: float
) -> AsyncIterator[Serving]:
    """Run a server."""
    serving = Serving(history or MemoryHistory(), Settings(**settings), tls=tls)  # type: ignore[arg-type]
    ((_, serving.port),) = await serving.server.start("127.0.0.1", port, udp=udp)
    try:
        yield serving
    finally:
        await serving.server.stop()


class Raw:
    """A connection on which a test sends and receives single frames."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.got: list[Message] = []
        self.ended = False
        self._frames = FrameReader()

    def send(self, *messages: Message | bytes) -> None:
        """Send frames or invalid bytes."""
        self.writer.writelines(m if isinstance(m, bytes) else encode(m) for m in messages)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Read until a condition holds, or the server closes."""
        async with asyncio.timeout(TIMEOUT):
            while not condition() and not self.ended:
                await self._read()

    async def answer(self, *messages: Message) -> Message:
        """Send frames, and return the next message received."""
        count = len(self.got)
        self.send(*messages)
        await self.until(lambda: len(self.got) > count)
        return self.got[count]

    async def echo(self, counter: int) -> None:
        """Read until the last message received is the EVENT of a SEND."""
        await self.until(lambda: getattr(self.got[-1], "counter", 0) == counter)

    async def end(self) -> None:
        """Read until the server closes."""
        await self.until(lambda: False)

    def all(self, kind):
        """Return every message of one kind."""
        return [m for m in self.got if isinstance(m, kind)]

    async def _read(self) -> None:
        data = await self.reader.read(65536)
        self.ended = not data
        self.got += [decode(frame) for frame in self._frames.feed(data)]


@contextlib.asynccontextmanager
async def raw(port: int, name: str = "", **options) -> AsyncIterator[Raw]:
    """Open a connection; with a name, send HELLO."""
    options.setdefault("ssl", over_tls.context())
    link = Raw(*await asyncio.open_connection("127.0.0.1", port, **options))
    try:
        if name:
            await link.answer(Hello(0, secrets.token_bytes(16), b"", name, "test", ()))
        yield link
    finally:
        link.writer.transport.abort()


class Talker:
    """A client and all of its events."""

    def __init__(self, client: ClientDriver) -> None:
        self.client, self.core = client, client.core
        self.happened: list[ClientEvent] = []
        self._news = asyncio.Event()
        self._task = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        async for event in self.client.events():
            self.happened.append(event)
            self._news.set()

    def all(self, kind):
        """Return all events of one kind."""
        return [h for h in self.happened if isinstance(h, kind)]

    def texts(self, room: str = "lobby") -> list[str]:
        """Return the messages of a room."""
        return [
            h.event.text for h in self.all(RoomEvent) if h.event.device and h.event.room == room
        ]

    def say(self, *texts: str, room: str = "lobby") -> None:
        """Send a message."""
        for text in texts:
            self.core.say(room, text)
        self.client.flush()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition holds."""
        async with asyncio.timeout(TIMEOUT):
            while not condition():
                await self._news.wait()
                self._news.clear()

    async def enter(self, room: str = "lobby") -> None:
        """Join a room."""
        self.core.join(room)
        self.client.flush()
        await self.until(lambda: room in self.core.memory.rooms)

    def stop(self) -> None:
        """Stop recording events."""
        self._task.cancel()


@contextlib.asynccontextmanager
async def talker(port: int, name: str, *rooms: str, **options) -> AsyncIterator[Talker]:
    """Run a client that has joined some rooms."""
    if "path" not in options:
        options.setdefault("tls", over_tls.client())
    async with ClientDriver("127.0.0.1", port, name, **options) as client:
        someone = Talker(client)
        for room in rooms:
            await someone.enter(room)
        yield someone
        someone.stop()
