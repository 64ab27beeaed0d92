"""Plots of link-bench results."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np

from netchat.bench.link.point import LinkPoint
from netchat.bench.link.suite import ORACLE, parse_channel, parse_link
from netchat.bench.report.plot_style import BASELINE, Look, add_legend, looks, measured, picture
from netchat.bench.theory.limits import capacity
from netchat.channels.bsc import BSC
from netchat.channels.registry import split
from netchat.link.open_request import Mode
from netchat.link.policy_registry import ADAPTIVE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot", "plot_regret"]

#: Number of fixed codes, the best ones, in plots of changing channels.
_FIXED = 2

_WHAT = {
    Mode.HYBRID: "hybrid ARQ",
    Mode.ARQ: "ARQ alone",
    Mode.FEC: "FEC alone",
}


def plot(points: Sequence[LinkPoint]) -> Figure:
    """Draw goodput: against the bit error rate, and over time where the channel changes."""
    constant, changing = _constant(points), _changing(points)
    figure, axes = picture(
        bool(constant) + bool(changing) or 1,
        "Goodput of a link over a line with bit errors",
        "Fraction of the line's capacity delivered as intact payload, after headers and "
        "retransmissions.  Markers: means with 95 % intervals.",
    )
    shown = _shown(points)
    handles = []
    if constant:
        handles += _against_rate(axes[0], constant, shown)
    if changing:
        handles += _over_time(axes[-1], changing, shown)
    figure.subplots_adjust(top=0.84)
    axes[0].set_ylim(0, 1.08)
    axes[0].set_ylabel("goodput, as a fraction of the line's capacity")
    named = {handle.get_label(): handle for handle in handles}
    add_legend(figure, list(named.values()))
    return figure


def plot_regret(points: Sequence[LinkPoint]) -> Figure:
    """Draw the cumulative regret against the oracle over time.

    Raises:
        ValueError: The results do not contain the oracle.
    """
    changing = _changing(points)
    oracle = [point for point in changing if point.link == ORACLE]
    if not oracle:
        raise ValueError("The regret is relative to the oracle: include it in the links.")
    figure, (axes,) = picture(
        1, "Regret against the oracle",
        "Data missing compared with the best code, in seconds of the line's capacity.  Means of all runs.",
    )  # fmt: skip
    shown = _shown(points)
    handles = []
    for point in changing:
        if point.link == ORACLE:
            continue
        lost = accumulate(
            point.slot * (best - mine)
            for best, mine in zip(oracle[0].slots, point.slots, strict=True)
        )
        colour, _ = shown[point.link]
        name = f"{_title(point.link)}: {100 * (point.share or 0):.0f} % of the oracle"
        handles += axes.plot(_times(point), list(lost), color=colour, linewidth=2.6, label=name)
    figure.subplots_adjust(top=0.83)
    _periods(axes, changing[0])
    axes.set_ylabel("regret in seconds of the line")
    add_legend(figure, handles)
    return figure


def _constant(points: Sequence[LinkPoint]) -> list[LinkPoint]:
    """Return the points over a BSC with errors; a rate of 0 has no position on the axis."""
    mine = [point for point in points if point.channel.startswith("bsc:")]
    mine = [point for point in mine if len(parse_channel(point.channel, 1.0).channels) == 1]
    return [point for point in mine if _error_rate(point) > 0]


def _changing(points: Sequence[LinkPoint]) -> list[LinkPoint]:
    """Return the points of the first changing channel, with only the best fixed codes."""
    names = [p.channel for p in points if len(parse_channel(p.channel, 1.0).channels) > 1]
    mine = [point for point in points if names and point.channel == names[0]]
    fixed = [point for point in mine if parse_link(point.link).fixed]
    best = sorted(fixed, key=lambda point: -point.goodput)[:_FIXED]
    return [point for point in mine if point in best or point not in fixed]


def _shown(points: Sequence[LinkPoint]) -> dict[str, Look]:
    """Assign a look to each link that is drawn, the same in all panels and plots."""
    drawn = [*_constant(points), *_changing(points)]
    names = {point.link: _kind(point.link) for point in drawn if point.link != ORACLE}
    chosen = looks(sorted(dict.fromkeys(names.values()), key=_order))
    return {ORACLE: BASELINE, **{link: chosen[kind] for link, kind in names.items()}}


def _order(kind: str) -> tuple[bool, bool, str]:
    """Return the sort key: policies first, then the links compared with them."""
    one = parse_link(kind)
    return one.selection not in ADAPTIVE, one.mode is Mode.HYBRID and "223" not in kind, kind


def _kind(link: str) -> str:
    """Return the name that determines the look; `adaptive` looks like its policy."""
    return f"adaptive:{ADAPTIVE[link].__name__.lower()}" if link == "adaptive" else link


def _title(link: str) -> str:
    if link == ORACLE:
        return "oracle: the best code for the channel"
    one = parse_link(link)
    if one.selection in ADAPTIVE:
        return _kind(link)
    if one.selection == "uncoded" and one.mode is Mode.ARQ:
        return "ARQ alone, uncoded"
    return f"{_WHAT[one.mode]}, {one.selection}"


def _error_rate(point: LinkPoint) -> float:
    """Return the error rate of the BSC of a point."""
    (channel,) = parse_channel(point.channel, 1.0).channels
    return float(split(channel)[1])


def _against_rate(axes: Axes, points: Sequence[LinkPoint], shown: dict[str, Look]) -> list[Any]:
    handles: list[Any] = []
    for link in dict.fromkeys(point.link for point in points):
        mine = [point for point in points if point.link == link]
        rates = [_error_rate(point) for point in mine]
        look = shown[link]
        goodputs = [point.goodput for point in mine]
        handles += axes.plot(
            rates, goodputs, color=look[0], marker=look[1], markersize=8, linewidth=2.2,
            label=_title(link),
        )  # fmt: skip
        drawn = [i for i, goodput in enumerate(goodputs) if goodput > 0]
        measured(
            axes, [rates[i] for i in drawn], [goodputs[i] for i in drawn],
            [mine[i].interval for i in drawn], look,
        )  # fmt: skip
    rates = [_error_rate(point) for point in points]
    fine = np.geomspace(min(rates), max(rates), 200)
    limits = [capacity(BSC(float(p))) or 0.0 for p in fine]
    handles += axes.plot(
        fine, limits, color="#444444", linestyle=":", linewidth=2, label="Shannon's limit, 1 - h(p)"
    )
    axes.set_xscale("log")
    axes.set_title("Constant channels (BSC)", loc="left", fontsize=15, fontweight="bold")
    axes.set_xlabel("fraction of bits that the channel flips")
    return handles


def _over_time(axes: Axes, points: Sequence[LinkPoint], shown: dict[str, Look]) -> list[Any]:
    handles: list[Any] = []
    for point in sorted(points, key=lambda one: one.link != ORACLE):
        colour, marker = shown[point.link]
        oracle = point.link == ORACLE
        handles += axes.plot(
            *_by_second(point), color=colour, linewidth=6 if oracle else 2.2,
            alpha=0.3 if oracle else 1, label=_title(point.link), marker=marker,
            markevery=(len(handles), 5), markersize=0 if oracle else 8,
        )  # fmt: skip
    _periods(axes, points[0])
    axes.set_title("A changing channel", loc="left", fontsize=15, fontweight="bold", pad=26)
    return handles


def _by_second(point: LinkPoint) -> tuple[list[float], list[float]]:
    """Return goodput per second, because shorter slots contain too few blocks for a smooth line."""
    each = max(1, round(1 / point.slot))
    starts = range(0, len(point.slots) - each + 1, each)
    middles = [point.slot * (start + each / 2) for start in starts]
    return middles, [sum(point.slots[start : start + each]) / each for start in starts]


def _times(point: LinkPoint) -> list[float]:
    return [point.slot * (number + 0.5) for number in range(len(point.slots))]


def _periods(axes: Axes, point: LinkPoint) -> None:
    """Shade the periods of the channel, and label them."""
    begins = 0.0
    varying = parse_channel(point.channel, 1.0)
    for number, (channel, stays) in enumerate(varying.periods):
        if number % 2:
            axes.axvspan(begins, begins + stays, color="#f2f2f2", zorder=0)
        kind, _, _ = channel.partition(":")
        axes.text(
            begins + stays / 2, 1.015, channel if kind == "bsc" else "bursts",
            transform=axes.get_xaxis_transform(), ha="center", fontsize=13, color="#444444",
        )  # fmt: skip
        begins += stays
    axes.set_xlim(0, begins)
    axes.set_xlabel("seconds")
