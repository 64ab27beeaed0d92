"""The protocol as plain data, for generators in other languages (`netchat protocol --json`)."""

from __future__ import annotations

import inspect
from typing import Any

from netchat.wire import limits
from netchat.wire.declare import MESSAGES, Message, Record, Way
from netchat.wire.fields import KINDS, Choice, fields_of
from netchat.wire.frame import HEADER_FIELDS, HEADER_SIZE, MAGIC, VERSION
from netchat.wire.messages import GROUPS, SealedText

__all__ = ["enums", "message_spec", "protocol_spec", "records", "senders"]


def records() -> list[type[Record]]:
    """Return the record types of all messages, in order of first use, and those of plaintexts."""
    found: dict[type[Record], None] = {}

    def collect(declared: type[Record]) -> None:
        for field in fields_of(declared):
            if field.record is not None:
                found.setdefault(field.record)
                collect(field.record)

    for message in MESSAGES.values():
        collect(message)
    return [*found, SealedText]


def enums() -> list[type[Choice]]:
    """Return the types of numbers with named values, in order of first use."""
    declared = [*MESSAGES.values(), *records()]
    return list(dict.fromkeys(f.enum for d in declared for f in fields_of(d) if f.enum is not None))


def senders(message: type[Message]) -> list[str]:
    """Return the possible senders of a message: `client`, `server` or both."""
    ways = {"client": Way.TO_SERVER, "server": Way.TO_CLIENT}
    return [name for name, way in ways.items() if message.WAY & way]


def message_spec(message: type[Message]) -> dict[str, Any]:
    """Return a message's declaration as plain data."""
    return {
        "type": message.TYPE,
        "name": message.NAME,
        "class": message.__name__,
        "from": senders(message),
        "doc": inspect.getdoc(message),
        "fields": _fields(message),
    }


def protocol_spec() -> dict[str, Any]:
    """Return the protocol as plain data (numbers, strings, lists and dicts), ready for JSON."""
    return {
        "protocol": "NCP",
        "version": VERSION,
        "byte_order": "big-endian",
        "header": {
            "size": HEADER_SIZE,
            "magic": MAGIC.decode(),
            "fields": [
                {"name": name, "offset": offset, "size": size, "doc": doc}
                for name, offset, size, doc in HEADER_FIELDS
            ],
        },
        "limits": {name: getattr(limits, name) for name in limits.__all__},
        "kinds": {kind.name: {"size": kind.size, "doc": kind.doc} for kind in KINDS},
        "groups": [{"first": first, "name": name} for first, name in GROUPS.items()],
        "messages": [message_spec(message) for _, message in sorted(MESSAGES.items())],
        "records": [
            {"class": r.__name__, "doc": inspect.getdoc(r), "fields": _fields(r)} for r in records()
        ],
        "enums": [
            {
                "class": e.__name__,
                "doc": inspect.getdoc(e),
                "values": [{"value": v.value, "name": v.name, "doc": v.doc} for v in e],
            }
            for e in enums()
        ],
    }


def _fields(declared: type[Record]) -> list[dict[str, Any]]:
    rows = []
    for field in fields_of(declared):
        row: dict[str, Any] = {"name": field.name, "kind": field.kind.name, "doc": field.doc}
        if field.enum is not None:
            row["enum"] = field.enum.__name__
        if field.record is not None:
            row["record"] = field.record.__name__
        rows.append(row)
    return rows
