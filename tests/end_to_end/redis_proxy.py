"""A network between one server and Redis, which can be cut, slow, lossy or open in one direction only."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
from pathlib import Path

__all__ = ["Direction", "RedisProxy"]

#: TCP's first retransmission timeout in seconds; it doubles with each loss of the same segment.
RETRANSMIT = 0.2


class Direction:
    """One direction of the network, as the application above TCP sees it.

    Attributes:
        delay: Extra latency in seconds.
        loss: Probability that a segment is lost. TCP retransmits it after `RETRANSMIT`, and delivers
            nothing that was sent later before it.
    """

    def __init__(self, source: random.Random) -> None:
        self._source = source
        self._is_open = asyncio.Event()
        self._is_open.set()
        self.delay = self.loss = 0.0

    def block(self) -> None:
        """Deliver nothing until `heal`. TCP then retransmits it."""
        self._is_open.clear()

    def heal(self) -> None:
        """Deliver everything at once."""
        self.delay = self.loss = 0.0
        self._is_open.set()

    def latency(self) -> float:
        """Return the seconds until the next segment arrives."""
        latency, timeout = self.delay, RETRANSMIT
        while self._source.random() < self.loss:
            latency += timeout
            timeout *= 2
        return latency

    async def passable(self) -> None:
        """Wait while the direction is blocked."""
        await self._is_open.wait()


class RedisProxy:
    """Proxy on a TCP port of this machine, for one server.

    Args:
        target: Unix socket of Redis.
        source: Source of all randomness.

    Attributes:
        to_redis: Direction from the server to Redis.
        from_redis: Direction from Redis to the server.
        port: Port to connect to.
    """

    def __init__(self, target: Path, source: random.Random) -> None:
        self._target = target
        self.to_redis, self.from_redis = Direction(source), Direction(source)
        self._refuses = False
        self._writers: set[asyncio.StreamWriter] = set()
        self._ways: set[asyncio.Task[None]] = set()
        self._connections: set[asyncio.Task[None] | None] = set()
        self.port = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self._server.close()
        self.reset()
        for way in self._ways:
            way.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def reset(self) -> None:
        """Reset all connections; new ones are refused until `heal`."""
        self._refuses = True
        for writer in self._writers:
            _reset(writer)

    def heal(self) -> None:
        """Make the network fault-free."""
        self._refuses = False
        self.to_redis.heal()
        self.from_redis.heal()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(asyncio.current_task())
        try:
            await self._connect(reader, writer)
        finally:
            _reset(writer)
            self._connections.discard(asyncio.current_task())

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            redis_reader, redis_writer = await asyncio.open_unix_connection(self._target)
        except OSError:
            return
        ends = {writer, redis_writer}
        if not self._refuses:
            self._writers |= ends
            ways = {
                asyncio.create_task(_carry(reader, redis_writer, self.to_redis)),
                asyncio.create_task(_carry(redis_reader, writer, self.from_redis)),
            }
            self._ways |= ways
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            self._ways -= ways
            self._writers -= ends
        redis_writer.transport.abort()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close a connection with RST."""
    if not writer.transport.is_closing():
        option = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, option)
        writer.transport.abort()


async def _carry(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, direction: Direction
) -> None:
    """Pass bytes on, each segment after its latency, until the sender closes."""
    loop = asyncio.get_running_loop()
    segments: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def deliver() -> None:
        while True:
            due, data = await segments.get()
            if due > loop.time():
                await asyncio.sleep(due - loop.time())
            await direction.passable()
            if not data:
                return
            writer.write(data)

    delivering, due = asyncio.create_task(deliver()), 0.0
    try:
        data = b"?"
        while data:
            data = b""
            with contextlib.suppress(ConnectionError):
                data = await reader.read(1 << 16)
            due = max(due, loop.time() + direction.latency())
            segments.put_nowait((due, data))
        await delivering
    finally:
        delivering.cancel()
