"""Generator of docs/PROTOCOL.md, from the prose in `protocol.md` and the declarations."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from importlib import resources

from netchat.wire import limits
from netchat.wire.declare import MESSAGES, Message, Record
from netchat.wire.diagram import body_diagram, header_diagram
from netchat.wire.fields import BLOB, KINDS, LIST, TEXT, Choice, Field, fields_of
from netchat.wire.frame import CRC_OFFSET, HEADER_FIELDS, HEADER_SIZE, encode
from netchat.wire.messages import GROUPS, Send
from netchat.wire.spec import enums, records, senders
from netchat.wire.walk import walk

__all__ = ["protocol_document"]


def protocol_document() -> str:
    """Return the protocol document in Markdown.

    Raises:
        KeyError: The prose contains an unknown placeholder.
    """
    parts = {name: str(getattr(limits, name)) for name in limits.__all__}
    parts |= {
        "HEADER_SIZE": str(HEADER_SIZE),
        "header": _header(),
        "kind_count": str(len(KINDS)),
        "kinds": _table(
            "kind|bytes of number or length|encoding",
            [(f"`{k.name}`", str(k.size), k.doc) for k in KINDS],
        ),
        "groups": _groups(),
        "overview": _overview(),
        "messages": "\n\n".join(_message(m) for _, m in sorted(MESSAGES.items())),
        "records": "\n\n".join(_record(r) for r in records()),
        "enums": "\n\n".join(_enum(e) for e in enums()),
        "example": _example(),
    }
    prose = resources.files("netchat.wire").joinpath("protocol.md").read_text(encoding="utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], prose)


def _table(head: str, rows: Sequence[tuple[str, ...]]) -> str:
    """Return a Markdown table; `head` holds the column titles, separated by `|`."""
    titles = head.split("|")
    cells = [titles, ["---"] * len(titles), *([c.replace("|", "\\|") for c in r] for r in rows)]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


def _code(text: str) -> str:
    return f"```text\n{text}\n```"


def _header() -> str:
    rows = [(f"`{name}`", str(at), str(size), doc) for name, at, size, doc in HEADER_FIELDS]
    return f"{_code(header_diagram())}\n\n{_table('field|at byte|bytes|meaning', rows)}"


def _groups() -> str:
    used = {number & 0xF0 for number in MESSAGES}
    words = [
        f"{first:#04x} {name}{'' if first in used else ' (reserved)'}"
        for first, name in GROUPS.items()
    ]
    return ", ".join(words)


def _overview() -> str:
    rows = []
    for number, message in sorted(MESSAGES.items()):
        first = (inspect.getdoc(message) or "").partition("\n")[0]
        name = f"[{message.NAME}](#{message.NAME.lower()})"
        rows.append((f"{number:#04x}", name, " and ".join(senders(message)), first))
    return _table("type|message|sent by|what it does", rows)


def _message(message: type[Message]) -> str:
    origin = f"Type {message.TYPE:#04x}, sent by the {' and the '.join(senders(message))}."
    return f"### {message.NAME}\n\n{origin}\n\n{_declared(message)}"


def _record(record: type[Record]) -> str:
    return f"### {record.__name__}\n\n{_declared(record)}"


def _declared(declared: type[Record]) -> str:
    rows = [(f"`{f.name}`", _kind(f), f"{f.doc}{_values(f)}") for f in fields_of(declared)]
    doc = inspect.getdoc(declared) or ""
    return f"{doc}\n\n{_code(body_diagram(declared))}\n\n{_table('field|kind|meaning', rows)}"


def _kind(field: Field) -> str:
    if field.record is None:
        return field.kind.name
    name = field.record.__name__
    return f"{field.kind.name} of [{name}](#{name.lower()})"


def _values(field: Field) -> str:
    """Return the names of a number's values, or a link to their table if there are many."""
    if field.enum is None:
        return ""
    link = f"[{field.enum.__name__}](#{field.enum.__name__.lower()})"
    if len(field.enum) > 8:
        return f" See {link}."
    return f" {link}: {', '.join(f'{v.value} {v.name}' for v in field.enum)}."


def _enum(enum: type[Choice]) -> str:
    rows = [(str(v.value), f"`{v.name}`", v.doc) for v in enum]
    return f"### {enum.__name__}\n\n{inspect.getdoc(enum)}\n\n{_table('value|name|meaning', rows)}"


def _example() -> str:
    message = Send(counter=7, room="lobby", text="Hi, Zoë")
    frame = encode(message)
    rows = [
        (at, at + size, name, "" if name != "type" else message.NAME)
        for name, at, size, _ in HEADER_FIELDS
    ]
    for span in walk(Send, frame[HEADER_SIZE:]):
        start, end = span.start + HEADER_SIZE, span.end + HEADER_SIZE
        if span.field.kind in (TEXT, BLOB, LIST):
            content = start + span.field.kind.size
            rows.append((start, content, span.path, f"length: {end - content} bytes"))
            rows.append((content, end, "", f'"{span.value}"'))
        else:
            rows.append((start, end, span.path, str(span.value)))
    lines = [f"{'at':>4}  {'bytes':23}  {'field':8}  value", ""]
    for start, end, name, note in rows:
        value = note or str(int.from_bytes(frame[start:end], "big"))
        if name == "magic":
            value = '"NC"'
        elif name == "crc":
            value = f"CRC-32 of these {len(frame)} bytes, with 00 00 00 00 here"
        lines.append(f"{start:>4}  {frame[start:end].hex(' '):23}  {name:8}  {value}".rstrip())
    assert frame[CRC_OFFSET:HEADER_SIZE] != bytes(4)
    return (
        f'A SEND to the lobby with the counter 7 and the text "{message.text}": {len(frame)} bytes. '
        'The "ë" takes two of them, c3 ab.\n\n'
        f"{_code(chr(10).join(lines))}\n\n"
        "`netchat protocol SEND --source` prints the code that encodes and decodes it."
    )
