"""Start of a server: at its own position in the stream, or at the cluster's snapshot."""

from __future__ import annotations

import secrets

from netchat.errors import ClusterError
from netchat.net.cluster.checkpoint import START, Place, locate
from netchat.net.cluster.connection import RedisConnection, RedisUnavailable
from netchat.net.cluster.entries import entry_digest
from netchat.net.cluster.keys import Keys
from netchat.net.cluster.log_state import LogState
from netchat.net.cluster.replica import Replica
from netchat.net.cluster.snapshot_store import SnapshotStore
from netchat.net.cluster.uninterrupted import uninterrupted

__all__ = ["LogLost", "find_position"]

#: Maximum number of snapshots that are replaced while a server starts from them.
ATTEMPTS = 5


class LogLost(ClusterError):
    """Redis came back without entries that this server has applied."""

    def __init__(self, position: str) -> None:
        super().__init__(
            "Redis has lost entries of the cluster's log that this server has applied "
            f"(up to {position}): its data was replaced by older data, deleted, or a replica without "
            "them became the primary. This server has stopped, because continuing would make the "
            "servers' histories differ. Give Redis its newest data back (the folder appendonlydir of "
            "the primary that failed), and start the servers again"
        )


async def find_position(
    redis: RedisConnection, keys: Keys, state: LogState, replica: Replica
) -> None:
    """Check that the stream contains the state's position, or restore the snapshot.

    Raises:
        LogLost: Redis has lost entries that this server has applied.
        ClusterError: This server has its own history, and the cluster has another one.
        RedisUnavailable: Redis did not answer, or the cluster's first server has just begun.
    """
    store = SnapshotStore(keys)
    _, identity = await redis.run(
        ("SET", keys.identity, secrets.token_hex(8), "NX"), ("GET", keys.identity)
    )
    cluster = identity.decode("utf-8", "replace")
    if state.position == START:
        await _claim_first(redis, keys, state)
    for _ in range(ATTEMPTS):
        at = state.position
        same, first = await redis.run(
            ("XRANGE", keys.stream, at, at), ("XRANGE", keys.stream, "-", "+", "COUNT", 1)
        )
        found = entry_digest(same[0][1]) if same else None
        # A server that can continue does not need the snapshot, even if that is damaged.
        info = await store.info(redis) if found is None else None
        place = locate(
            state.checkpoint,
            cluster,
            found,
            first[0][0].decode() if first else None,
            info.checkpoint.position if info else None,
        )
        if place is Place.PRESENT:
            state.cluster = cluster
            return
        if place is Place.LOST or (info is not None and info.checkpoint.cluster != cluster):
            raise LogLost(at)
        await _restore(store, redis, state, replica)
    raise RedisUnavailable("the cluster's snapshot was replaced while this server started from it")


async def _claim_first(redis: RedisConnection, keys: Keys, state: LogState) -> None:
    """Make sure that no other server's history is the beginning of the cluster's."""
    claim = ("SET", keys.first, state.server, "NX", "GET")
    before, length, snapshots = await redis.run(
        claim if state.is_first else ("GET", keys.first),
        ("XLEN", keys.stream),
        ("EXISTS", keys.snapshot),
    )
    if before == state.server.encode():
        return  # it was interrupted before it stored its history
    if before is not None and not snapshots:
        raise RedisUnavailable(
            f"the cluster begins with the history of server {before.decode('utf-8', 'replace')}, which "
            "has not stored it in Redis yet: try again in a moment"
        )
    if state.is_first and (snapshots or length):
        if before is None:
            await redis.run(("DEL", keys.first))
        raise ClusterError(
            "the cluster has a history already, and this server's history is a different one: choose a "
            "new file with --history"
        )


async def _restore(
    store: SnapshotStore, redis: RedisConnection, state: LogState, replica: Replica
) -> None:
    with replica.temporary_file() as file:
        snapshot = await store.load(redis, file)
        if snapshot is None:
            return

        async def replace() -> None:
            rejected = state.restore(snapshot.checkpoint)
            await replica.restore(snapshot)
            if rejected is not None:
                replica.fenced(rejected, False)

        await uninterrupted(replace())
