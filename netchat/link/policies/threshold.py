"""Threshold policy: the code that fits the bit error rate that the peer reports.

An inner loop chooses the code with the highest expected goodput for independent bit errors. An outer
loop raises the assumed bit error rate after a failed block, and lowers it slowly after one that
arrived. In the long run a small share of the blocks fails, whatever the channel. Mobile networks use
the same method (outer loop link adaptation, after Sampath, Kumar and Holtzman, "On setting reverse
link target SIR in a CDMA system", VTC 1997).
"""

from __future__ import annotations

import math

from netchat.link.decode_probability import CANDIDATES, nominal_rate, success_probability
from netchat.link.error_rate_estimator import ErrorRateEstimator
from netchat.link.policies.policy import ChannelReport, Outcome

__all__ = ["Threshold"]

#: Target share of failed blocks.
_FAILING = 0.05

#: Step of the outer loop after a failed block, in the logarithm of the rate, and its bounds.
_STEP, _LOW, _HIGH = 0.3, -1.5, 3.0


class Threshold:
    """Policy that chooses codes by the estimated bit error rate."""

    def __init__(self) -> None:
        self._channel = ErrorRateEstimator()
        self._margin = 0.0
        self._code = 4

    @property
    def why(self) -> str:
        """The estimated bit error rate and the outer loop's factor, as text."""
        factor = math.exp(self._margin)
        return (
            f"threshold: bit error rate {self._channel.ber:.1e}, "
            f"times {factor:.1f} because of block outcomes"
        )

    def choose(self, now: float) -> int:  # noqa: ARG002 - the protocol's
        """Return the code with the highest expected goodput."""
        if self._channel.known:
            ber = self._channel.ber * math.exp(self._margin)
            self._code = max(
                CANDIDATES, key=lambda code: nominal_rate(code) * success_probability(code, ber)
            )
        return self._code

    def outcome(self, now: float, outcome: Outcome) -> None:  # noqa: ARG002
        """Adjust the outer loop with the outcome of a block."""
        if outcome.code == self._code and outcome.payload:
            step = -_STEP * _FAILING / (1 - _FAILING) if outcome.arrived else _STEP
            self._margin = min(_HIGH, max(_LOW, self._margin + step))

    def channel(self, now: float, report: ChannelReport) -> None:  # noqa: ARG002
        """Update the estimate of the bit error rate with a report of the peer."""
        changes = self._channel.changes
        self._channel.report(report)
        if self._channel.changes > changes:
            self._margin = 0.0
