"""UDP through a noise proxy: datagrams that are lost, doubled, reordered, late and damaged."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Any, cast

from netchat.channels.impairment import ImpairedLine
from netchat.net.address import show_address

__all__ = ["Session", "UdpRelay"]

#: Addresses that are served at a time: each has a socket of its own towards the server.
MAX_SESSIONS = 500

#: Seconds of silence after which an address is forgotten.
IDLE = 60.0


class _Socket(asyncio.DatagramProtocol):
    """A socket that loses, as a router would, what the system does not take."""

    def __init__(self) -> None:
        self._transport: asyncio.DatagramTransport | None = None
        self._full = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is there."""
        self._transport = cast(asyncio.DatagramTransport, transport)

    def pause_writing(self) -> None:
        """The system has enough."""
        self._full = True

    def resume_writing(self) -> None:
        """It has room again."""
        self._full = False

    def send(self, data: bytes, to: tuple[Any, ...] | None = None) -> None:
        """Send a datagram."""
        transport = self._transport
        if transport is not None and not transport.is_closing() and not self._full:
            transport.sendto(data, to)

    def close(self) -> None:
        """Close it."""
        if self._transport is not None:
            self._transport.close()


class _Line:
    """One direction: datagrams in, and out when they are due."""

    def __init__(self, line: ImpairedLine, send: Callable[[bytes], None]) -> None:
        self.line = line
        self._send = send
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._ready = False

    def ready(self) -> None:
        """There is somewhere to send to."""
        self._ready = True
        self._pump()

    def put(self, data: bytes) -> None:
        """A datagram comes in."""
        self.line.put(data, self._loop.time())
        if self._ready:
            self._pump()

    def stop(self) -> None:
        """Send nothing more."""
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


class Session(_Socket):
    """A client's address, and the socket that stands for it towards the server.

    Attributes:
        client: the address.
        out: what was done to datagrams to the server.
        back: what was done to those to the client.
        problem: what the system last said of sending to the server.
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
        """The socket is there."""
        super().connection_made(transport)
        self._to_server.ready()

    def from_client(self, data: bytes) -> None:
        """The client has sent a datagram."""
        self.heard = asyncio.get_running_loop().time()
        self._to_server.put(data)

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:  # noqa: ARG002
        """The server has sent a datagram."""
        self.heard = asyncio.get_running_loop().time()
        self._to_client.put(data)

    def error_received(self, exc: Exception) -> None:
        """Nothing listens there, or the datagram is too long."""
        self.problem = str(exc)

    def close(self) -> None:
        """Forget the client."""
        self._to_server.stop()
        self._to_client.stop()
        super().close()


class UdpRelay(_Socket):
    """The socket that clients send to.

    Args:
        target: the server's host and port.
        begun: makes the session of a client that is new, of its address and what sends to it.
        ended: called with a client that is forgotten.

    Attributes:
        refused: datagrams of addresses for which there was no room.
    """

    def __init__(
        self,
        target: tuple[str, int],
        begun: Callable[[str, Callable[[bytes], None]], Session],
        ended: Callable[[Session], None],
    ) -> None:
        super().__init__()
        self.refused = 0
        self._target = target
        self._make_session, self._tell_ended = begun, ended
        self._loop = asyncio.get_running_loop()
        self._sessions: dict[tuple[Any, ...], Session] = {}
        self._tasks = set[asyncio.Task[None]]()
        self._sweep = self._loop.call_later(IDLE / 4, self._forget_idle)

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        """A client has sent a datagram."""
        session = self._sessions.get(addr)
        if session is None:
            if len(self._sessions) >= MAX_SESSIONS:
                self.refused += 1
                return
            session = self._begin(addr)
        session.from_client(data)

    def stop(self) -> None:
        """Forget everybody."""
        self._sweep.cancel()
        for task in self._tasks:
            task.cancel()
        for addr in list(self._sessions):
            self._end(addr)
        self.close()

    def _begin(self, addr: tuple[Any, ...]) -> Session:
        session = self._sessions[addr] = self._make_session(
            show_address(*addr[:2]), lambda data: self.send(data, addr)
        )
        task = self._loop.create_task(self._connect(addr, session))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return session

    async def _connect(self, addr: tuple[Any, ...], session: Session) -> None:
        try:
            await self._loop.create_datagram_endpoint(lambda: session, remote_addr=self._target)
        except OSError as error:
            session.problem = f"the server cannot be reached: {error.strerror or error}"
            self._end(addr)
        else:
            if self._sessions.get(addr) is not session:  # forgotten meanwhile
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
