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
    REDUNDANCY_CANDIDATES,
    expected_cost,
    longest_payload,
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


class Bandit:
    """Policy that chooses codes by Thompson sampling.

    Args:
        seed: Random seed; None draws a new one.
    """

    def __init__(self, seed: int | None = None) -> None:
        self._random = random.Random(seed)
        self._channel = ErrorRateEstimator()
        self._candidates: tuple[int, ...] = CANDIDATES
        self._arrived = dict.fromkeys(CANDIDATES, 0.0)
        self._failed = dict.fromkeys(CANDIDATES, 0.0)
        # Sums over recent blocks of the payload's length and of its square.
        self._lengths = self._squares = 0.0
        self._code = 4

    @property
    def why(self) -> str:
        """Expected goodput of the two best codes, as text."""
        means = {}
        for code in self._candidates:
            arrived, failed = self._beta(code)
            means[code] = arrived / (arrived + failed)
        goodput = self._goodput(means)
        first, second = sorted(goodput, key=goodput.__getitem__, reverse=True)[:2]
        return (
            f"bandit: bit error rate {self._channel.ber:.1e}; expected goodput: {CODES[first]} "
            f"{goodput[first]:.0%} of the line, {CODES[second]} {goodput[second]:.0%}"
        )

    def _beta(self, code: int) -> tuple[float, float]:
        expected = success_probability(code, self._channel.ber)
        expected = min(1 - _DOUBT, max(_DOUBT, expected))
        return (
            self._arrived[code] + _PRIOR * expected,
            self._failed[code] + _PRIOR * (1 - expected),
        )

    def _goodput(self, success: dict[int, float]) -> dict[int, float]:
        """Return the expected goodput of each code, given the probabilities of success.

        All codes are compared at the same payload length: what a code happened to carry, a full block or
        the end of a message, says nothing about the code.
        """
        # The length of the block that a byte travels in, on average.
        length = round(self._squares / self._lengths) if self._lengths else None
        found = {}
        for code in self._candidates:
            payload = length or longest_payload(code)
            found[code] = payload / expected_cost(code, payload, success)
        return found

    def choose(self, now: float) -> int:  # noqa: ARG002 - the protocol's
        """Return the best code according to one random draw from the distributions."""
        if self._channel.known:
            drawn = {code: self._random.betavariate(*self._beta(code)) for code in self._candidates}
            goodput = self._goodput(drawn)
            self._code = max(goodput, key=goodput.__getitem__)
        return self._code

    def outcome(self, now: float, outcome: Outcome) -> None:  # noqa: ARG002
        """Update the distributions with the outcome of a block."""
        if outcome.code not in self._arrived or not outcome.payload:
            return
        self._lengths = _FADE_PAYLOAD * self._lengths + outcome.payload
        self._squares = _FADE_PAYLOAD * self._squares + outcome.payload**2
        self._fade(_FADE)
        rank = self._candidates.index(outcome.code)
        if outcome.arrived:
            for stronger in self._candidates[rank:]:
                self._arrived[stronger] += 1
        else:
            for weaker in self._candidates[: rank + 1]:
                self._failed[weaker] += 1

    def channel(self, now: float, report: ChannelReport) -> None:  # noqa: ARG002
        """Update the estimate of the bit error rate with a report of the peer."""
        changes = self._channel.changes
        self._channel.report(report)
        if self._channel.changes > changes:
            self._fade(_CHANGE)

    def use_redundancy(self) -> None:
        """Choose among the codes with incremental redundancy, too."""
        self._candidates = REDUNDANCY_CANDIDATES
        self._arrived = {code: self._arrived.get(code, 0.0) for code in self._candidates}
        self._failed = {code: self._failed.get(code, 0.0) for code in self._candidates}

    def _fade(self, kept: float) -> None:
        for counts in (self._arrived, self._failed):
            for code in counts:
                counts[code] *= kept
