"""Field-by-field decoding of a body, for views and for errors that name the field and offset."""

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
    """A field and its bytes.

    Attributes:
        path: Name of the field; in a list's item, such as `members[2].name`.
        field: Declaration of the field.
        start: Offset of its first byte in the body, including its length, if it has one.
        end: Offset after its last byte.
        value: Value of the field; for a list, the number of items.
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
        cls: Type of the message.
        body: The encoded message.
        at: Offset in `body` to start at.
        prefix: Prefix of each path.
        by_field: Yield each field of a list's item. Otherwise a valid item is one span, which finds
            an error in a long list several times faster.

    Raises:
        BadBody: A field is invalid. The text names the first such field and its offset.
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
    """Describe why `body` is not a valid `cls`: the first invalid field and its offset."""
    end = 0
    try:
        for span in walk(cls, body, by_field=False):
            end = span.end
    except BadBody as error:
        return f"{cls.NAME}: {error}"
    rest = many(len(body) - end, "byte is", "bytes are")
    return f"{cls.NAME}: {rest} left over after its last field, at byte {end}"
