"""Tables of results, as text or HTML."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from html import escape
from itertools import groupby
from typing import NamedTuple

from wcwidth import ljust, rjust
from wcwidth import width as columns

from netchat.bench.point import Point
from netchat.bench.theory.intervals import Interval
from netchat.bench.theory.rates import Kind
from netchat.wire.safe_text import show_line

__all__ = ["as_html", "as_text", "format_number", "measured_rate"]


class _Column(NamedTuple):
    title: str
    cell: Callable[[Point], str]
    rank: int = 0
    """Rank: 0 is always shown; the others are shown in ascending order while there is space."""
    unit: str = ""


def format_number(value: float) -> str:
    """Format a number with three digits.

    >>> format_number(0.0012345), format_number(0.25), format_number(0.0)
    ('1.23e-3', '0.250', '0')
    """
    if value == 0:
        return "0"
    return f"{value:.3f}" if value >= 0.09995 else f"{value:.2e}".replace("e-0", "e-")


def measured_rate(rate: float | None, interval: Interval) -> str:
    """Format a measured rate, or its upper limit if there was no error."""
    if rate is None:
        return "-"
    return format_number(rate) if rate else f"<{format_number(interval.high)}"


def _range(interval: Interval) -> str:
    if interval.high >= 0.1:
        return f"{interval.low:.3f}..{interval.high:.3f}"
    low, high = map(format_number, interval)
    return f"{low}..{high}"


def _theory(rate: float | None, kind: Kind, error: float = 0.0) -> str:
    if rate is None:
        return ""
    mark = {"exact": "", "approximation": "~", "bound": "<"}[kind]
    within = f" ±{max(1, math.ceil(100 * error - 1e-9))}%" if kind == "approximation" else ""
    return mark + format_number(rate) + within


def _speed(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


#: Unit of the speeds: information on one core.
_SPEED = "Mbit/s"

_COLUMNS = (
    _Column("channel", lambda point: point.channel),
    _Column("frames", lambda point: f"{point.tally.frames:,}", 4),
    _Column("errors", lambda point: f"{point.tally.frame_errors:,}", 3),
    _Column("FER", lambda point: measured_rate(point.fer, point.fer_interval)),
    _Column("95 %", lambda point: _range(point.fer_interval), 2),
    _Column("theory", lambda point: _theory(point.theory.fer, point.theory.fer_kind), 1),
    _Column("BER", lambda point: measured_rate(point.ber, point.ber_interval)),
    _Column("95 %", lambda point: _range(point.ber_interval), 2),
    _Column(
        "theory",
        lambda point: _theory(point.theory.ber, point.theory.ber_kind, point.theory.ber_error),
        1,
    ),
    _Column("undetected", lambda point: f"{point.tally.undetected:,}", 5),
    _Column("goodput", lambda point: "" if point.goodput is None else f"{point.goodput:.3f}", 7),
    _Column("encode", lambda point: _speed(point.speed.encode), 8, _SPEED),
    _Column("decode", lambda point: _speed(point.speed.decode), 6, _SPEED),
    _Column("all", lambda point: _speed(point.speed.end_to_end), 9, _SPEED),
    _Column("by", lambda point: point.stopped_by, 10),
)


def as_text(points: Sequence[Point], width: int | None = None) -> str:
    """Format all points, one line each, grouped by code.

    Args:
        points: Points to show.
        width: Largest number of characters in a line; columns that do not fit are omitted.
    """
    cells = [[column.title, *map(column.cell, points)] for column in _COLUMNS]
    sizes = [max(map(columns, column)) for column in cells]
    chosen: list[int] = []
    for rank in sorted({column.rank for column in _COLUMNS}):
        more = [at for at, column in enumerate(_COLUMNS) if column.rank == rank]
        room = sum(sizes[at] + 2 for at in chosen + more)
        if rank == 0 or width is None or room <= width:
            chosen = sorted(chosen + more)
    title, *rows = zip(*(cells[at] for at in chosen), strict=True)
    widths = [sizes[at] for at in chosen]

    def line(cells: Iterable[str]) -> str:
        aligned = [
            (rjust if at else ljust)(cell, size)
            for at, (cell, size) in enumerate(zip(cells, widths, strict=True))
        ]
        return ("  " + "  ".join(aligned)).rstrip()

    lines = [line(title)]
    numbered = zip(points, rows, strict=True)
    for (code, rate), group in groupby(numbered, lambda pair: (pair[0].code, pair[0].rate)):
        lines.append(f"{show_line(code)}, rate {rate:.3f}")
        lines.extend(line(row) for _, row in group)
    if speeds := [_COLUMNS[at].title for at in chosen if _COLUMNS[at].unit == _SPEED]:
        lines.append(f"{', '.join(speeds)}: {_SPEED} of information, on one core")
    return "\n".join(lines)


def as_html(points: Sequence[Point]) -> str:
    """Format all points as an HTML table for a notebook."""
    units = (f"{column.title} {column.unit}".rstrip() for column in _COLUMNS)
    titles = ["code", "rate", *units]
    head = "".join(f"<th>{escape(title)}</th>" for title in titles)
    body = "".join(
        "<tr>"
        + "".join(
            f"<td>{escape(cell)}</td>"
            for cell in (
                point.code,
                f"{point.rate:.3f}",
                *(column.cell(point) for column in _COLUMNS),
            )
        )
        + "</tr>"
        for point in points
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
