"""Common style of the bench's plots, readable from the back of a lecture hall.

The colours are those of Okabe and Ito, which most people with colour vision deficiency can
distinguish; each curve also has its own marker.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from netchat.bench.theory.intervals import Interval
from netchat.errors import BenchError
from netchat.wire.safe_text import show_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "BASELINE",
    "Look",
    "Style",
    "add_legend",
    "literal",
    "looks",
    "measured",
    "paper_picture",
    "picture",
    "rate_axis",
    "styles",
]

#: Colour and marker of a curve.
Look = tuple[str, str]

#: Look of the baseline, such as uncoded transmission.
BASELINE: Look = ("#444444", "x")

_LOOKS: tuple[Look, ...] = (
    ("#0072B2", "o"), ("#D55E00", "s"), ("#009E73", "D"), ("#CC79A7", "^"), ("#56B4E9", "v"),
    ("#E69F00", "P"), ("#8B4513", "X"), ("#6A3D9A", "p"), ("#999999", "h"), ("#B2182B", "*"),
)  # fmt: skip

#: Height in inches; with the widths below, the figure has the shape of a slide.
_HEIGHT = 9.0

#: Characters of the subtitle per inch.
_CHARACTERS_PER_INCH = 9.5

_FONT: dict[Any, Any] = {
    "font.size": 14,
    "axes.titlesize": 16,
    "axes.labelsize": 14,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.8,
    "axes.axisbelow": True,
    "svg.fonttype": "none",
}


#: Settings of one column of a paper, for those that the user has not changed. Fonts are embedded as
#: outlines of type 42, or stay text in an SVG file.
_COLUMN: dict[Any, Any] = {
    "font.size": 8.0,
    "legend.fontsize": 6.0,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.5,
    "axes.axisbelow": True,
    "axes.linewidth": 0.6,
}

#: Width of a column, and height of its axes, in inches.
_COLUMN_WIDTH, _COLUMN_HEIGHT = 3.5, 2.6


@dataclass(frozen=True, slots=True)
class Style:
    """Sizes in points."""

    is_slide: bool
    """Whether the figure has the shape of a slide, with a heading."""
    line: float
    """Width of a line."""
    thin: float
    """Width of a limit."""
    marker: float
    """Size of a marker."""
    cap: float
    """Size of the caps of an interval."""


styles = {
    "slide": Style(is_slide=True, line=2.2, thin=1.8, marker=8, cap=4),
    "paper": Style(is_slide=False, line=1.0, thin=0.8, marker=3.5, cap=1.5),
}


def looks(names: Sequence[str]) -> dict[str, Look]:
    """Assign a look to each curve; the same order gives the same looks."""
    return {name: _LOOKS[number % len(_LOOKS)] for number, name in enumerate(names)}


def picture(panels: int, title: str, subtitle: str) -> tuple[Figure, list[Axes]]:
    """Create a figure with panels side by side, in the shape of a slide.

    Raises:
        BenchError: matplotlib is not installed.
    """
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise BenchError("Plots need matplotlib: pip install matplotlib") from error
    from matplotlib.figure import Figure

    with mpl.rc_context(_FONT):
        width = 16.0 if panels > 1 else 11.0
        figure = Figure(figsize=(width, _HEIGHT), facecolor="white")
        axes = list(figure.subplots(1, panels, squeeze=False, sharey=True)[0])
        lines = textwrap.wrap(subtitle, round(width * _CHARACTERS_PER_INCH))
        # Fixed margins, because the layout engine takes longer than everything else.
        top = 0.92 - 0.035 * len(lines)
        figure.subplots_adjust(1 / width, 0.15, 1 - 0.2 / width, top, wspace=0.05)
        heading = "\n".join([f"$\\bf{{{_bold(title)}}}$", *lines])
        figure.suptitle(heading, fontsize=15, x=0.01, y=0.99, ha="left", linespacing=1.4)
    return figure, axes


def paper_picture(panels: int) -> tuple[Figure, list[Axes]]:
    """Create a figure of the width of a column, with panels below each other.

    It obeys `matplotlib.rcParams`; a setting that the user has not changed suits a column.

    Raises:
        BenchError: matplotlib is not installed.
    """
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise BenchError("Plots need matplotlib: pip install matplotlib") from error
    from matplotlib.figure import Figure

    changed = mpl.rcParams["figure.figsize"] != mpl.rcParamsDefault["figure.figsize"]
    size = mpl.rcParams["figure.figsize"] if changed else (_COLUMN_WIDTH, _COLUMN_HEIGHT * panels)
    with mpl.rc_context(_unchanged()):
        figure = Figure(figsize=tuple(size), layout="constrained")
        axes = list(figure.subplots(panels, 1, squeeze=False)[:, 0])
    return figure, axes


def _unchanged() -> dict[Any, Any]:
    """Return our settings of a column where the user has not changed matplotlib's."""
    import matplotlib as mpl

    return {
        name: value for name, value in _COLUMN.items()
        if mpl.rcParams[name] == mpl.rcParamsDefault[name]
    }  # fmt: skip


def literal(text: str) -> str:
    """Escape text that matplotlib would parse as mathematics or cannot display."""
    return show_line(text).replace("$", r"\$")


def _bold(text: str) -> str:
    return text.replace(" ", r"\ ").replace("%", r"\%")


def rate_axis(axes: Sequence[Axes], label: str, lowest: float) -> None:
    """Set up the shared logarithmic axis of error rates, from 1 down to `lowest`."""
    for each in axes:
        each.set_yscale("log")
        each.set_ylim(lowest, 1.2)
    axes[0].set_ylabel(label)


def add_legend(figure: Figure, handles: Sequence[Any], style: Style = styles["slide"]) -> None:
    """Add the legend of all panels below them."""
    if not style.is_slide:
        import matplotlib as mpl

        with mpl.rc_context(_unchanged()):
            figure.legend(handles=handles, loc="outside lower center", ncols=2, frameon=False,
                          handlelength=1.6, columnspacing=0.8, borderpad=0.2)  # fmt: skip
        return
    columns = 3 if figure.get_figwidth() > 11 else 2
    figure.legend(handles=handles, loc="lower left", ncols=columns, frameon=False, fontsize=14)
    rows = -(-len(handles) // columns)
    figure.subplots_adjust(bottom=(0.85 + 0.3 * rows) / _HEIGHT)


def measured(
    axes: Axes,
    x: Sequence[float],
    rates: Sequence[float],
    intervals: Sequence[Interval],
    look: Look,
    style: Style = styles["slide"],
    **options: Any,
) -> None:
    """Draw markers with intervals, or an arrow down from the upper limit if there was no error."""
    colour, marker = look
    seen = [i for i, rate in enumerate(rates) if rate > 0]
    unseen = [i for i, rate in enumerate(rates) if rate == 0]
    common = {"color": colour, "linestyle": "none", "zorder": 3, **options}
    axes.errorbar(
        [x[i] for i in seen],
        [rates[i] for i in seen],
        yerr=[
            [rates[i] - intervals[i].low for i in seen],
            [intervals[i].high - rates[i] for i in seen],
        ],
        marker=marker, markersize=style.marker,
        markeredgecolor="white" if marker != "x" else colour,
        markeredgewidth=style.marker / (10 if marker != "x" else 4), elinewidth=style.marker / 4,
        capsize=style.cap, **common,
    )  # fmt: skip
    for i in unseen:
        axes.annotate(
            "", (x[i], intervals[i].high / 4), (x[i], intervals[i].high),
            arrowprops={"arrowstyle": "-|>", "color": colour, "linewidth": 0.7 * style.line},
            zorder=3,
        )  # fmt: skip
        axes.plot([x[i]], [intervals[i].high], marker="_", markersize=1.25 * style.marker, **common)
