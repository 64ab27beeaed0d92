"""Estimator of a channel's bit error rate, with change detection."""

from __future__ import annotations

import math

from netchat.link.policies.policy import ChannelReport

__all__ = ["ErrorRateEstimator"]

#: Factor by which each new report reduces the weight of older ones.
_DECAY = 0.75

#: A report counts as a change of the channel if its log-likelihood ratio, at its own rate against
#: the estimate, exceeds the first number, and its rate differs by more than the second as a factor.
#: The factor allows for bursts, where counts vary more than with independent errors.
_SURPRISE, _FACTOR = 4.0, 8.0

#: Minimum estimate; lower bit error rates do not affect the choice of a code.
_MIN = 1e-7


class ErrorRateEstimator:
    """Estimate of the bit error rate of a channel.

    Reports are averaged with exponentially decaying weights. A report that the average cannot explain
    restarts the average (a generalised likelihood ratio test of Poisson counts).

    Attributes:
        changes: Number of restarts.
    """

    def __init__(self) -> None:
        self._wrong = self._checked = 0.0
        self.changes = 0

    @property
    def ber(self) -> float:
        """Bit error rate, with half an error added, because zero errors do not prove a rate of 0."""
        if not self._checked:
            return _MIN
        return max(_MIN, min(0.5, (self._wrong + 0.5) / self._checked))

    @property
    def known(self) -> bool:
        """Whether there has been a report."""
        return bool(self._checked)

    def report(self, report: ChannelReport) -> None:
        """Update the estimate with a report of the peer."""
        wrong, checked = report.wrong_bits, report.checked_bits
        if self._checked and self._is_surprising(wrong, checked):
            self._wrong = self._checked = 0.0
            self.changes += 1
        self._wrong = _DECAY * self._wrong + wrong
        self._checked = _DECAY * self._checked + checked

    def _is_surprising(self, wrong: int, checked: int) -> bool:
        expected = self.ber * checked
        if expected / _FACTOR <= wrong <= expected * _FACTOR:
            return False
        log_ratio = wrong * math.log(wrong / expected) if wrong else 0.0
        return log_ratio - (wrong - expected) > _SURPRISE
