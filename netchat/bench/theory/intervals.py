"""Confidence intervals for rates that were counted.

Errors that strike by themselves make a count binomial, and the interval of Clopper and Pearson
(Biometrika 26, 1934) covers the true rate in at least the stated share of all experiments. It does
so too if the experiment stops at a number of errors: its upper end is then a little too high.

Wrong bits come in company: a frame that is lost loses many. Taken for independent they would give
an interval several times too narrow. `clustered` therefore counts by clusters, which do not depend
on each other, and asks how many independent trials would be as uncertain (the effective sample size
of Korn and Graubard, Survey Methodology 24, 1998).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["LEVEL", "Clusters", "Interval", "clopper_pearson", "clustered"]

#: The share of experiments in which an interval covers the true rate.
LEVEL = 0.95


class Interval(NamedTuple):
    """From where to where the true rate lies, with the stated confidence."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Clusters:
    """A count by clusters: what is needed of it to judge how uncertain it is."""

    trials: int
    """What was tried in all: bits, say."""
    hits: int
    """What was counted in all: wrong bits, say."""
    clusters: int
    """Groups of trials, such as frames, that do not depend on each other."""
    touched: int
    """How many of these had a hit."""
    squares: int
    """The sum over the clusters of the square of their hits."""


def clopper_pearson(hits: float, trials: float, level: float = LEVEL) -> Interval:
    """The interval of a binomial count; both may be effective numbers, that is, no integers.

    No hit gives an upper limit, and 0 as the lower one.

    >>> low, high = clopper_pearson(0, 100)
    >>> low, round(high, 6)
    (0.0, 0.036217)
    """
    if trials <= 0:
        return Interval(0.0, 1.0)
    from scipy.special import betaincinv  # type: ignore[import-untyped]

    tail = (1 - level) / 2
    low = float(betaincinv(hits, trials - hits + 1, tail)) if hits > 0 else 0.0
    high = float(betaincinv(hits + 1, trials - hits, 1 - tail)) if hits < trials else 1.0
    return Interval(low, high)


def clustered(count: Clusters, level: float = LEVEL) -> Interval:
    """The interval of a count whose hits come in company.

    The variance between clusters says how many independent trials would tell as much; few clusters
    with hits make that estimate itself uncertain, which Student's factor allows for. It is never
    narrower than Clopper and Pearson's, and it is theirs if every cluster is a single trial.

    >>> clustered(Clusters(trials=100, hits=5, clusters=100, touched=5, squares=5)) \\
    ...     == clopper_pearson(5, 100)
    True
    >>> low, high = clustered(Clusters(trials=100, hits=9, clusters=20, touched=3, squares=27))
    >>> high > clopper_pearson(9, 100).high
    True
    """
    rate = count.hits / count.trials if count.trials else 0.0
    if count.clusters == count.trials or not 0 < rate < 1:
        # Without a hit nothing is known of their company: as if a hit filled a whole cluster.
        return clopper_pearson(
            0 if count.hits == 0 else count.clusters * rate, count.clusters, level
        )
    if count.clusters == 1:
        return Interval(0.0, 1.0)
    between = count.squares - count.hits**2 / count.clusters
    between *= count.clusters / (count.clusters - 1)
    effect = max(1.0, between / (count.trials * rate * (1 - rate)))
    from scipy.special import ndtri, stdtrit

    tail = 1 - (1 - level) / 2
    # Clusters without a hit say nothing about how the hits keep company, unless there are many hits.
    freedom = max(1, min(count.touched, count.clusters) - 1)
    factor = float(stdtrit(freedom, tail) / ndtri(tail)) ** 2 if effect > 1 else 1.0
    trials = count.trials / (effect * factor)
    if not math.isfinite(trials):
        return Interval(0.0, 1.0)
    low, high = clopper_pearson(rate * trials, trials, level)
    return Interval(low if count.touched > 2 else 0.0, high)
