"""The copies of blocks that could not be decoded, kept for hybrid ARQ."""

from __future__ import annotations

from collections import OrderedDict

__all__ = ["HarqBuffer"]

#: Copies that are kept of one block.
_MOST_COPIES = 5

Key = tuple[int, int, int]
"""What all copies of a block have in common: offset, length, code."""


class HarqBuffer:
    """Blocks that could not be decoded.

    Args:
        limit: bytes that are kept in all; the block that waits longest for its next copy goes first.

    Attributes:
        held: bytes that are kept.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept: OrderedDict[Key, list[bytes]] = OrderedDict()
        self.held = 0

    def add(self, key: Key, coded: bytes) -> list[bytes]:
        """Keep a copy; returns all that there are of its block, this one last."""
        copies = self._kept.setdefault(key, [])
        self._kept.move_to_end(key)
        if len(copies) == _MOST_COPIES:
            self.held -= len(copies.pop(0))
        copies.append(coded)
        self.held += len(coded)
        while self.held > self._limit:
            self._forget(next(iter(self._kept)))
        return copies

    def forget_before(self, offset: int) -> None:
        """Everything in front of this place of the stream has arrived."""
        for key in [key for key in self._kept if key[0] + key[1] <= offset]:
            self._forget(key)

    def _forget(self, key: Key) -> None:
        self.held -= sum(map(len, self._kept.pop(key)))
