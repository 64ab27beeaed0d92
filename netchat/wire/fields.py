"""Kinds of field, and functions that declare a field.

There are few kinds, because every consumer of the protocol (Python, Scapy, Lua, JavaScript, the
document) must support all of them.
"""

from __future__ import annotations

import dataclasses
from enum import IntEnum
from typing import Any, Self

__all__ = [
    "BLOB",
    "KINDS",
    "LIST",
    "TEXT",
    "U8",
    "U16",
    "U32",
    "U64",
    "Choice",
    "Encoding",
    "Field",
    "fields_of",
]


class Choice(IntEnum):
    """A number with named values, declared as `NAME = value, "meaning"`.

    Attributes:
        doc: Meaning of the value, for the protocol document.
    """

    doc: str

    def __new__(cls, value: int, doc: str = "") -> Self:
        """Create a value. `doc` has a default because a lookup passes only the number."""
        member = int.__new__(cls, value)
        member._value_ = value
        member.doc = doc
        return member


@dataclasses.dataclass(frozen=True, slots=True)
class Encoding:
    """Encoding of a value.

    Attributes:
        name: Name in the protocol document.
        code: `struct` code of the number, or of the length before the value.
        size: Size of `code`, in bytes.
        doc: Description, for the protocol document.
    """

    name: str
    code: str
    size: int
    doc: str


U8 = Encoding("u8", "B", 1, "unsigned integer")
U16 = Encoding("u16", "H", 2, "unsigned integer, big-endian")
U32 = Encoding("u32", "I", 4, "unsigned integer, big-endian")
U64 = Encoding("u64", "Q", 8, "unsigned integer, big-endian")
TEXT = Encoding("text", "H", 2, "length in bytes, then that many bytes of UTF-8")
BLOB = Encoding("blob", "I", 4, "length in bytes, then that many raw bytes")
LIST = Encoding("list", "H", 2, "number of items, then that many records")

#: All kinds.
KINDS = (U8, U16, U32, U64, TEXT, BLOB, LIST)


@dataclasses.dataclass(frozen=True, slots=True)
class Field:
    """One declared field.

    Attributes:
        name: Name, the same in Python, Scapy, Lua, JavaScript and the document.
        kind: Encoding.
        doc: Meaning, with its unit.
        enum: Named values of a number, if it has any.
        record: Record type of the items, if it is a list.
        most: Largest number of items of a list. It bounds the work of decoding a frame.
    """

    name: str
    kind: Encoding
    doc: str
    enum: type[Choice] | None = None
    record: type | None = None
    most: int = 0xFFFF


_FIELDS: dict[type, tuple[Field, ...]] = {}


def fields_of(declared: type) -> tuple[Field, ...]:
    """Return the fields of a message or record type, in wire order."""
    found = _FIELDS.get(declared)
    if found is None:  # cached: views call this for each message
        found = _FIELDS[declared] = tuple(
            Field(name=f.name, **f.metadata["wire"])
            for f in dataclasses.fields(declared)
            if "wire" in f.metadata
        )
    return found


def _declare(kind: Encoding, doc: str, **more: Any) -> Any:
    return dataclasses.field(metadata={"wire": {"kind": kind, "doc": doc, **more}})


def u8(doc: str, enum: type[Choice] | None = None) -> Any:
    """Declare an unsigned integer of one byte."""
    return _declare(U8, doc, enum=enum)


def u16(doc: str, enum: type[Choice] | None = None) -> Any:
    """Declare an unsigned integer of two bytes, big-endian."""
    return _declare(U16, doc, enum=enum)


def u32(doc: str) -> Any:
    """Declare an unsigned integer of four bytes, big-endian."""
    return _declare(U32, doc)


def u64(doc: str) -> Any:
    """Declare an unsigned integer of eight bytes, big-endian."""
    return _declare(U64, doc)


def text(doc: str) -> Any:
    """Declare UTF-8 text after a two-byte length, in bytes."""
    return _declare(TEXT, doc)


def blob(doc: str) -> Any:
    """Declare raw bytes after a four-byte length."""
    return _declare(BLOB, doc)


def records(record: type, doc: str, most: int = 0xFFFF) -> Any:
    """Declare a list of at most `most` records after a two-byte count."""
    return _declare(LIST, doc, record=record, most=most)
