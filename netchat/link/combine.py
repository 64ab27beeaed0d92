"""Hybrid ARQ: a block that failed is kept, and decoded together with its next copy.

Chase combining (Chase 1985) with hard decisions. Of two copies, the bits in which they differ are
erasures; of three and more, each bit is what most of them say, and where they are equal an erasure.
"""

from __future__ import annotations

from collections import OrderedDict

import numpy as np

__all__ = ["Copies"]

#: Copies that are kept of one block.
_MOST_COPIES = 5


class Copies:
    """Blocks that could not be decoded.

    Args:
        limit: bytes that are kept in all; the block that waits longest for its next copy goes first.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept: OrderedDict[tuple[int, int, int], list[bytes]] = OrderedDict()
        self.held = 0

    def combine(self, key: tuple[int, int, int], coded: bytes) -> tuple[bytes, bytes] | None:
        """Add a copy.

        Args:
            key: what all copies of a block have in common: offset, length, code.
            coded: the copy.

        Returns:
            The bits as the copies have it, and those among them that are not known; None for a first
            copy.
        """
        copies = self._kept.setdefault(key, [])
        self._kept.move_to_end(key)
        if len(copies) == _MOST_COPIES:
            self.held -= len(copies.pop(0))
        copies.append(coded)
        self.held += len(coded)
        while self.held > self._limit:
            self.forget(next(iter(self._kept)))
        if len(copies) == 1:
            return None
        stack = np.frombuffer(b"".join(copies), np.uint8).reshape(len(copies), len(coded))
        ones = 2 * np.unpackbits(stack, axis=1).sum(axis=0, dtype=np.int16)
        even = ones == len(copies)
        latest = np.unpackbits(stack[-1]) == 1
        bits = np.where(even, latest, ones > len(copies))
        return np.packbits(bits).tobytes(), np.packbits(even).tobytes()

    def forget(self, key: tuple[int, int, int]) -> None:
        """The block was decoded, or is not needed any more."""
        self.held -= sum(map(len, self._kept.pop(key, ())))

    def forget_before(self, offset: int) -> None:
        """Everything in front of this place of the stream has arrived."""
        for key in [key for key in self._kept if key[0] + key[1] <= offset]:
            self.forget(key)
