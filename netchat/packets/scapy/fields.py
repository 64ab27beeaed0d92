"""Scapy fields for the wire's field kinds.

A text or blob becomes two fields, `room_len` and `room`; a list becomes `members_count` and
`members`. The first of each pair defaults to None, which means the actual length or count.
"""

from __future__ import annotations

import inspect
from typing import Any

from scapy.fields import (
    ByteEnumField,
    ByteField,
    FieldLenField,
    IntField,
    LongField,
    PacketListField,
    ShortEnumField,
    ShortField,
    StrLenField,
    XStrLenField,
)
from scapy.packet import Packet

from netchat.wire import Field, Record, fields_of
from netchat.wire.fields import BLOB, LIST, TEXT, U8, U16, U32, U64

__all__ = ["TextField", "describe_fields", "new_layer", "python_name", "record_layer"]

_NUMBERS = {U8: ByteField, U16: ShortField, U32: IntField, U64: LongField}
_NAMED_NUMBERS = {U8: ByteEnumField, U16: ShortEnumField}
_LENGTH_FORMATS = {TEXT: "!H", BLOB: "!I", LIST: "!H"}

#: Maximum count of a list. Scapy's default limit of 100 items is less than a full ROSTER.
_MAX_ITEMS = 0xFFFF

_record_layers: dict[type[Record], type[Packet]] = {}


class TextField(StrLenField):
    """UTF-8 text after a length: a `str` to the user, bytes internally.

    Invalid UTF-8 becomes lone surrogates and is restored when the packet is built, as Python does with
    file names, so displaying a packet loses nothing.
    """

    def any2i(self, pkt: Packet | None, x: Any) -> Any:  # noqa: ARG002 - Scapy's signature
        """Convert a user's value to the internal one."""
        return x.encode(errors="surrogateescape") if isinstance(x, str) else x

    h2i = any2i

    def i2h(self, pkt: Packet | None, x: Any) -> Any:  # noqa: ARG002 - Scapy's signature
        """Convert the internal value to the user's."""
        return x.decode(errors="surrogateescape") if isinstance(x, bytes) else x

    def i2repr(self, pkt: Packet | None, x: Any) -> str:
        """Return the value for `show()`, with control characters escaped."""
        return repr(self.i2h(pkt, x))


def python_name(name: str) -> str:
    """Return a field's name in Scapy: `name_` and `time_`, since Packet uses both."""
    return name + "_" if hasattr(Packet, name) else name


def describe_fields(declared: type[Record]) -> list[Any]:
    """Return the `fields_desc` of a message or record."""
    return [scapy_field for field in fields_of(declared) for scapy_field in _convert(field)]


def _convert(field: Field) -> list[Any]:
    name = python_name(field.name)
    if field.kind in _NUMBERS:
        if field.enum is None:
            return [_NUMBERS[field.kind](name, 0)]
        values = {choice.value: choice.name for choice in field.enum}
        return [_NAMED_NUMBERS[field.kind](name, min(values), values)]
    form = _LENGTH_FORMATS[field.kind]
    if field.record is not None:
        count = f"{field.name}_count"
        items = PacketListField(
            name,
            [],
            record_layer(field.record),
            count_from=lambda pkt: pkt.getfieldval(count),
            max_count=_MAX_ITEMS,
        )
        return [FieldLenField(count, None, count_of=name, fmt=form), items]
    size = f"{field.name}_len"
    kind = TextField if field.kind is TEXT else XStrLenField
    content = kind(name, b"", length_from=lambda pkt: pkt.getfieldval(size))
    return [FieldLenField(size, None, length_of=name, fmt=form), content]


def _layer_doc(declared: type[Record]) -> str:
    """Return a layer's docstring: the declaration's, and a line per field."""
    fields = [f"    {python_name(field.name)}: {field.doc}" for field in fields_of(declared)]
    section = ["", "Attributes:", *fields] if fields else []
    return "\n".join([inspect.getdoc(declared) or declared.__name__, *section])


class _RecordLayer(Packet):
    """Base class of all records' layers."""

    def extract_padding(self, s: bytes) -> tuple[bytes, bytes]:
        """Leave everything after the fields to the next record."""
        return b"", s


def record_layer(declared: type[Record]) -> type[Packet]:
    """Return the layer of a record type, such as `NCPMembership`."""
    if declared not in _record_layers:
        _record_layers[declared] = new_layer(declared, _RecordLayer, f"NCP {declared.__name__}")
    return _record_layers[declared]


def new_layer(
    declared: type[Record], base: type[Packet], title: str, **attributes: Any
) -> type[Packet]:
    """Create the layer of a message or record.

    Args:
        declared: The message or record.
        base: Base class of the layer.
        title: Title that `show()` prints above the fields.
        attributes: Further attributes of the class.
    """
    body = {
        "name": title,  # Scapy reads the name and the fields from the class body
        "fields_desc": describe_fields(declared),
        "__doc__": _layer_doc(declared),
        "__module__": "netchat.packets.scapy.layer",
        **attributes,
    }
    metaclass: Any = type(base)
    layer: type[Packet] = metaclass(f"NCP{declared.__name__}", (base,), body)
    return layer
