"""What waits between two threads of a live capture, limited by its bytes."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sized
from typing import Generic, TypeVar

__all__ = ["PacketQueue"]

T = TypeVar("T")


class PacketQueue(Generic[T]):
    """A queue of blocks of packets; None is its end.

    Args:
        limit: bytes that may wait; the last block may go above it.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._waiting = 0
        self._items: deque[T | None] = deque()
        self._news = threading.Condition()
        self._closed = False

    def __bool__(self) -> bool:
        return bool(self._items)

    def put(self, item: T | None) -> None:
        """Append a block; waits for room. Behind `close` it is thrown away."""
        with self._news:
            self._news.wait_for(lambda: self._waiting <= self._limit or self._closed)
            self._append(item)

    def offer(self, item: T) -> bool:
        """Append a block if there is room for it; returns whether there was."""
        with self._news:
            if self._waiting > self._limit:
                return False
            self._append(item)
            return True

    def get(self, timeout: float | None = None) -> T | None:
        """Take the oldest block; None if none comes any more.

        Raises:
            TimeoutError: none came within `timeout` seconds.
        """
        with self._news:
            if not self._news.wait_for(lambda: self._items or self._closed, timeout):
                raise TimeoutError
            if not self._items:
                return None
            item = self._items.popleft()
            self._waiting -= _size(item)
            self._news.notify_all()
            return item

    def close(self) -> None:
        """Say that no more blocks come, or that no more are taken."""
        with self._news:
            self._closed = True
            self._news.notify_all()

    def _append(self, item: T | None) -> None:
        if not self._closed:
            self._items.append(item)
            self._waiting += _size(item)
            self._news.notify_all()


def _size(item: object) -> int:
    """Bytes of a block, or of the block that a tuple begins with."""
    block = item[0] if isinstance(item, tuple) else item
    return len(block) if isinstance(block, Sized) else 0
