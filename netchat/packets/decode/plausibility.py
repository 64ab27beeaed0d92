"""Whether the beginning of a body agrees with the length its header says."""

from __future__ import annotations

from netchat.wire import Record, fields_of
from netchat.wire.fields import BLOB, LIST, TEXT

__all__ = ["plausible"]


def plausible(cls: type[Record], part: bytes, length: int) -> bool:
    """Whether `part` can be the beginning of a body of `length` bytes.

    The lengths inside a body have to add up to its own. So a wrong length in a header shows
    early, and one that agrees can be trusted to say where the next frame begins, before its
    CRC-32 can be checked, or when it never can.

    Args:
        cls: the message type.
        part: the body, as much of it as there is.
        length: bytes of the whole body, as the header says.
    """
    end, known = _measure(cls, part, 0, length)
    return end == length if known else end <= length


def _measure(cls: type[Record], part: bytes, at: int, length: int) -> tuple[int, bool]:
    """Where a record that begins at `at` ends, or the least it can be; and which of both."""
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
