"""How much may be under way over datagrams, where nobody else holds back."""

from __future__ import annotations

__all__ = ["Congestion"]

#: Bytes that may be under way at first, and always (RFC 6928; two blocks of a small path MTU).
_FIRST, _LEAST = 12_000, 2_400

#: What a loss leaves of the window, as in CUBIC (RFC 9438).
_DECREASE = 0.7


class Congestion:
    """A congestion window: slow start, then one block more a round trip, less after a loss.

    A block whose header arrived was damaged, not dropped, and says nothing about congestion. One
    that did not arrive at all may have been either; it is taken for dropped, so that a channel that
    destroys headers is used with less than it could carry.

    Attributes:
        window: bytes that may be under way.
    """

    def __init__(self) -> None:
        self.window = float(_FIRST)
        self._threshold = float("inf")
        self._reduced = float("-inf")

    def arrived(self, size: int) -> None:
        """A block has arrived."""
        if self.window < self._threshold:
            self.window += size
        else:
            self.window += 1200 * size / self.window

    def lost(self, sent: float, now: float) -> None:
        """A block that was sent at some time was lost; those of one round trip count once."""
        if sent <= self._reduced:
            return
        self._reduced = now
        self.window = self._threshold = max(_LEAST, self.window * _DECREASE)

    def overdue(self) -> None:
        """No answer has come in time."""
        self.window = max(_LEAST, self.window / 2)
        self._threshold = self.window
