"""Queue between two threads of a live capture, limited by its bytes."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sized
from typing import Generic, TypeVar

__all__ = ["PacketQueue"]

T = TypeVar("T")


class PacketQueue(Generic[T]):
    """Queue of blocks of packets; None marks its end.

    Args:
        limit: Bytes that may wait; the last block may exceed it.
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
        """Append a block, waiting for space. After `close`, discard it."""
        with self._news:
            self._news.wait_for(lambda: self._waiting <= self._limit or self._closed)
            self._append(item)

    def offer(self, item: T) -> bool:
        """Append a block if there is space; return whether there was."""
        with self._news:
            if self._waiting > self._limit:
                return False
            self._append(item)
            return True

    def get(self, timeout: float | None = None) -> T | None:
        """Remove the oldest block and return it; None at the end.

        Raises:
            TimeoutError: No block arrived within `timeout` seconds.
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
        """Mark the end of the queue, for both threads."""
        with self._news:
            self._closed = True
            self._news.notify_all()

    def _append(self, item: T | None) -> None:
        if not self._closed:
            self._items.append(item)
            self._waiting += _size(item)
            self._news.notify_all()


def _size(item: object) -> int:
    """Return the bytes of a block, or of the block that a tuple begins with."""
    block = item[0] if isinstance(item, tuple) else item
    return len(block) if isinstance(block, Sized) else 0
