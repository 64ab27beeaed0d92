"""How long an answer takes (RFC 6298)."""

from __future__ import annotations

__all__ = ["RetransmissionTimer"]

#: Seconds to wait for a first answer, and the least and the most to wait for any. The least is far
#: below RFC 6298's second: a probe that was not needed costs one block, and nothing else.
FIRST_TIMEOUT, MIN_TIMEOUT, MAX_TIMEOUT = 0.5, 0.05, 4.0

_MOST_DOUBLINGS = 10


class RetransmissionTimer:
    """The smoothed round-trip time and its variation.

    Attributes:
        smoothed: seconds; 0 before the first sample.
        variation: seconds.
        latest: the last sample, in seconds.
        unanswered: how often in a row an answer was overdue.
    """

    def __init__(self) -> None:
        self.smoothed = 0.0
        self.variation = 0.0
        self.latest = 0.0
        self.unanswered = 0

    def sample(self, seconds: float) -> None:
        """Take in one measurement."""
        self.latest = seconds = max(0.0, seconds)
        if not self.smoothed:
            self.smoothed, self.variation = seconds, seconds / 2
            return
        self.variation += (abs(self.smoothed - seconds) - self.variation) / 4
        self.smoothed += (seconds - self.smoothed) / 8

    def timeout(self, delay: float) -> float:
        """Seconds after which an answer is overdue.

        Args:
            delay: seconds that the other side may let an answer wait.
        """
        if not self.smoothed:
            wait = FIRST_TIMEOUT
        else:
            wait = max(MIN_TIMEOUT, self.smoothed + 4 * self.variation + delay)
        return min(MAX_TIMEOUT, wait * (1 << min(self.unanswered, _MOST_DOUBLINGS)))

    def overdue(self) -> None:
        """An answer did not come in time: the next one gets twice as long."""
        self.unanswered += 1

    def answered(self) -> None:
        """An answer has come."""
        self.unanswered = 0
