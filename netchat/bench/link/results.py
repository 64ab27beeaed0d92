"""Results of a link-bench run: saving, reading, tables and plots."""

from __future__ import annotations

import json
import math
import os
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from wcwidth import ljust

from netchat.bench import saved_values as saved
from netchat.bench.link.point import LinkPoint
from netchat.bench.results import machine
from netchat.bench.theory.intervals import Interval
from netchat.wording import many

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["LinkResults"]


@dataclass(frozen=True)
class LinkResults:
    """Points of a run."""

    points: tuple[LinkPoint, ...]
    """Measured points."""
    settings: dict[str, Any]
    """Arguments of the run: seconds, repeats, seed, rate and delay of the line."""
    best: dict[str, str] = field(default_factory=dict)
    """Code that the oracle uses for each channel."""
    machine: dict[str, Any] = field(default_factory=machine)
    """System, processor and package versions."""

    def point(self, link: str, channel: str) -> LinkPoint:
        """Return the point of a link and a channel.

        Raises:
            KeyError: The results do not contain this point.
        """
        for point in self.points:
            if (point.link, point.channel) == (link, channel):
                return point
        raise KeyError(f"The results contain no point of {link} over {channel}.")

    @classmethod
    def read(cls, *paths: str | os.PathLike[str]) -> LinkResults:
        """Read files that `to_json` wrote, and join their points.

        Raises:
            BenchError: A file cannot be read or is not valid.
        """
        found = [_read(path) for path in paths]
        best = {channel: code for one in found for channel, code in one.best.items()}
        points = tuple(point for one in found for point in one.points)
        return replace(found[0], points=points, best=best)

    def as_dict(self) -> dict[str, Any]:
        """Return the results as a JSON object."""
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
        """Write a JSON file atomically.

        Raises:
            BenchError: The file cannot be written.
        """
        saved.written(path, json.dumps(self.as_dict(), indent=1) + "\n")

    def table(self) -> str:
        """Format a table for each channel, with the best link first."""
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
            lines.append(f"The oracle uses {chosen}.")
        lines.append(
            f"{many(self.settings['repeats'], 'repetition')}; the line carries "
            f"{self.settings['rate']:,.0f} bytes/s, {1000 * self.settings['delay']:g} ms one way."
        )
        return "\n".join(lines)

    def plot(self) -> Figure:
        """Plot goodput over bit error rate, and over time."""
        from netchat.bench.link.plot import plot

        return plot(self.points)

    def plot_regret(self) -> Figure:
        """Plot the regret against the oracle over time."""
        from netchat.bench.link.plot import plot_regret

        return plot_regret(self.points)


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


def _range(interval: Interval) -> str:
    return f"{interval.low:.3f} {interval.high:.3f}" if math.isfinite(interval.low) else "-"


def _ms(seconds: float) -> str:
    return "-" if math.isnan(seconds) else f"{1000 * seconds:,.0f}"


def _finite(interval: Interval) -> list[float | None]:
    return [_known(interval.low), _known(interval.high)]


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
