"""Interface of the owner of a cluster's log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO, Protocol

from netchat.net.cluster.checkpoint import Checkpoint
from netchat.net.cluster.entry_filter import Entry
from netchat.net.cluster.send_window import PendingBatch
from netchat.net.cluster.snapshot_store import ClusterSnapshot

__all__ = ["Replica"]


class Replica(Protocol):
    """Owner of the state that the log's commands change.

    The log calls one method at a time, except `snapshot`, which may run beside the others.
    """

    async def apply(self, entries: Sequence[Entry], checkpoint: Checkpoint) -> None:
        """Apply entries in order.

        The entries are durable in Redis. The owner stores `checkpoint` in the same transaction as
        their effects, and calls `ClusterLog.stored` with it afterwards.
        """

    async def snapshot(self) -> ClusterSnapshot:
        """Return the whole state, with the checkpoint of the last entry in it.

        The caller closes the file, which deletes it.
        """

    def snapshot_failed(self, error: Exception) -> None:
        """Handle a snapshot that could not be taken. The log tries again in a few seconds."""

    def temporary_file(self) -> IO[bytes]:
        """Create a file for a snapshot, which is deleted when it is closed."""

    async def restore(self, snapshot: ClusterSnapshot) -> None:
        """Replace the state, because the stream no longer reaches back to this server's position."""

    def available(self, is_available: bool, reason: str) -> None:
        """Handle the start or end of an outage of Redis, during which nothing is acknowledged."""

    def fenced(self, rejected: Sequence[PendingBatch], is_certain: bool) -> None:
        """Handle the expiry of this server's lease. The log joins again automatically, with a new epoch.

        Args:
            rejected: Batches that were appended and did not count.
            is_certain: False if the server was away longer than the stream reaches back. Some of these
                batches may then have counted; only the restored state shows which.
        """

    def ignored(self, position: str, reason: str) -> None:
        """Report an entry in the stream that no server wrote. All servers ignore it."""

    def failed(self, error: Exception) -> None:
        """Handle a permanent failure of the log, which an operator must resolve."""
