"""The kinds of field a message can have, and how one is declared.

There are few on purpose: every consumer of the protocol (Python, Scapy, Lua, JavaScript,
the document) must be able to express all of them.
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
    "Field",
    "Kind",
    "fields_of",
]


class Choice(IntEnum):
    """A number whose values have names: `NAME = value, "what it means"`.

    Attributes:
        doc: what the value means, for the protocol document.
    """

    doc: str

    def __new__(cls, value: int, doc: str = "") -> Self:
        """One value; `doc` has a default because looking a value up gives the number alone."""
        member = int.__new__(cls, value)
        member._value_ = value
        member.doc = doc
        return member


@dataclasses.dataclass(frozen=True, slots=True)
class Kind:
    """How a value looks on the wire.

    Attributes:
        name: the kind's name in the protocol document.
        code: the `struct` code of the number itself, or of the length in front of the value.
        size: the bytes that `code` takes.
        doc: what it is, for the protocol document.
    """

    name: str
    code: str
    size: int
    doc: str


U8 = Kind("u8", "B", 1, "unsigned integer")
U16 = Kind("u16", "H", 2, "unsigned integer, big-endian")
U32 = Kind("u32", "I", 4, "unsigned integer, big-endian")
U64 = Kind("u64", "Q", 8, "unsigned integer, big-endian")
TEXT = Kind("text", "H", 2, "length in bytes, then so many bytes of UTF-8")
BLOB = Kind("blob", "I", 4, "length in bytes, then so many raw bytes")
LIST = Kind("list", "H", 2, "number of items, then so many records one behind the other")

#: Every kind there is.
KINDS = (U8, U16, U32, U64, TEXT, BLOB, LIST)


@dataclasses.dataclass(frozen=True, slots=True)
class Field:
    """One declared field.

    Attributes:
        name: its name, the same in Python, Scapy, Lua, JavaScript and the document.
        kind: how it looks on the wire.
        doc: what it means, with its unit.
        enum: names for the values of a number, if it has them.
        record: the record type of a list's items, if it is a list.
        most: items that the list may have. It bounds the work of decoding a frame.
    """

    name: str
    kind: Kind
    doc: str
    enum: type[Choice] | None = None
    record: type | None = None
    most: int = 0xFFFF


_FIELDS: dict[type, tuple[Field, ...]] = {}


def fields_of(declared: type) -> tuple[Field, ...]:
    """The wire fields of a message or record type, in wire order."""
    found = _FIELDS.get(declared)
    if found is None:  # kept, since views ask for each message that they show
        found = _FIELDS[declared] = tuple(
            Field(name=f.name, **f.metadata["wire"])
            for f in dataclasses.fields(declared)
            if "wire" in f.metadata
        )
    return found


def _declare(kind: Kind, doc: str, **more: Any) -> Any:
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
    """Declare UTF-8 text behind a two-byte length (in bytes)."""
    return _declare(TEXT, doc)


def blob(doc: str) -> Any:
    """Declare raw bytes behind a four-byte length."""
    return _declare(BLOB, doc)


def records(record: type, doc: str, most: int = 0xFFFF) -> Any:
    """Declare a list of at most `most` `record`s after a two-byte count."""
    return _declare(LIST, doc, record=record, most=most)
