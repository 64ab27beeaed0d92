"""A frame taken apart for the eye: every field with its bytes and its meaning."""

from __future__ import annotations

from typing import Any

import click

from netchat.chat.text import show_text
from netchat.wire import HEADER_FIELDS, HEADER_SIZE, MESSAGES, Field, walk

__all__ = ["anatomy"]

#: Bytes of one field shown in a line; a longer field is cut, and says so.
_SHOWN = 16


def anatomy(frame: bytes) -> list[str]:
    """Lines that show a whole, valid frame field by field.

    Args:
        frame: header and body.

    Returns:
        One line a field: offset, bytes, name, value.
    """
    cls = MESSAGES[frame[3]]
    lines = [f"{cls.NAME} frame, {len(frame)} bytes: {cls.__doc__.splitlines()[0] if cls.__doc__ else ''}"]
    for name, offset, size, meaning in HEADER_FIELDS:
        raw = frame[offset : offset + size]
        number = int.from_bytes(raw, "big")
        shown = {
            "magic": repr(raw.decode("latin-1")),
            "type": f"{number} = {cls.NAME}",
            "crc": f"{number:#010x}",
        }.get(name, str(number))
        lines.append(_line(offset, raw, name, shown, meaning))
    for span in walk(cls, frame[HEADER_SIZE:]):
        raw = frame[HEADER_SIZE + span.start : HEADER_SIZE + span.end]
        value = _value(span.field, span.value)
        lines.append(_line(HEADER_SIZE + span.start, raw, span.path, value, span.field.doc))
    return lines


def _value(field: Field, value: Any) -> str:
    if field.enum is not None and value in set(field.enum):
        return f"{value} = {field.enum(value).name}"
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    return show_text(repr(value)) if isinstance(value, str) else str(value)


def _line(offset: int, raw: bytes, name: str, value: str, meaning: str) -> str:
    cut = raw[:_SHOWN].hex(" ") + (" …" if len(raw) > _SHOWN else "")
    head = f"  {offset:4}  {click.style(f'{cut:<50}', fg='cyan')}{click.style(f'{name:<9}', bold=True)}"
    return f"{head} {value:<22} {click.style(meaning.split('. ')[0], dim=True)}"
