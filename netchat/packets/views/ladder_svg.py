"""Ladder diagram as a picture (SVG, without scripts or external resources)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from html import escape

from wcwidth import clip, width

from netchat.packets.views.ladder import Ladder, Participant, Row
from netchat.wording import many

__all__ = ["ladder_svg"]

_MARGIN = 160  # pixels on the left for the times
_LANES = {2: 600, 3: 420}  # pixels between participants, by their number
_LANE = 360  # pixels between more participants
_TOP = 128
_HEIGHTS = {
    "message": 36,
    "block": 30,
    "failed": 30,
    "tls": 30,
    "data": 28,
    "ack": 22,
    "control": 28,
    "gap": 40,
    "damage": 46,
}
_LABEL = 16  # height of each further label
_PAUSE = 500_000_000  # silence that gets a row, in ns
_SLOPE = 7  # pixels an arrow falls, since a packet takes time to arrive

#: Average width of a character at 12 px, in pixels.
_CHARACTER = 6.5

#: Characters that XML 1.0 does not allow (section 2.2).
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_COLOURS = {
    "message": "#1d4ed8",
    "data": "#64748b",
    "block": "#0f766e",
    "failed": "#dc2626",
    "tls": "#0e7490",
    "ack": "#a3b1c6",
    "control": "#7c3aed",
    "again": "#d97706",
    "gap": "#dc2626",
    "damage": "#dc2626",
}
_LEGEND = (
    ("message", "completes a message"),
    ("block", "block of a link"),
    ("failed", "could not be decoded"),
    ("tls", "TLS record"),
    ("data", "part of one"),
    ("ack", "acknowledgement"),
    ("control", "opens, closes"),
    ("again", "retransmitted, out of order"),
    ("gap", "missing or damaged"),
)

_STYLE = """
text { font-family: system-ui, "Segoe UI", "DejaVu Sans", sans-serif; font-size: 12px; fill: #0f172a }
.title { font-size: 18px; font-weight: 600 }
.small { font-size: 11px; fill: #64748b }
.name { font-size: 14px; font-weight: 600; text-anchor: middle }
.address { font-size: 11px; fill: #64748b; text-anchor: middle }
.number { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: 11px; fill: #64748b }
.label { text-anchor: middle; paint-order: stroke; stroke: #fff; stroke-width: 4px; stroke-linejoin: round }
.faint { font-size: 10.5px; fill: #64748b }
.pole { stroke: #cbd5e1; stroke-width: 1.5 }
"""


def ladder_svg(ladder: Ladder, title: str) -> str:
    """Draw a ladder as an SVG document.

    Args:
        ladder: The rows to draw.
        title: Title above the diagram.

    Returns:
        The SVG document.
    """
    rows = ladder.rows()
    participants, places = ladder.participants(rows)
    step = _LANES.get(len(participants), _LANE)
    xs = [_MARGIN + 90 + step * place for place in range(len(participants))]
    body: list[str] = []
    y = _TOP + 18
    before = rows[0].time if rows else 0
    for row in rows:
        if row.time - before >= _PAUSE:
            y += 10
            body.append(_pause(y, (row.time - before) / 1e9))
            y += 22
        before = row.time
        y += _HEIGHTS[row.kind] - 16 + _LABEL * (len(row.texts) - 1)
        start = xs[places[row.source, not row.to_server]]
        end = xs[places[row.source, row.to_server]]
        body.append(_number(16, y, f"{row.source.elapsed(row.time) / 1e9:.6f}"))
        if row.packet:
            body.append(_number(100, y, str(row.packet)))
        body += _row(row, start, end, y)
        y += 30 if row.kind == "damage" else 16
    if ladder.left_out:
        y += 24
        body.append(f'<text x="16" y="{y}" class="small">{ladder.left_out:,} more rows</text>')
    bottom = y + 16
    across = max((xs[-1] if xs else _MARGIN) + 110, 820)
    height = bottom + 44
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{across}" height="{height}" '
        f'viewBox="0 0 {across} {height}" role="img">',
        f"<title>{_safe(title)}</title><style>{_STYLE}</style>",
        "<defs>",
        *(_marker(kind, colour) for kind, colour in _COLOURS.items()),
        "</defs>",
        f'<rect width="{across}" height="{height}" fill="#fff"/>',
        f'<text x="16" y="32" class="title">{_safe(title)}</text>',
        f'<text x="16" y="52" class="small">{_subtitle(rows)}</text>',
        f'<text x="16" y="{_TOP - 8}" class="small">seconds</text>',
        f'<text x="100" y="{_TOP - 8}" class="small">packet</text>',
    ]
    poles = [
        f'<line x1="{x}" y1="{_TOP}" x2="{x}" y2="{bottom}" class="pole"/>{_box(participant, x)}'
        for x, participant in zip(xs, participants, strict=True)
    ]
    return "\n".join(
        [*head, *poles, *body, *_legend(bottom + 26, {row.kind for row in rows}), "</svg>", ""]
    )


def _subtitle(rows: list[Row]) -> str:
    messages = sum(row.kind == "message" for row in rows)
    again = sum(row.note in ("retransmission", "out of order") for row in rows)
    blocks = sum(row.kind in ("block", "failed") for row in rows)
    gaps = sum(row.kind == "gap" for row in rows)
    parts = [f"{many(sum(bool(row.packet) for row in rows), 'segment')}, {messages} with messages"]
    parts += [f"{blocks} with only blocks of a link"] if blocks else []
    records = sum(row.kind == "tls" for row in rows)
    parts += [f"{records} with only TLS records"] if records else []
    parts += [f"{again} retransmitted or out of order"] if again else []
    parts += [many(gaps, "gap")] if gaps else []
    return ", ".join(parts)


def _box(participant: Participant, x: int) -> str:
    fill = "#ede9fe" if participant.name == "server" else "#dbeafe"
    name = _cut(participant.name, 22)
    return (
        f'<rect x="{x - 84}" y="{_TOP - 52}" width="168" height="46" rx="8" fill="{fill}"/>'
        f'<text x="{x}" y="{_TOP - 32}" class="name">{_safe(name)}</text>'
        f'<text x="{x}" y="{_TOP - 15}" class="address">{_safe(_cut(participant.address, 28))}</text>'
    )


def _row(row: Row, start: int, end: int, y: int) -> Iterator[str]:
    if row.kind in ("gap", "damage"):
        yield from _torn(row, min(start, end), max(start, end), y)
        return
    style = "again" if row.note in ("retransmission", "out of order") else row.kind
    colour, fat = _COLOURS[style], 1.8 if row.kind == "message" else 1.2
    dash = ' stroke-dasharray="2 4"' if row.kind == "ack" else ""
    tip = end - 2 if end > start else end + 2
    yield (
        f'<line x1="{start}" y1="{y}" x2="{tip}" y2="{y + _SLOPE}" stroke="{colour}" '
        f'stroke-width="{fat}"{dash} marker-end="url(#{style})"/>'
    )
    yield from _labels(row, start, end, y, _COLOURS[style])


def _labels(row: Row, start: int, end: int, y: int, colour: str) -> Iterator[str]:
    """Yield the labels of an arrow, parallel to it."""
    room = int((abs(end - start) - 40) / _CHARACTER)
    note = f"— {row.note}" if row.note else ""
    middle = (start + end) // 2
    turn = math.degrees(math.atan2(_SLOPE if end > start else -_SLOPE, abs(end - start)))
    small = row.kind in ("ack", "data")
    for place, label in enumerate(row.texts):
        last = place == len(row.texts) - 1
        text = _cut(label, room - len(note) if last else room)
        up = y + _SLOPE // 2 - 4 - _LABEL * (len(row.texts) - 1 - place)
        named = row.kind in ("message", "block", "failed", "tls")
        name, _, rest = text.partition(" ") if named else ("", "", text)
        bold = f'<tspan font-weight="600" fill="{colour}">{_safe(name)}</tspan> ' if name else ""
        more = (
            f'<tspan dx="6" fill="{_COLOURS["again"]}">{_safe(note)}</tspan>'
            if note and last
            else ""
        )
        yield (
            f'<text x="{middle}" y="{up}" transform="rotate({turn:.2f} {middle} {up})" '
            f'class="label{" faint" * small}">{bold}{_safe(rest)}{more}</text>'
        )


def _torn(row: Row, left: int, right: int, y: int) -> Iterator[str]:
    """Yield a band with torn edges, for bytes that are missing or not a message."""
    colour = _COLOURS["gap"]
    points = [
        f"{x},{y - 14 + (4 if n % 2 else 0)}" for n, x in enumerate(range(left, right + 1, 10))
    ]
    points += [
        f"{x},{y + 5 + (4 if n % 2 else 0)}" for n, x in enumerate(range(right, left - 1, -10))
    ]
    yield f'<polygon points="{" ".join(points)}" fill="#fee2e2" stroke="{colour}"/>'
    room = int((right - left - 30) / _CHARACTER)
    text = _cut(row.texts[0], room)
    middle = (left + right) // 2
    yield f'<text x="{middle}" y="{y + 1}" text-anchor="middle" fill="{colour}">{_safe(text)}</text>'
    if row.note:
        yield (
            f'<text x="{middle}" y="{y + 21}" text-anchor="middle" class="small">'
            f"{_safe(_cut(row.note, room))}</text>"
        )


def _pause(y: int, seconds: float) -> str:
    return f'<text x="16" y="{y}" class="small">{seconds:.1f} s of silence</text>'


def _number(x: int, y: int, text: str) -> str:
    return f'<text x="{x}" y="{y + 4}" class="number">{text}</text>'


def _marker(kind: str, colour: str) -> str:
    return (
        f'<marker id="{kind}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" '
        f'markerHeight="7" orient="auto-start-reverse" markerUnits="userSpaceOnUse">'
        f'<path d="M0 0 L10 5 L0 10 z" fill="{colour}"/></marker>'
    )


def _legend(y: int, kinds: set[str]) -> Iterator[str]:
    x = 16
    for kind, meaning in _LEGEND:
        if kind in ("block", "failed") and not kinds & {"block", "failed"}:
            continue  # most captures have no link
        if kind == "tls" and kind not in kinds:
            continue
        colour = _COLOURS[kind]
        dash = ' stroke-dasharray="2 4"' if kind == "ack" else ""
        line = f'<line x1="{x}" y1="{y - 4}" x2="{x + 22}" y2="{y - 4}"'
        yield f'{line} stroke="{colour}" stroke-width="2"{dash}/>'
        yield f'<text x="{x + 28}" y="{y}" class="small">{meaning}</text>'
        x += 46 + int(len(meaning) * 6.2)


def _cut(text: str, longest: int) -> str:
    return text if width(text) <= longest else clip(text, 0, max(0, longest - 1)) + "…"


def _safe(text: str) -> str:
    """Escape a text for XML, including characters that XML does not allow."""
    return escape(_NO_XML.sub(lambda m: m[0].encode("unicode_escape").decode(), text), quote=False)
