"""Snapshots in Redis: written in chunks by one server at a time, replaced atomically."""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from netchat.errors import ClusterError
from netchat.net.cluster.checkpoint import Checkpoint, order
from netchat.net.cluster.connection import RedisConnection
from netchat.net.cluster.keys import Keys

__all__ = ["ClusterSnapshot", "SnapshotInfo", "SnapshotStore"]

#: Bytes of a chunk. Redis serves other clients between two chunks.
CHUNK = 1 << 19

#: Seconds after which Redis deletes the chunks of an unfinished snapshot, and frees its lock. Each
#: chunk renews both.
UNFINISHED = 60

#: Attempts to load a snapshot that other servers keep replacing.
ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class ClusterSnapshot:
    """State of the owner at a checkpoint."""

    checkpoint: Checkpoint
    """Position and state of the log."""
    data: bytes
    """State of the owner."""


@dataclass(frozen=True, slots=True)
class SnapshotInfo:
    """Description of the snapshot in Redis."""

    identifier: str
    """Random identifier."""
    checkpoint: Checkpoint
    """Position and state of the log."""
    added: int
    """Entries that had been added to the stream when the snapshot was stored."""
    chunks: int
    """Number of chunks."""
    sha256: str
    """Digest of the uncompressed data."""

    def encode(self) -> bytes:
        """Return the description as JSON."""
        checkpoint = self.checkpoint.encode().decode()
        return json.dumps(
            [self.identifier, checkpoint, self.added, self.chunks, self.sha256]
        ).encode()

    @classmethod
    def decode(cls, data: bytes) -> SnapshotInfo:
        """Decode a description.

        Raises:
            ClusterError: It is damaged.
        """
        try:
            identifier, checkpoint, added, chunks, sha256 = json.loads(data)
            position = Checkpoint.decode(checkpoint.encode())
            return cls(str(identifier), position, int(added), int(chunks), str(sha256))
        except (ValueError, TypeError, AttributeError):
            raise ClusterError("the description of the cluster's snapshot is damaged") from None

    @classmethod
    def intact(cls, data: bytes | None) -> SnapshotInfo | None:
        """Decode a description; return None for a missing or damaged one, which is to be replaced."""
        try:
            return None if data is None else cls.decode(data)
        except ClusterError:
            return None


class SnapshotStore:
    """The snapshot of a cluster in Redis.

    Args:
        keys: Keys of the cluster.
    """

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._holder = secrets.token_hex(8)

    async def info(self, redis: RedisConnection) -> SnapshotInfo | None:
        """Return the description of the snapshot, or None without one."""
        (data,) = await redis.run(("GET", self._keys.snapshot))
        return None if data is None else SnapshotInfo.decode(data)

    async def lock(self, redis: RedisConnection) -> bool:
        """Take the lock for writing, and return whether it was free."""
        (taken,) = await redis.run(
            ("SET", self._keys.snapshot_lock, self._holder, "NX", "EX", UNFINISHED)
        )
        return taken is not None

    async def write(self, redis: RedisConnection, snapshot: ClusterSnapshot, added: int) -> bool:
        """Store a snapshot if it is newer than the present one.

        Args:
            redis: Connection that nothing else uses meanwhile.
            snapshot: State of the owner.
            added: Entries that have been added to the stream so far.

        Returns:
            Whether it was stored.
        """
        identifier = secrets.token_hex(8)
        key = self._keys.chunks(identifier)
        digest = hashlib.sha256()
        count = 0
        async for piece in _packed(snapshot.data, digest):
            await redis.run(
                ("HSET", key, count, piece),
                ("EXPIRE", key, UNFINISHED),
                ("EXPIRE", self._keys.snapshot_lock, UNFINISHED),
            )
            count += 1
        # The lock only saves work. WATCH makes sure that a newer snapshot is not replaced.
        _, present = await redis.run(("WATCH", self._keys.snapshot), ("GET", self._keys.snapshot))
        old = SnapshotInfo.intact(present)
        if old is not None and not _is_newer(snapshot.checkpoint, old.checkpoint):
            await redis.run(("UNWATCH",), ("UNLINK", key))
            return False
        info = SnapshotInfo(identifier, snapshot.checkpoint, added, count, digest.hexdigest())
        replies = await redis.run(
            ("MULTI",),
            ("PERSIST", key),
            ("SET", self._keys.snapshot, info.encode()),
            ("UNLINK", self._keys.chunks(old.identifier) if old else key + ":none"),
            ("DEL", self._keys.snapshot_lock),
            ("EXEC",),
        )
        return replies[-1] is not None

    async def load(self, redis: RedisConnection) -> ClusterSnapshot | None:
        """Return the snapshot, or None without one.

        Raises:
            ClusterError: The snapshot is damaged or incomplete.
        """
        for _ in range(ATTEMPTS):
            info = await self.info(redis)
            if info is None:
                return None
            pieces = []
            for number in range(info.chunks):
                (piece,) = await redis.run(("HGET", self._keys.chunks(info.identifier), number))
                pieces.append(piece)
            if None in pieces and await self.info(redis) != info:
                continue  # another server has replaced it meanwhile
            return ClusterSnapshot(info.checkpoint, await asyncio.to_thread(_joined, info, pieces))
        raise ClusterError("the cluster's snapshot was replaced while it was loaded, several times")


async def _packed(data: bytes, digest: hashlib._Hash) -> AsyncIterator[bytes]:
    """Compress data in a thread, piece by piece, and update the digest of the data."""
    packer = zlib.compressobj(1)

    def compress(start: int) -> bytes:
        part = data[start : start + CHUNK]
        digest.update(part)
        return packer.compress(part)

    packed = bytearray()
    for start in range(0, len(data), CHUNK):
        packed += await asyncio.to_thread(compress, start)
        if len(packed) >= CHUNK:
            yield bytes(packed[:CHUNK])
            del packed[:CHUNK]
    packed += packer.flush()
    for start in range(0, len(packed), CHUNK):
        yield bytes(packed[start : start + CHUNK])


def _joined(info: SnapshotInfo, pieces: list[bytes | None]) -> bytes:
    try:
        data = zlib.decompress(b"".join([piece for piece in pieces if piece is not None]))
    except zlib.error:
        data = b""
    if hashlib.sha256(data).hexdigest() != info.sha256:
        raise ClusterError(
            "the cluster's snapshot in Redis is damaged: its checksum does not match. "
            "Delete it while a server runs that has the whole history: "
            "redis-cli DEL NAME:snapshot"
        )
    return data


def _is_newer(new: Checkpoint, old: Checkpoint) -> bool:
    return new.cluster == old.cluster and order(new.position) > order(old.position)
