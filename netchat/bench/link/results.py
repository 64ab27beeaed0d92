"""What a link-bench has measured: to be kept, read again, and shown."""

from __future__ import annotations

import json
import math
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from wcwidth import ljust

from netchat.bench import saved_values as saved
from netchat.bench.link.simulation import SLOT, Run
from netchat.bench.results import machine
from netchat.bench.theory.intervals import LEVEL, Interval
from netchat.wording import many

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["LinkPoint", "LinkResults", "point_of", "student"]


def student(values: Sequence[float], level: float = LEVEL) -> Interval:
    """The interval of a mean, by Student's t, from repetitions that do not depend on each other.

    >>> low, high = student([1.0, 2.0, 3.0])
    >>> round(low, 3), round(high, 3)
    (-0.484, 4.484)
    """
    count = len(values)
    if count < 2:
        return Interval(-math.inf, math.inf)
    from scipy.special import stdtrit  # type: ignore[import-untyped]

    mean = sum(values) / count
    spread = math.sqrt(sum((value - mean) ** 2 for value in values) / (count - 1) / count)
    reach = spread * float(stdtrit(count - 1, 1 - (1 - level) / 2))
    return Interval(mean - reach, mean + reach)


@dataclass(frozen=True)
class LinkPoint:
    """One link over one channel."""

    link: str
    """How it is written."""
    channel: str
    """How that is written."""
    goodputs: tuple[float, ...]
    """Of what the line can carry, the share that arrived as intact payload; of each repetition."""
    of_oracle: tuple[float, ...] = ()
    """The same, of what arrived with the oracle in the same repetition; where that was run."""
    p50: float = math.nan
    """Median seconds from writing a message to having it, when there is room on the line."""
    p99: float = math.nan
    """The 99th percentile of that."""
    missing: int = 0
    """Messages that had not arrived at the end of the run."""
    slots: tuple[float, ...] = ()
    """Goodput by slots of `slot` seconds, mean of the repetitions."""
    slot: float = SLOT
    """Seconds of a slot."""
    codes: dict[str, int] = field(default_factory=dict)
    """Blocks of data sent, by code."""

    @property
    def goodput(self) -> float:
        """Mean of the repetitions."""
        return sum(self.goodputs) / len(self.goodputs)

    @property
    def interval(self) -> Interval:
        """Of the goodput."""
        low, high = student(self.goodputs)
        return Interval(max(0.0, low), high)

    @property
    def share(self) -> float | None:
        """Of the oracle's goodput; 1 less this is the regret."""
        return sum(self.of_oracle) / len(self.of_oracle) if self.of_oracle else None

    @property
    def share_interval(self) -> Interval:
        """Of that share."""
        return student(self.of_oracle)


@dataclass(frozen=True)
class LinkResults:
    """All points of a run."""

    points: tuple[LinkPoint, ...]
    settings: dict[str, Any]
    """What was asked for: seconds, repeats, seed, rate and delay of the line."""
    best: dict[str, str] = field(default_factory=dict)
    """The code that the oracle takes for each channel of the weather."""
    machine: dict[str, Any] = field(default_factory=machine)
    """Where it was run, with which versions."""

    def point(self, link: str, channel: str) -> LinkPoint:
        """One of the points.

        Raises:
            KeyError: there is none of that link and channel.
        """
        for point in self.points:
            if (point.link, point.channel) == (link, channel):
                return point
        raise KeyError(f"there is no point of {link} over {channel}")

    @classmethod
    def read(cls, *paths: str | os.PathLike[str]) -> LinkResults:
        """Read what `to_json` has written; of several files, the points of all.

        Raises:
            BenchError: one cannot be read, or is no such file.
        """
        found = [_read(path) for path in paths]
        best = {channel: code for one in found for channel, code in one.best.items()}
        points = tuple(point for one in found for point in one.points)
        return replace(found[0], points=points, best=best)

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        points = [
            {
                **asdict(point),
                "goodput": point.goodput,
                "interval": _finite(point.interval),
                "share": point.share,
                "share_interval": _finite(point.share_interval),
                "p50": _known(point.p50),
                "p99": _known(point.p99),
            }
            for point in self.points
        ]
        return {
            "settings": self.settings, "best": self.best, "machine": self.machine, "points": points
        }  # fmt: skip

    def to_json(self, path: str | os.PathLike[str]) -> None:
        """Write it as JSON, all of it or nothing.

        Raises:
            BenchError: the file cannot be written.
        """
        saved.written(path, json.dumps(self.as_dict(), indent=1) + "\n")

    def table(self) -> str:
        """As text, channel by channel; the best link first."""
        lines = []
        for channel in dict.fromkeys(point.channel for point in self.points):
            lines.append(f"{channel}")
            lines.append(
                f"  {'link':<26}{'goodput':>8}  {'95 %':<15}{'of oracle':>9}  {'95 %':<15}"
                f"{'p50 ms':>8}{'p99 ms':>10}"
            )
            mine = [point for point in self.points if point.channel == channel]
            for point in sorted(mine, key=lambda one: -one.goodput):
                share = "" if point.share is None else f"{point.share:.3f}"
                within = "" if point.share is None else _range(point.share_interval)
                late = f" ({many(point.missing, 'message')} missing)" if point.missing else ""
                lines.append(
                    f"  {ljust(point.link, 26)}{point.goodput:>8.3f}  {_range(point.interval):<15}"
                    f"{share:>9}  {within:<15}{_ms(point.p50):>8}{_ms(point.p99):>10}{late}"
                )
            lines.append("")
        chosen = ", ".join(f"{code} on {channel}" for channel, code in self.best.items())
        if chosen:
            lines.append(f"The oracle takes {chosen}.")
        lines.append(
            f"{many(self.settings['repeats'], 'repetition')}; the line carries "
            f"{self.settings['rate']:,.0f} bytes/s, {1000 * self.settings['delay']:g} ms one way."
        )
        return "\n".join(lines)

    def plot(self) -> Figure:
        """The picture: goodput against bit error rate, and over time."""
        from netchat.bench.link.plot import plot

        return plot(self)

    def plot_regret(self) -> Figure:
        """The picture of what was lost to the oracle, over time."""
        from netchat.bench.link.plot import plot_regret

        return plot_regret(self)


def _read(path: str | os.PathLike[str]) -> LinkResults:
    with saved.reading(path, "results of link-bench") as values:
        settings = saved.table(values, "settings")
        for name in ("repeats", "rate", "delay"):
            saved.number(settings, name)
        best = saved.table(values, "best")
        return LinkResults(
            tuple(
                _point(saved.table({"a point": point}, "a point"))
                for point in saved.listed(values, "points")
            ),
            settings,
            {channel: saved.text(best, channel) for channel in best},
            saved.table(values, "machine"),
        )


def _point(values: dict[str, Any]) -> LinkPoint:
    goodputs, of_oracle, slots = (
        tuple(saved.number({name: value}, name) for value in saved.listed(values, name))
        for name in ("goodputs", "of_oracle", "slots")
    )
    if not goodputs:
        raise ValueError("a point has no goodputs")
    p50, p99 = (saved.maybe_number(values, name) for name in ("p50", "p99"))
    return LinkPoint(
        saved.text(values, "link"), saved.text(values, "channel"), goodputs, of_oracle,
        math.nan if p50 is None else p50, math.nan if p99 is None else p99,
        saved.count(values, "missing"), slots, saved.number(values, "slot"),
        saved.counts(values, "codes"),
    )  # fmt: skip


def point_of(
    link: str, channel: str, runs: Sequence[Run], oracle: Sequence[Run], quiet: Sequence[Run]
) -> LinkPoint:
    """A point from its runs.

    Args:
        link: how the link is written.
        channel: how the channel is written.
        runs: the repetitions.
        oracle: the oracle's, of the same channel; none if it was not run.
        quiet: those with single messages.
    """
    times = sorted(time for run in quiet for time in run.latencies)
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
        p50=_quantile(times, 0.5),
        p99=_quantile(times, 0.99),
        missing=sum(run.messages - len(run.latencies) for run in quiet),
        slots=tuple(
            sum(slot) / len(runs) / width for slot in zip(*(run.slots for run in runs), strict=True)
        ),
        codes=dict(codes.most_common()),
    )


def _quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else math.nan


def _range(interval: Interval) -> str:
    return f"{interval.low:.3f} {interval.high:.3f}" if math.isfinite(interval.low) else "-"


def _ms(seconds: float) -> str:
    return "-" if math.isnan(seconds) else f"{1000 * seconds:,.0f}"


def _finite(interval: Interval) -> list[float | None]:
    return [_known(interval.low), _known(interval.high)]


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
