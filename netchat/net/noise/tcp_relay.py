"""TCP relay of the noise proxy: two connections, joined by one impaired pipe per direction."""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from typing import cast

from netchat.channels.stream import ChannelStream
from netchat.net.address import show_address

__all__ = ["RelayDirection", "TcpRelay"]

#: Buffered bytes per direction at which the relay stops reading from the sender, and resumes. With a
#: delay, this limits the throughput: 1 MiB in 10 ms is 100 MB/s.
HIGH_WATER, LOW_WATER = 1024 * 1024, 512 * 1024

#: Timeout for connecting to the server, in seconds.
CONNECT_TIMEOUT = 10.0


class RelayDirection:
    """One direction of a relayed connection: damages and delays bytes.

    Args:
        stream: Channel that damages the bytes; None damages nothing.
        delay: Delay in seconds.

    Attributes:
        stream: Channel that damages the bytes.
        passed: Number of bytes received.
        ended: Whether the end of the stream (FIN) was forwarded.
    """

    def __init__(self, stream: ChannelStream | None, delay: float) -> None:
        self.stream = stream
        self.passed = 0
        self.ended = False
        self._delay = delay
        self._loop = asyncio.get_running_loop()
        # (due time, bytes); empty bytes are the end of the stream.
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
        """Number of flipped bits."""
        return self.stream.flipped if self.stream is not None else 0

    def begin(
        self, source: asyncio.Transport, target: asyncio.Transport, ended: Callable[[], None]
    ) -> None:
        """Start forwarding between two connections.

        Args:
            source: Connection to read from.
            target: Connection to write to.
            ended: Called when the end of the stream was forwarded.
        """
        self._source, self._target, self._tell_end = source, target, ended
        self._pump()

    def feed(self, data: bytes) -> None:
        """Accept received bytes."""
        self.passed += len(data)
        self._waiting += len(data)
        out = self.stream.damage(data) if self.stream is not None else data
        self._queue.append((self._loop.time() + self._delay, out))
        if self._waiting > HIGH_WATER and not self._paused and self._source is not None:
            self._paused = True
            self._source.pause_reading()
        self._pump()

    def end(self) -> None:
        """Mark the end of the stream."""
        self._queue.append((self._loop.time() + self._delay, b""))
        self._pump()

    def hold(self, *, full: bool) -> None:
        """Stop or resume forwarding, depending on whether the target's buffer is full."""
        self._full = full
        self._pump()

    def cut(self) -> None:
        """Discard buffered bytes."""
        self._queue.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _pump(self) -> None:
        """Forward bytes that are due, and set a timer for the rest."""
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


class _RelayConnection(asyncio.Protocol):
    """One of the two connections of a relay."""

    def __init__(self, pipe: TcpRelay, out: RelayDirection, back: RelayDirection) -> None:
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
        return True  # the other direction stays open

    def connection_lost(self, exc: Exception | None) -> None:
        self._pipe.lost(exc)

    def pause_writing(self) -> None:
        self._back.hold(full=True)

    def resume_writing(self) -> None:
        self._back.hold(full=False)


class TcpRelay:
    """A client's connection, and the matching connection to the server.

    Args:
        target: Host and port of the server.
        out: Direction to the server.
        back: Direction to the client.
        begun: Called when the client has connected.
        ended: Called when both connections are closed, with an error message or an empty string.

    Attributes:
        client: Address of the client.
        out: Direction to the server.
        back: Direction to the client.
    """

    def __init__(
        self,
        target: tuple[str, int],
        out: RelayDirection,
        back: RelayDirection,
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
        self._server = _RelayConnection(self, back, out)
        self.front: asyncio.Protocol = _RelayConnection(self, out, back)
        """Protocol of the client's connection."""

    def made(self, end: asyncio.Protocol) -> None:
        """Handle a new connection: the client's first, then the server's."""
        front, server = cast(_RelayConnection, self.front), self._server
        if end is front:
            assert front.transport is not None
            host, port = (front.transport.get_extra_info("peername") or ("?", 0))[:2]
            self.client = show_address(host, port)
            front.transport.pause_reading()  # until the server is connected
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
        """Close both connections once both directions have ended; buffered bytes are still sent."""
        if self.out.ended and self.back.ended:
            for transport in self._transports():
                transport.close()

    def lost(self, exc: Exception | None) -> None:
        """Close the other connection after one was lost."""
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
            # After an orderly end, send the rest; forward a reset as a reset.
            if exc is None and self.out.ended and self.back.ended:
                transport.close()
            else:
                transport.abort()
        self._tell_ended(self, self._problem)

    def abort(self) -> None:
        """Abort both connections."""
        for transport in self._transports():
            transport.abort()

    def _transports(self) -> list[asyncio.Transport]:
        ends = (cast(_RelayConnection, self.front), self._server)
        return [end.transport for end in ends if end.transport is not None]
