"""Building of frames from field=value pairs, valid or not.

    craft("SEND", text="hello").show()
    craft("SEND", text="hello", crc=0, length=9999)

Values are Python objects or text as on a command line: numbers as 10, 0x0a or by name, blobs as
hexadecimal, lists as JSON or item by item (`rooms[0].peer=Bo`).
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from typing import Any

from scapy.packet import Packet, Raw

from netchat.errors import EncodeError
from netchat.packets.scapy import LAYERS, NCP
from netchat.packets.scapy.fields import python_name, record_layer
from netchat.wire import HEADER_FIELDS, MESSAGES, Field, Message, Record, fields_of
from netchat.wire.fields import BLOB, LIST, TEXT

__all__ = ["DEFAULTS", "craft", "find_message"]

#: Values of fields that are not given. Other numbers are 0, or the first of those with names; other
#: texts, blobs and lists are empty.
DEFAULTS: dict[str, Any] = {"room": "lobby", "request": 1, "counter": 1}

#: Field of a list's item: `rooms[0].peer`.
_PATH = re.compile(r"(\w+)\[(\d{1,5})\]\.(.+)")

_HEADER = {name: size for name, _, size, _ in HEADER_FIELDS}


def find_message(wanted: str | int) -> tuple[int, type[Message] | None]:
    """Look up a message by name, in any case, or by type number.

    Returns:
        The type number, and the message class; None for an unused number.

    Raises:
        EncodeError: No message has this name, or the number is not 0 to 255.
    """
    try:
        number = int(str(wanted), 0)
    except ValueError:
        names = {message.NAME: number for number, message in MESSAGES.items()}
        name = str(wanted).upper().replace("-", "_")
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(names)}."
            raise EncodeError(f"NCP has no message {wanted!r}; {hint}") from None
        number = names[name]
    if not 0 <= number <= 0xFF:
        raise EncodeError(f"type must be 0 to 255, got {number}")
    return number, MESSAGES.get(number)


def craft(message: str | int, /, **values: Any) -> Packet:
    """Build a frame.

    Args:
        message: Name or type number of the message.
        values: Fields of the message; lengths and counts inside the body (`room_len`,
            `members_count`); fields of the header; or `body`, bytes that replace the fields.

    Returns:
        A Scapy packet: NCP, and the message's layer or Raw.

    Raises:
        EncodeError: A field does not exist, or its value does not fit; the text names it.
    """
    number, declared = find_message(message)
    header = {name: _header_value(name, values.pop(name)) for name in _HEADER if name in values}
    frame = NCP(type=number)
    for name, value in header.items():
        setattr(frame, name, value)
    if "body" in values or declared is None:
        body = _blob("body", values.pop("body", b""))
        if values:
            other = ", ".join(sorted(values))
            raise EncodeError(
                f"a frame with an explicit body, or of an unknown type, has no field {other}"
            )
        return frame / Raw(body) if body else frame
    if declared.NAME == "HELLO":
        values.setdefault("device", bytes(range(16)))
    defaults = {f.name: DEFAULTS[f.name] for f in fields_of(declared) if f.name in DEFAULTS}
    return frame / _layer(declared, LAYERS[declared], declared.NAME, {**defaults, **values})


def _layer(
    declared: type[Record], layer: type[Packet], where: str, values: Mapping[str, Any]
) -> Packet:
    """Build the layer of a message or record from values."""
    fields = {field.name: field for field in fields_of(declared)}
    lists = {name: dict[int, dict[str, Any]]() for name in fields}
    converted: dict[str, Any] = {}
    for name, value in values.items():
        item = _PATH.fullmatch(name)
        if item is not None and item[1] in fields and fields[item[1]].kind is LIST:
            lists[item[1]].setdefault(int(item[2]), {})[item[3]] = value
        elif name in fields:
            converted[python_name(name)] = _value(fields[name], f"{where}.{name}", value)
        elif name in layer(b"").fieldtype:
            size = layer(b"").fieldtype[name].sz
            converted[name] = _number(f"{where}.{name}", value, size)
        else:
            raise EncodeError(_unknown(where, name, fields))
    for name, items in lists.items():
        if not items:
            continue
        if name in values:
            raise EncodeError(f"{where}.{name} is given both as a whole and item by item; use one")
        if sorted(items) != list(range(len(items))):
            raise EncodeError(
                f"{where}.{name} has no item {min(set(range(len(items))) - set(items))}"
            )
        rows = [items[index] for index in range(len(items))]
        converted[python_name(name)] = _items(fields[name], f"{where}.{name}", rows)
    return layer(**converted)


def _unknown(where: str, name: str, fields: Mapping[str, Field]) -> str:
    of_frame = "[" not in where
    known = [*fields, *_HEADER, "body"] if of_frame else [*fields]
    near = difflib.get_close_matches(name, known, n=1)
    text = f"{where} has no field {name!r}{f'; did you mean {near[0]}?' if near else '.'} "
    text += f"Its fields: {', '.join(fields) or 'none'}."
    if of_frame:
        text += f" Header fields: {', '.join(_HEADER)}. Or body: bytes that replace the fields."
    return text


def _value(field: Field, where: str, value: Any) -> Any:
    if field.kind is LIST:
        return _items(field, where, value)
    if field.kind not in (TEXT, BLOB):
        names = {choice.name: choice.value for choice in field.enum} if field.enum else {}
        return _number(where, value, field.kind.size, names)
    if field.kind is BLOB:
        return _blob(where, value)
    if not isinstance(value, (str, bytes)):
        raise EncodeError(f"{where} must be text, got {value!r}")
    try:
        raw = value if isinstance(value, bytes) else value.encode(errors="surrogateescape")
    except UnicodeEncodeError as error:
        raise EncodeError(f"{where} cannot be encoded as UTF-8: {error.reason}") from error
    most = 256**field.kind.size - 1
    if len(raw) > most:
        raise EncodeError(f"{where} must be at most {most} bytes, got {len(raw)}")
    return raw


def _items(field: Field, where: str, value: Any) -> list[Packet]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise EncodeError(
                f"{where} must be a list, as JSON ('[{{…}}, …]') or item by item "
                f"({where.partition('.')[2]}[0].FIELD=VALUE); got {value!r}"
            ) from error
    if not isinstance(value, (list, tuple)) or not all(isinstance(row, dict) for row in value):
        raise EncodeError(f"{where} must be a list of records, each a mapping of fields to values")
    assert field.record is not None
    layer = record_layer(field.record)
    return [_layer(field.record, layer, f"{where}[{i}]", row) for i, row in enumerate(value)]


def _number(where: str, value: Any, size: int, names: Mapping[str, int] | None = None) -> int:
    try:
        number = names[str(value).upper()] if names and str(value).upper() in names else None
        if number is None:
            number = int(value, 0) if isinstance(value, str) else int(value)
    except (TypeError, ValueError):
        hint = f"or one of {', '.join(names)}" if names else "such as 10 or 0x0a"
        raise EncodeError(f"{where} must be a number, {hint}; got {value!r}") from None
    if not 0 <= number < 256**size:
        raise EncodeError(f"{where} must be 0 to {256**size - 1}, got {number}")
    return number


def _blob(where: str, value: Any) -> bytes:
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    try:
        return bytes.fromhex(str(value).replace(":", " "))
    except ValueError:
        raise EncodeError(f"{where} must be hexadecimal, such as 00ff; got {value!r}") from None


def _header_value(name: str, value: Any) -> int | bytes:
    if name != "magic":
        return _number(name, value, _HEADER[name])
    try:
        raw = value.encode() if isinstance(value, str) and len(value) == 2 else _blob(name, value)
    except EncodeError:
        raw = b""
    if len(raw) != _HEADER[name]:
        raise EncodeError(f"magic must be two characters or four hex digits, got {value!r}")
    return raw
