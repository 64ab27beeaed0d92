"""Fixtures of the tests with a real Redis."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.net.cluster.redis_process import RedisProcess


@pytest.fixture
def redis() -> Iterator[RedisProcess]:
    """Start a redis-server that keeps what it acknowledges."""
    # Short: the path of a Unix socket has at most 107 bytes.
    with tempfile.TemporaryDirectory(prefix="netchat-") as folder:
        server = RedisProcess(Path(folder))
        server.start()
        yield server
        server.stop()
