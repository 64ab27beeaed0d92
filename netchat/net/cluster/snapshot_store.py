"""Snapshots in Redis: written in chunks by one server at a time, replaced atomically."""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import IO

from netchat.errors import ClusterError
from netchat.net.cluster.checkpoint import Checkpoint, order
from netchat.net.cluster.connection import RedisConnection
from netchat.net.cluster.keys import Keys

__all__ = ["ClusterSnapshot", "SnapshotInfo", "SnapshotStore"]

#: Size of a chunk, in bytes. Redis serves other clients between two chunks.
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
    file: IO[bytes]
    """State of the owner, in a temporary file: it may be too large for the memory."""


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
    size: int
    """Size of the uncompressed data, in bytes."""
    sha256: str
    """Digest of the uncompressed data."""

    def encode(self) -> bytes:
        """Return the description as JSON."""
        checkpoint = self.checkpoint.encode().decode()
        return json.dumps(
            [self.identifier, checkpoint, self.added, self.chunks, self.size, self.sha256]
        ).encode()

    @classmethod
    def decode(cls, data: bytes) -> SnapshotInfo:
        """Decode a description.

        Raises:
            ClusterError: It is damaged.
        """
        try:
            identifier, checkpoint, added, chunks, size, sha256 = json.loads(data)
            position = Checkpoint.decode(checkpoint.encode())
            return cls(str(identifier), position, int(added), int(chunks), int(size), str(sha256))
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
        async for piece in _packed(snapshot.file, digest):
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
        info = SnapshotInfo(
            identifier,
            snapshot.checkpoint,
            added,
            count,
            snapshot.file.tell(),
            digest.hexdigest(),
        )
        replies = await redis.run(
            ("MULTI",),
            ("PERSIST", key),
            ("SET", self._keys.snapshot, info.encode()),
            ("UNLINK", self._keys.chunks(old.identifier) if old else key + ":none"),
            ("DEL", self._keys.snapshot_lock),
            ("EXEC",),
        )
        return replies[-1] is not None

    async def load(self, redis: RedisConnection, file: IO[bytes]) -> ClusterSnapshot | None:
        """Load the snapshot into a file.

        Args:
            redis: Connection.
            file: An empty file.

        Returns:
            The snapshot, with this file at its start; None without one.

        Raises:
            ClusterError: The snapshot is damaged or incomplete, or the file cannot be written.
        """
        for _ in range(ATTEMPTS):
            info = await self.info(redis)
            if info is None:
                return None
            unpacker = _Unpacker(info, file)
            for number in range(info.chunks):
                (piece,) = await redis.run(("HGET", self._keys.chunks(info.identifier), number))
                if piece is None:
                    break
                await asyncio.to_thread(unpacker.add, piece)
            else:
                unpacker.finish()
                return ClusterSnapshot(info.checkpoint, file)
            if (
                await self.info(redis) == info
            ):  # otherwise, another server has replaced it meanwhile
                raise _damaged()
        raise ClusterError("the cluster's snapshot was replaced several times while it was loaded")


async def _packed(file: IO[bytes], digest: hashlib._Hash) -> AsyncIterator[bytes]:
    """Compress a file in a thread, piece by piece, and update the digest of its content."""
    packer = zlib.compressobj(1)

    def compress() -> bytes | None:
        part = file.read(CHUNK)
        digest.update(part)
        return packer.compress(part) if part else None

    file.seek(0)
    packed = bytearray()
    while (more := await asyncio.to_thread(compress)) is not None:
        packed += more
        if len(packed) >= CHUNK:
            yield bytes(packed[:CHUNK])
            del packed[:CHUNK]
    packed += packer.flush()
    for start in range(0, len(packed), CHUNK):
        yield bytes(packed[start : start + CHUNK])


class _Unpacker:
    """Decompresses the chunks of a snapshot into a file, and checks size and digest.

    Args:
        info: Description of the snapshot.
        file: The file, which is emptied first.
    """

    def __init__(self, info: SnapshotInfo, file: IO[bytes]) -> None:
        self._info = info
        self._file = file
        self._zlib = zlib.decompressobj()
        self._digest = hashlib.sha256()
        file.seek(0)
        file.truncate()

    def add(self, packed: bytes) -> None:
        """Decompress the next chunk, in parts: it may expand by a factor of 1000."""
        try:
            part = b""
            while packed or len(part) == CHUNK:
                part = self._zlib.decompress(packed, CHUNK)
                packed = self._zlib.unconsumed_tail
                self._digest.update(part)
                self._file.write(part)
                if self._file.tell() > self._info.size or self._zlib.unused_data:
                    raise _damaged()
        except zlib.error:
            raise _damaged() from None
        except OSError as error:
            raise _unwritable(error) from error

    def finish(self) -> None:
        """Check that the snapshot is complete, and go to its start."""
        is_complete = self._zlib.eof and self._file.tell() == self._info.size
        if not is_complete or self._digest.hexdigest() != self._info.sha256:
            raise _damaged()
        try:
            self._file.flush()
            self._file.seek(0)
        except OSError as error:
            raise _unwritable(error) from error


def _damaged() -> ClusterError:
    return ClusterError(
        "the cluster's snapshot in Redis is damaged: its checksum does not match. "
        "Delete it while a server runs that has the whole history: "
        "redis-cli DEL NAME:snapshot"
    )


def _unwritable(error: OSError) -> ClusterError:
    return ClusterError(f"the cluster's snapshot cannot be written to the disk: {error}")


def _is_newer(new: Checkpoint, old: Checkpoint) -> bool:
    return new.cluster == old.cluster and order(new.position) > order(old.position)
