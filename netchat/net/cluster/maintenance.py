"""Upkeep of the stream: when to take a snapshot, and how far to trim."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from netchat.errors import NetchatError
from netchat.net.cluster.checkpoint import order
from netchat.net.cluster.connection import Argument, RedisConnection, RedisUnavailable
from netchat.net.cluster.keys import Keys
from netchat.net.cluster.snapshot_store import ClusterSnapshot, SnapshotInfo, SnapshotStore

__all__ = ["StreamInfo", "is_snapshot_due", "maintain", "trim_position"]


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """Counters of the stream."""

    length: int
    """Number of entries."""
    added: int
    """Number of entries ever added."""

    @classmethod
    def parse(cls, reply: list[Any]) -> StreamInfo:
        """Parse the reply to XINFO STREAM."""
        fields = dict(zip(reply[::2], reply[1::2], strict=True))
        return cls(fields[b"length"], fields[b"entries-added"])


def is_snapshot_due(stream: StreamInfo, snapshot: SnapshotInfo | None, every: int) -> bool:
    """Return whether to take a snapshot.

    Args:
        stream: Counters of the stream.
        snapshot: The present snapshot.
        every: Entries between two snapshots.
    """
    if snapshot is None:  # also if it was deleted after the stream was trimmed
        return stream.length >= every or stream.added > stream.length
    return stream.added - snapshot.added >= every


def trim_position(durable: Iterable[str], snapshot: SnapshotInfo | None) -> str | None:
    """Return the first position that the stream must keep, or None if it must keep everything.

    Args:
        durable: Positions up to which each live server has stored the effects.
        snapshot: The present snapshot.
    """
    if snapshot is None:
        return None
    return min([snapshot.checkpoint.position, *durable], key=order)


async def maintain(
    run: Callable[..., Awaitable[list[Any]]],
    connect: Callable[[], RedisConnection],
    keys: Keys,
    durable: Sequence[str] | None,
    take: Callable[[], Awaitable[ClusterSnapshot]],
    every: int,
    failed: Callable[[Exception], None],
) -> None:
    """Take a snapshot if one is due and no other server takes one, and trim the stream.

    If the snapshot fails, the server continues without it; the next call tries again.

    Args:
        run: Runs commands on a connection.
        connect: Returns a new, closed connection for the snapshot.
        keys: Keys of the cluster.
        durable: Positions of all live servers; None if one is unknown, so that nothing is trimmed.
        take: Returns the state of the owner.
        every: Entries between two snapshots.
        failed: Learns why a snapshot could not be taken, for example because the disk is full.
    """
    store = SnapshotStore(keys)
    length, reply, present = await run(
        ("XLEN", keys.stream), ("XINFO", "STREAM", keys.stream), ("GET", keys.snapshot)
    )
    if not length:
        return
    info = SnapshotInfo.intact(present)
    stream = StreamInfo.parse(reply)
    if is_snapshot_due(stream, info, every):
        connection = connect()
        await connection.connect()
        try:
            if await store.lock(connection):
                snapshot = await take()
                with snapshot.file:
                    await store.write(connection, snapshot, stream.added)
            info = SnapshotInfo.intact((await connection.run(("GET", keys.snapshot)))[0])
        except (NetchatError, OSError) as error:
            if isinstance(error, RedisUnavailable) and not connection.is_open:
                raise
            failed(error)
            await run(("DEL", keys.snapshot_lock))  # for a server that can take it
        finally:
            await connection.close()
    minimum = None if durable is None else trim_position(durable, info)
    if minimum is not None:
        # "~" removes whole nodes of the stream, which costs almost nothing.
        trim: Sequence[Argument] = ("XTRIM", keys.stream, "MINID", "~", minimum)
        await run(trim)
