"""Export of the plot as LaTeX, for the package pgfplots."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from netchat.bench.point import Point
from netchat.bench.report.plot import Options, plot

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["as_pgfplots"]

_HEAD = r"""% A document of its own; a paper needs \usepackage{pgfplots}, and the pictures below.
\documentclass{article}
\usepackage{pgfplots}
\pagestyle{empty}
\pgfplotsset{compat=1.16}
\begin{document}
"""

_TAIL = "\\end{document}\n"

#: Markers of the plot, as pgfplots calls them.
_MARKS = {
    "o": "*", "s": "square*", "D": "diamond*", "^": "triangle*", "v": "triangle*, mark options={rotate=180}",
    "P": "+", "X": "x", "x": "x", "p": "pentagon*", "h": "oplus*", "*": "star", "_": "-",
}  # fmt: skip

_SPECIAL = str.maketrans(
    {character: f"\\{character}" for character in "&%#_{}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
)


def as_pgfplots(points: Sequence[Point], options: Options) -> str:
    """Return a document with one picture per kind of channel."""
    figure = plot(points, options)
    legend = figure.legends[0]
    entries = list(zip(legend.legend_handles, legend.get_texts(), strict=True))
    pictures = [
        "\n".join(_picture(axes, entries if axes is figure.axes[-1] else []))
        for axes in figure.axes
    ]
    return _HEAD + "\n\n".join(pictures) + "\n" + _TAIL


def _picture(axes: Axes, entries: Sequence[tuple[Any, Any]]) -> Iterator[str]:
    from matplotlib.colors import to_hex

    kind = "loglogaxis" if axes.get_xscale() == "log" else "semilogyaxis"
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    colours = sorted({to_hex(line.get_color()) for line in axes.lines})
    colours = sorted({*colours, *(to_hex(handle.get_color()) for handle, _ in entries)})
    yield r"\begin{tikzpicture}"
    for colour in colours:
        yield f"\\definecolor{{{_name(colour)}}}{{HTML}}{{{colour[1:].upper()}}}"
    yield f"\\begin{{{kind}}}["
    yield f"  width=88mm, height=66mm, xmin={min(left, right):.6g}, xmax={max(left, right):.6g},"
    yield f"  ymin={bottom:.3g}, ymax={top:.3g},{' x dir=reverse,' if left > right else ''}"
    yield f"  xlabel={{{_text(axes.get_xlabel())}}}, ylabel={{{_text(axes.get_ylabel())}}},"
    yield "  grid=major, grid style={gray!25}, legend columns=2, legend cell align=left,"
    yield "  legend style={font=\\scriptsize, draw=none, at={(0.5,-0.28)}, anchor=north},"
    yield "]"
    bars: dict[Any, Any] = {container[0]: container for container in axes.containers}
    for line in axes.lines:
        colour = _name(to_hex(line.get_color()))
        x, y = np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)
        if line.get_transform() != axes.transData:  # a limit, over the whole height
            if line.get_linestyle() == ":" and len(x):
                yield f"\\draw[{colour}, densely dotted] (axis cs:{x[0]:.6g},{bottom:.3g})"
                yield f"  -- (axis cs:{x[0]:.6g},{top:.3g});"
            continue
        if line in bars:
            yield from _measured(bars[line], colour, x, y)
        elif line.get_marker() in ("|", "_", 2, 3) or not len(x):
            continue  # a cap, or the end of an arrow
        else:
            yield f"\\addplot[{_line(line, colour)}, forget plot] coordinates {{"
            yield from _coordinates(x, y)
            yield "};"
    for handle, text in entries:
        yield f"\\addlegendimage{{{_line(handle, _name(to_hex(handle.get_color())))}}}"
        yield f"\\addlegendentry{{{_text(text.get_text())}}}"
    yield f"\\end{{{kind}}}"
    yield r"\end{tikzpicture}"


def _measured(container: Any, colour: str, x: Any, y: Any) -> Iterator[str]:
    """Yield markers with their intervals."""
    line, _, (bars,) = container.lines
    mark = _MARKS.get(str(line.get_marker()), "*")
    joined = "solid" if line.get_linestyle() == "-" else "only marks"
    yield f"\\addplot[{colour}, {joined}, mark={mark}, mark size=1.4pt, forget plot,"
    yield "  error bars/.cd, y dir=both, y explicit]"
    yield "  table[x=x, y=y, y error plus=plus, y error minus=minus] {"
    yield "x y plus minus"
    for place, rate, segment in zip(x, y, bars.get_segments(), strict=True):
        low, high = segment[0][1], segment[-1][1]
        yield f"{place:.6g} {rate:.4g} {high - rate:.4g} {rate - low:.4g}"
    yield "};"


def _line(line: Any, colour: str) -> str:
    """Return the style of a line."""
    shape = line.get_linestyle()
    pattern = {"-": "solid", "--": "dashed", ":": "densely dotted", "None": "only marks"}.get(
        shape, ""
    )
    if not pattern or (line.is_dashed() and shape == "--" and line._dash_pattern[1] is not None):
        pattern = _dashes(line)
    parts = [colour, pattern]
    marker = str(line.get_marker())
    if marker not in ("None", ""):
        hollow = str(line.get_markerfacecolor()) == "none"
        parts.append(f"mark={'o' if hollow else _MARKS.get(marker, '*')}, mark size=1.4pt")
    return ", ".join(parts)


def _dashes(line: Any) -> str:
    """Return the pattern of a dashed line."""
    dashes = line._dash_pattern[1]
    if not dashes:
        return "solid"
    width = line.get_linewidth()
    names = ("on", "off")
    parts = [f"{names[i % 2]} {length / width:.3g}pt" for i, length in enumerate(dashes)]
    return f"dash pattern={' '.join(parts)}".replace("dash pattern=", "dash pattern={") + "}"


def _coordinates(x: Any, y: Any) -> Iterator[str]:
    pairs = [f"({place:.6g},{rate:.5g})" for place, rate in zip(x, y, strict=True)]
    for start in range(0, len(pairs), 5):
        yield "  " + " ".join(pairs[start : start + 5])


def _name(colour: str) -> str:
    return f"c{colour[1:]}"


def _text(text: str) -> str:
    """Return a label for LaTeX; what is between dollar signs is mathematics already."""
    parts = text.replace(r"\$", "\0").split("$")
    return "$".join(
        part if number % 2 else part.translate(_SPECIAL) for number, part in enumerate(parts)
    ).replace("\0", r"\$")
