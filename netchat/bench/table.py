"""Results as a table, of text or HTML."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from netchat.bench.intervals import Interval
from netchat.bench.results import Point

__all__ = ["TITLES", "as_html", "as_text", "cells"]

TITLES = (
    "code", "channel", "rate", "frames", "errors", "FER", "95 %", "theory", "BER", "95 %",
    "theory", "unseen", "goodput", "enc", "dec", "all", "stopped by",
)  # fmt: skip

_KINDS = {"exact": "", "approximation": "~", "bound": "<"}


def cells(point: Point) -> tuple[str, ...]:
    """A point as a row of the table; speeds are in Mbit/s."""
    tally, theory, speed = point.tally, point.theory, point.speed
    return (
        point.code,
        point.channel,
        f"{point.rate:.3f}",
        f"{tally.frames:,}",
        f"{tally.frame_errors:,}",
        _rate(point.fer, point.fer_interval),
        _range(point.fer_interval),
        _theory(theory.fer, theory.fer_kind),
        _rate(point.ber, point.ber_interval),
        _range(point.ber_interval),
        _theory(theory.ber, theory.ber_kind),
        f"{tally.undetected:,}",
        "" if point.goodput is None else f"{point.goodput:.3f}",
        *(_speed(value) for value in (speed.encode, speed.decode, speed.end_to_end)),
        point.stopped_by,
    )


def _rate(rate: float | None, interval: Interval) -> str:
    if rate is None:
        return "-"
    return f"{rate:.2e}" if rate else f"< {interval.high:.1e}"


def _range(interval: Interval) -> str:
    return f"{interval.low:.1e} {interval.high:.1e}"


def _theory(rate: float | None, kind: str) -> str:
    return "" if rate is None else f"{_KINDS[kind]}{rate:.2e}"


def _speed(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def as_text(points: Sequence[Point]) -> str:
    """All points, a line each."""
    rows = [TITLES, *(cells(point) for point in points)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(TITLES))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if 1 < column < len(TITLES) - 1 else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def as_html(points: Sequence[Point]) -> str:
    """All points, for a notebook."""
    head = "".join(f"<th>{escape(title)}</th>" for title in TITLES)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells(point))}</tr>"
        for point in points
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
