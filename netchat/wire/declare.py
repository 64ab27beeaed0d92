"""`@message` and `@record`: class decorators that declare parts of the protocol."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from enum import Flag
from typing import Any, ClassVar, Self, TypeVar, dataclass_transform

from netchat.errors import EncodeError
from netchat.wire import fields
from netchat.wire.compiler import compile_declaration, compile_init

__all__ = ["MESSAGES", "Message", "Record", "Way", "message", "record"]


class Way(Flag):
    """Direction of a message."""

    TO_SERVER = 1
    TO_CLIENT = 2
    BOTH = 3


class Record:
    """A group of fields inside a list.

    Records behave like frozen dataclasses. `dataclasses` would compile the methods below for each type,
    which takes several times as long as the rest of its declaration.
    """

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return self._values() == other._values() if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._values())

    def __repr__(self) -> str:
        names = (field.name for field in fields.fields_of(type(self)))
        pairs = (f"{name}={value!r}" for name, value in zip(names, self._values(), strict=True))
        return f"{type(self).__qualname__}({', '.join(pairs)})"

    def __setattr__(self, name: str, value: object) -> None:
        raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> None:
        raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")

    def __reduce__(self) -> tuple[type[Self], tuple[Any, ...]]:
        return type(self), self._values()

    def _values(self) -> tuple[Any, ...]:
        return tuple(getattr(self, field.name) for field in fields.fields_of(type(self)))

    def encode(self) -> bytes:
        """Return the encoded record."""
        raise NotImplementedError  # replaced by the compiled encoder

    @classmethod
    def read(cls, body: bytes, at: int) -> tuple[Self, int]:
        """Decode one record at offset `at` of `body`; return it and the offset after it."""
        raise NotImplementedError  # replaced by the compiled decoder


class Message(Record):
    """The body of a frame.

    Attributes:
        TYPE: Type number in the frame's header.
        NAME: Name in the protocol document.
        WAY: Direction.
    """

    __slots__ = ()
    TYPE: ClassVar[int]
    NAME: ClassVar[str]
    WAY: ClassVar[Way]


#: Every message of the protocol by type number, filled by `@message`.
MESSAGES: dict[int, type[Message]] = {}

_R = TypeVar("_R", bound=Record)
_M = TypeVar("_M", bound=Message)


def _compile(cls: type[_R]) -> type[_R]:
    declared = dataclasses.dataclass(init=False, repr=False, eq=False, slots=True)(cls)
    declared.__init__ = compile_init(declared)  # type: ignore[method-assign]
    encode, read = compile_declaration(declared, functools.partial(_report_bad_field, declared))
    encode.__doc__, read.__doc__ = Record.encode.__doc__, Record.read.__doc__
    declared.encode = encode  # type: ignore[method-assign, assignment]
    declared.read = staticmethod(read)  # type: ignore[assignment]
    return declared


def _report_bad_field(declared: type, value: Any, error: Exception) -> None:
    """Raise an error that names the field that cannot be encoded."""
    if not isinstance(value, declared):
        raise error  # a list's item of the wrong type: the message with the list reports it
    reasons = (_describe_if_invalid(value, field) for field in fields.fields_of(declared))
    text = next(filter(None, reasons), f"{declared.__name__}: {error}")
    raise EncodeError(text) from error


def _describe_if_invalid(value: Any, field: fields.Field) -> str | None:
    """Return a description of a field's value if it is invalid, or None."""
    content = getattr(value, field.name)
    where = f"{type(value).__name__}.{field.name}"
    limit = 256**field.kind.size
    if field.kind is fields.TEXT:
        if not isinstance(content, str):
            return f"{where} must be text, not {type(content).__name__}"
        try:
            size = len(content.encode())
        except UnicodeEncodeError as error:
            return f"{where} holds a lone surrogate at character {error.start}"
    elif field.kind is fields.BLOB:
        if not isinstance(content, (bytes, bytearray)):
            return f"{where} must be bytes, not {type(content).__name__}"
        size = len(content)
    elif field.record is not None:
        if not isinstance(content, (tuple, list)):
            return f"{where} must be a tuple of records, not {type(content).__name__}"
        size = len(content)
        for index, item in enumerate(content):
            if not isinstance(item, field.record):
                wanted = field.record.__name__
                return f"{where}[{index}] must be a {wanted}, not {type(item).__name__}"
    else:
        if not isinstance(content, int) or not 0 <= content < limit:
            return f"{where} = {content!r} does not fit into {field.kind.name}"
        return None
    if field.kind is fields.LIST and size > field.most:
        return f"{where} has {size} items; at most {field.most} are allowed"
    if size >= limit:
        return f"{where} is {size} long; its length field holds at most {limit - 1}"
    return None


@dataclass_transform(
    frozen_default=True,
    field_specifiers=(
        fields.u8,
        fields.u16,
        fields.u32,
        fields.u64,
        fields.text,
        fields.blob,
        fields.records,
    ),
)
def record(cls: type[_R]) -> type[_R]:
    """Declare a record type, for the items of a list field."""
    return _compile(cls)


@dataclass_transform(
    frozen_default=True,
    field_specifiers=(
        fields.u8,
        fields.u16,
        fields.u32,
        fields.u64,
        fields.text,
        fields.blob,
        fields.records,
    ),
)
def message(number: int, way: Way) -> Callable[[type[_M]], type[_M]]:
    """Declare a message type with its type number and direction."""

    def declare(cls: type[_M]) -> type[_M]:
        if number in MESSAGES:
            raise ValueError(f"type {number:#04x} is already {MESSAGES[number].NAME}")
        declared = _compile(cls)
        declared.TYPE = number
        declared.WAY = way
        # CamelCase in Python, UPPER_CASE in the document: HistoryEnd is HISTORY_END.
        words = "".join(f"_{c}" if c.isupper() else c for c in cls.__name__)
        declared.NAME = words.lstrip("_").upper()
        MESSAGES[number] = declared
        return declared

    return declare
