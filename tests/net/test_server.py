"""A server for programs, as a member of a cluster."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import pytest

import netchat
from netchat.errors import ClusterError
from tests.net.cluster.redis_process import RedisProcess, needs_redis


@pytest.fixture
def redis():
    with tempfile.TemporaryDirectory(prefix="netchat-") as folder:
        server = RedisProcess(Path(folder))
        server.start()
        yield server
        server.stop()


@needs_redis
async def test_clients_of_two_servers_share_a_room(redis, tmp_path):
    url = f"unix://{redis.socket}"
    async with (
        netchat.Server(port=0, history=tmp_path / "a.db", cluster=url) as east,
        netchat.Server(port=0, history=tmp_path / "b.db", cluster=url) as west,
        netchat.Client(east.address, name="Nova") as nova,
        netchat.Client(west.address, name="Vega") as vega,
    ):
        room = await nova.create()
        same = await vega.join(room.code)
        sent = await room.send("hello")
        async with asyncio.timeout(30):
            async for event in same.events():
                if event == sent:
                    break


@needs_redis
async def test_a_server_that_cannot_continue_stops_and_says_why(redis, tmp_path):
    url = f"unix://{redis.socket}"
    server = await netchat.Server(port=0, history=tmp_path / "a.db", cluster=url).__aenter__()
    redis.command("FLUSHALL")
    async with asyncio.timeout(30):
        while server._stopping is None:
            await asyncio.sleep(0.01)
    with pytest.raises(ClusterError, match="Redis has lost entries"):
        await server.__aexit__(None, None, None)


@needs_redis
async def test_a_server_without_redis_does_not_start(redis, tmp_path):
    redis.kill()
    server = netchat.Server(port=0, history=tmp_path / "a.db", cluster=f"unix://{redis.socket}")
    with pytest.raises(ClusterError):
        await server.__aenter__()


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"cluster": "redis://h/0"}, "needs a history file"),
        ({"cluster": "http://h", "history": "a.db"}, "redis://"),
        ({"cluster": "redis://h/0", "history": "a.db", "cluster_name": "a b"}, "cluster name"),
        ({"cluster": "redis://h/0", "history": "a.db", "host": None}, "set advertise"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(options, problem):
    with pytest.raises(ValueError, match=problem):
        netchat.Server(**options)
