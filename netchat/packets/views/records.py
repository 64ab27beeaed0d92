"""Items as plain data, for JSON lines, data frames and other programs."""

from __future__ import annotations

from typing import Any

from netchat.packets.decode.conversation import show_endpoint
from netchat.packets.items import (
    Block,
    Damage,
    DecodedMessage,
    Gap,
    Item,
    Notice,
    TlsRecord,
    Trace,
)
from netchat.packets.tcp.dissect import flag_names
from netchat.wire import Message, fields_of

__all__ = ["as_dict"]

#: Values of `item`: part of the output format, whatever the classes are called.
_NAMES = {
    Block: "block",
    Damage: "damage",
    DecodedMessage: "decoded",
    Gap: "gap",
    Notice: "notice",
    TlsRecord: "tls",
    Trace: "trace",
}


def as_dict(item: Item) -> dict[str, Any]:
    """Convert an item to plain data: bytes become hex, times seconds (and ns).

    Returns:
        A dict in which `item` names the kind. The other keys are the item's attributes, except
        that the conversation is given by its number, endpoints and user.
    """
    conversation = item.conversation
    row: dict[str, Any] = {
        "item": _NAMES[type(item)],
        "time": item.time / 1e9,
        "time_ns": item.time,
        "conversation": conversation.number,
        "user": conversation.user,
        "transport": conversation.transport,
        "from": show_endpoint(conversation.source(to_server=item.to_server)),
        "to": show_endpoint(conversation.source(to_server=not item.to_server)),
        "to_server": item.to_server,
    }
    match item:
        case DecodedMessage():
            row["type"] = item.message.NAME
            row["fields"] = _fields(item.message)
            row["packets"] = list(item.packets)
            row |= {"offset": item.offset, "size": item.size, "repeated": item.repeated}
            row |= {"found": item.found, "encrypted": item.is_encrypted, "raw": item.raw.hex()}
        case Damage():
            row |= {"offset": item.offset, "size": item.size, "cause": item.cause}
            row |= {"error": item.error, "reason": item.reason, "raw": item.raw.hex()}
            row |= {"packets": list(item.packets), "inside": item.inside}
        case Gap():
            row |= {"offset": item.offset, "size": item.size, "reason": item.reason}
            row |= {"packet": item.packet, "inside": item.inside}
        case Block():
            row["kind"] = item.header.kind.name
            row["header"] = {**item.header._asdict(), "kind": int(item.header.kind)}
            row |= {"code": item.code, "outcome": item.outcome, "corrected": item.corrected}
            row |= {"again": item.again, "packets": list(item.packets)}
            row |= {"offset": item.offset, "size": item.size, "head": item.head}
            row["repairs"] = [
                {"at": at, "arrived": was, "sent": sent} for at, was, sent in item.repairs
            ]
            row["payload"] = item.payload.hex() if item.payload is not None else None
            row["raw"] = item.raw.hex()
        case TlsRecord():
            row |= {"type": item.name, "kind": item.kind, "inner_kind": item.inner_kind}
            row |= {"offset": item.offset, "size": item.size, "packets": list(item.packets)}
            row |= {"repeated": item.repeated, "sequence": item.sequence, "epoch": item.epoch}
            row |= {"text": item.text, "reason": item.reason, "padding": item.padding}
            row["content"] = item.content.hex() if item.content is not None else None
            row["raw"] = item.raw.hex()
        case Notice():
            row |= {"event": item.event, "packet": item.packet}
        case _:
            row |= {"packet": item.packet, "flags": flag_names(item.flags), "ack": item.ack}
            row |= {"offset": item.offset, "size": item.size, "note": item.note}
    return row


def _fields(message: Message) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for field in fields_of(type(message)):
        row[field.name] = value = _plain(getattr(message, field.name))
        if field.enum is not None and value in set(field.enum):
            row[f"{field.name}_name"] = field.enum(value).name
    return row


def _plain(value: Any) -> Any:
    """Return a field's value as plain data: bytes as hex, records as dicts."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple):
        return [
            {field.name: _plain(getattr(entry, field.name)) for field in fields_of(type(entry))}
            for entry in value
        ]
    return value
