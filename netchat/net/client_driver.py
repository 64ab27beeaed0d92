"""A chat client on asyncio: connects, reconnects, and hands on what happens.

async with ClientDriver("127.0.0.1", 6464, "Nova") as chat:
    chat.core.join("lobby")
    chat.flush()
    async for happening in chat.happenings():
        ...
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from types import TracebackType
from typing import TYPE_CHECKING, Self, cast

from netchat.chat.client import ChatClient
from netchat.chat.client_events import ClientEvent, Offline, SessionEnded
from netchat.errors import CannotConnect, NetchatError, PeerError
from netchat.net.backoff import Backoff
from netchat.net.client_store import ClientStore
from netchat.net.transport_shim import no_delay

if TYPE_CHECKING:
    from netchat.net.client_path import ClientPath

__all__ = ["ClientDriver"]

#: Seconds for a TCP connection to be made.
CONNECT_TIMEOUT = 10.0

#: Seconds to wait for the server to confirm a goodbye.
GOODBYE_TIMEOUT = 5.0

#: Seconds of silence after which the server is asked for a sign of life, and given up.
PING_AFTER, SILENCE_TIMEOUT = 20.0, 40.0


class _Wire(asyncio.Protocol):
    """One TCP connection of a client."""

    def __init__(self, client: ClientDriver) -> None:
        self.client = client
        self.gone = asyncio.get_running_loop().create_future()
        self.heard = time.monotonic()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        no_delay(self.transport)

    def data_received(self, data: bytes) -> None:
        self.heard = time.monotonic()
        try:
            self.client.core.feed(data)
        except PeerError as error:
            self.client.broken(error)
            self.transport.abort()
        self.client.flush_or_drop()

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None:
            self.client.why_lost = str(exc)
        if not self.gone.done():
            self.gone.set_result(None)


class ClientDriver:
    """One user's connection to a server, kept up for as long as it is wanted.

    Args:
        host: the server's name or address.
        port: its TCP port.
        name: the user name wished for.
        store: where the client's memory is kept; None is nowhere.
        timeout: seconds without a connection after which it gives up.
        path: a link, a noisy channel or both between here and the server.

    Attributes:
        path: it.
        core: the rules; say things to it, then call `flush`.
    """

    def __init__(
        self,
        host: str,
        port: int,
        name: str,
        *,
        store: ClientStore | None = None,
        timeout: float = float("inf"),
        path: ClientPath | None = None,
    ) -> None:
        self.path = path
        self.core = ChatClient(name, store.load() if store is not None else None)
        self.why_lost = ""
        self._found_damage = False
        self._address = host, port
        self._store = store
        self._timeout = timeout
        self._backoff = Backoff()
        self._wire: _Wire | None = None
        self._queue: asyncio.Queue[ClientEvent] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Begin to connect.

        Raises:
            CannotConnect: there is no server at that address.
        """
        await self._connect()
        self._task = asyncio.create_task(self._keep_up())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the connection; the session stays resumable unless `bye` was said."""
        assert self._task is not None
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        if self._wire is not None:
            self._wire.transport.abort()

    async def events(self) -> AsyncIterator[ClientEvent]:
        """What happens, as it happens; ends behind `SessionEnded`."""
        while True:
            event = await self._queue.get()
            yield event
            if isinstance(event, SessionEnded):
                return

    @property
    def waiting(self) -> int:
        """Happenings that `events` has not handed out yet."""
        return self._queue.qsize()

    async def bye(self, why: str = "") -> None:
        """End the session and wait until the server knows; free the name.

        Args:
            why: told to the rooms.
        """
        if self.core.ended:
            return
        self.core.bye(why)
        self.flush()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=GOODBYE_TIMEOUT)

    def flush(self) -> None:
        """Send what the core wants sent, and hand on what has happened."""
        # What is about to be sent is remembered first: a counter is never used twice, not even
        # after kill -9.
        memory = self.core.memory
        if self._store is not None and (
            self.core.out or self.core.events or memory.counter != self._store.counter
        ):
            self._store.save(memory)
        data = self.core.data_to_send()
        if self.core.online:
            self._backoff.online(time.monotonic())
        events = self.core.take_events()
        # A connection may be gone before `_keep_up` has woken up to it; uvloop raises on a write then.
        if data and self._wire is not None and not self._wire.gone.done():
            self._wire.transport.write(data)
        for event in events:
            if isinstance(event, SessionEnded) and not event.wanted and self.path is not None:
                why = self.path.explain(event.why, "server")
                event = SessionEnded(why, wanted=False)
            self._queue.put_nowait(event)
        if self.core.ended and self._wire is not None:
            self._wire.transport.close()

    def flush_or_drop(self) -> None:
        """Flush; when the memory cannot be saved, lose the connection and try again later."""
        try:
            self.flush()
        except NetchatError as error:
            self.why_lost = str(error)
            self.drop()

    def broken(self, error: PeerError) -> None:
        """The server broke the protocol, or something on the way did."""
        self.why_lost = f"the server broke the protocol: {error}"
        self._found_damage = True

    def drop(self) -> None:
        """Lose the connection, as a network would; it is made again."""
        if self._wire is not None:
            self._wire.transport.abort()

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        host, port = self._address
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                wire = _Wire(self)
                if self.path is not None:
                    await self.path.connect(wire, host, port)
                else:
                    await loop.create_connection(lambda: wire, host, port)
        except TimeoutError as error:
            raise CannotConnect(f"{host}:{port} does not answer.") from error
        except OSError as error:
            reason = error.strerror or str(error)
            raise CannotConnect(
                f"No server at {host}:{port} ({reason}). Start one there with: netchat serve"
            ) from error
        self._wire = wire
        self.core.connected()
        self.flush()

    async def _keep_up(self) -> None:
        lost_at = time.monotonic()
        while True:
            if self._wire is not None:
                await self._watch(self._wire)
                if self.core.online:
                    lost_at = time.monotonic()
                self._wire = None
                self.core.lost()
                self.flush_or_drop()
            if self.core.ended:
                return
            why = self._why_lost()
            if time.monotonic() - lost_at > self._timeout:
                self._queue.put_nowait(SessionEnded(f"gave up: {why}", wanted=False))
                return
            delay = self._backoff.wait(time.monotonic())
            self._queue.put_nowait(Offline(why, delay))
            self.why_lost = self.core.farewell = ""
            self._found_damage = False
            await asyncio.sleep(delay)
            try:
                await self._connect()
            except NetchatError as error:
                self.why_lost = str(error)

    def _why_lost(self) -> str:
        """Why there is no connection, in the server's words if it has left any."""
        why = self.core.farewell or self.why_lost or "connection lost"
        if self.path is not None:
            finder = "server" if self.core.farewell else "client" if self._found_damage else ""
            why = self.path.explain(why, finder)
        return why

    async def _watch(self, wire: _Wire) -> None:
        """Wait until a connection is gone; end one that has fallen silent."""
        while not wire.gone.done():
            await asyncio.wait([wire.gone], timeout=PING_AFTER / 4)
            silence = time.monotonic() - wire.heard
            if silence > SILENCE_TIMEOUT:
                self.why_lost = "the server fell silent"
                wire.transport.abort()
            elif silence > PING_AFTER:
                self.core.ping()
                self.flush_or_drop()
