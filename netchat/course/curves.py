"""Error rates as curves: measured points with intervals, and theory.

For example:

    figure, axes = error_axes("Hamming against repetition", "p of the channel", "bit error rate")
    measured(axes, [Estimate(0.01, 3e-4, 2.8e-4, 3.2e-4)], "repetition 3")
    show(figure, "The rate of errors falls with p")
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import nan
from typing import TYPE_CHECKING, NamedTuple

from netchat.course.style import COLOURS, plot

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from netchat.bench import Point

__all__ = ["Estimate", "bench_curve", "error_axes", "measured"]

_MARKERS = "os^Dvp"


class Estimate(NamedTuple):
    """A measured rate with its confidence interval.

    Attributes:
        x: The channel's parameter.
        rate: Errors divided by trials; 0 if there was no error.
        low: Lower end of the interval.
        high: Upper end of the interval.
    """

    x: float
    rate: float
    low: float
    high: float


def error_axes(
    title: str, x: str, y: str, *, size: tuple[float, float] = (7.5, 4.6), falling: bool = False
) -> tuple[Figure, Axes]:
    """Return an empty figure with two logarithmic axes.

    Args:
        title: Title of the figure.
        x: Label of the horizontal axis.
        y: Label of the vertical axis.
        size: Width and height in inches.
        falling: Whether the large x, the bad channels, are on the left.
    """
    figure, axes = plot(title, x, y, size=size)
    axes.set(xscale="log", yscale="log")
    if falling:
        axes.xaxis.set_inverted(True)
    return figure, axes


def measured(
    axes: Axes,
    estimates: Iterable[Estimate],
    label: str,
    *,
    theory: tuple[Sequence[float], Sequence[float]] | None = None,
) -> None:
    """Draw estimates as markers with intervals; without an error, an arrow at the upper limit.

    Args:
        axes: Axes to draw on; each call uses the next colour.
        estimates: The measured rates.
        label: Label in the legend.
        theory: x and y of a line in the same colour.
    """
    series = len(axes.containers) // 2
    colour, marker = COLOURS[series % 6], _MARKERS[series % 6]
    points = list(estimates)
    seen = [point for point in points if point.rate > 0]
    unseen = [point for point in points if not point.rate]
    # On a logarithmic axis an interval down to zero would have no end.
    floors = [max(point.low, point.rate / 100) for point in seen]
    axes.errorbar(
        [point.x for point in seen],
        [point.rate for point in seen],
        yerr=[
            [point.rate - floor for point, floor in zip(seen, floors, strict=True)],
            [point.high - point.rate for point in seen],
        ],
        fmt=marker, color=colour, label=label, capsize=3, elinewidth=1.4, markersize=5,
    )  # fmt: skip
    axes.errorbar(
        [point.x for point in unseen],
        [point.high for point in unseen],
        yerr=[point.high * 0.6 for point in unseen],
        uplims=True, fmt="_", color=colour, elinewidth=1.4, capsize=3,
    )  # fmt: skip
    if theory is not None:
        axes.plot(*theory, color=colour, marker="", linewidth=1.3, zorder=1)


def bench_curve(
    axes: Axes, xs: Sequence[float], points: Sequence[Point], label: str | None = None
) -> None:
    """Draw the bit error rates that the bench measured for a code, with theory.

    Args:
        axes: Axes to draw on.
        xs: The channel's parameter at each point.
        points: The points of one code, one per x.
        label: Label in the legend; by default the code's spec.
    """
    estimates = [
        Estimate(x, point.ber or 0.0, *point.ber_interval)
        for x, point in zip(xs, points, strict=True)
    ]
    theory = [nan if point.theory.ber is None else point.theory.ber for point in points]
    measured(axes, estimates, label or points[0].code, theory=(xs, theory))
