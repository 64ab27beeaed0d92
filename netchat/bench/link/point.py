"""Measured goodput and latency of one link over one channel."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from netchat.bench.link.simulation import SLOT, Run
from netchat.bench.theory.intervals import LEVEL, Interval

__all__ = ["LinkPoint", "mean_interval", "point_of"]


def mean_interval(values: Sequence[float], level: float = LEVEL) -> Interval:
    """Return the confidence interval of the mean of independent values, by Student's t.

    >>> low, high = mean_interval([1.0, 2.0, 3.0])
    >>> round(low, 3), round(high, 3)
    (-0.484, 4.484)
    """
    count = len(values)
    if count < 2:
        return Interval(-math.inf, math.inf)
    from scipy.special import stdtrit  # type: ignore[import-untyped]

    mean, deviation = float(np.mean(values)), float(np.std(values, ddof=1))
    reach = deviation / math.sqrt(count) * float(stdtrit(count - 1, 1 - (1 - level) / 2))
    return Interval(mean - reach, mean + reach)


@dataclass(frozen=True)
class LinkPoint:
    """Measurements of one link over one channel."""

    link: str
    """Specification of the link."""
    channel: str
    """Specification of the channel."""
    goodputs: tuple[float, ...]
    """Goodput of each repetition, as a fraction of the line's capacity."""
    of_oracle: tuple[float, ...] = ()
    """Goodput of each repetition relative to the oracle's; empty without the oracle."""
    p50: float = math.nan
    """Median latency of a message on an unsaturated line, in seconds."""
    p99: float = math.nan
    """99th percentile of the latency, in seconds."""
    missing: int = 0
    """Number of messages that had not arrived at the end of the run."""
    slots: tuple[float, ...] = ()
    """Mean goodput in time slots of `slot` seconds."""
    slot: float = SLOT
    """Length of a time slot in seconds."""
    codes: dict[str, int] = field(default_factory=dict)
    """Number of data blocks sent, by code."""

    @property
    def goodput(self) -> float:
        """Mean goodput."""
        return sum(self.goodputs) / len(self.goodputs)

    @property
    def interval(self) -> Interval:
        """Confidence interval of the goodput."""
        low, high = mean_interval(self.goodputs)
        return Interval(max(0.0, low), high)

    @property
    def share(self) -> float | None:
        """Mean goodput relative to the oracle's; 1 minus this is the regret."""
        return sum(self.of_oracle) / len(self.of_oracle) if self.of_oracle else None

    @property
    def share_interval(self) -> Interval:
        """Confidence interval of that share."""
        return mean_interval(self.of_oracle)


def point_of(
    link: str, channel: str, runs: Sequence[Run], oracle: Sequence[Run], quiet: Sequence[Run]
) -> LinkPoint:
    """Create a point from its runs.

    Args:
        link: Specification of the link.
        channel: Specification of the channel.
        runs: Repetitions with a saturated source.
        oracle: Runs of the oracle over the same channel; empty without the oracle.
        quiet: Repetitions with single messages.
    """
    times = [time for run in quiet for time in run.latencies] or [math.nan]
    p50, p99 = np.quantile(times, (0.5, 0.99), method="higher").tolist()
    codes: Counter[str] = Counter()
    for run in runs:
        codes.update(run.codes)
    width = runs[0].carries * SLOT / runs[0].seconds
    return LinkPoint(
        link=link,
        channel=channel,
        goodputs=tuple(run.goodput for run in runs),
        of_oracle=tuple(
            mine.delivered / best.delivered for mine, best in zip(runs, oracle, strict=False)
        ),
        p50=p50,
        p99=p99,
        missing=sum(run.messages - len(run.latencies) for run in quiet),
        slots=tuple(
            sum(slot) / len(runs) / width for slot in zip(*(run.slots for run in runs), strict=True)
        ),
        codes=dict(codes.most_common()),
    )
