"""Ladder diagram for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from wcwidth import center, clip, wrap
from wcwidth import width as columns_of

from netchat.packets.views.ladder import Ladder, Row

__all__ = ["LadderLine", "ladder_lines"]

#: Columns of the time and the packet number on the left.
_MARGIN = 18

#: Minimum columns between two participants: an arrow with a label.
_LEAST = 26

#: Silence that is shown as a pause, in ns.
_PAUSE = 1_000_000_000


class LadderLine(NamedTuple):
    """Line of the diagram with the kind of its row, which decides its colour."""

    kind: str
    text: str


def ladder_lines(ladder: Ladder, width: int) -> Iterator[LadderLine]:
    """Draw a ladder as lines of text.

    Args:
        ladder: The rows to draw.
        width: Columns of the terminal; with many participants the lines are longer.
    """
    rows = ladder.rows()
    if not rows:
        return
    participants, places = ladder.participants(rows)
    step = max(_LEAST, (width - _MARGIN - 14) // max(1, len(participants) - 1))
    columns = [_MARGIN + 6 + step * place for place in range(len(participants))]
    yield LadderLine("head", _head([participant.name for participant in participants], columns))
    yield LadderLine("ack", _head([participant.address for participant in participants], columns))
    poles = _poles(columns)
    before = rows[0].time
    for row in rows:
        if row.time - before >= _PAUSE:
            yield LadderLine("ack", _over(poles, 0, f"  ... {(row.time - before) / 1e9:.1f} s"))
        before = row.time
        ends = [columns[places[row.source, side]] for side in (not row.to_server, row.to_server)]
        margin = f"{row.source.elapsed(row.time) / 1e9:z11.6f} {row.packet or '':>5}"
        yield from _row(row, poles, ends[0], ends[1], margin)
    if ladder.left_out:
        yield LadderLine(
            "gap", f"{ladder.left_out:,} more rows: select fewer, for example with --user"
        )


def _row(row: Row, poles: str, start: int, end: int, margin: str) -> Iterator[LadderLine]:
    left, right = min(start, end), max(start, end)
    room = right - left - 1
    note = f"[{row.note}] " if row.note and row.kind != "damage" else ""
    first = row.texts[0]
    if row.kind in ("message", "block", "failed", "tls"):
        # The arrow is on the last line; the rest of the label goes above.
        wrapped = [_wrap(label, room - 6 - len(note)) for label in row.texts]
        *above, first = [text for lines in wrapped for text in lines]
        for text in above:
            yield LadderLine(row.kind, _over(poles, left + 4, text))
    line = _over(poles, 0, margin)
    if row.kind in ("gap", "damage"):
        text = _fit(f" {first} ", room)
        yield LadderLine(row.kind, _over(line, left + 1, center(text, room, "~")))
        if row.note:
            yield LadderLine(row.kind, _over(poles, left + 2, _fit(row.note, room - 2)))
        return
    shaft = {"ack": "·", "control": "="}.get(row.kind, "-")
    text = _fit(f" {note}{first} ", room - 4)
    rest = shaft * (room - 3 - columns_of(text))
    arrow = f"{shaft}{shaft}{text}{rest}>" if start < end else f"<{shaft}{text}{rest}{shaft}"
    yield LadderLine("again" if note else row.kind, _over(line, left + 1, arrow))


def _head(names: list[str], columns: list[int]) -> str:
    line, size = "", 0
    for name, column in zip(names, columns, strict=True):
        wide = columns_of(name)
        gap = max(0, column - wide // 2 - size)
        line = f"{line}{' ' * gap}{name} "
        size += gap + wide + 1
    return line.rstrip()


def _poles(columns: list[int]) -> str:
    """Return a line with only the participants' vertical lines."""
    line = [" "] * (columns[-1] + 1)
    for column in columns:
        line[column] = "|"
    return "".join(line)


def _over(line: str, at: int, text: str) -> str:
    """Write `text`, from column `at` on, over a line of narrow characters."""
    return f"{line[:at]}{text}{line[at + columns_of(text) :]}"


def _fit(text: str, room: int) -> str:
    return text if columns_of(text) <= room else clip(text, 0, max(0, room - 1)) + "…"


def _wrap(text: str, room: int) -> list[str]:
    """Wrap a label into at most two lines."""
    lines = wrap(text, max(8, room)) or [""]
    return lines if len(lines) < 3 else [lines[0], _fit(f"{lines[1]}…", room)]
