"""Byte diagrams in the style of RFCs, drawn from the declarations: 32 bits per row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from netchat.wire.declare import Record
from netchat.wire.fields import BLOB, LIST, TEXT, fields_of
from netchat.wire.frame import HEADER_FIELDS

__all__ = ["body_diagram", "header_diagram"]

_BITS = 32
#: A bit is two columns wide, as in the ruler; no gap follows the last one.
_WIDTH = 2 * _BITS - 1


class _Cell(NamedTuple):
    label: str
    bits: int  # 0: variable size, given by the length before it


def header_diagram() -> str:
    """Draw the frame's header."""
    return _draw(_Cell(name, 8 * size) for name, _, size, _ in HEADER_FIELDS)


def body_diagram(declared: type[Record]) -> str:
    """Draw the body of a message or a record; empty if it has no fields."""
    return _draw(_cells(declared))


def _cells(declared: type[Record]) -> Iterator[_Cell]:
    for field in fields_of(declared):
        bits = 8 * field.kind.size
        if field.kind is LIST:
            assert field.record is not None
            yield _Cell(f"{field.name}: count", bits)
            yield _Cell(f"{field.name}: {field.record.__name__} records", 0)
        elif field.kind in (TEXT, BLOB):
            what = "UTF-8" if field.kind is TEXT else "raw bytes"
            yield _Cell(f"{field.name}: length", bits)
            yield _Cell(f"{field.name}: {what}", 0)
        else:
            yield _Cell(field.name, bits)


def _draw(cells: Iterable[_Cell]) -> str:
    """Draw cells in order, starting a new row for each that does not fit."""
    rows: list[list[_Cell]] = []
    free = 0
    for cell in cells:
        if not cell.bits or cell.bits > free:
            rows.append([])
            free = _BITS
        rows[-1].append(cell)
        free = 0 if not cell.bits or cell.bits > free else free - cell.bits
    if not rows:
        return ""
    tens = "".join(f"{bit // 10 if bit % 10 == 0 else ' '} " for bit in range(_BITS))
    ones = "".join(f"{bit % 10} " for bit in range(_BITS))
    lines = [f" {tens}".rstrip(), f" {ones}".rstrip()]
    above = 0
    for row in rows:
        width = _row_width(row)
        lines.append(_rule(max(above, width)))
        lines += _row_lines(row)
        above = width
    return "\n".join([*lines, _rule(above)])


def _row_width(row: list[_Cell]) -> int:
    """Return the width of a row in columns; cells of variable size or over 32 bits fill it."""
    bits = sum(cell.bits for cell in row)
    return _WIDTH if not bits or bits > _BITS else 2 * bits - 1


def _rule(width: int) -> str:
    return "+-" * ((width + 1) // 2) + "+"


def _row_lines(row: list[_Cell]) -> list[str]:
    label, bits = row[0]
    if not bits:
        return [f"/{label:^{_WIDTH}}/"]
    if bits > _BITS:
        blank = f"|{'':{_WIDTH}}|"
        return [blank, f"+{label:^{_WIDTH}}+", blank]
    return ["|" + "".join(f"{cell.label:^{2 * cell.bits - 1}}|" for cell in row)]
