"""Plot of measured and theoretical error rates over the channels."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from netchat.bench.point import Point
from netchat.bench.references import PublishedCurve, published, read_references
from netchat.bench.report.curves import Size, finite_length_curves, sizes, theory_curve
from netchat.bench.report.panels import Panel, panels
from netchat.bench.report.plot_style import (
    BASELINE,
    Look,
    Style,
    add_legend,
    literal,
    looks,
    measured,
    paper_picture,
    picture,
    rate_axis,
    styles,
)
from netchat.channels import Channel
from netchat.coding import Code
from netchat.coding import get as get_code
from netchat.coding.block.uncoded import Uncoded

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Options", "plot"]

_RATES = {"ber": "bit error rate after decoding", "fer": "frame error rate"}

#: Groups of codes with different lengths or rates for which limits of the length are drawn by default.
_FEW = 3

_BLACK, _GREY = "#222222", "#888888"
_APPROXIMATION = (0, (6, 2, 1, 2))
_BOUND = (0, (1.5, 1.5))


@dataclass(frozen=True, slots=True)
class Options:
    """Contents and style of a plot."""

    rate: Literal["ber", "fer"] = "ber"
    """Rate: of bits or of frames."""
    style: Literal["slide", "paper"] = "slide"
    """Style: the shape of a slide, or one column of a paper."""
    references: bool | str | os.PathLike[str] = False
    """Whether to draw published curves, or the file or folder that contains them."""
    bounds: bool | None = None
    """Whether to draw the limits of the length in a plot of FERs; by default, if there are few."""


class _Legend:
    """Entries of the legend, in the order in which they are drawn."""

    def __init__(self) -> None:
        self.codes: dict[str, tuple[Look, str]] = {}
        self.others: dict[str, dict[str, object]] = {}

    def add(self, label: str, **line: object) -> None:
        """Add a line that is no code, once."""
        self.others.setdefault(label, line)


def plot(points: Sequence[Point], options: Options, axes: Axes | None = None) -> Figure:
    """Draw points; see `netchat.bench.Results.plot`."""
    if not points:
        raise ValueError("There are no points to plot.")
    for name, value, allowed in (("rate", options.rate, _RATES), ("style", options.style, styles)):
        if value not in allowed:
            raise ValueError(f"Argument {name!r} must be {' or '.join(allowed)}, got {value!r}.")
    kinds = panels(points)
    style = styles[options.style]
    if axes is not None:
        if len(kinds) > 1:
            raise ValueError(
                f"Argument 'ax' needs points over one kind of channel, got {len(kinds)}: plot each of them."
            )
        figure, all_axes = axes.figure, [axes]
    elif options.style == "paper":
        figure, all_axes = paper_picture(len(kinds))
    else:
        figure, all_axes = picture(
            len(kinds),
            "Bit errors after decoding" if options.rate == "ber" else "Frame errors",
            "Markers: measured, with 95 % intervals; arrows: no error seen, so the rate is lower.  "
            "Lines: theory; dashed: an upper bound; thin: between measurements.",
        )
    codes = {point.code: _code(point.code) for point in points}
    chosen = looks([spec for spec, code in codes.items() if not isinstance(code, Uncoded)])
    legend = _Legend()
    rate_axis(all_axes, _RATES[options.rate], _lowest(points, options.rate))
    curves = None
    if not isinstance(options.references, bool):
        curves = read_references(options.references)
    for panel_axes, (panel, channels, its_points) in zip(all_axes, kinds, strict=True):
        _draw_axis(
            panel_axes, panel, list(channels.values()), titled=axes is None and style.is_slide
        )
        names = dict.fromkeys(point.code for point in its_points)
        if not any(isinstance(codes[name], Uncoded) for name in names):
            names = {"uncoded:64": None, **names}
            codes["uncoded:64"] = Uncoded(64)
        known = {name: code for name in names if (code := codes[name]) is not None}
        _draw_limits(panel_axes, panel, known, chosen, options, style, legend)
        for name in names:
            look = chosen.get(name, BASELINE)
            code = codes[name]
            legend.codes[name] = look, _title(name, code, its_points)
            has_theory = code is not None and _draw_theory(
                panel_axes, panel, code, look, options, style
            )
            if options.references is not False:
                found = published(name, next(iter(channels)), curves)
                _draw_published(panel_axes, found, look, options, style, legend)
            mine = [point for point in its_points if point.code == name and point.tally.frames]
            measured(
                panel_axes,
                [panel.where(channels[point.channel]) for point in mine],
                [_rate_of(point, options.rate) for point in mine],
                [
                    point.ber_interval if options.rate == "ber" else point.fer_interval
                    for point in mine
                ],
                look,
                style,
                linestyle="none" if has_theory else "-",
                linewidth=style.thin / 2,
            )
    _draw_legend(figure, axes, legend, style)
    return figure  # type: ignore[return-value] # a figure, or a part of one


def _code(spec: str) -> Code | None:
    """Create the code for its theory; None if its class is unknown here."""
    try:
        return get_code(spec)
    except ValueError:
        return None


def _title(spec: str, code: Code | None, points: Sequence[Point]) -> str:
    if isinstance(code, Uncoded):
        return "uncoded"
    rate = next(point.rate for point in points if point.code == spec)
    return literal(f"{spec if code is None else code.name}, rate {rate:.2f}")


def _rate_of(point: Point, rate: str) -> float:
    found = point.ber if rate == "ber" else point.fer
    assert found is not None
    return found


def _lowest(points: Sequence[Point], rate: str) -> float:
    """Return the lower end of the axis, below the smallest measured rate."""
    rates = [_rate_of(point, rate) for point in points if point.tally.frames]
    least = min((found for found in rates if found > 0), default=1e-3)
    return float(10 ** np.floor(np.log10(least) - 0.3))


def _draw_axis(axes: Axes, panel: Panel, channels: Sequence[Channel], *, titled: bool) -> None:
    places = [panel.where(channel) for channel in channels]
    if panel.log:  # 0 has no position on it
        places = [place for place in places if place > 0] or [1e-3]
    low, high = min(places), max(places)
    if panel.log:
        axes.set_xscale("log")
        margin = (high / low) ** 0.06 if high > low else 3.0
        low, high = low / margin, high * margin
    else:
        margin = 0.06 * (high - low) or 1.0
        low, high = low - margin, high + margin
    axes.set_xlim(*((high, low) if panel.inverted else (low, high)))
    if panel.inverted:
        axes.xaxis.set_major_formatter(lambda share, _: f"{100 * share:g} %")
    elif panel.log:
        axes.xaxis.set_major_formatter(lambda length, _: f"{length:g}")
    if titled:
        axes.set_title(panel.title, loc="left", fontsize=15, fontweight="bold")
    axes.set_xlabel(panel.label)


def _draw_theory(
    axes: Axes, panel: Panel, code: Code, look: Look, options: Options, style: Style
) -> bool:
    """Draw the theoretical rates of a code; return whether there are any."""
    curve = theory_curve(code, panel, axes.get_xlim(), options.rate)
    if curve is not None:
        axes.plot(
            curve.x, curve.y, color=look[0], linewidth=style.line, zorder=2,
            linestyle="--" if curve.is_bound else "-",
        )  # fmt: skip
    return curve is not None


def _draw_limits(
    axes: Axes,
    panel: Panel,
    codes: dict[str, Code],
    chosen: dict[str, Look],
    options: Options,
    style: Style,
    legend: _Legend,
) -> None:
    """Draw Shannon's limit of each rate, and the limits of each length in a plot of FERs."""
    groups = sizes(codes)
    low, high = sorted(axes.get_xlim())
    for group in groups:
        shared = len(group.codes) > 1
        colour = _shade(group) if shared else chosen.get(group.codes[0], BASELINE)[0]
        place = None if panel.limit is None else panel.limit(group.rate, group.decisions)
        if place is not None and low < place < high:
            axes.axvline(place, color=colour, linestyle=":", linewidth=style.thin, zorder=1)
            legend.add("Shannon limit", color="#444444", linestyle=":")
        bounds = len(groups) <= _FEW if options.bounds is None else options.bounds
        if options.rate != "fer" or not bounds:
            continue
        for curve, line, label in zip(
            finite_length_curves(group, panel, (low, high), axes.get_ylim()[0]),
            (_APPROXIMATION, _BOUND),
            ("normal approximation", "lower bound (converse)"),
            strict=True,
        ):
            if curve is not None:
                axes.plot(
                    curve.x, curve.y, color=colour, linestyle=line, linewidth=style.thin, zorder=1.5
                )
                legend.add(label, color=_BLACK, linestyle=line)
    if any(len(group.codes) > 1 and group.decisions != "soft" for group in groups):
        legend.add("limits of hard decisions", color=_GREY, linestyle="-")


def _shade(group: Size) -> str:
    """Return the colour of the limits of several codes."""
    return _BLACK if group.decisions == "soft" else _GREY


def _draw_published(
    axes: Axes,
    curves: Sequence[PublishedCurve],
    look: Look,
    options: Options,
    style: Style,
    legend: _Legend,
) -> None:
    for curve in curves:
        axes.plot(
            [point.value for point in curve.points],
            [getattr(point, options.rate) for point in curve.points],
            color=look[0], linewidth=style.thin / 2, marker="o", markersize=1.25 * style.marker,
            markerfacecolor="none", markeredgewidth=style.thin / 2, zorder=2.5,
        )  # fmt: skip
        legend.add(
            f"published ({curve.source})", color=_BLACK, marker="o", markerfacecolor="none",
            linestyle="-",
        )  # fmt: skip


def _draw_legend(figure: object, axes: Axes | None, legend: _Legend, style: Style) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=colour, marker=marker, markersize=style.marker, linewidth=style.line,
               label=title)
        for (colour, marker), title in legend.codes.values()
    ]  # fmt: skip
    handles += [
        Line2D([], [], **{"linewidth": style.thin, "markersize": style.marker, **line}, label=label)  # type: ignore[arg-type] # of any property
        for label, line in legend.others.items()
    ]
    if axes is not None:
        axes.legend(handles=handles, fontsize="small")
    else:
        add_legend(figure, handles, style)  # type: ignore[arg-type] # one of our own
