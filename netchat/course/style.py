"""The common style of the course's figures, legible without colour vision and in print.

For example:

    figure, axes = plot("Bit errors", "probability", "errors")
    axes.plot(...)
    show(figure, "The number of errors grows with the probability.")
"""

from __future__ import annotations

import base64
import contextlib
import io
from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING

from netchat.errors import NetchatError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["COLOURS", "INK", "PALE", "Picture", "blank", "plot", "show"]

#: The palette of Okabe and Ito, "Color Universal Design" (2008): eight colours that people with any
#: kind of colour vision tell apart.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#999999")

#: The same as a background of black text.
PALE = ("#B8D8EC", "#F9DDA6", "#A8DCCB", "#EFD3E2", "#D9EEFA", "#F3C7A8", "#FBF6B8", "#DDDDDD")

INK = "#1A1A1A"

_STYLE = {
    "axes.edgecolor": "#666666",
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 12,
    "font.size": 10,
    "font.sans-serif": ["DejaVu Sans"],
    "grid.color": "#E3E3E3",
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "lines.markersize": 5,
    "svg.fonttype": "path",
    "svg.hashsalt": "netchat",
    "text.color": INK,
}


class Picture:
    """An SVG image that a notebook displays.

    Args:
        svg: The image.
        alt: Description of the image in one sentence, for screen readers.
    """

    def __init__(self, svg: str, alt: str) -> None:
        self.svg = svg
        self.alt = alt

    def _repr_html_(self) -> str:
        # As an image, its ids and styles are isolated, and screen readers find the text.
        data = base64.b64encode(self.svg.encode()).decode()
        source = f"data:image/svg+xml;base64,{data}"
        return f'<img alt="{escape(self.alt)}" src="{source}" style="max-width: 100%">'

    def __repr__(self) -> str:
        return f"<Picture: {self.alt}>"


def plot(
    title: str, x: str, y: str, *, size: tuple[float, float] = (7.5, 4.2)
) -> tuple[Figure, Axes]:
    """Return an empty figure with axes.

    Args:
        title: Title of the figure.
        x: Label of the horizontal axis.
        y: Label of the vertical axis.
        size: Width and height in inches.
    """
    with _styled() as figure_class:
        figure = figure_class(figsize=size, layout="constrained")
        axes = figure.subplots()
        axes.set(title=title, xlabel=x, ylabel=y, axisbelow=True)
        axes.set_prop_cycle(color=COLOURS[:6], marker=["o", "s", "^", "D", "v", "P"])
    return figure, axes


def blank(width: float, height: float) -> tuple[Figure, Axes]:
    """Return an empty figure without axes; its coordinates are inches from the top left."""
    with _styled() as figure_class:
        figure = figure_class(figsize=(width, height))
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, width), ylim=(height, 0))
        axes.set_axis_off()
    return figure, axes


def show(figure: Figure, alt: str) -> Picture:
    """Return a figure as a picture.

    Args:
        figure: The figure.
        alt: Description of the figure in one sentence.
    """
    import matplotlib

    file = io.StringIO()
    with matplotlib.rc_context(_STYLE):  # type: ignore[arg-type] # its keys are a Literal
        figure.savefig(file, format="svg", metadata={"Date": None})
    return Picture(file.getvalue(), alt)


@contextlib.contextmanager
def _styled() -> Iterator[type[Figure]]:
    """Apply the style and yield the figure class; pyplot would display each figure twice."""
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError as error:
        raise NetchatError(
            'Pictures need matplotlib: python -m pip install "netchat[plot]"'
        ) from error
    with matplotlib.rc_context(_STYLE):  # type: ignore[arg-type] # its keys are a Literal
        yield Figure
