"""The network between a server and Redis that a test can disturb."""

from __future__ import annotations

import asyncio
import contextlib
import random
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.end_to_end import redis_proxy
from tests.end_to_end.redis_proxy import Direction, RedisProxy


@contextlib.asynccontextmanager
async def _echo() -> AsyncIterator[
    tuple[RedisProxy, asyncio.StreamReader, asyncio.StreamWriter, list[bytes]]
]:
    """A server that returns every byte, and a connection to it through a proxy."""
    seen: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(100):
                seen.append(data)
                writer.write(data)
        writer.close()

    with tempfile.TemporaryDirectory(prefix="netchat-") as folder:  # the path must be short
        path = Path(folder, "echo.sock")
        server = await asyncio.start_unix_server(answer, path)
        proxy = RedisProxy(path, random.Random(1))
        await proxy.start()
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        try:
            yield proxy, reader, writer, seen
        finally:
            writer.close()
            await proxy.stop()
            server.close()


async def test_each_direction_can_be_blocked() -> None:
    async with _echo() as (proxy, reader, writer, seen):
        proxy.from_redis.block()
        writer.write(b"one")
        while not seen:
            await asyncio.sleep(0)
        proxy.to_redis.block()
        writer.write(b"two")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.05)
        assert seen == [b"one"]

        proxy.heal()
        assert await reader.readexactly(6) == b"onetwo"


async def test_a_lossy_network_delays_and_keeps_the_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_proxy, "RETRANSMIT", 0.001)
    async with _echo() as (proxy, reader, writer, _):
        proxy.to_redis.loss = proxy.from_redis.loss = 0.2
        sent = b""
        for number in range(50):
            writer.write(b"%02d" % number)
            sent += b"%02d" % number
            await asyncio.sleep(0)
        assert await reader.readexactly(len(sent)) == sent


def test_each_loss_of_a_segment_doubles_the_timeout() -> None:
    direction = Direction(random.Random(1))
    assert direction.latency() == 0
    direction.delay, direction.loss = 1.0, 0.5
    found = {round(direction.latency(), 3) for _ in range(200)}
    assert {1.0, 1.2, 1.6, 2.4} <= found


async def test_a_reset_closes_connections_and_refuses_new_ones() -> None:
    async with _echo() as (proxy, reader, writer, _):
        writer.write(b"x")
        assert await reader.readexactly(1) == b"x"
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            await reader.read(1)
        again, closing = await asyncio.open_connection("127.0.0.1", proxy.port)
        with pytest.raises(ConnectionResetError):
            await again.read(1)
        closing.close()

        proxy.heal()
        again, closing = await asyncio.open_connection("127.0.0.1", proxy.port)
        closing.write(b"x")
        assert await again.readexactly(1) == b"x"
        closing.close()
