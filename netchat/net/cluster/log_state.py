"""State of one server's copy of the log, without I/O: the position, the epoch, the pending batches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from netchat.net.cluster.checkpoint import Checkpoint
from netchat.net.cluster.entries import (
    ForeignEntry,
    JoinedRecord,
    Record,
    entry_digest,
    parse_entry,
)
from netchat.net.cluster.entry_filter import CommandBatch, Entry, ServerExpired
from netchat.net.cluster.send_window import PendingBatch, SendWindow

__all__ = ["LogState", "StreamRead"]


@dataclass(slots=True)
class StreamRead:
    """Result of reading entries."""

    entries: list[Entry] = field(default_factory=list)
    """The entries that count, in order."""
    foreign: list[tuple[str, str]] = field(default_factory=list)
    """Positions of the entries that no server wrote, each with the reason."""
    rejected: list[PendingBatch] | None = None
    """If this server's epoch ended: its batches that do not count and never will."""
    is_superseded: bool = False
    """Whether another process joined with this server's identifier."""


class LogState:
    """A server's position in the log, its epoch, and its pending batches.

    Args:
        server: Identifier of the server.
        address: Address of the server for clients, or empty.
        checkpoint: Where to continue.
        limit: Maximum size of the pending batches, in bytes.
    """

    def __init__(self, server: str, address: str, checkpoint: Checkpoint, limit: int) -> None:
        self.is_first = False
        """Whether the cluster's history begins with that of this server."""
        self.server = server
        """Identifier of the server."""
        self._address = address
        self.window = SendWindow(limit)
        """Batches that have not come back in the stream."""
        self.epoch: int | None = None
        """Epoch of this server, even if its `joined` has not come back yet."""
        self.first_epoch: int | None = None
        """First epoch of this process."""
        self._set(checkpoint)

    def _set(self, checkpoint: Checkpoint) -> None:
        self.cluster = checkpoint.cluster
        """Random identifier of the stream."""
        self.position = checkpoint.position
        """Identifier of the last entry that was read."""
        self.digest = checkpoint.digest
        """Digest of that entry."""
        self.filter = checkpoint.entry_filter()
        """Rules that decide which entries count."""

    @property
    def checkpoint(self) -> Checkpoint:
        """Position and state of the log, to be stored with the entries' effects."""
        live = tuple(self.filter.live.values())
        return Checkpoint(self.cluster, self.position, self.digest, self.filter.highest, live)

    @property
    def is_live(self) -> bool:
        """Whether this server's epoch has started and not ended."""
        return self.epoch in self.filter.live

    def owns(self, entry: Entry) -> bool:
        """Return whether this process, and not an earlier one, caused an entry."""
        is_ours = entry.server == self.server and self.first_epoch is not None
        return is_ours and entry.epoch >= (self.first_epoch or 0)

    def join(self, epoch: int) -> None:
        """Use a new epoch from now on."""
        self.epoch = epoch
        self.first_epoch = epoch if self.first_epoch is None else self.first_epoch
        self.window.rewind()

    def joined_record(self) -> JoinedRecord:
        """Return the record that starts the epoch; the same until the epoch has started."""
        assert self.epoch is not None
        return JoinedRecord(self.epoch, self.server, self.window.first, self._address)

    def receive(self, entries: Iterable[tuple[str, list[bytes]]]) -> StreamRead:
        """Apply entries of the stream, each given as its position and fields.

        Raises:
            ClusterError: A newer version of netchat wrote an entry.
        """
        received = StreamRead()
        fields: list[bytes] | None = None
        for position, fields in entries:
            try:
                record = parse_entry(fields)
                counted = self.filter.apply(position, record)
            except ForeignEntry as error:
                received.foreign.append((position, str(error)))
                counted = []
            else:
                self._notice(record, counted, received)
            received.entries += counted
            self.position = position
        if fields is not None:
            self.digest = entry_digest(fields)
        return received

    def _notice(self, record: Record, counted: list[Entry], received: StreamRead) -> None:
        """Follow what happens to this server's own epoch and batches."""
        for entry in counted:
            if entry.epoch != self.epoch:
                continue
            if isinstance(entry, CommandBatch):
                self.window.acknowledge(entry.number)
            elif isinstance(entry, ServerExpired):
                self.epoch = None
                received.rejected = self.window.clear()
                received.is_superseded = entry.reason == "superseded"
        is_own = isinstance(record, JoinedRecord) and record.epoch == self.epoch
        if is_own and not self.is_live:
            # Another server with a higher epoch joined first. Nothing of this epoch has counted, so
            # the next epoch resends its batches.
            self.epoch = None

    def restore(self, checkpoint: Checkpoint) -> list[PendingBatch] | None:
        """Continue at a snapshot's checkpoint.

        Returns:
            If this server's epoch ended before it: its pending batches. Some may have counted.
        """
        self._set(checkpoint)
        if self.epoch is None or self.epoch > checkpoint.highest:
            return None
        one = self.filter.live.get(self.epoch)
        if one is not None:
            self.window.acknowledge(one.last)
            return None
        self.epoch = None
        return self.window.clear()
