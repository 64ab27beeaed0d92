"""Plausibility of a body's beginning, given the length in its header."""

from __future__ import annotations

from netchat.wire import Record, fields_of
from netchat.wire.fields import BLOB, LIST, TEXT

__all__ = ["plausible"]


def plausible(cls: type[Record], part: bytes, length: int) -> bool:
    """Return whether `part` can be the beginning of a body of `length` bytes.

    The lengths inside a body must add up to its own. So a wrong length in a header is detected early. A
    consistent one can be trusted to give the next frame's position, even before the CRC-32 is checked.

    Args:
        cls: The message type.
        part: The captured part of the body.
        length: Length of the whole body from the header, in bytes.
    """
    end, known = _measure(cls, part, 0, length)
    return end == length if known else end <= length


def _measure(cls: type[Record], part: bytes, at: int, length: int) -> tuple[int, bool]:
    """Return where a record ends, or its minimum, and whether it is exact."""
    fields = fields_of(cls)
    for place, field in enumerate(fields):
        size = field.kind.size
        if at + size > len(part):
            return at + sum(f.kind.size for f in fields[place:]), False
        number = int.from_bytes(part[at : at + size], "big")
        at += size
        if field.kind in (TEXT, BLOB):
            at += number
        elif field.kind is LIST:
            assert field.record is not None
            smallest = sum(f.kind.size for f in fields_of(field.record))
            for index in range(number):
                if at + (number - index) * smallest > length:
                    return length + 1, True
                at, known = _measure(field.record, part, at, length)
                if not known:
                    return at + (number - index - 1) * smallest, False
        if at > length:
            return at, True
    return at, True
