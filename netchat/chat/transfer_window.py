"""Window of a file transfer: how many bytes may be on their way.

A chat message may have to wait for these bytes on the same connection, so the window follows the speed
of the connection: it holds what is transferred in about a tenth of a second.
"""

from __future__ import annotations

__all__ = ["MAX_WINDOW", "MIN_WINDOW", "TransferWindow"]

#: Bytes of the smallest and the largest window.
MIN_WINDOW, MAX_WINDOW = 16 * 1024, 4 * 1024 * 1024

#: Bytes of the first window.
_FIRST = 64 * 1024

#: Seconds in which a window should be transferred: it doubles if it takes less than the first, and halves
#: if it takes more than the second.
_FAST, _SLOW = 0.06, 0.25


class TransferWindow:
    """Size of a window, from the time that windows of bytes take.

    Args:
        now: Current time, in seconds.

    Attributes:
        size: Bytes that may be on their way.
    """

    __slots__ = ("_bytes", "_since", "size")

    def __init__(self, now: float) -> None:
        self.size = _FIRST
        self._bytes, self._since = 0, now

    def start(self, now: float) -> None:
        """Begin to measure, after a pause."""
        self._bytes, self._since = 0, now

    def arrived(self, count: int, now: float) -> None:
        """Count bytes that the receiver has."""
        self._bytes += count
        if self._bytes < self.size:
            return
        took = now - self._since
        if took < _FAST:
            self.size = min(MAX_WINDOW, self.size * 2)
        elif took > _SLOW:
            self.size = max(MIN_WINDOW, self.size // 2)
        self.start(now)
