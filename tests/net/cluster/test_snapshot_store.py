"""Snapshots in Redis."""

from __future__ import annotations

import random

import pytest

from netchat.errors import ClusterError
from netchat.net.cluster import snapshot_store
from netchat.net.cluster.checkpoint import Checkpoint
from netchat.net.cluster.connection import RedisConnection
from netchat.net.cluster.keys import Keys
from netchat.net.cluster.snapshot_store import ClusterSnapshot, SnapshotInfo, SnapshotStore
from tests.net.cluster.redis_process import RedisProcess, needs_redis

DATA = random.Random(0).randbytes(5000)


def snapshot(position: str, data: bytes = DATA, cluster: str = "id") -> ClusterSnapshot:
    return ClusterSnapshot(Checkpoint(cluster, position, "", 0, ()), data)


@pytest.fixture
async def connection(redis: RedisProcess, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(snapshot_store, "CHUNK", 1000)
    connection = RedisConnection(redis.url, 30.0)
    await connection.connect()
    yield connection
    await connection.close()


@needs_redis
async def test_a_newer_snapshot_replaces_an_older_one_with_its_chunks(connection) -> None:
    store = SnapshotStore(Keys("lab"))
    assert await store.load(connection) is None
    for position, data in (("1-0", DATA), ("2-0", b""), ("10-0", DATA[::-1])):
        assert await store.write(connection, snapshot(position, data), 5)
        assert await store.load(connection) == snapshot(position, data)
        (keys,) = await connection.run(("KEYS", "*"))
        assert len(keys) == 2
        assert await connection.run(*(("TTL", key) for key in keys)) == [-1, -1]
    assert not await store.write(connection, snapshot("9-0"), 5)
    assert not await store.write(connection, snapshot("10-0"), 5)
    assert not await store.write(connection, snapshot("11-0", cluster="other"), 5)
    assert await store.load(connection) == snapshot("10-0", DATA[::-1])
    assert len((await connection.run(("KEYS", "*")))[0]) == 2


@needs_redis
async def test_one_server_writes_at_a_time(connection) -> None:
    east, west = SnapshotStore(Keys("lab")), SnapshotStore(Keys("lab"))
    assert await east.lock(connection)
    assert not await west.lock(connection)
    await east.write(connection, snapshot("1-0"), 5)
    assert await west.lock(connection)


@needs_redis
async def test_a_snapshot_that_is_overtaken_while_it_is_written_is_dropped(
    connection, redis: RedisProcess, monkeypatch
) -> None:
    store, run = SnapshotStore(Keys("lab")), connection.run

    async def overtaken(*commands):
        if commands[0] == ("MULTI",):
            redis.command("SET", "lab:snapshot", "another")
        return await run(*commands)

    monkeypatch.setattr(connection, "run", overtaken)
    assert not await store.write(connection, snapshot("1-0"), 5)
    assert await run(("GET", "lab:snapshot")) == [b"another"]


@needs_redis
async def test_a_snapshot_that_is_replaced_while_it_is_loaded(
    connection, redis: RedisProcess, monkeypatch
) -> None:
    writer = RedisConnection(redis.url, 30.0)
    await writer.connect()
    store, run, replaced = SnapshotStore(Keys("lab")), connection.run, []
    await store.write(writer, snapshot("1-0"), 5)

    async def replacing(*commands):
        if commands[0][0] == "HGET" and commands[0][2] == 3 and not replaced:
            replaced.append(await store.write(writer, snapshot("2-0", b"new"), 5))
        return await run(*commands)

    monkeypatch.setattr(connection, "run", replacing)
    assert await store.load(connection) == snapshot("2-0", b"new")
    assert replaced == [True]
    await writer.close()


@needs_redis
@pytest.mark.parametrize("damage", ["flipped", "missing"])
async def test_a_damaged_snapshot_gives_an_error(connection, damage: str) -> None:
    store = SnapshotStore(Keys("lab"))
    await store.write(connection, snapshot("1-0"), 5)
    info = await store.info(connection)
    key = Keys("lab").chunks(info.identifier)
    command = ("HSET", key, 1, "x" * 1000) if damage == "flipped" else ("HDEL", key, 1)
    await connection.run(command)
    with pytest.raises(ClusterError, match="checksum does not match"):
        await store.load(connection)


@pytest.mark.parametrize("data", [b"", b"[]", b"\xff", b'["a","b",1,1,"c"]', b'["a","[]",1,1,"c"]'])
def test_a_damaged_description_gives_an_error(data: bytes) -> None:
    with pytest.raises(ClusterError, match="is damaged"):
        SnapshotInfo.decode(data)
    assert SnapshotInfo.intact(data) is None
