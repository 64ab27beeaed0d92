"""One TCP connection through a noise proxy: two connections, and two ways between them."""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from typing import cast

from netchat.channels.stream import ChannelStream
from netchat.net.address import show_address

__all__ = ["TcpRelay", "Way"]

#: Bytes under way in one direction at which its sender is read no further, and read on. With a
#: delay this is what can be in the air: 1 MiB in 10 ms is 100 MB/s.
HIGH_WATER, LOW_WATER = 1024 * 1024, 512 * 1024

#: Seconds for the connection to the server to be made.
CONNECT_TIMEOUT = 10.0


class Way:
    """One direction: bytes in at one end, damaged and later out at the other.

    Args:
        stream: what damages them; None is nothing.
        delay: seconds that they are under way.

    Attributes:
        stream: it.
        passed: bytes that came in.
        ended: the end of what is sent was passed on.
    """

    def __init__(self, stream: ChannelStream | None, delay: float) -> None:
        self.stream = stream
        self.passed = 0
        self.ended = False
        self._delay = delay
        self._loop = asyncio.get_running_loop()
        # When each piece is due; an empty one is the end.
        self._queue: deque[tuple[float, bytes]] = deque()
        self._waiting = 0
        self._full = False
        self._timer: asyncio.TimerHandle | None = None
        self._source: asyncio.Transport | None = None
        self._target: asyncio.Transport | None = None
        self._tell_end: Callable[[], None] = lambda: None
        self._paused = False

    @property
    def flipped(self) -> int:
        """Bits that were turned over."""
        return self.stream.flipped if self.stream is not None else 0

    def begin(
        self, source: asyncio.Transport, target: asyncio.Transport, ended: Callable[[], None]
    ) -> None:
        """Both connections are there; `ended` is called when the end was passed on."""
        self._source, self._target, self._tell_end = source, target, ended
        self._pump()

    def feed(self, data: bytes) -> None:
        """Bytes come in."""
        self.passed += len(data)
        self._waiting += len(data)
        out = self.stream.damage(data) if self.stream is not None else data
        self._queue.append((self._loop.time() + self._delay, out))
        if self._waiting > HIGH_WATER and not self._paused and self._source is not None:
            self._paused = True
            self._source.pause_reading()
        self._pump()

    def end(self) -> None:
        """No more bytes come in."""
        self._queue.append((self._loop.time() + self._delay, b""))
        self._pump()

    def hold(self, *, full: bool) -> None:
        """Whether the other end has enough to send."""
        self._full = full
        self._pump()

    def cut(self) -> None:
        """Forget what is under way."""
        self._queue.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _pump(self) -> None:
        """Send what is due; have it called again for the rest."""
        target, queue = self._target, self._queue
        if target is None or target.is_closing():
            return
        now = self._loop.time()
        while queue and queue[0][0] <= now and not self._full:
            _, data = queue.popleft()
            self._waiting -= len(data)
            if data:
                target.write(data)
            else:
                self.ended = True
                target.write_eof()
                self._tell_end()
        source = self._source
        if self._paused and self._waiting < LOW_WATER and source is not None:
            self._paused = False
            if not source.is_closing():
                source.resume_reading()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if queue and not self._full:
            self._timer = self._loop.call_at(queue[0][0], self._pump)


class _End(asyncio.Protocol):
    """One of the two connections."""

    def __init__(self, pipe: TcpRelay, out: Way, back: Way) -> None:
        self._pipe, self._out, self._back = pipe, out, back
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._pipe.made(self)

    def data_received(self, data: bytes) -> None:
        self._out.feed(data)

    def eof_received(self) -> bool:
        self._out.end()
        return True  # the other direction goes on

    def connection_lost(self, exc: Exception | None) -> None:
        self._pipe.lost(exc)

    def pause_writing(self) -> None:
        self._back.hold(full=True)

    def resume_writing(self) -> None:
        self._back.hold(full=False)


class TcpRelay:
    """A client's connection, and the one to the server that belongs to it.

    Args:
        target: the server's host and port.
        out: the way to the server.
        back: the way to the client.
        begun: called when the client's connection is there.
        ended: called once both are gone, with what went wrong, if something did.

    Attributes:
        client: the client's address.
        out: the way to the server.
        back: the way to the client.
    """

    def __init__(
        self,
        target: tuple[str, int],
        out: Way,
        back: Way,
        begun: Callable[[TcpRelay], None],
        ended: Callable[[TcpRelay, str], None],
    ) -> None:
        self.client = ""
        self.out, self.back = out, back
        self._target = target
        self._tell_begun, self._tell_ended = begun, ended
        self._problem = ""
        self._over = False
        self._task: asyncio.Task[None] | None = None
        self._server = _End(self, back, out)
        self.front: asyncio.Protocol = _End(self, out, back)
        """The protocol of the client's connection."""

    def made(self, end: asyncio.Protocol) -> None:
        """One of the connections is there."""
        front, server = cast(_End, self.front), self._server
        if end is front:
            assert front.transport is not None
            host, port = (front.transport.get_extra_info("peername") or ("?", 0))[:2]
            self.client = show_address(host, port)
            front.transport.pause_reading()  # until there is somebody to read it
            self._tell_begun(self)
            self._task = asyncio.get_running_loop().create_task(self._connect())
        elif front.transport is None or front.transport.is_closing():
            assert server.transport is not None
            server.transport.abort()
        else:
            assert server.transport is not None
            self.out.begin(front.transport, server.transport, self._way_ended)
            self.back.begin(server.transport, front.transport, self._way_ended)
            front.transport.resume_reading()

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await loop.create_connection(lambda: self._server, *self._target)
        except OSError as error:  # TimeoutError is one
            why = error.strerror or str(error) or "no answer"
            self._problem = f"the server cannot be reached: {why}"
            self.abort()

    def _way_ended(self) -> None:
        """Close both connections once both ways have ended; what was written is still sent."""
        if self.out.ended and self.back.ended:
            for transport in self._transports():
                transport.close()

    def lost(self, exc: Exception | None) -> None:
        """One of the connections is gone: the other goes, too."""
        if self._over:
            return
        self._over = True
        if exc is not None and not self._problem:
            self._problem = str(exc)
        if self._task is not None:
            self._task.cancel()
        self.out.cut()
        self.back.cut()
        for transport in self._transports():
            # Behind an orderly end the rest may still be sent; a reset is passed on as one.
            if exc is None and self.out.ended and self.back.ended:
                transport.close()
            else:
                transport.abort()
        self._tell_ended(self, self._problem)

    def abort(self) -> None:
        """Cut both connections."""
        for transport in self._transports():
            transport.abort()

    def _transports(self) -> list[asyncio.Transport]:
        ends = (cast(_End, self.front), self._server)
        return [end.transport for end in ends if end.transport is not None]
