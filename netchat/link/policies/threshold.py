"""Threshold policy: the code that fits the bit error rate that the peer reports.

An inner loop chooses the code with the highest expected goodput for independent bit errors. An outer
loop raises the assumed bit error rate after a failed block, and lowers it slowly after one that
arrived. In the long run, the share of blocks that fail is what the inner loop expects, but at least
`_FAILING`. Mobile networks use the same method (outer loop link adaptation, after Sampath, Kumar and
Holtzman, "On setting reverse link target SIR in a CDMA system", VTC 1997).
"""

from __future__ import annotations

import math
from functools import lru_cache

from netchat.link.decode_probability import (
    CANDIDATES,
    REDUNDANCY_CANDIDATES,
    expected_cost,
    longest_payload,
    success_probability,
)
from netchat.link.error_rate_estimator import ErrorRateEstimator
from netchat.link.incremental_redundancy import INCREMENTS
from netchat.link.payload_decoder import MAX_PAYLOAD
from netchat.link.policies.policy import ChannelReport, Outcome

__all__ = ["Threshold"]

#: Least share of failed blocks to aim at, and the largest.
_FAILING, _MOST_FAILING = 0.05, 0.5

#: Step of the outer loop after a failed block, in the logarithm of the rate. The codes with incremental
#: redundancy lie closer together, and a failure costs less.
_STEP, _FINE_STEP = 0.3, 0.06

#: Bounds of the outer loop.
_LOW, _HIGH = -1.5, 3.0

#: Steps of the bit error rate per factor of e, between which the best code is not computed again.
_GRID = 25

#: Factor for the payloads of older blocks.
_FADE = 7 / 8


@lru_cache(maxsize=1 << 12)
def _best(candidates: tuple[int, ...], step: int, typical: int) -> int:
    """Return the code with the highest expected goodput.

    Args:
        candidates: Numbers of the codes.
        step: Bit error rate, in steps of `_GRID`.
        typical: Payload of a block in bytes, where it is shorter than the longest.
    """
    ber = math.exp(step / _GRID)
    payloads = {code: min(typical, longest_payload(code)) for code in candidates}
    success = {code: success_probability(code, ber, payloads[code]) for code in candidates}

    def goodput(code: int) -> float:
        return payloads[code] / expected_cost(code, payloads[code], success)

    return max(candidates, key=goodput)


class Threshold:
    """Policy that chooses codes by the estimated bit error rate."""

    def __init__(self) -> None:
        self._channel = ErrorRateEstimator()
        self._candidates: tuple[int, ...] = CANDIDATES
        self._margin, self._step = 0.0, _STEP
        # Sums over recent blocks of the payload's length and of its square.
        self._lengths = self._squares = 0.0
        self._code = 4

    @property
    def why(self) -> str:
        """The estimated bit error rate and the outer loop's factor, as text."""
        factor = math.exp(self._margin)
        return (
            f"threshold: bit error rate {self._channel.ber:.1e}, "
            f"times {factor:.1f} because of block outcomes"
        )

    @property
    def _ber(self) -> float:
        return self._channel.ber * math.exp(self._margin)

    def choose(self, now: float) -> int:  # noqa: ARG002 - the protocol's
        """Return the code with the highest expected goodput."""
        if self._channel.known:
            # The length of the block that a byte travels in, on average, rounded up to a power of two.
            length = self._squares / self._lengths if self._lengths else MAX_PAYLOAD
            step = math.ceil(_GRID * math.log(self._ber))
            self._code = _best(self._candidates, step, 1 << math.ceil(math.log2(length)))
        return self._code

    def outcome(self, now: float, outcome: Outcome) -> None:  # noqa: ARG002
        """Adjust the outer loop with the outcome of a block."""
        if not outcome.payload or outcome.code in INCREMENTS:
            return
        self._lengths = _FADE * self._lengths + outcome.payload
        self._squares = _FADE * self._squares + outcome.payload**2
        if outcome.code == self._code:
            expected = 1 - success_probability(outcome.code, self._ber, outcome.payload)
            failing = min(_MOST_FAILING, max(_FAILING, expected))
            step = -self._step * failing / (1 - failing) if outcome.arrived else self._step
            self._margin = min(_HIGH, max(_LOW, self._margin + step))

    def channel(self, now: float, report: ChannelReport) -> None:  # noqa: ARG002
        """Update the estimate of the bit error rate with a report of the peer."""
        changes = self._channel.changes
        self._channel.report(report)
        if self._channel.changes > changes:
            self._margin = 0.0

    def use_redundancy(self) -> None:
        """Choose among the codes with incremental redundancy, too."""
        self._candidates, self._step = REDUNDANCY_CANDIDATES, _FINE_STEP
