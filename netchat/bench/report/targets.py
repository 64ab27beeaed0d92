"""Table of the channels at which codes reach a frame error rate."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from wcwidth import ljust
from wcwidth import width as columns

from netchat.bench.axis import Axis
from netchat.bench.target import Target
from netchat.wire.safe_text import show_line

__all__ = ["as_text"]


def as_text(targets: Sequence[Target]) -> str:
    """Format targets, one table for each kind of channel.

    The last two columns of a channel with Eb/N0 are the distances in dB from Shannon's limit for the rate,
    and from the limit for the length. For a probability they are these limits.
    """
    kinds = list(dict.fromkeys(target.channel for target in targets))
    ordered = sorted(targets, key=lambda target: kinds.index(target.channel))
    return "\n\n".join(
        "\n".join(_table(Axis.of(kind), list(group)))
        for kind, group in groupby(ordered, lambda target: target.channel)
    )


def _table(axis: Axis, targets: Sequence[Target]) -> list[str]:
    level = axis.is_level
    titles = [
        axis.label,
        "95 %",
        *(("from Shannon", "from length") if level else ("Shannon", "length")),
    ]
    rows = []
    for target in targets:
        cells = [_number(target.value, level), _range(target, level)]
        for other in (target.limit, target.best):
            if other is None or (target.value is None and level):
                cells.append("-")
            else:
                cells.append(_number(target.value - other if level else other, level))  # type: ignore[operator] # not None
        rows.append((show_line(target.code), cells))
    first = max(columns(name) for name, _ in rows)
    sizes = [
        max(len(title), *(len(cells[i]) for _, cells in rows)) for i, title in enumerate(titles)
    ]
    heading = f"FER {targets[0].fer:g}"
    lines = [_line(heading, titles, max(first, len(heading)), sizes)]
    lines += [_line(name, cells, max(first, len(heading)), sizes) for name, cells in rows]
    return lines


def _line(name: str, cells: Sequence[str], first: int, sizes: Sequence[int]) -> str:
    padded = (f"{cell:>{size}}" for cell, size in zip(cells, sizes, strict=True))
    return f"{ljust(name, first)}  {'  '.join(padded)}".rstrip()


def _number(value: float | None, level: bool) -> str:
    if value is None:
        return "not reached"
    return f"{value:.2f}" if level else f"{value:.3g}"


def _range(target: Target, level: bool) -> str:
    if target.low is None or target.high is None:
        return "-"
    return f"{_number(target.low, level)}..{_number(target.high, level)}"
