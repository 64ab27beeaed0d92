"""What all pictures of the bench have in common; readable from the last row, and without colours.

Colours are those of Okabe and Ito, which most people with a colour deficiency can tell apart; a
curve also has a marker of its own.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from netchat.bench.theory.intervals import Interval
from netchat.errors import BenchError
from netchat.wire.safe_text import show_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["BASELINE", "Look", "add_legend", "literal", "looks", "measured", "picture", "rate_axis"]

#: Colour and marker of a curve.
Look = tuple[str, str]

#: What everything is compared with, such as no code at all.
BASELINE: Look = ("#444444", "x")

_LOOKS: tuple[Look, ...] = (
    ("#0072B2", "o"), ("#D55E00", "s"), ("#009E73", "D"), ("#CC79A7", "^"), ("#56B4E9", "v"),
    ("#E69F00", "P"), ("#8B4513", "X"), ("#6A3D9A", "p"), ("#999999", "h"), ("#B2182B", "*"),
)  # fmt: skip

#: Inches; with the widths below it is the shape of a slide.
_HEIGHT = 9.0

#: Characters of a subtitle that an inch holds.
_TO_THE_INCH = 9.5

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


def looks(names: Sequence[str]) -> dict[str, Look]:
    """A look for each of some curves; the same order gives the same looks."""
    return {name: _LOOKS[number % len(_LOOKS)] for number, name in enumerate(names)}


def picture(panels: int, title: str, subtitle: str) -> tuple[Figure, list[Axes]]:
    """A figure with panels side by side, of a slide's shape. It is shown by a notebook as it is.

    Raises:
        BenchError: if matplotlib is missing; the message says how to install it.
    """
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise BenchError("A picture needs matplotlib: pip install matplotlib") from error
    from matplotlib.figure import Figure

    with mpl.rc_context(_FONT):
        width = 16.0 if panels > 1 else 11.0
        figure = Figure(figsize=(width, _HEIGHT), facecolor="white")
        axes = list(figure.subplots(1, panels, squeeze=False, sharey=True)[0])
        lines = textwrap.wrap(subtitle, round(width * _TO_THE_INCH))
        # By hand, because the layout engine takes longer than all the rest.
        top = 0.92 - 0.035 * len(lines)
        figure.subplots_adjust(1 / width, 0.15, 1 - 0.2 / width, top, wspace=0.05)
        heading = "\n".join([f"$\\bf{{{_bold(title)}}}$", *lines])
        figure.suptitle(heading, fontsize=15, x=0.01, y=0.99, ha="left", linespacing=1.4)
    return figure, axes


def literal(text: str) -> str:
    """Escape a text that matplotlib would take for mathematics, or that no picture can hold."""
    return show_line(text).replace("$", r"\$")


def _bold(text: str) -> str:
    return text.replace(" ", r"\ ").replace("%", r"\%")


def rate_axis(axes: Sequence[Axes], label: str, lowest: float) -> None:
    """A logarithmic axis of error rates that panels share, from 1 down to `lowest`."""
    axes[0].set_yscale("log")
    axes[0].set_ylim(lowest, 1.2)
    axes[0].set_ylabel(label)


def add_legend(figure: Figure, handles: Sequence[Any]) -> None:
    """The legend of all panels, below them; the panels make room for it."""
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
    **options: Any,
) -> None:
    """Markers with intervals; where nothing was counted, an arrow down from the upper limit."""
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
        marker=marker, markersize=8, markeredgecolor="white" if marker != "x" else colour,
        markeredgewidth=0.8 if marker != "x" else 2, elinewidth=2, capsize=4, **common,
    )  # fmt: skip
    for i in unseen:
        axes.annotate(
            "", (x[i], intervals[i].high / 4), (x[i], intervals[i].high),
            arrowprops={"arrowstyle": "-|>", "color": colour, "linewidth": 1.5}, zorder=3,
        )  # fmt: skip
        axes.plot([x[i]], [intervals[i].high], marker="_", markersize=10, **common)
