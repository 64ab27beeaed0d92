"""When to take a snapshot, and how far to trim the stream."""

from __future__ import annotations

import re
from unittest.mock import AsyncMock

import pytest

from netchat.errors import HistoryError
from netchat.net.cluster.checkpoint import Checkpoint
from netchat.net.cluster.connection import RedisUnavailable
from netchat.net.cluster.maintenance import StreamInfo, is_snapshot_due, trim_position
from netchat.net.cluster.redis_url import parse_redis_url
from netchat.net.cluster.snapshot_store import SnapshotInfo
from tests.net.cluster.recorder import Recorder, until
from tests.net.cluster.redis_process import RedisProcess, needs_redis
from tests.net.cluster.unix_proxy import UnixProxy


def info(position: str = "5-0", added: int = 10) -> SnapshotInfo:
    return SnapshotInfo("x", Checkpoint("id", position, "", 0, ()), added, 1, 1, "")


@pytest.mark.parametrize(
    ("length", "added", "snapshot", "due"),
    [
        (99, 99, None, False),
        (100, 100, None, True),
        (5, 6, None, True),  # the snapshot was deleted, and the stream does not reach back
        (109, 109, info(), False),
        (110, 110, info(), True),
    ],
)
def test_when_a_snapshot_is_due(length, added, snapshot, due) -> None:
    assert is_snapshot_due(StreamInfo(length, added), snapshot, 100) is due


def test_the_slowest_server_and_the_snapshot_decide_how_far_to_trim() -> None:
    assert trim_position(["9-0"], None) is None
    assert trim_position(["9-0", "10-0"], info("5-0")) == "5-0"
    assert trim_position(["9-0", "10-0"], info("11-0")) == "9-0"


def length(redis: RedisProcess) -> int:
    return int(redis.command("XLEN", "lab:stream")[1:])


@needs_redis
async def test_a_new_server_starts_from_the_snapshot_and_the_rest(redis: RedisProcess) -> None:
    async with Recorder(redis.url, "east", snapshot_every=500) as east:
        for count in range(600):
            east.log.append([b"%d" % count])
        await east.settle()
        await until(lambda: length(redis) < 400)
        async with Recorder(redis.url, "west", snapshot_every=1 << 30) as west:
            assert west.restored == 1
            assert west.commands == east.commands
            assert len(west.entries) < 400
            east.log.append([b"more"])
            await east.settle()
            await until(lambda: west.commands == east.commands)
            assert west.log.servers[0].durable is not None


def trims(redis: RedisProcess) -> int:
    """Return how often the stream was trimmed, or found to need no trimming."""
    found = re.search(rb"cmdstat_xtrim:calls=(\d+)", redis.command("INFO", "commandstats"))
    return int(found[1]) if found else 0


def intact(redis: RedisProcess) -> bool:
    return SnapshotInfo.intact(redis.command("GET", "lab:snapshot").split(b"\r\n")[1]) is not None


@needs_redis
async def test_a_slow_server_keeps_the_stream_and_one_that_left_does_not(redis) -> None:
    async with Recorder(redis.url, "east", snapshot_every=100) as east:
        west = Recorder(redis.url, "west", snapshot_every=1 << 30)
        west.log.stored = lambda checkpoint: None  # it never stores anything
        async with west:
            for count in range(300):
                east.log.append([b"%d" % count])
            await until(lambda: redis.command("EXISTS", "lab:snapshot") == b":1\r\n")
            before = trims(redis)
            await until(lambda: trims(redis) > before + 1)
            assert length(redis) == 302
        await until(lambda: length(redis) < 302)


@needs_redis
async def test_a_server_that_was_paused_past_the_trimmed_stream_restores(redis) -> None:
    """It keeps its connections, and learns from the stream alone that entries are missing."""
    async with (
        UnixProxy(redis.socket) as proxy,
        Recorder(redis.url, "east", snapshot_every=300) as east,
        Recorder(parse_redis_url(f"unix://{proxy.path}"), "west", snapshot_every=1 << 30) as west,
    ):
        west.log.append([b"one"])
        await west.settle()
        proxy.pause()
        pending = west.log.append([b"never counts"])
        east.log.append([b"two"])  # the reply that waits for the paused server
        await east.settle()
        old = str(west.log.epoch)
        redis.command("XADD", "lab:stream", "*", "v", "1", "epoch", old, "expired", "lease")
        for count in range(400):
            east.log.append([b"%d" % count])
        await east.settle()
        await until(lambda: length(redis) < 300)
        proxy.resume()
        await until(lambda: west.rejected)
        (batches, is_certain) = west.rejected[0]
        assert ([one.number for one in batches], is_certain) == ([pending], False)
        assert west.restored == 1
        west.log.append([b"again"])
        await west.settle()
        await until(lambda: len(east.commands) == 403)
        assert west.commands == east.commands


@needs_redis
@pytest.mark.parametrize(
    "problem", [HistoryError("full"), OSError(28, ""), RedisUnavailable("OOM")]
)
async def test_a_snapshot_that_fails_is_tried_again(redis: RedisProcess, problem) -> None:
    async with Recorder(redis.url, "east", snapshot_every=100) as east:
        take, east.snapshot = east.snapshot, AsyncMock(side_effect=problem)
        for count in range(200):
            east.log.append([b"%d" % count])
        await until(lambda: len(east.snapshot_errors) > 1)
        assert east.snapshot_errors[0] is problem
        assert not east.errors
        assert [one[0] for one in east.reports] == [True]
        east.snapshot = take
        await until(lambda: redis.command("EXISTS", "lab:snapshot") == b":1\r\n")


@needs_redis
@pytest.mark.parametrize("damage", [("DEL", "lab:snapshot"), ("SET", "lab:snapshot", "garbage")])
async def test_a_deleted_or_damaged_snapshot_is_replaced(redis: RedisProcess, damage) -> None:
    async with Recorder(redis.url, "east", snapshot_every=300) as east:
        for count in range(400):
            east.log.append([b"%d" % count])
        await east.settle()
        await until(lambda: length(redis) < 300)
        redis.command(*damage)
        await until(lambda: intact(redis))
        async with Recorder(redis.url, "west") as west:
            assert west.commands == east.commands
