"""Congestion control for links over datagrams."""

from __future__ import annotations

__all__ = ["Congestion"]

#: Initial and minimum congestion window in bytes (RFC 6928; two blocks of a small path MTU).
_INITIAL, _MIN = 12_000, 2_400

#: Factor for the window after a loss, as in CUBIC (RFC 9438).
_DECREASE = 0.7


class Congestion:
    """A congestion window: slow start, then one more block per round trip, less after a loss.

    A block whose header arrived was damaged, not dropped, and is not a sign of congestion. A block that
    did not arrive at all may have been either, and counts as dropped. A channel that destroys
    headers is therefore used below its capacity.

    Attributes:
        window: Number of bytes that may be in flight.
    """

    def __init__(self) -> None:
        self.window = float(_INITIAL)
        self._threshold = float("inf")
        self._reduced = float("-inf")

    def arrived(self, size: int) -> None:
        """Grow the window after a block of `size` bytes arrived."""
        if self.window < self._threshold:
            self.window += size
        else:
            self.window += 1200 * size / self.window

    def lost(self, sent: float, now: float) -> None:
        """Shrink the window after a loss, at most once per round trip.

        Args:
            sent: Time when the lost block was sent, in seconds.
            now: Time in seconds.
        """
        if sent <= self._reduced:
            return
        self._reduced = now
        self.window = self._threshold = max(_MIN, self.window * _DECREASE)

    def overdue(self) -> None:
        """Halve the window after a retransmission timeout."""
        self.window = max(_MIN, self.window / 2)
        self._threshold = self.window
