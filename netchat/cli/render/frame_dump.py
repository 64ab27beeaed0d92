"""Annotated dump of a frame: each field with its bytes and its meaning."""

from __future__ import annotations

import inspect
import shutil
from typing import Any

import click
from wcwidth import clip, ljust
from wcwidth import width as columns

from netchat.chat.text import show_text
from netchat.errors import BadBody
from netchat.wire import HEADER_FIELDS, HEADER_SIZE, MESSAGES, Field, walk
from netchat.wording import many

__all__ = ["frame_dump"]

#: Bytes per line, and maximum number of lines per field; a longer field is truncated.
_ACROSS, _LINES = 8, 8


def frame_dump(frame: bytes, width: int | None = None) -> list[str]:
    """Return lines that show a frame field by field, up to the first invalid one.

    Args:
        frame: A complete header and a body, valid or not.
        width: Columns to fill; None is the terminal's width.

    Returns:
        One or more lines per field: offset, bytes, name, value, meaning.
    """
    width = width or shutil.get_terminal_size((100, 24)).columns
    cls = MESSAGES.get(frame[3])
    title, what = f"Type {frame[3]:#04x}", "not a message of NCP/1."
    if cls is not None:
        title, what = cls.NAME, (inspect.getdoc(cls) or "").partition("\n")[0]
    lines = [f"{title} frame, {many(len(frame), 'byte')}: {what}"]
    for name, offset, size, meaning in HEADER_FIELDS:
        raw = frame[offset : offset + size]
        number = int.from_bytes(raw, "big")
        shown = {
            "magic": repr(raw.decode("latin-1")),
            "type": f"{number} = {cls.NAME}" if cls is not None else str(number),
            "crc": f"{number:#010x}",
        }.get(name, str(number))
        lines += _rows(width, offset, raw, name, shown, meaning)
    end, problem = HEADER_SIZE, "not part of the message"
    try:
        for span in walk(cls, frame[HEADER_SIZE:]) if cls is not None else ():
            raw = frame[HEADER_SIZE + span.start : HEADER_SIZE + span.end]
            value = _value(span.field, span.value)
            end = HEADER_SIZE + span.end
            lines += _rows(width, end - len(raw), raw, span.path, value, span.field.doc)
    except BadBody as error:
        problem = str(error)
    if end < len(frame):
        lines += _rows(width, end, frame[end:], "?", f"{many(len(frame) - end, 'byte')}", problem)
    return lines


def _value(field: Field, value: Any) -> str:
    if field.enum is not None and value in set(field.enum):
        return f"{value} = {field.enum(value).name}"
    if isinstance(value, bytes):
        return f"{many(len(value), 'byte')}"
    return show_text(repr(value)) if isinstance(value, str) else str(value)


def _rows(width: int, offset: int, raw: bytes, name: str, value: str, meaning: str) -> list[str]:
    rows = [raw[at : at + _ACROSS].hex(" ") for at in range(0, len(raw), _ACROSS)]
    if len(rows) > _LINES:
        rows[_LINES - 1 :] = [f"… {many(len(raw) - _ACROSS * (_LINES - 1), 'more byte')}"]
    room = width - 2 - 4 - 2 - 3 * _ACROSS - 10 - 22
    shown = meaning.split(". ")[0].rstrip(".")
    shown = shown if columns(shown) <= room else clip(shown, 0, max(0, room - 1)) + "…"
    lines = []
    for number, row in enumerate(rows):
        head = f"  {offset + number * _ACROSS:4}  {click.style(f'{row:<{3 * _ACROSS}}', fg='cyan')}"
        if number == 0:
            name = click.style(f"{name:<9}", bold=True)
            head += f"{name} {ljust(value, 21)} {click.style(shown, dim=True)}"
        lines.append(head.rstrip())
    return lines
