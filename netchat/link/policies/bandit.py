"""Thompson sampling over codes: each is tried as often as it is likely to be the best.

The knowledge about a code is a Beta distribution of the share of its blocks that arrive. The prior is
the share expected at the reported bit error rate, worth `_PRIOR` blocks, so that little exploration is
needed; outcomes outweigh it if the channel behaves differently. Codes are ordered by strength: if a
weak code succeeds, a stronger one would have succeeded too, and the reverse for failures (Combes,
Proutiere, Yun, Ok and Yi, "Optimal rate sampling in 802.11 systems", INFOCOM 2014). Old outcomes
decay, because the channel may change, and nearly vanish when a change is detected.
"""

from __future__ import annotations

import random

from netchat.link.code_table import CODES
from netchat.link.decode_probability import (
    CANDIDATES,
    block_size,
    nominal_rate,
    success_probability,
)
from netchat.link.error_rate_estimator import ErrorRateEstimator
from netchat.link.policies.policy import ChannelReport, Outcome

__all__ = ["Bandit"]

#: Weight of the prior in blocks.
_PRIOR = 1.0

#: Factors for older outcomes: after each block, and after a detected change of the channel.
_FADE, _CHANGE = 0.98, 0.02

#: Minimum distance of the prior's mean from 0 and from 1.
_DOUBT = 0.02

#: Factor for the payloads of older blocks.
_FADE_PAYLOAD = 7 / 8

_RANK = {code: rank for rank, code in enumerate(CANDIDATES)}


class Bandit:
    """Policy that chooses codes by Thompson sampling.

    Args:
        seed: Random seed; None draws a new one.
    """

    def __init__(self, seed: int | None = None) -> None:
        self._random = random.Random(seed)
        self._channel = ErrorRateEstimator()
        self._arrived = [0.0] * len(CANDIDATES)
        self._failed = [0.0] * len(CANDIDATES)
        # Sums over recent blocks of the payload's length and of its square.
        self._lengths = self._squares = 0.0
        self._worth = [nominal_rate(code) for code in CANDIDATES]
        self._code = 4

    @property
    def why(self) -> str:
        """Expected goodput of the two best codes, as text."""
        best = sorted(((self._mean(rank), rank) for rank in range(len(CANDIDATES))), reverse=True)[
            :2
        ]
        (most, first), (less, second) = ((mean, CODES[CANDIDATES[rank]]) for mean, rank in best)
        return (
            f"bandit: bit error rate {self._channel.ber:.1e}; expected goodput: {first} {most:.0%} "
            f"of the line, {second} {less:.0%}"
        )

    def _beta(self, rank: int) -> tuple[float, float]:
        expected = min(
            1 - _DOUBT, max(_DOUBT, success_probability(CANDIDATES[rank], self._channel.ber))
        )
        return (
            self._arrived[rank] + _PRIOR * expected,
            self._failed[rank] + _PRIOR * (1 - expected),
        )

    def _mean(self, rank: int) -> float:
        arrived, failed = self._beta(rank)
        return self._worth[rank] * arrived / (arrived + failed)

    def choose(self, now: float) -> int:  # noqa: ARG002 - the protocol's
        """Return the best code according to one random draw from the distributions."""
        if self._channel.known:
            drawn = [
                self._worth[rank] * self._random.betavariate(*self._beta(rank))
                for rank in range(len(CANDIDATES))
            ]
            self._code = CANDIDATES[drawn.index(max(drawn))]
        return self._code

    def outcome(self, now: float, outcome: Outcome) -> None:  # noqa: ARG002
        """Update the distributions with the outcome of a block."""
        rank = _RANK.get(outcome.code)
        if rank is None or not outcome.payload:
            return
        self._measure(outcome.payload)
        self._fade(_FADE)
        if outcome.arrived:
            for stronger in range(rank, len(CANDIDATES)):
                self._arrived[stronger] += 1
        else:
            for weaker in range(rank + 1):
                self._failed[weaker] += 1

    def channel(self, now: float, report: ChannelReport) -> None:  # noqa: ARG002
        """Update the estimate of the bit error rate with a report of the peer."""
        changes = self._channel.changes
        self._channel.report(report)
        if self._channel.changes > changes:
            self._fade(_CHANGE)

    def _measure(self, payload: int) -> None:
        """Set the payload share of each code to that of a recent block.

        All codes are compared at the same payload length: what a code happened to carry, a full block or
        the end of a message, says nothing about the code.
        """
        self._lengths = _FADE_PAYLOAD * self._lengths + payload
        self._squares = _FADE_PAYLOAD * self._squares + payload**2
        length = round(
            self._squares / self._lengths
        )  # of the block that a byte travels in, on average
        self._worth = [length / block_size(code, length) for code in CANDIDATES]

    def _fade(self, kept: float) -> None:
        self._arrived = [count * kept for count in self._arrived]
        self._failed = [count * kept for count in self._failed]
