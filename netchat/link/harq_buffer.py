"""Buffer of undecodable blocks for hybrid ARQ."""

from __future__ import annotations

from collections import OrderedDict

__all__ = ["HarqBuffer"]

#: Maximum number of copies per block.
_MAX_COPIES = 5

Key = tuple[int, int, int]
"""Offset, length and code number of a block, the same for all its copies."""


class HarqBuffer:
    """Copies of blocks that could not be decoded.

    Args:
        limit: Capacity in bytes; the least recently updated block is evicted first.

    Attributes:
        held: Number of bytes in use.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._copies: OrderedDict[Key, list[bytes]] = OrderedDict()
        self.held = 0

    def add(self, key: Key, coded: bytes) -> list[bytes]:
        """Add a copy and return all copies of its block, the newest last."""
        copies = self._copies.setdefault(key, [])
        self._copies.move_to_end(key)
        if len(copies) == _MAX_COPIES:
            self.held -= len(copies.pop(0))
        copies.append(coded)
        self.held += len(coded)
        while self.held > self._limit:
            self._remove(next(iter(self._copies)))
        return copies

    def forget_before(self, offset: int) -> None:
        """Remove the blocks that end at or before a stream offset."""
        for key in [key for key in self._copies if key[0] + key[1] <= offset]:
            self._remove(key)

    def _remove(self, key: Key) -> None:
        self.held -= sum(map(len, self._copies.pop(key)))
