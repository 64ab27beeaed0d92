"""Batches that a server has appended, until they come back in the stream."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from netchat.net.cluster.entries import pack_commands

__all__ = ["PendingBatch", "SendWindow"]


@dataclass(frozen=True, slots=True)
class PendingBatch:
    """A batch that is not known to be in the stream."""

    number: int
    """Number that `append` returned."""
    commands: bytes
    """Packed commands."""


class SendWindow:
    """Sender of the go-back-N scheme: what to send, and what to resend.

    A reply to an append acknowledges nothing. Only a batch that comes back in the stream, and counts
    there, is removed.

    Args:
        limit: Maximum size of the pending batches, in bytes.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._pending: deque[PendingBatch] = deque()
        self._sent = 0
        self._next = 1
        self.size = 0
        """Size of the pending batches, in bytes."""

    def __len__(self) -> int:
        return len(self._pending)

    @property
    def has_space(self) -> bool:
        """Whether the window accepts another batch."""
        return self.size < self._limit

    @property
    def has_unsent(self) -> bool:
        """Whether a batch waits to be sent."""
        return self._sent < len(self._pending)

    @property
    def has_sent(self) -> bool:
        """Whether a batch that was sent has not come back."""
        return self._sent > 0

    @property
    def first(self) -> int:
        """Number of the oldest pending batch, or of the next one."""
        return self._pending[0].number if self._pending else self._next

    def append(self, commands: Iterable[bytes]) -> int:
        """Add a batch, and return its number."""
        batch = PendingBatch(self._next, pack_commands(commands))
        self._next += 1
        self._pending.append(batch)
        self.size += len(batch.commands)
        return batch.number

    def take(self, limit: int) -> list[PendingBatch]:
        """Return unsent batches of about `limit` bytes, at least one if there is one."""
        taken: list[PendingBatch] = []
        size = 0
        while self.has_unsent and size < limit:
            batch = self._pending[self._sent]
            taken.append(batch)
            size += len(batch.commands)
            self._sent += 1
        return taken

    def rewind(self) -> None:
        """Count all pending batches as unsent, because replies may have been lost."""
        self._sent = 0

    def acknowledge(self, number: int) -> None:
        """Remove the batches up to a number."""
        while self._pending and self._pending[0].number <= number:
            self.size -= len(self._pending.popleft().commands)
            self._sent = max(self._sent - 1, 0)

    def clear(self) -> list[PendingBatch]:
        """Remove and return all pending batches."""
        rejected = list(self._pending)
        self._pending.clear()
        self._sent = self.size = 0
        return rejected
