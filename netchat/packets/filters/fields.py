"""Fields that a filter can test, by name.

The names with the prefix `netchat.` are those of the Wireshark dissector, generated from the same
declarations. The prefix may be omitted, unless `item_fields` gives the short name another meaning: `time`
is the time of capture, and `netchat.time` a field of messages.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import Any

from netchat.link.code_table import CODES
from netchat.link.header import Kind as BlockKind
from netchat.packets.filters.frames import frame_of, message_of
from netchat.packets.filters.item_fields import ITEM_FIELDS
from netchat.packets.filters.kinds import FieldKind, FilterField
from netchat.packets.items import Block, Damage, DecodedMessage, Item
from netchat.packets.wireshark.dissector import common_fields
from netchat.wire import HEADER_FIELDS, MESSAGES, Error, Field, Message, checksum, fields_of
from netchat.wire.fields import BLOB, LIST, TEXT

__all__ = [
    "PREFIX",
    "FieldKind",
    "FilterField",
    "alternatives",
    "filter_fields",
    "find_field",
    "resembling",
]

#: Prefix of the dissector's fields.
PREFIX = "netchat."

#: Returns the values of a field in a message or record.
_Reader = Callable[[Any], list[Any]]

#: Fields of a block's header with the same meaning in the dissector.
_BLOCK_FIELDS = {
    "kind": "Kind of the block.",
    "code": "Code of the block's payload.",
    "link": "Identifier of the link.",
    "length": "Length of the block's payload, in bytes.",
    "offset": "Offset of the block's payload in the stream.",
    "number": "Transmission number of the block.",
    "redundancy": "Whether the block's sender can decode incremental redundancy.",
    "window": "Receive window, in units of 4 KiB.",
    "ack": "Cumulative acknowledgement of the block.",
    "echo": "Highest transmission number received.",
    "delay": "Time since `echo` was received, in units of 0.1 ms.",
    "arrived": "Transmissions that arrived, one bit each.",
    "wrong": "Number of bit errors found.",
    "checked": "Amount of data that `wrong` refers to, in units of 64 bytes.",
}
_BLOCK_CHOICES = {
    "kind": {kind.name: int(kind) for kind in BlockKind},
    "code": {spec: number for number, spec in CODES.items()},
}


@functools.cache
def filter_fields() -> dict[str, FilterField]:
    """Return all fields by full name."""
    fields = dict(ITEM_FIELDS)
    for each in (*_header_fields(), *_block_fields(), *_common_fields(), *_message_fields()):
        fields.setdefault(each.name, each)
    fields[f"{PREFIX}type"] = fields["type"]
    return fields


def find_field(name: str) -> FilterField | None:
    """Return the field with a name, with or without the prefix `netchat.`, or None."""
    fields = filter_fields()
    return fields.get(name) or fields.get(PREFIX + name)


def alternatives(name: str) -> list[str]:
    """Return the names of the fields whose last part is `name`, without the prefix."""
    last = f".{name.rpartition('.')[2]}"
    return [
        each.removeprefix(PREFIX)
        for each, field in filter_fields().items()
        if each.endswith(last) and each.startswith(PREFIX) and field.kind is not FieldKind.FLAG
    ]


def resembling(name: str) -> list[str]:
    """Return the names that an unknown name may be a misspelling of."""
    names = [each.removeprefix(PREFIX) for each in filter_fields()]
    return get_close_matches(name.removeprefix(PREFIX), names, n=3, cutoff=0.7)


def _header_fields() -> list[FilterField]:
    """Return the fields of a frame's header, and what the dissector derives from it."""
    found = [
        FilterField(
            f"{PREFIX}{name}", FieldKind.TEXT if name == "magic" else FieldKind.NUMBER,
            f"Header of the frame: {doc}.", _header_reader(name, at, size),
        )
        for name, at, size, doc in HEADER_FIELDS
    ]  # fmt: skip
    flags: list[tuple[str, str, Callable[[Item], bool]]] = [
        ("bad_crc", "Frames with a wrong CRC-32.", _has_bad_crc),
        ("refused", "Refusals by the server (ERROR).", lambda item: _has_type(item, Error)),
        ("skipped", "Bytes outside any frame.",
         lambda item: isinstance(item, Damage) and item.cause == "skipped"),
        ("block", "Blocks of a noisy link.", lambda item: isinstance(item, Block)),
    ]  # fmt: skip
    found += [
        FilterField(f"{PREFIX}{name}", FieldKind.FLAG, doc, _flag_reader(claim))
        for name, doc, claim in flags
    ]
    is_chat = _flag_reader(lambda item: isinstance(item, DecodedMessage | Damage | Block))
    found.append(FilterField("netchat", FieldKind.FLAG, "Messages, damage and blocks.", is_chat))
    found.append(
        FilterField(
            f"{PREFIX}crc_good", FieldKind.NUMBER, "Whether the frame's CRC-32 is right.", _crc_good,
            choices={"true": 1, "false": 0},
        )
    )  # fmt: skip
    return found


def _flag_reader(claim: Callable[[Item], bool]) -> Callable[[Item], Iterable[bool]]:
    return lambda item: (True,) if claim(item) else ()


def _has_bad_crc(item: Item) -> bool:
    return isinstance(item, Damage) and item.error == "BadChecksum"


def _has_type(item: Item, cls: type[Message]) -> bool:
    return isinstance(message_of(item), cls)


def _crc_good(item: Item) -> Iterable[bool]:
    raw = frame_of(item)
    if raw is None:
        return ()
    return (isinstance(item, DecodedMessage) or checksum(raw) == int.from_bytes(raw[12:16], "big"),)


def _header_reader(name: str, at: int, size: int) -> Callable[[Item], Iterable[Any]]:
    def values(item: Item) -> Iterable[Any]:
        raw = frame_of(item)
        if raw is None:
            return ()
        part = raw[at : at + size]
        return (part.decode("latin-1") if name == "magic" else int.from_bytes(part, "big"),)

    return values


def _block_fields() -> list[FilterField]:
    def reader(name: str) -> Callable[[Item], Iterable[int]]:
        return lambda item: (int(getattr(item.header, name)),) if isinstance(item, Block) else ()

    return [
        FilterField(
            f"{PREFIX}block.{name}", FieldKind.NUMBER, doc, reader(name),
            choices=_BLOCK_CHOICES.get(name, {}),
        )
        for name, doc in _BLOCK_FIELDS.items()
    ]  # fmt: skip


def _common_fields() -> list[FilterField]:
    """Return the fields that mean the same in all messages."""
    found = []
    for name, field in common_fields().items():
        readers = {
            cls: reader
            for cls in MESSAGES.values()
            if (reader := _reader_of_name(cls, name)) is not None
        }
        doc = f"Field of {', '.join(cls.NAME for cls in readers)}."
        found.append(_wire_field(f"{PREFIX}{name}", field, doc, readers))
    return found


def _message_fields() -> list[FilterField]:
    """Return the message types and their fields."""
    found = []
    for cls in MESSAGES.values():
        prefix = f"{PREFIX}{cls.NAME.lower()}"
        doc = (cls.__doc__ or "").partition("\n")[0]
        claim = _flag_reader(functools.partial(_has_type, cls=cls))
        found.append(FilterField(prefix, FieldKind.FLAG, f"{cls.NAME} messages. {doc}", claim))
        for path, field in _paths(cls):
            reader = {cls: _reader_of_path(path, field)}
            name = ".".join([prefix, *(step.name for step in path), field.name])
            found.append(_wire_field(name, field, field.doc, reader))
    return found


def _wire_field(
    name: str, field: Field, doc: str, readers: dict[type[Message], _Reader]
) -> FilterField:
    """Return the filter's field for a declared one.

    Args:
        name: Full name.
        field: The declaration.
        doc: Description.
        readers: For each message that has the field, the function that returns its values.
    """

    def values(item: Item) -> Iterable[Any]:
        message = item.message if isinstance(item, DecodedMessage) else message_of(item)
        reader = readers.get(type(message))  # type: ignore[arg-type]
        return () if reader is None else reader(message)

    kind = {TEXT: FieldKind.TEXT, BLOB: FieldKind.BYTES}.get(field.kind, FieldKind.NUMBER)
    choices = {} if field.enum is None else {each.name: each.value for each in field.enum}
    is_room = field.name == "room" and kind is FieldKind.TEXT
    return FilterField(name, kind, doc, values, choices, _room_key if is_room else None)


def _room_key(code: str) -> str:
    """Return a room's code for comparisons: in capitals, without the hyphen of its displayed form."""
    return code.replace("-", "").upper()


def _paths(declared: type[Any]) -> Iterable[tuple[tuple[Field, ...], Field]]:
    """Yield each field of a message or record, with the lists that contain it."""
    for field in fields_of(declared):
        yield (), field
        if field.record is not None:
            for path, inner in _paths(field.record):
                yield (field, *path), inner


def _reader_of_path(path: tuple[Field, ...], field: Field) -> _Reader:
    """Return a function that reads one field, inside of lists if `path` names any."""
    value = _value_reader(field)

    def read(holder: Any) -> list[Any]:
        holders = [holder]
        for step in path:
            holders = [entry for each in holders for entry in getattr(each, step.name)]
        return [found for each in holders for found in value(each)]

    return read if path else value


def _value_reader(field: Field) -> _Reader:
    name = field.name
    if field.kind is LIST:
        return lambda holder: [len(getattr(holder, name))]
    if field.kind is BLOB:  # like the dissector, which shows no field for zero bytes
        return lambda holder: [getattr(holder, name)] if getattr(holder, name) else []
    return lambda holder: [getattr(holder, name)]


def _reader_of_name(cls: type[Message], name: str) -> _Reader | None:
    """Return a function that reads all fields of one name in a message, or None."""
    readers = [_reader_of_path(path, field) for path, field in _paths(cls) if field.name == name]
    if len(readers) < 2:
        return readers[0] if readers else None
    return lambda message: [found for reader in readers for found in reader(message)]
