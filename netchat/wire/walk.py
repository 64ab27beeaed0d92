"""Field by field through a body: for the eye, and for errors that say what was wrong, and where."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

from netchat.errors import BadBody
from netchat.wire.declare import Message, Record
from netchat.wire.fields import BLOB, LIST, TEXT, Field, fields_of
from netchat.wording import many

__all__ = ["Span", "explain", "walk"]


class Span(NamedTuple):
    """One field and the bytes it stands in.

    Attributes:
        path: the field's name; for a list's item `members[2].name`.
        field: its declaration.
        start: offset of its first byte in the body (its length's, if it has one).
        end: offset behind its last byte.
        value: what it holds; for a list, the number of its items.
    """

    path: str
    field: Field
    start: int
    end: int
    value: Any


def walk(
    cls: type[Record], body: bytes, at: int = 0, prefix: str = "", *, by_field: bool = True
) -> Iterator[Span]:
    """Yield every field of a body in wire order.

    Args:
        cls: the message's type.
        body: its bytes.
        at: where in `body` to begin.
        prefix: put in front of each path.
        by_field: yield each field of a list's item. Otherwise an item in which nothing is wrong
            is one span, which finds a fault in a long list several times faster.

    Raises:
        BadBody: at the first field that does not fit, naming it and its offset.
    """
    for field in fields_of(cls):
        path, size = prefix + field.name, field.kind.size
        if at + size > len(body):
            raise BadBody(
                f"{path} at byte {at} needs {size} bytes, but only {len(body) - at} are left"
            )
        number = int.from_bytes(body[at : at + size], "big")
        start, at = at, at + size
        if field.kind is LIST:
            if number > field.most:
                raise BadBody(
                    f"{path} at byte {start} has {number} items; at most {field.most} are allowed"
                )
            yield Span(path, field, start, at, number)
            assert field.record is not None
            for index in range(number):
                if not by_field and (end := _end_of(field.record, body, at)):
                    yield Span(path, field, at, end, index)
                    at = end
                    continue
                for span in walk(field.record, body, at, f"{path}[{index}]."):
                    yield span
                    at = span.end
        elif field.kind in (TEXT, BLOB):
            end = at + number
            if end > len(body):
                raise BadBody(
                    f"{path} at byte {start} says it is {number} bytes long, "
                    f"but only {len(body) - at} are left"
                )
            yield Span(path, field, start, end, _content(field, path, body[at:end], at))
            at = end
        else:
            yield Span(path, field, start, at, number)


def _end_of(record: type[Record], body: bytes, at: int) -> int:
    """Return the offset after a record, or 0 if something is wrong in it."""
    try:
        end = record.read(body, at)[1]
    except (struct.error, UnicodeDecodeError):
        return 0
    return end if end <= len(body) else 0


def _content(field: Field, path: str, raw: bytes, at: int) -> str | bytes:
    if field.kind is BLOB:
        return raw
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise BadBody(
            f"{path} is not valid UTF-8: byte {raw[error.start]:#04x} at byte {at + error.start}"
        ) from error


def explain(cls: type[Message], body: bytes) -> str:
    """A sentence on why `body` is not a `cls`: the first field that does not fit, and where."""
    end = 0
    try:
        for span in walk(cls, body, by_field=False):
            end = span.end
    except BadBody as error:
        return f"{cls.NAME}: {error}"
    rest = many(len(body) - end, "byte is", "bytes are")
    return f"{cls.NAME}: {rest} left over behind its last field, at byte {end}"
