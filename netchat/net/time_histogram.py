"""Histogram of durations, in the buckets of Prometheus."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

__all__ = ["BOUNDS", "TimeHistogram"]

#: Upper bounds of the buckets, in seconds; a last bucket has no bound.
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)

_MICROSECONDS = tuple(round(bound * 1e6) for bound in BOUNDS)


class TimeHistogram:
    """Counts of durations per bucket, and their sum.

    Attributes:
        counts: Number of durations in each bucket; not cumulative.
        total: Sum of the durations, in seconds.
    """

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        """Count one duration."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds

    def add_since(self, times: Sequence[int], now: int) -> None:
        """Count the time that has passed since each of several moments.

        The server does this for every message, so it searches for the bounds in the times, not for
        each time in the bounds.

        Args:
            times: The moments, in microseconds since 1970. A later one than `now` counts as `now`.
            now: The current time, likewise.
        """
        if not times:
            return
        ordered = sorted(times)
        if ordered[-1] > now:
            ordered = [min(time, now) for time in ordered]
        self.total += (now * len(ordered) - sum(ordered)) / 1e6
        left = len(ordered)  # times that are not in an earlier bucket: the oldest ones
        bucket = bisect_left(_MICROSECONDS, now - ordered[-1])
        while left:
            first = 0
            if bucket < len(_MICROSECONDS):
                first = bisect_left(ordered, now - _MICROSECONDS[bucket], 0, left)
            self.counts[bucket] += left - first
            left = first
            bucket += 1

    def cumulative(self) -> list[int]:
        """Return the number of durations up to each bound; the last one is the number of all."""
        found, total = [], 0
        for count in self.counts:
            total += count
            found.append(total)
        return found
