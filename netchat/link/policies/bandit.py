"""Thompson sampling over codes: each is tried as often as it is likely to be the best one.

What is known of a code is a Beta distribution of the share of its blocks that arrive. It begins with
what the reported bit error rate leads to expect, worth `_PRIOR` blocks, so that little has to be
tried; experience then outweighs it where the channel is not like that. Codes are ordered by strength:
what a weak one got through, a strong one would have got through, too, and the other way round
(Combes, Proutiere, Yun, Ok and Yi, "Optimal rate sampling in 802.11 systems", INFOCOM 2014). Old
experience fades, as the channel may change, and all but vanishes where it is seen to have changed.
"""

from __future__ import annotations

import random

from netchat.link.code_table import CODES
from netchat.link.decode_probability import CANDIDATES, nominal_rate, success_probability
from netchat.link.error_rate_estimator import ErrorRateEstimator
from netchat.link.policies.policy import ChannelReport, Outcome

__all__ = ["Bandit"]

#: Blocks of experience that the expectation is worth.
_PRIOR = 1.0

#: What a block leaves of older experience, and a change of the channel.
_FADE, _CHANGE = 0.98, 0.02

#: No chance is taken for better or worse than this beforehand.
_DOUBT = 0.02

#: What an outcome weighs in the average of how much payload a block of a code has.
_GAIN = 1 / 8

_RANK = {code: rank for rank, code in enumerate(CANDIDATES)}


class Bandit:
    """Chooses by chance, and learns from what comes of it.

    Args:
        seed: where its chance comes from; None is a new one each time.
    """

    def __init__(self, seed: int | None = None) -> None:
        self._random = random.Random(seed)
        self._channel = ErrorRateEstimator()
        self._arrived = [0.0] * len(CANDIDATES)
        self._failed = [0.0] * len(CANDIDATES)
        self._worth = [nominal_rate(code) for code in CANDIDATES]
        self._code = 4

    @property
    def why(self) -> str:
        """What it expects of the best code, and of the next."""
        best = sorted(((self._mean(rank), rank) for rank in range(len(CANDIDATES))), reverse=True)[
            :2
        ]
        (most, first), (less, second) = ((mean, CODES[CANDIDATES[rank]]) for mean, rank in best)
        return (
            f"bandit: {self._channel.ber:.1e} of the bits are wrong; {first} should bring {most:.0%} "
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
        """The code that is the best one in a world drawn from what is known."""
        if self._channel.known:
            drawn = [
                self._worth[rank] * self._random.betavariate(*self._beta(rank))
                for rank in range(len(CANDIDATES))
            ]
            self._code = CANDIDATES[drawn.index(max(drawn))]
        return self._code

    def outcome(self, now: float, outcome: Outcome) -> None:  # noqa: ARG002
        """A block has arrived, or has not."""
        rank = _RANK.get(outcome.code)
        if rank is None or not outcome.payload:
            return
        worth = outcome.payload / outcome.size
        self._worth[rank] += _GAIN * (worth - self._worth[rank])
        self._fade(_FADE)
        if outcome.arrived:
            for stronger in range(rank, len(CANDIDATES)):
                self._arrived[stronger] += 1
        else:
            for weaker in range(rank + 1):
                self._failed[weaker] += 1

    def channel(self, now: float, report: ChannelReport) -> None:  # noqa: ARG002
        """The other side has reported."""
        changes = self._channel.changes
        self._channel.report(report)
        if self._channel.changes > changes:
            self._fade(_CHANGE)

    def _fade(self, kept: float) -> None:
        self._arrived = [count * kept for count in self._arrived]
        self._failed = [count * kept for count in self._failed]
