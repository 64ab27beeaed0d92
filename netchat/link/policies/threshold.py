"""The code that fits the bit error rate which the other side reports.

An inner loop takes the code that would bring most, were the wrong bits scattered evenly. An outer
loop moves the rate it reckons with up after a block that failed, and slowly down after one that
arrived, so that in the long run a small share of the blocks fails, whatever the channel is like.
Mobile phones are told their code in the same way (outer loop link adaptation, after Sampath, Kumar
and Holtzman, "On setting reverse link target SIR in a CDMA system", VTC 1997).
"""

from __future__ import annotations

import math

from netchat.link.decode_probability import CANDIDATES, nominal_rate, success_probability
from netchat.link.error_rate_estimator import ErrorRateEstimator
from netchat.link.policies.policy import ChannelReport, Outcome

__all__ = ["Threshold"]

#: The share of blocks that may fail.
_FAILING = 0.05

#: What the outer loop adds for a failed block to the logarithm of the rate, and its bounds.
_STEP, _LOW, _HIGH = 0.3, -1.5, 3.0


class Threshold:
    """Chooses by the rate of wrong bits."""

    def __init__(self) -> None:
        self._channel = ErrorRateEstimator()
        self._margin = 0.0
        self._code = 4

    @property
    def why(self) -> str:
        """What it reckons with."""
        factor = math.exp(self._margin)
        return (
            f"threshold: {self._channel.ber:.1e} of the bits are wrong; "
            f"taken for {factor:.1f} times as many, by how blocks fare"
        )

    def choose(self, now: float) -> int:  # noqa: ARG002 - the protocol's
        """The code that is expected to bring most."""
        if self._channel.known:
            ber = self._channel.ber * math.exp(self._margin)
            self._code = max(
                CANDIDATES, key=lambda code: nominal_rate(code) * success_probability(code, ber)
            )
        return self._code

    def outcome(self, now: float, outcome: Outcome) -> None:  # noqa: ARG002
        """A block has arrived, or has not."""
        if outcome.code == self._code and outcome.payload:
            step = -_STEP * _FAILING / (1 - _FAILING) if outcome.arrived else _STEP
            self._margin = min(_HIGH, max(_LOW, self._margin + step))

    def channel(self, now: float, report: ChannelReport) -> None:  # noqa: ARG002
        """The other side has reported."""
        changes = self._channel.changes
        self._channel.report(report)
        if self._channel.changes > changes:
            self._margin = 0.0
