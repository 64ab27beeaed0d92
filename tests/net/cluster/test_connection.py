"""Connections to Redis: what errors say."""

from __future__ import annotations

import subprocess
import sys

import pytest

from netchat.net.cluster.connection import RedisConnection, RedisUnavailable
from netchat.net.cluster.redis_url import parse_redis_url
from tests.net.cluster.redis_process import RedisProcess, needs_redis


async def refusal(url: str) -> str:
    async def ping() -> None:
        await connection.connect()
        await connection.run(("PING",))

    connection = RedisConnection(parse_redis_url(url), 10.0)
    with pytest.raises(RedisUnavailable) as caught:
        await ping()
    await connection.close()
    return str(caught.value)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no Unix sockets")
async def test_a_redis_that_does_not_run() -> None:
    assert await refusal("redis://u:s3cret@127.0.0.1:1/0") == (
        "redis://127.0.0.1:1/0: cannot connect to Redis: Connection refused"
    )
    assert await refusal("unix:///nowhere/redis.sock") == (
        "unix:///nowhere/redis.sock?db=0: cannot connect to Redis: No such file or directory"
    )


@needs_redis
async def test_a_password_that_is_missing_or_wrong(redis: RedisProcess) -> None:
    redis.command("CONFIG", "SET", "requirepass", "s3cret")
    assert "requires a password" in await refusal(f"unix://{redis.socket}")
    assert "refused the user name or password" in await refusal(f"unix://:wr0ng@{redis.socket}")
    assert "DB index is out of range" in await refusal(f"unix://:s3cret@{redis.socket}?db=99")


@needs_redis
async def test_an_error_leaves_the_other_replies_in_their_places(redis: RedisProcess) -> None:
    connection = RedisConnection(redis.url, 10.0)
    await connection.connect()
    with pytest.raises(RedisUnavailable, match="Redis refused a command: "):
        await connection.run(("PING",), ("NO-SUCH-COMMAND",), ("ECHO", "a"))
    assert await connection.run(("ECHO", "b"), ("ECHO", "c")) == [b"b", b"c"]
    await connection.close()
    with pytest.raises(RedisUnavailable, match="was lost"):
        await connection.run(("PING",))


def test_without_redis_py_the_package_is_importable_and_the_error_says_what_to_install() -> None:
    code = """
import asyncio, sys
sys.modules["redis"] = None
import netchat.net.cluster.log
from netchat.net.cluster.connection import RedisConnection
from netchat.net.cluster.redis_url import parse_redis_url
try:
    asyncio.run(RedisConnection(parse_redis_url("redis://localhost"), 1.0).connect())
except netchat.errors.ClusterError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 'python -m pip install "netchat[cluster]"' in done.stdout
