"""Buffer of undecodable blocks for hybrid ARQ."""

from __future__ import annotations

from collections import OrderedDict

__all__ = ["REDUNDANCY", "HarqBuffer"]

#: Maximum number of copies per block, and of pieces of a block with incremental redundancy.
_MAX_COPIES, _MAX_PIECES = 5, 24

#: Code number in the keys of all blocks with incremental redundancy.
REDUNDANCY = -1

Key = tuple[int, int, int]
"""Offset, length and code number of a block, the same for all its copies."""

Copy = tuple[int, bytes]
"""Code number and coded payload of a copy, or of a piece."""


class HarqBuffer:
    """Copies of blocks that could not be decoded.

    Args:
        limit: Capacity in bytes; the least recently updated block is evicted first.

    Attributes:
        held: Number of bytes in use.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._copies: OrderedDict[Key, list[Copy]] = OrderedDict()
        self.held = 0

    def has(self, key: Key) -> bool:
        """Return whether there is a copy of a block."""
        return key in self._copies

    def add(self, key: Key, code: int, coded: bytes) -> list[Copy]:
        """Add a copy and return all copies of its block, the newest last."""
        copies = self._copies.setdefault(key, [])
        self._copies.move_to_end(key)
        if len(copies) == (_MAX_PIECES if key[2] == REDUNDANCY else _MAX_COPIES):
            self.held -= len(copies.pop(0)[1])
        copies.append((code, coded))
        self.held += len(coded)
        while self.held > self._limit:
            self._remove(next(iter(self._copies)))
        return copies

    def forget_before(self, offset: int) -> None:
        """Remove the blocks that end at or before a stream offset."""
        for key in [key for key in self._copies if key[0] + key[1] <= offset]:
            self._remove(key)

    def _remove(self, key: Key) -> None:
        self.held -= sum(len(coded) for _, coded in self._copies.pop(key))
