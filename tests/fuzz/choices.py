"""Decisions read from bytes, so that a fuzz target works with a fuzzing engine and random bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

__all__ = ["Choices"]

_T = TypeVar("_T")


class Choices:
    """Source of decisions from a byte string; after its end, every decision is 0.

    A fuzzing engine that changes one byte changes one decision, and a prefix stays a prefix. So
    what it has learned about the beginning of an input stays valid.

    Args:
        data: The bytes.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __bool__(self) -> bool:
        """Return whether bytes are left."""
        return self._at < len(self._data)

    def byte(self) -> int:
        """Return the next byte."""
        self._at += 1
        return self._data[self._at - 1] if self._at <= len(self._data) else 0

    def below(self, limit: int) -> int:
        """Return a number from 0 to `limit` - 1, for a limit of at most 65536."""
        number = self.byte() if limit <= 256 else self.byte() << 8 | self.byte()
        return number % limit

    def pick(self, options: Sequence[_T]) -> _T:
        """Return one of several options."""
        return options[self.below(len(options))]

    def one_in(self, n: int) -> bool:
        """Return True about once in n times, never after the last byte."""
        return self.below(n) == n - 1

    def blob(self, most: int) -> bytes:
        """Return up to `most` bytes."""
        size = self.below(most + 1)
        taken = self._data[self._at : self._at + size]
        self._at += size
        return taken

    def rest(self) -> bytes:
        """Return the remaining bytes."""
        taken = self._data[self._at :]
        self._at = len(self._data)
        return taken
