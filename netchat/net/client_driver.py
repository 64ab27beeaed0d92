"""Asyncio driver for the sans-I/O chat client: connects, reconnects, and reports events.

    async with ClientDriver("127.0.0.1", 6464, "Nova") as chat:
        chat.core.join("lobby")
        chat.flush()
        async for event in chat.events():
            ...

Programs use `netchat.Client`; the terminal, the load generator and the tests use this driver.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import random
import time
from collections.abc import AsyncIterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self, cast

from netchat.chat.client import ChatClient
from netchat.chat.client_events import (
    ClientEvent,
    FileEnded,
    LoginFailed,
    LoginRequired,
    Offline,
    SessionEnded,
)
from netchat.chat.client_session import Credentials
from netchat.errors import (
    BadChecksum,
    CannotConnect,
    FrameTooLarge,
    NetchatError,
    PeerError,
    UnknownFlags,
    UnknownType,
    UntrustedServer,
)
from netchat.net.address import connection_problem, show_address
from netchat.net.backoff import Backoff
from netchat.net.client_store import ClientStore
from netchat.net.files.client_transfers import ClientTransfers
from netchat.net.server_list import ServerList
from netchat.net.transport_shim import no_delay
from netchat.wire.reader import http_problem

if TYPE_CHECKING:
    from netchat.net.client_path import ClientPath
    from netchat.net.frame_tap import FrameTap
    from netchat.net.tls.client import TlsClient

__all__ = ["ClientDriver"]

#: Timeout for connecting, in seconds.
CONNECT_TIMEOUT = 10.0

#: Timeout for the server's reply to BYE, in seconds.
GOODBYE_TIMEOUT = 5.0

#: Seconds of silence after which the client sends PING, and after which it drops the connection.
PING_AFTER, SILENCE_TIMEOUT = 20.0, 40.0

#: The timeouts are divided by this if another server can take over.
SEVERAL = 4

#: Seconds to wait for WELCOME if another server can take over.
WELCOME_TIMEOUT = 5.0

#: Errors of frames that begin like those of netchat.
_DAMAGE = (BadChecksum, FrameTooLarge, UnknownFlags, UnknownType)


class _Connection(asyncio.Protocol):
    """One TCP connection of a client."""

    def __init__(self, client: ClientDriver) -> None:
        self.client = client
        self.closed = asyncio.get_running_loop().create_future()
        self.last_received = time.monotonic()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        no_delay(self.transport)

    def data_received(self, data: bytes) -> None:
        self.last_received = self.client.core.files.now = time.monotonic()
        if self.client.tap is not None:
            self.client.tap.received(data)
        try:
            self.client.core.feed(data)
        except PeerError as error:
            self.client.report_protocol_error(error, data)
            self.transport.abort()
        self.client.flush_or_drop()

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None:
            self.client.why_lost = str(exc)
        if not self.closed.done():
            self.closed.set_result(None)


class ClientDriver:
    """One user's connection to a server, with automatic reconnection.

    Args:
        host: Name or address of the server.
        port: TCP port of the server.
        name: Requested user name.
        store: Store for the client's state; None keeps the state in memory.
        timeout: Seconds without a connection after which the session ends.
        path: Link, noisy channel or both between client and server; None connects over plain TCP.
        tls: Connects over TLS; None connects in plaintext. A path has its own.
        others: Host and port of other servers of the same cluster. After a lost connection or a
            failed attempt, the client tries the next one, including those that a server names.
        credentials: Name and password of an account. The client sends them when it connects without
            the token of an earlier session, or when the server no longer accepts that token.
        insecure_password: Send passwords even where the network can read them.

    Attributes:
        core: Sans-I/O chat client. Call its methods, then `flush`.
        path: Path that was passed in.
        files: Files that the client sends and saves.
        tap: Observer of the frames of all connections; None observes none.
        servers: Servers that the client may connect to.
        address: Address of the server that it last connected to, or tried to.
        why_lost: Reason for the last disconnection, or an empty string.
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
        tls: TlsClient | None = None,
        others: Sequence[tuple[str, int]] = (),
        credentials: Credentials | None = None,
        insecure_password: bool = False,
    ) -> None:
        self.path = path
        self._tls = tls
        memory = store.load() if store is not None else None
        self.core = ChatClient(name, memory, can_seal=True)
        self.files = ClientTransfers(self)
        self._credentials = credentials
        self._insecure_password = insecure_password
        self._is_switching = False  # the connection was dropped to log in on the next one
        if credentials is not None and (credentials.is_new or not self.core.memory.token):
            self.core.credentials = credentials
        self.tap: FrameTap | None = None
        self.why_lost = ""
        self.had_damaged_frame = False
        """Whether the last invalid data was a frame of netchat with errors."""
        self._found_damage = False
        self.servers = ServerList([(host, port), *others], random.random())
        self.address = show_address(host, port)
        self._store = store
        self._timeout = timeout
        self._backoff = Backoff()
        self._connection: _Connection | None = None
        self._queue: asyncio.Queue[ClientEvent] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Connect, and keep the connection open in a background task.

        Raises:
            CannotConnect: There is no server at any of the addresses.
            UntrustedServer: A server does not have the expected key or certificate.
        """
        problems = []
        for left in reversed(range(len(self.servers))):
            try:
                await self._connect()
                break
            except CannotConnect as error:
                if isinstance(error, UntrustedServer):
                    raise
                problems.append(str(error))
                self.servers.advance()
                if not left:
                    raise CannotConnect(" ".join(problems)) from error
        self._task = asyncio.create_task(self._stay_connected())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the connection; the session can be resumed unless `bye` was called."""
        assert self._task is not None
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        await self.files.close()
        if self._connection is not None:
            self._connection.transport.abort()

    @property
    def is_encrypted(self) -> bool:
        """Whether TLS protects the current connection."""
        return self.core.is_encrypted

    async def events(self) -> AsyncIterator[ClientEvent]:
        """Yield events as they occur; `SessionEnded` is the last one."""
        while True:
            event = await self._queue.get()
            yield event
            if isinstance(event, SessionEnded):
                return

    @property
    def waiting(self) -> int:
        """Number of events that `events` has not yielded yet."""
        return self._queue.qsize()

    async def bye(self, why: str = "") -> None:
        """End the session, free the name, and wait for the server's confirmation.

        Args:
            why: Reason shown to the members of the user's rooms.
        """
        if self.core.ended:
            return
        self.core.bye(why)
        self.flush()
        await self.ended()

    async def ended(self) -> None:
        """Wait until the session has ended, for a few seconds at most."""
        if self._task is not None:
            await asyncio.wait([self._task], timeout=GOODBYE_TIMEOUT)

    def flush(self) -> None:
        """Save the state, send the core's pending data, and queue its events.

        Raises:
            NetchatError: The state cannot be saved; nothing is sent.
        """
        self.core.files.now = time.monotonic()
        self.files.pump()
        # Save before sending, so that no counter is used twice, even after kill -9.
        memory = self.core.memory
        if self._store is not None and (
            self.core.out or self.core.events or memory.counter != self._store.counter
        ):
            self._store.save(memory)
        data = self.core.data_to_send()
        if self.core.online:
            self._backoff.online(time.monotonic())
        events = self.core.take_events()
        # The connection may have closed before `_stay_connected` runs, and uvloop raises on a write
        # to a closed transport.
        if data and self._connection is not None and not self._connection.closed.done():
            if self.tap is not None:
                self.tap.sent(data)
            self._connection.transport.write(data)
        for event in events:
            if isinstance(event, LoginRequired) and self._credentials is not None:
                credentials, self._credentials = self._credentials, None
                self.log_in(credentials)
                continue
            if isinstance(event, FileEnded):
                self.files.ended(event.transfer)
            if isinstance(event, SessionEnded) and not event.wanted and self.path is not None:
                why = self.path.explain(event.why, "server")
                event = SessionEnded(why, wanted=False)
            self._queue.put_nowait(event)
        if self.core.ended and self._connection is not None:
            self._connection.transport.close()

    def password_problem(self) -> str:
        """Return why the client refuses to send a password on this connection, or an empty string."""
        if self.is_encrypted or self._insecure_password or self._is_local():
            return ""
        return (
            f"The connection to {self.address} is not encrypted: anyone on the network could read the "
            "password. Use a server with --tls, or allow it with --insecure-password."
        )

    def _is_local(self) -> bool:
        """Return whether the server is on this machine."""
        if self._connection is None:
            return False
        peer = self._connection.transport.get_extra_info("peername")
        try:
            return ipaddress.ip_address(str((peer or self.servers.current)[0])).is_loopback
        except ValueError:
            return False

    def log_in(self, credentials: Credentials) -> None:
        """Log in or register; the session of a guest, if there is one, ends.

        `Online` follows, or `LoginFailed`, after which the previous session continues.
        """
        core = self.core
        if self._connection is not None and (problem := self.password_problem()):
            self._queue.put_nowait(LoginFailed(problem, 0))
        elif core.online:  # LOGIN is the first message of a connection
            core.credentials = credentials
            self._is_switching = True
            self.drop()
        elif self._connection is not None and core.is_name_refused:
            core.enter(credentials)
            core.is_name_refused = False
            self.flush_or_drop()
        else:
            core.credentials = credentials

    def register(self, password: str, invitation: str = "") -> int:
        """Request to register the user's name, and return the request's number.

        Raises:
            NetchatError: The network could read the password, or the server has no accounts.
        """
        self._check_account_request()
        return self.core.register(password, invitation)

    def change_password(self, old: str, new: str) -> int:
        """Request another password, and return the request's number.

        Raises:
            NetchatError: The network could read the password, or the server has no accounts.
        """
        self._check_account_request()
        return self.core.change_password(old, new)

    def _check_account_request(self) -> None:
        if not self.core.online:
            raise NetchatError("There is no connection to the server; try again later.")
        if not self.core.has_accounts:
            raise NetchatError("This server has no accounts; it runs without --accounts.")
        if problem := self.password_problem():
            raise NetchatError(problem)

    def flush_or_drop(self) -> None:
        """Flush, or drop the connection and retry later if the state cannot be saved."""
        try:
            self.flush()
        except NetchatError as error:
            self.why_lost = str(error)
            self.drop()

    def report_protocol_error(self, error: PeerError, data: bytes) -> None:
        """Record that invalid data arrived, from the server or damaged in transit."""
        self._found_damage = True
        self.had_damaged_frame = isinstance(error, _DAMAGE)
        if problem := http_problem(data):
            self.why_lost = problem
        elif self.had_damaged_frame and self.path is None:
            self.why_lost = f"the data was damaged on the way: {error}. Try --link rs:255,223"
        else:
            self.why_lost = f"the server broke the protocol: {error}"

    def drop(self) -> None:
        """Abort the connection, as a network failure would; the driver reconnects."""
        if self._connection is not None:
            self._connection.transport.abort()

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        host, port = self.servers.current
        self.address = show_address(host, port)
        try:
            async with asyncio.timeout(self._shorter(CONNECT_TIMEOUT)):
                connection = _Connection(self)
                if self.path is not None:
                    await self.path.connect(connection, host, port)
                elif self._tls is not None:
                    await self._tls.connect(connection, host, port)
                else:
                    await loop.create_connection(lambda: connection, host, port)
        except TimeoutError as error:
            raise CannotConnect(f"{self.address} does not answer.") from error
        except OSError as error:
            raise CannotConnect(connection_problem(host, port, error)) from error
        self._connection = connection
        if self.tap is not None:
            self.tap.connected()
        encryption = connection.transport.get_extra_info("ssl_object")
        self.core.is_encrypted = encryption is not None
        if self.core.credentials is not None and (problem := self.password_problem()):
            self.core.credentials = self._credentials = None
            self._queue.put_nowait(LoginFailed(problem, 0))
        self.core.connected()
        self.flush()

    async def _stay_connected(self) -> None:
        lost_at = time.monotonic()
        while True:
            if self._connection is not None:
                await self._watch(self._connection)
                if self.core.online:
                    lost_at = time.monotonic()
                self._connection = None
                self.servers.learn(server.address for server in self.core.servers)
                self.servers.advance()
                self.core.lost()
                self.flush_or_drop()
            if self.core.ended:
                return
            why = self._why_lost()
            if time.monotonic() - lost_at > self._timeout:
                self._queue.put_nowait(SessionEnded(f"gave up: {why}", wanted=False))
                return
            delay = 0.0
            if not self._is_switching:
                delay = self._backoff.wait(time.monotonic())
                self._queue.put_nowait(Offline(why, delay))
            self._is_switching = False
            self.why_lost = self.core.close_reason = ""
            self._found_damage = False
            await asyncio.sleep(delay)
            try:
                await self._connect()
            except UntrustedServer as error:  # every other attempt could meet an impostor, too
                self._queue.put_nowait(SessionEnded(str(error), wanted=False))
                return
            except NetchatError as error:
                self.why_lost = str(error)
                self.servers.advance()

    def _why_lost(self) -> str:
        """Return the reason for the disconnection, in the server's words if it gave one."""
        why = self.core.close_reason or self.why_lost or "connection lost"
        if self.path is not None:
            finder = "server" if self.core.close_reason else "client" if self._found_damage else ""
            why = self.path.explain(why, finder)
        return why

    @property
    def _has_others(self) -> bool:
        """Whether another server can take over."""
        return len(self.servers) > 1 or bool(self.core.servers)

    def _shorter(self, timeout: float) -> float:
        """Return a timeout, shortened if another server can take over."""
        return timeout / SEVERAL if self._has_others else timeout

    async def _watch(self, connection: _Connection) -> None:
        """Wait until a connection closes; abort it if the server stops responding."""
        begun = time.monotonic()
        while not connection.closed.done():
            ping_after = self._shorter(PING_AFTER)
            await asyncio.wait([connection.closed], timeout=ping_after / 4)
            now = time.monotonic()
            if self.core.is_name_refused:  # the user chooses another one; only HELLO is allowed now
                begun = now
            silence = now - max(begun, connection.last_received)
            is_late = not self.core.online and now - begun > WELCOME_TIMEOUT
            if silence > self._shorter(SILENCE_TIMEOUT) or (is_late and self._has_others):
                self.why_lost = "the server stopped responding"
                connection.transport.abort()
            elif silence > ping_after:
                self.core.ping()
                self.flush_or_drop()
