"""Confidence intervals of measured error rates.

If errors are independent, their count is binomial, and the interval of Clopper and Pearson
(Biometrika 26, 1934) covers the true rate in at least the stated fraction of all experiments. This
also holds if the experiment stops at a number of errors; the upper end is then slightly too high.

Bit errors are clustered: a lost frame contains many. An interval that treated them as independent
would be several times too narrow. `clustered` therefore uses independent clusters, and computes the
number of independent trials with the same uncertainty (the effective sample size of Korn and
Graubard, Survey Methodology 24, 1998).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["LEVEL", "Clusters", "Interval", "clopper_pearson", "clustered"]

#: Confidence level: fraction of experiments in which an interval covers the true rate.
LEVEL = 0.95


class Interval(NamedTuple):
    """Confidence interval of a rate."""

    low: float
    """Lower end."""
    high: float
    """Upper end."""


@dataclass(frozen=True, slots=True)
class Clusters:
    """Counts by cluster, from which `clustered` computes an interval."""

    trials: int
    """Total number of trials, such as bits."""
    hits: int
    """Total number of hits, such as bit errors."""
    clusters: int
    """Number of independent groups of trials, such as frames."""
    touched: int
    """Number of clusters with a hit."""
    squares: int
    """Sum of the squared hits of the clusters."""


def clopper_pearson(hits: float, trials: float, level: float = LEVEL) -> Interval:
    """Return the confidence interval of a binomial proportion.

    `hits` and `trials` may be effective numbers, which are not integers. Without a hit, the lower end is
    0.

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
    """Return the confidence interval of a rate whose hits are clustered.

    The variance between clusters gives the effective number of independent trials. With few clusters
    with hits, that estimate is itself uncertain, which Student's factor accounts for. The interval is
    never narrower than that of Clopper and Pearson, and equal to it if every cluster is one trial.

    >>> clustered(Clusters(trials=100, hits=5, clusters=100, touched=5, squares=5)) \\
    ...     == clopper_pearson(5, 100)
    True
    >>> low, high = clustered(Clusters(trials=100, hits=9, clusters=20, touched=3, squares=27))
    >>> high > clopper_pearson(9, 100).high
    True
    """
    rate = count.hits / count.trials if count.trials else 0.0
    if count.clusters == count.trials or not 0 < rate < 1:
        # Without a hit the clustering is unknown: assume that a hit fills a whole cluster.
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
    # Clusters without a hit contain no information about the clustering, unless there are many hits.
    freedom = max(1, min(count.touched, count.clusters) - 1)
    factor = float(stdtrit(freedom, tail) / ndtri(tail)) ** 2 if effect > 1 else 1.0
    trials = count.trials / (effect * factor)
    if not math.isfinite(trials):
        return Interval(0.0, 1.0)
    low, high = clopper_pearson(rate * trials, trials, level)
    return Interval(low if count.touched > 2 else 0.0, high)
