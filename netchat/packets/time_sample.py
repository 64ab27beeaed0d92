"""Sample of times of bounded size, with percentiles."""

from __future__ import annotations

from array import array
from typing import Any

__all__ = ["TimeSample", "show_time"]

#: Times kept. At this number, every second one is dropped, and from then on only every second one is
#: kept: a thinned sample with nearly the same percentiles.
_MAX_TIMES = 65_536

_SHOWN = (0.5, 0.95, 0.99)


class TimeSample:
    """Times in ns, thinned to a bounded number.

    Attributes:
        count: Number of times added.
        least: The shortest time, in ns; 0 without times.
        most: The longest time, in ns.
        kept: The times kept.
    """

    def __init__(self) -> None:
        self.count = 0
        self.least = self.most = 0
        self.kept = array("q")
        self._stride, self._skipped = 1, 0

    def add(self, time: int) -> None:
        """Add a time, in ns."""
        self.least = time if not self.count else min(self.least, time)
        self.most = max(self.most, time)
        self.count += 1
        self._skipped += 1
        if self._skipped >= self._stride:
            self._skipped = 0
            self.kept.append(time)
        if len(self.kept) > _MAX_TIMES:
            self.kept = self.kept[::2]
            self._stride *= 2

    def quantile(self, part: float) -> int | None:
        """Return the time, in ns, that a fraction `part` does not exceed, or None without times."""
        times = sorted(self.kept)
        return times[min(len(times) - 1, int(part * len(times)))] if times else None

    def as_dict(self) -> dict[str, Any]:
        """Return the number of times and, in seconds, the percentiles and extremes."""
        row: dict[str, Any] = {"count": self.count}
        times = [self.least if self.count else None, *map(self.quantile, _SHOWN)]
        times.append(self.most if self.count else None)
        names = ("min_s", "p50_s", "p95_s", "p99_s", "max_s")
        row |= {n: None if t is None else t / 1e9 for n, t in zip(names, times, strict=True)}
        return row

    def text(self) -> str:
        """Describe the percentiles, or return `no sample`."""
        if not self.count:
            return "no sample"
        shown = [f"{part:.0%} {show_time(self.quantile(part) or 0)}" for part in _SHOWN]
        return f"{', '.join(shown)}, max {show_time(self.most)}, of {self.count:,}"


def show_time(time: int) -> str:
    """Format a time in ns with three digits: `0.21 ms`, `3.5 s`."""
    return f"{time / 1e6:.3g} ms" if time < 1_000_000_000 else f"{time / 1e9:.3g} s"
