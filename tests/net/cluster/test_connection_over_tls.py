"""A real Redis over TLS, with a CA of its own."""

from __future__ import annotations

import asyncio
import subprocess

import pytest

from netchat.net.cluster.connection import RedisConnection, RedisUnavailable
from netchat.net.cluster.redis_url import parse_redis_url
from netchat.net.tls.server import TlsServer
from tests.end_to_end.processes import free_port
from tests.net.cluster.redis_process import PROGRAM, needs_redis
from tests.net.serving import certificate_folder

pytestmark = needs_redis


@pytest.fixture
async def redis(tmp_path):
    """Yield the port of a Redis with TLS, and the file of its CA."""
    files, port = TlsServer(folder=certificate_folder()).files, free_port()
    process = subprocess.Popen(
        [
            PROGRAM, "--port", "0", "--tls-port", str(port), "--tls-auth-clients", "no",
            "--tls-cert-file", files.chain, "--tls-key-file", files.key,
            "--tls-ca-cert-file", files.ca, "--dir", tmp_path, "--save", "",
        ],
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with asyncio.timeout(20):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    await asyncio.sleep(0.05)
                else:
                    writer.close()
                    break
        yield port, files.ca
    finally:
        process.terminate()
        process.wait(10)


async def test_the_ca_of_the_url_is_trusted(redis) -> None:
    port, ca = redis
    connection = RedisConnection(parse_redis_url(f"rediss://127.0.0.1:{port}/0?ca={ca}"), 10.0)
    await connection.connect()
    assert await connection.run(("PING",)) == [b"PONG"]
    await connection.close()


async def test_without_it_the_error_says_what_to_do(redis) -> None:
    connection = RedisConnection(parse_redis_url(f"rediss://127.0.0.1:{redis[0]}/0"), 10.0)
    with pytest.raises(RedisUnavailable, match=r"not trusted .*append \?ca=FILE to the URL"):
        await connection.connect()
