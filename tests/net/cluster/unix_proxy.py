"""A proxy between a server and Redis that loses, delays or cuts."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

__all__ = ["UnixProxy"]


class UnixProxy:
    """Proxy on a Unix socket beside that of Redis.

    Args:
        target: Socket of Redis.
    """

    def __init__(self, target: Path) -> None:
        self.target, self.path = target, target.with_name("proxy.sock")
        self._flow = asyncio.Event()
        self._flow.set()
        self._swallows = False
        self._stalled = self._accepted = 0
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> UnixProxy:
        self._server = await asyncio.start_unix_server(self._accept, self.path)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def swallow_replies(self) -> None:
        """Drop everything that Redis sends from now on, on the present connections."""
        self._swallows = True

    def cut(self) -> None:
        """Close the present connections; the next ones work."""
        for writer in self._writers:
            writer.close()
        self._writers = []
        self._swallows = False

    def stall(self, count: int) -> None:
        """Deliver nothing any more on the first `count` connections."""
        self._stalled = count

    def pause(self) -> None:
        """Deliver nothing in either direction until `resume`."""
        self._flow.clear()

    def resume(self) -> None:
        self._flow.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        redis_reader, redis_writer = await asyncio.open_unix_connection(self.target)
        self._writers += [writer, redis_writer]
        self._accepted += 1
        number = self._accepted
        self._tasks += [
            asyncio.create_task(self._pass(number, reader, redis_writer, is_reply=False)),
            asyncio.create_task(self._pass(number, redis_reader, writer, is_reply=True)),
        ]

    async def _pass(self, number: int, reader, writer, *, is_reply: bool) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(1 << 16):
                await self._flow.wait()
                if number > self._stalled and not (is_reply and self._swallows):
                    writer.write(data)
        writer.close()
