"""Round-trip time estimation and retransmission timeout (RFC 6298)."""

from __future__ import annotations

__all__ = ["RetransmissionTimer"]

#: Initial, minimum and maximum timeout in seconds. The minimum is far below RFC 6298's second,
#: because an unnecessary probe costs only one block.
FIRST_TIMEOUT, MIN_TIMEOUT, MAX_TIMEOUT = 0.5, 0.05, 4.0

_MAX_DOUBLINGS = 10


class RetransmissionTimer:
    """Smoothed round-trip time, its variation, and the timeout derived from them.

    Attributes:
        smoothed: Smoothed round-trip time in seconds; 0 before the first sample.
        variation: Mean deviation in seconds.
        latest: Last sample in seconds.
        unanswered: Number of timeouts in a row.
    """

    def __init__(self) -> None:
        self.smoothed: float = 0.0
        self.variation: float = 0.0
        self.latest: float = 0.0
        self.unanswered: int = 0

    def sample(self, seconds: float) -> None:
        """Update the estimate with one measurement, in seconds."""
        self.latest = seconds = max(0.0, seconds)
        if not self.smoothed:
            self.smoothed, self.variation = seconds, seconds / 2
            return
        self.variation += (abs(self.smoothed - seconds) - self.variation) / 4
        self.smoothed += (seconds - self.smoothed) / 8

    def timeout(self, delay: float) -> float:
        """Return the retransmission timeout in seconds.

        Args:
            delay: Maximum time in seconds that the peer delays an answer.
        """
        if not self.smoothed:
            wait = FIRST_TIMEOUT
        else:
            wait = max(MIN_TIMEOUT, self.smoothed + 4 * self.variation + delay)
        return min(MAX_TIMEOUT, wait * (1 << min(self.unanswered, _MAX_DOUBLINGS)))

    def overdue(self) -> None:
        """Double the timeout after an answer did not arrive in time."""
        self.unanswered += 1

    def answered(self) -> None:
        """Reset the doubling after an answer has arrived."""
        self.unanswered = 0
