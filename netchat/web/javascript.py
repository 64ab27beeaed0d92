"""Generator of the browser's codec, `page/protocol.js`.

The encoder and decoder are in `codec.js`; this module inserts the tables of the wire declarations.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from pathlib import Path

from netchat.wire import HEADER_FIELDS, HEADER_SIZE, MAGIC, MESSAGES, VERSION, Record, fields_of
from netchat.wire import limits as wire_limits
from netchat.wire.frame import CRC_OFFSET
from netchat.wire.spec import enums, records

__all__ = ["CODEC", "codec"]

_HERE = Path(__file__).parent

#: Path of the committed codec.
CODEC = _HERE / "page" / "protocol.js"


def codec() -> str:
    """Return the source of the JavaScript module."""
    source = (_HERE / "codec.js").read_text(encoding="utf-8")
    return source.replace("//@SPEC@\n", "\n".join(_spec()) + "\n")


def _spec() -> Iterator[str]:
    """Yield the lines of the protocol's JavaScript tables."""
    yield f"export const VERSION = {VERSION}, MAGIC = {_quoted(MAGIC.decode())};"
    yield f"export const HEADER_SIZE = {HEADER_SIZE}, CRC_OFFSET = {CRC_OFFSET};"
    limits = ", ".join(f"{name}: {getattr(wire_limits, name)}" for name in wire_limits.__all__)
    yield f"export const LIMITS = {{{limits}}};"
    yield ""
    yield "// name, offset, size, description"
    yield "export const HEADER = ["
    for name, offset, size, doc in HEADER_FIELDS:
        yield f"  [{_quoted(name)}, {offset}, {size}, {_quoted(doc)}],"
    yield "];"
    yield ""
    yield "// Names of enum values: {value: name}"
    yield "export const ENUMS = {"
    for enum in enums():
        yield f"  {enum.__name__}: {{"
        for value in enum:
            yield f"    {value.value}: {_quoted(value.name)},"
        yield "  },"
    yield "};"
    yield "const numbers = (values) =>"
    yield "  Object.freeze(Object.fromEntries(Object.entries(values).map(([n, name]) => [name, +n])));"
    for enum in enums():
        yield f"export const {enum.__name__} = numbers(ENUMS.{enum.__name__});"
    yield ""
    yield "// Fields: name, kind, description, and the record of a list or the enum of a number."
    yield "export const RECORDS = {"
    for record in records():
        yield f"  {record.__name__}: ["
        yield from _fields(record, "    ")
        yield "  ],"
    yield "};"
    yield "export const MESSAGES = {"
    for number, message in sorted(MESSAGES.items()):
        doc = (inspect.getdoc(message) or "").partition("\n")[0]
        yield f"  {message.NAME}: {{"
        yield f"    type: {number:#04x},"
        yield f"    doc: {_quoted(doc)},"
        yield "    fields: ["
        yield from _fields(message, "      ")
        yield "    ],"
        yield "  },"
    yield "};"


def _fields(declared: type[Record], indent: str) -> Iterator[str]:
    for field in fields_of(declared):
        parts = [_quoted(field.name), _quoted(field.kind.name), _quoted(field.doc)]
        more = field.record or field.enum
        if more is not None:
            parts.append(_quoted(more.__name__))
        yield f"{indent}[{', '.join(parts)}],"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
