"""Wireshark dissector, generated from the wire's declarations.

The Lua code is in the folder `lua`; this module concatenates its parts and inserts the protocol.
"""

from __future__ import annotations

import dataclasses
import inspect
from pathlib import Path

from netchat.link.code_table import CODES, OPENED
from netchat.link.header import HEADER_BYTES, HEADER_SIZE, LINK_VERSION, Kind
from netchat.link.sync_marker import MARKER
from netchat.wire import (
    DEFAULT_PORT,
    HEADER_FIELDS,
    MAGIC,
    MAX_FRAME,
    MESSAGES,
    VERSION,
    Bye,
    Error,
    Event,
    Field,
    Record,
    Welcome,
    fields_of,
)
from netchat.wire.fields import BLOB, LIST
from netchat.wire.pairs import ANSWERS, link_field
from netchat.wire.spec import enums, records, senders

__all__ = ["DISSECTOR", "SCRIPT", "common_fields", "dissector"]

_HERE = Path(__file__).parent

#: Committed dissector, and its file name wherever it is installed.
SCRIPT = "netchat.lua"
DISSECTOR = _HERE / SCRIPT

#: Parts in the order that Lua needs: definitions before their use.
_PARTS = ("head", "fields", "tools", "pairs", "body", "frame", "blocks", "stream")

#: Text in the description of fields that are times; their label in Wireshark shows the date.
_CLOCK = "microseconds since 1970"


def dissector() -> str:
    """Return the complete Lua script."""
    parts = [(_HERE / "lua" / f"{part}.lua").read_text(encoding="utf-8") for part in _PARTS]
    return "\n".join(parts).replace("--@SPEC@\n", _spec())


def _spec() -> str:
    """Return the protocol as Lua tables."""
    lines = [
        f"local VERSION, MAGIC = {VERSION}, {_quoted(MAGIC.decode())}",
        f"local DEFAULT_PORT, MAX_FRAME = {_quoted(str(DEFAULT_PORT))}, {MAX_FRAME}",
        f"local ERROR, EVENT, WELCOME, BYE = {Error.TYPE:#04x}, {Event.TYPE:#04x}, "
        f"{Welcome.TYPE:#04x}, {Bye.TYPE:#04x}",
        "",
        "local ENUMS = {",
    ]
    for enum in enums():
        values = ", ".join(f"[{v.value}] = {_quoted(v.name)}" for v in enum)
        lines.append(f"  {enum.__name__} = {{ {values} }},")
    lines += ["}", "", "local RECORDS = {"]
    for record in records():
        lines += [f"  {record.__name__} = {{", *_fields(record, "    "), "  },"]
    lines += ["}", "", "local MESSAGES = {"]
    for number, message in sorted(MESSAGES.items()):
        doc = (inspect.getdoc(message) or "").partition("\n")[0]
        way = senders(message)[0] if len(senders(message)) == 1 else "both"
        lines += [
            f"  [{number:#04x}] = {{",
            f"    name = {_quoted(message.NAME)}, way = {_quoted(way)},",
            f"    doc = {_quoted(doc)},",
            "    fields = {",
            *_fields(message, "      "),
            "    },",
            "  },",
        ]
    lines += ["}", "", "-- Fields that mean the same in all messages.", "local COMMON = {"]
    lines += [
        f"  [{_quoted(name)}] = {_field(field)}," for name, field in sorted(common_fields().items())
    ]
    lines += ["}", "", "-- Requests, their responses, and the fields that link them."]
    questions: dict[int, str] = {}
    answers: dict[int, str] = {}
    links: dict[int, str | None] = {}
    for question, answering in ANSWERS.items():
        if not answering:
            continue
        # One family for all requests with the same kind of response, which share a number series.
        known = (answers[answer.TYPE] for answer in answering if answer.TYPE in answers)
        family = questions[question.TYPE] = next(known, _quoted(answering[0].NAME))
        for answer in answering:
            answers[answer.TYPE] = family
            links[answer.TYPE] = link_field(answer)
        links[question.TYPE] = link_field(question)
    for name, table in (("QUESTIONS", questions), ("ANSWERS", answers)):
        rows = ", ".join(f"[{number:#04x}] = {value}" for number, value in sorted(table.items()))
        lines.append(f"local {name} = {{ {rows} }}")
    rows = ", ".join(
        f"[{number:#04x}] = {_quoted(field)}" for number, field in sorted(links.items()) if field
    )
    lines.append(f"local LINKS = {{ {rows} }}")
    lines += ["", "-- The noisy link's blocks.", *_link()]
    return "\n".join(lines) + "\n"


def _link() -> list[str]:
    """Return the constants of a noisy link's blocks as Lua."""
    marker = "".join(f"\\{byte:03d}" for byte in MARKER)
    kinds = ", ".join(f"[{kind.value}] = {_quoted(kind.name)}" for kind in Kind)
    codes = ", ".join(f"[{number}] = {_quoted(spec)}" for number, spec in CODES.items())
    return [
        f'local MARKER, LINK_VERSION = "{marker}", {LINK_VERSION}',
        f"local LINK_HEADER, LINK_CODED_HEADER = {HEADER_BYTES}, {HEADER_SIZE}",
        f"local KINDS = {{ {kinds} }}",
        f"local CODES = {{ {codes}, [{OPENED}] = {_quoted('the code that OPEN named')} }}",
    ]


def _fields(declared: type[Record], indent: str) -> list[str]:
    return [f"{indent}{_field(field)}," for field in fields_of(declared)]


def _field(field: Field) -> str:
    parts = [f"name = {_quoted(field.name)}", f"kind = {_quoted(field.kind.name)}"]
    if field.enum is not None:
        parts.append(f"enum = {_quoted(field.enum.__name__)}")
    if field.record is not None:
        parts.append(f"record = {_quoted(field.record.__name__)}")
    if _CLOCK in field.doc:
        parts.append("clock = true")
    return "{ " + ", ".join([*parts, f"doc = {_quoted(field.doc)}"]) + " }"


def common_fields() -> dict[str, Field]:
    """Return the fields with one kind and one set of values in all messages, by name."""
    found: dict[str, Field | None] = {}
    for declared in [*MESSAGES.values(), *records()]:
        for field in fields_of(declared):
            known = found.setdefault(field.name, field)
            if known is not None and (known.kind, known.enum) != (field.kind, field.enum):
                found[field.name] = None
    taken = {name for name, *_ in HEADER_FIELDS} | {m.NAME.lower() for m in MESSAGES.values()}
    return {
        name: dataclasses.replace(field, doc=f"The {name} of any message.")
        for name, field in found.items()
        if field is not None and field.kind not in (LIST, BLOB) and name not in taken
    }


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
