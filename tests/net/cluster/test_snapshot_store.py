"""Snapshots in Redis."""

from __future__ import annotations

import dataclasses
import errno
import io
import random
import zlib

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
    return ClusterSnapshot(Checkpoint(cluster, position, "", 0, ()), io.BytesIO(data))


async def load(store: SnapshotStore, connection: RedisConnection) -> tuple[str, bytes] | None:
    """Return the position and the data of the stored snapshot."""
    found = await store.load(connection, io.BytesIO())
    return None if found is None else (found.checkpoint.position, found.file.read())


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
    assert await load(store, connection) is None
    for position, data in (("1-0", DATA), ("2-0", b""), ("10-0", DATA[::-1])):
        assert await store.write(connection, snapshot(position, data), 5)
        assert await load(store, connection) == (position, data)
        (keys,) = await connection.run(("KEYS", "*"))
        assert len(keys) == 2
        assert await connection.run(*(("TTL", key) for key in keys)) == [-1, -1]
    assert not await store.write(connection, snapshot("9-0"), 5)
    assert not await store.write(connection, snapshot("10-0"), 5)
    assert not await store.write(connection, snapshot("11-0", cluster="other"), 5)
    assert await load(store, connection) == ("10-0", DATA[::-1])
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
    assert await load(store, connection) == ("2-0", b"new")
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
        await load(store, connection)


class Sizes(io.BytesIO):
    """A file that records the size of each read and write."""

    def __init__(self, data: bytes = b"") -> None:
        super().__init__(data)
        self.sizes: list[int] = []

    def read(self, size: int | None = -1) -> bytes:
        part = super().read(size)
        self.sizes.append(len(part))
        return part

    def write(self, part) -> int:
        self.sizes.append(len(part))
        return super().write(part)


@needs_redis
async def test_a_snapshot_is_read_and_written_in_small_parts(connection) -> None:
    """The history may be larger than the memory; 100,000 zeros become one chunk of Redis."""
    store, data = SnapshotStore(Keys("lab")), bytes(100_000) + DATA
    source, target = Sizes(data), Sizes()
    await store.write(connection, dataclasses.replace(snapshot("1-0"), file=source), 5)
    await store.load(connection, target)
    assert target.getvalue() == data
    assert max(source.sizes) == max(target.sizes) == 1000


@needs_redis
@pytest.mark.parametrize("size", [0, 4999, 5001])
async def test_a_snapshot_must_have_the_size_in_its_description(connection, size: int) -> None:
    store, keys = SnapshotStore(Keys("lab")), Keys("lab")
    await store.write(connection, snapshot("1-0"), 5)
    info = await store.info(connection)
    assert info.size == len(DATA)
    wrong = dataclasses.replace(info, size=size)
    await connection.run(("SET", keys.snapshot, wrong.encode()))
    file = Sizes()
    with pytest.raises(ClusterError, match="checksum does not match"):
        await store.load(connection, file)
    assert sum(file.sizes) <= size + 1000


@needs_redis
async def test_bytes_after_a_snapshot_give_an_error(connection) -> None:
    store, keys = SnapshotStore(Keys("lab")), Keys("lab")
    await store.write(connection, snapshot("1-0", b""), 5)
    info = await store.info(connection)
    await connection.run(("HSET", keys.chunks(info.identifier), 0, zlib.compress(b"") + b"!"))
    with pytest.raises(ClusterError, match="checksum does not match"):
        await load(store, connection)


@needs_redis
async def test_a_full_disk_gives_an_error(connection) -> None:
    class Full(io.BytesIO):
        def write(self, part) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    store = SnapshotStore(Keys("lab"))
    await store.write(connection, snapshot("1-0"), 5)
    with pytest.raises(ClusterError, match=r"cannot be written to the disk: .*No space left"):
        await store.load(connection, Full())


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"\xff", b'["a","b",1,1,1,"c"]', b'["a","[]",1,1,1,"c"]']
)
def test_a_damaged_description_gives_an_error(data: bytes) -> None:
    with pytest.raises(ClusterError, match="is damaged"):
        SnapshotInfo.decode(data)
    assert SnapshotInfo.intact(data) is None
