"""Logs of several servers on a real Redis."""

from __future__ import annotations

import asyncio

import pytest

from netchat.net.cluster.entry_filter import ServerJoined
from netchat.net.cluster.log import ClusterLog
from netchat.net.cluster.redis_url import parse_redis_url
from tests.net.cluster.recorder import Recorder, until
from tests.net.cluster.redis_process import RedisProcess, needs_redis

pytestmark = needs_redis


@pytest.mark.parametrize(
    ("name", "server", "address"),
    [("lab", "", "h:1"), ("lab", "a\nb", "h:1"), ("lab", "x" * 256, ""), ("a b", "x", "")],
)
def test_names_that_the_log_cannot_contain(name: str, server: str, address: str) -> None:
    with pytest.raises(ValueError, match=r"cannot join|must be 1 to 64 letters"):
        ClusterLog(parse_redis_url("redis://h"), name, server, address, Recorder)


async def test_three_servers_see_the_same_order(redis: RedisProcess) -> None:
    async with (
        Recorder(redis.url, "east") as east,
        Recorder(redis.url, "west") as west,
        Recorder(redis.url, "north") as north,
    ):
        logs = [east, west, north]
        for count in range(100):
            for one in logs:
                one.log.append([b"%s %d" % (one.log._state.server.encode(), count), b"", b"\xff"])
            if count % 10 == 0:
                await asyncio.sleep(0)
        await until(lambda: all(len(one.commands) == 900 for one in logs))
        assert east.commands == west.commands == north.commands
        assert all(one.numbers == list(range(1, 101)) for one in logs)
        servers = [[(s.server, s.address) for s in one.log.servers] for one in logs]
        assert servers[0] == servers[1] == servers[2]
        assert servers[0] == [(name, f"{name}:6464") for name in ("east", "west", "north")]
        assert len({one.log.checkpoint for one in logs}) == 1
    assert east.reports == [(True, "")]


async def test_start_returns_when_everything_before_is_applied(redis: RedisProcess) -> None:
    async with Recorder(redis.url, "east") as east:
        for count in range(1000):
            east.log.append([b"%d" % count])
        await east.settle()
        async with Recorder(redis.url, "west") as west:
            assert west.commands == east.commands
            joined = west.entries[-1]
            assert isinstance(joined, ServerJoined)
            assert joined.server == "west"


async def test_a_server_that_left_continues_at_its_checkpoint(redis: RedisProcess) -> None:
    async with Recorder(redis.url, "east") as east:
        async with Recorder(redis.url, "west") as west:
            west.log.append([b"before"])
            await west.settle()
        await until(lambda: [one.server for one in east.log.servers] == ["east"])
        assert not west.rejected, "leaving is not being declared expired"
        assert redis.command("KEYS", "lab:lease:*").count(b"lease") == 1
        east.log.append([b"meanwhile"])
        await east.settle()
        async with Recorder(redis.url, "west", checkpoint=west.saved) as again:
            again.log.append([b"after"])
            await again.settle()
            assert again.commands == [b"meanwhile", b"after"]
            assert again.numbers == [1]
