"""Grid of bit error rates, with one line per code and one column per channel."""

from __future__ import annotations

from collections.abc import Sequence

from wcwidth import ljust
from wcwidth import width as columns

from netchat.bench.point import Point
from netchat.bench.report.table import measured_rate
from netchat.channels.registry import split
from netchat.wire.safe_text import show_line

__all__ = ["as_grid"]


def as_grid(points: Sequence[Point], width: int | None = None) -> str:
    """Format a grid for each kind of channel, and count how often theory lies in the intervals.

    Args:
        points: Points to show.
        width: Largest number of characters in a line. If the channels do not fit, some are omitted at
            regular intervals.
    """
    kinds: dict[str, list[Point]] = {}
    for point in points:
        kinds.setdefault(split(point.channel)[0], []).append(point)
    tables = [_table(kind, its_points, width) for kind, its_points in kinds.items()]
    return "\n\n".join([*tables, *_verdict(points)])


def _table(kind: str, points: Sequence[Point], width: int | None) -> str:
    channels = list(dict.fromkeys(point.channel for point in points))
    codes = {point.code: point.rate for point in points}
    cells = {
        (point.code, point.channel): measured_rate(point.ber, point.ber_interval)
        for point in points
    }
    by, headings = _headings(channels)
    first = max(columns(show_line(code)) for code in codes)
    size = max(map(len, [*headings, *cells.values()]))
    if width is not None:
        room = max(1, (width - first - len("   rate")) // (size + 2))
        every = -(-len(channels) // room)
        channels, headings = channels[::every], headings[::every]
    lines = [
        f"Bit error rate after decoding, {kind}{by}:",
        f"{'':{first}}   rate" + "".join(f"  {heading:>{size}}" for heading in headings),
    ]
    for code, rate in codes.items():
        row = (cells.get((code, channel), "") for channel in channels)
        line = f"{ljust(show_line(code), first)}  {rate:5.3f}" + "".join(
            f"  {cell:>{size}}" for cell in row
        )
        lines.append(line.rstrip())
    return "\n".join(lines)


def _headings(channels: Sequence[str]) -> tuple[str, list[str]]:
    """Return the headings of the columns: burst lengths for Gilbert-Elliott, if they differ."""
    numbers = [split(channel)[1].split(",") for channel in channels]
    if split(channels[0])[0] == "gilbert-elliott":
        lengths = [f"{1 / float(each[1]):g}" for each in numbers if float(each[1])]
        if len(set(lengths)) == len(channels):
            return ", by the mean length of a burst in bits", lengths
    return "", [",".join(each) for each in numbers]


def _verdict(points: Sequence[Point]) -> list[str]:
    covers = [
        interval.low <= rate <= interval.high
        for point in points
        for rate, kind, interval in (
            (point.theory.fer, point.theory.fer_kind, point.fer_interval),
            (point.theory.ber, point.theory.ber_kind, point.ber_interval),
        )
        if rate is not None and kind == "exact" and point.tally.frames
    ]
    if not covers:
        return []
    return [
        f"Of {len(covers)} frame and bit error rates that theory knows exactly, {sum(covers)} lie "
        "in their 95 % intervals."
    ]
