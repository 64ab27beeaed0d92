"""A room's log as text, JSON lines, CSV or HTML.

Texts of users are data in every format: HTML is escaped, control characters are made visible, and a
spreadsheet interprets no cell of the CSV as a formula.
"""

from __future__ import annotations

import csv
import html
import io
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from netchat.chat.room_codes import show_code
from netchat.chat.text import show_text
from netchat.wire import Event, EventKind
from netchat.wire.annotations import describe_annotation
from netchat.wire.file_offers import describe_offer
from netchat.wire.moderation_text import KINDS, describe, parse_notice

__all__ = ["FORMATS", "export_log"]

#: Suffixes of the formats.
FORMATS = ("txt", "jsonl", "csv", "html")

#: First characters that make a spreadsheet interpret a cell as a formula (OWASP, CSV injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")

#: Latest time that a `datetime` can hold, in microseconds since 1970.
_LATEST = 253_402_300_799_999_999

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:48em;margin:2em auto;padding:0 1em}"
    "td{padding:.15em .8em .15em 0;vertical-align:top}td:nth-child(3){white-space:pre-wrap;"
    "overflow-wrap:anywhere}time{color:#666;white-space:nowrap}.notice{color:#666}"
)


def export_log(events: Sequence[Event], suffix: str, code: str, title: str = "") -> str:
    """Return a room's log in one of `FORMATS`.

    Args:
        events: The events, in order.
        suffix: The format.
        code: Code of the room.
        title: Its title, or empty.
    """
    return _WRITERS[suffix](events, code, title)


def _time(event: Event) -> str:
    when = datetime.fromtimestamp(min(event.time, _LATEST) // 1_000_000, UTC)
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def _kind(event: Event) -> str:
    known = event.kind in set(EventKind)
    return EventKind(event.kind).name.lower() if known else str(event.kind)


def _sentence(event: Event) -> str:
    """Return what an event without a message says, as a sentence that names its user."""
    if event.kind in KINDS:
        return describe(parse_notice(event))
    why = f": {event.text}" if event.text else ""
    match event.kind:
        case EventKind.JOIN:
            return f"{event.sender} joined"
        case EventKind.LEAVE:
            return f"{event.sender} left{why}"
        case EventKind.RENAME:
            return f"{event.sender} is now {event.text}"
        case (
            EventKind.EDIT
            | EventKind.DELETE
            | EventKind.REPLY
            | EventKind.REACTION
            | EventKind.ERASED
        ):
            return f"{event.sender} {describe_annotation(event.kind, event.text)}"
        case EventKind.FILE:
            return f"{event.sender} offered a file: {describe_offer(event.text)}"
        case _:
            return f"{event.sender}{why}"


def _heading(code: str, title: str) -> str:
    return f"{title} ({show_code(code)})" if title else show_code(code)


def _as_text(events: Sequence[Event], code: str, title: str) -> str:
    lines = [f"# {show_text(_heading(code, title))}"]
    for event in events:
        said = (
            f"{event.sender}: {event.text}"
            if event.kind == EventKind.CHAT
            else f"* {_sentence(event)}"
        )
        lines.append(f"{_time(event)}  {show_text(said)}".replace("\n", "\n    "))
    return "\n".join(lines) + "\n"


def _as_json(events: Sequence[Event], code: str, title: str) -> str:
    return "".join(
        json.dumps(
            {
                "room": code,
                "title": title,
                "seq": event.seq,
                "time": event.time / 1e6,
                "type": _kind(event),
                "sender": event.sender,
                "text": _json_text(event),
            }
        )
        + "\n"
        for event in events
    )


def _json_text(event: Event) -> str:
    if event.kind == EventKind.FILE:
        return describe_offer(event.text)
    return _sentence(event) if event.kind in KINDS else event.text


def _cell(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _as_csv(events: Sequence[Event], code: str, title: str) -> str:  # noqa: ARG001 - as the others
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerow(("seq", "time", "type", "sender", "text"))
    for event in events:
        text = event.text if event.kind == EventKind.CHAT else _sentence(event)
        row = (str(event.seq), _time(event), _kind(event), show_text(event.sender), show_text(text))
        writer.writerow(map(_cell, row))
    return out.getvalue()


def _as_html(events: Sequence[Event], code: str, title: str) -> str:
    def safe(text: str) -> str:
        return html.escape(show_text(text))

    rows = []
    for event in events:
        when = f"<td><time>{_time(event)}</time></td>"
        said = (
            f"<td><b>{safe(event.sender)}</b></td><td>{safe(event.text)}</td>"
            if event.kind == EventKind.CHAT
            else f'<td></td><td class="notice">{safe(_sentence(event))}</td>'
        )
        rows.append(f"<tr>{when}{said}</tr>\n")
    heading = safe(_heading(code, title))
    return (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{heading}</title>\n<style>{_STYLE}</style>\n<h1>{heading}</h1>\n<table>\n"
        f"{''.join(rows)}</table>\n</html>\n"
    )


_WRITERS: dict[str, Callable[[Sequence[Event], str, str], str]] = {
    "txt": _as_text,
    "jsonl": _as_json,
    "csv": _as_csv,
    "html": _as_html,
}
