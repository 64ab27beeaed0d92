"""The wire's field kinds as Scapy fields.

A text or blob becomes two fields, `room_len` and `room`; a list becomes `members_count` and
`members`. The first of each pair is None by default, which means: as long as it really is.
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

#: What a list's count can say. Scapy's own limit of 100 items is below a full ROSTER.
_MAX_ITEMS = 0xFFFF

_record_layers: dict[type[Record], type[Packet]] = {}


class TextField(StrLenField):
    """UTF-8 text behind a length: a `str` to the user, its bytes inside.

    Bytes that are no UTF-8 come out as lone surrogates and go back in as they were, as Python does
    with file names, so that nothing a packet holds is lost in showing it.
    """

    def any2i(self, pkt: Packet | None, x: Any) -> Any:  # noqa: ARG002 - Scapy's signature
        """From what a user gives."""
        return x.encode(errors="surrogateescape") if isinstance(x, str) else x

    h2i = any2i

    def i2h(self, pkt: Packet | None, x: Any) -> Any:  # noqa: ARG002 - Scapy's signature
        """To what a user sees."""
        return x.decode(errors="surrogateescape") if isinstance(x, bytes) else x

    def i2repr(self, pkt: Packet | None, x: Any) -> str:
        """In `show()`; `repr` leaves no control character as it is."""
        return repr(self.i2h(pkt, x))


def python_name(name: str) -> str:
    """A field's name in Scapy. `name` and `time` are taken by Packet itself: `name_`, `time_`."""
    return name + "_" if hasattr(Packet, name) else name


def describe_fields(declared: type[Record]) -> list[Any]:
    """The `fields_desc` of a message or record."""
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
    """A layer's docstring: the declaration's own, and a line a field."""
    lines = [inspect.getdoc(declared) or declared.__name__, ""]
    lines += [f"{python_name(field.name)}: {field.doc}" for field in fields_of(declared)]
    return "\n".join(lines)


class _RecordLayer(Packet):
    """What all records have in common."""

    def extract_padding(self, s: bytes) -> tuple[bytes, bytes]:
        """Nothing belongs to a record but its fields: what follows is the next one's."""
        return b"", s


def record_layer(declared: type[Record]) -> type[Packet]:
    """The layer of one record type, such as `NCPMembership`."""
    if declared not in _record_layers:
        _record_layers[declared] = new_layer(declared, _RecordLayer, f"NCP {declared.__name__}")
    return _record_layers[declared]


def new_layer(
    declared: type[Record], base: type[Packet], title: str, **attributes: Any
) -> type[Packet]:
    """Make the layer of a message or record.

    Args:
        declared: the message or record.
        base: the layer's base class.
        title: what `show()` writes above its fields.
        attributes: more attributes of the class.
    """
    body = {
        "name": title,  # Scapy takes it, and the fields, out of the class body
        "fields_desc": describe_fields(declared),
        "__doc__": _layer_doc(declared),
        "__module__": "netchat.packets.scapy.layer",
        **attributes,
    }
    metaclass: Any = type(base)
    layer: type[Packet] = metaclass(f"NCP{declared.__name__}", (base,), body)
    return layer
