"""UDP relay of the noise proxy: datagrams are lost, duplicated, reordered, delayed and damaged."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Any, cast

from netchat.channels.impairment import ImpairedLine
from netchat.net.address import show_address

__all__ = ["RelayedClient", "UdpRelay"]

#: Maximum number of client addresses; each has its own socket towards the server.
MAX_SESSIONS = 500

#: Seconds of silence after which a client's session ends.
IDLE = 60.0


class _RelaySocket(asyncio.DatagramProtocol):
    """UDP socket that drops datagrams if the system's buffer is full, as a router would."""

    def __init__(self) -> None:
        self._transport: asyncio.DatagramTransport | None = None
        self._full = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the transport."""
        self._transport = cast(asyncio.DatagramTransport, transport)

    def pause_writing(self) -> None:
        """Start dropping datagrams because the send buffer is full."""
        self._full = True

    def resume_writing(self) -> None:
        """Stop dropping datagrams."""
        self._full = False

    def send(self, data: bytes, to: tuple[Any, ...] | None = None) -> None:
        """Send a datagram, or drop it if the buffer is full."""
        transport = self._transport
        if transport is not None and not transport.is_closing() and not self._full:
            transport.sendto(data, to)

    def close(self) -> None:
        """Close the socket."""
        if self._transport is not None:
            self._transport.close()


class _Line:
    """One direction of a session: an impaired line, and the timer that empties it."""

    def __init__(self, line: ImpairedLine, send: Callable[[bytes], None]) -> None:
        self.line = line
        self._send = send
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._ready = False

    def ready(self) -> None:
        """Start sending, because the destination is connected."""
        self._ready = True
        self._pump()

    def put(self, data: bytes) -> None:
        """Pass a datagram into the line."""
        self.line.put(data, self._loop.time())
        if self._ready:
            self._pump()

    def stop(self) -> None:
        """Stop sending."""
        self._ready = False
        if self._timer is not None:
            self._timer.cancel()

    def _pump(self) -> None:
        for data in self.line.take(self._loop.time()):
            self._send(data)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.line.due < math.inf:
            self._timer = self._loop.call_at(self.line.due, self._pump)


class RelayedClient(_RelaySocket):
    """A client's address, and the socket that represents it to the server.

    Attributes:
        client: Address of the client.
        out: Impairment counters towards the server.
        back: Impairment counters towards the client.
        problem: Last error in sending to the server, or an empty string.
    """

    def __init__(
        self, client: str, out: ImpairedLine, back: ImpairedLine, reply: Callable[[bytes], None]
    ) -> None:
        super().__init__()
        self.client, self.problem = client, ""
        self.out, self.back = out.counts, back.counts
        self.heard = asyncio.get_running_loop().time()
        self._to_server, self._to_client = _Line(out, self.send), _Line(back, reply)
        self._to_client.ready()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start sending to the server."""
        super().connection_made(transport)
        self._to_server.ready()

    def from_client(self, data: bytes) -> None:
        """Relay a datagram from the client."""
        self.heard = asyncio.get_running_loop().time()
        self._to_server.put(data)

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:  # noqa: ARG002
        """Relay a datagram from the server."""
        self.heard = asyncio.get_running_loop().time()
        self._to_client.put(data)

    def error_received(self, exc: Exception) -> None:
        """Record an error: the port is unreachable, or the datagram is too long."""
        self.problem = str(exc)

    def close(self) -> None:
        """End the session."""
        self._to_server.stop()
        self._to_client.stop()
        super().close()


class UdpRelay(_RelaySocket):
    """Socket that clients send to.

    Args:
        target: Host and port of the server.
        begun: Creates the session of a new client from its address and a function that sends to it.
        ended: Called with a session that has ended.

    Attributes:
        refused: Number of datagrams from addresses beyond `MAX_SESSIONS`.
    """

    def __init__(
        self,
        target: tuple[str, int],
        begun: Callable[[str, Callable[[bytes], None]], RelayedClient],
        ended: Callable[[RelayedClient], None],
    ) -> None:
        super().__init__()
        self.refused = 0
        self._target = target
        self._make_session, self._tell_ended = begun, ended
        self._loop = asyncio.get_running_loop()
        self._sessions: dict[tuple[Any, ...], RelayedClient] = {}
        self._tasks = set[asyncio.Task[None]]()
        self._sweep = self._loop.call_later(IDLE / 4, self._forget_idle)

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        """Relay a client's datagram, and create its session if it is new."""
        session = self._sessions.get(addr)
        if session is None:
            if len(self._sessions) >= MAX_SESSIONS:
                self.refused += 1
                return
            session = self._begin(addr)
        session.from_client(data)

    def stop(self) -> None:
        """End all sessions and close the socket."""
        self._sweep.cancel()
        for task in self._tasks:
            task.cancel()
        for addr in list(self._sessions):
            self._end(addr)
        self.close()

    def _begin(self, addr: tuple[Any, ...]) -> RelayedClient:
        session = self._sessions[addr] = self._make_session(
            show_address(*addr[:2]), lambda data: self.send(data, addr)
        )
        task = self._loop.create_task(self._connect(addr, session))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return session

    async def _connect(self, addr: tuple[Any, ...], session: RelayedClient) -> None:
        try:
            await self._loop.create_datagram_endpoint(lambda: session, remote_addr=self._target)
        except OSError as error:
            session.problem = f"the server cannot be reached: {error.strerror or error}"
            self._end(addr)
        else:
            if self._sessions.get(addr) is not session:  # ended meanwhile
                session.close()

    def _end(self, addr: tuple[Any, ...]) -> None:
        session = self._sessions.pop(addr, None)
        if session is not None:
            session.close()
            self._tell_ended(session)

    def _forget_idle(self) -> None:
        now = self._loop.time()
        for addr in [at for at, session in self._sessions.items() if now - session.heard > IDLE]:
            self._end(addr)
        self._sweep = self._loop.call_later(IDLE / 4, self._forget_idle)
