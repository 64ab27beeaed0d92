"""Blocks of a noisy link: a summary, and every byte that the channel changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import groupby
from typing import TypeAlias

from netchat.errors import LinkError
from netchat.link.open_request import Mode, read_open_request
from netchat.packets.items import Block
from netchat.wire.safe_text import show_line
from netchat.wording import many

__all__ = ["Paint", "block_lines", "block_summary", "plain"]

#: Colours a text of kind `broken` or `sent`, and returns it.
Paint: TypeAlias = Callable[[str, str], str]

#: Bytes of a payload per row.
_ROW = 16

#: Limit of the payload rows shown.
_MAX_ROWS = 1024

#: Name, offset and size of each header field, as drawn in `docs/LINK.md`.
_FIELDS = (
    ("version, kind", 0, 1),
    ("code", 1, 1),
    ("link", 2, 2),
    ("length", 4, 2),
    ("wrong", 6, 2),
    ("offset", 8, 4),
    ("number", 12, 3),
    ("window", 15, 1),
    ("ack", 16, 4),
    ("echo", 20, 3),
    ("delay", 23, 1),
    ("arrived", 24, 4),
    ("checked", 28, 2),
    ("crc", 30, 2),
)
_MODES = {Mode.HYBRID: "hybrid ARQ", Mode.ARQ: "ARQ", Mode.FEC: "no retransmissions"}
_OUTCOMES = {
    "good": "intact",
    "combined": "FAILED alone, decoded together with its earlier copies",
    "failed": "FAILED, more errors than the code corrects",
    "surplus": "more parity of a block that had arrived",
    "damaged": "delivered damaged, as this link's mode requires",
    "foreign": "ignored, belongs to another link",
    "": "",
}


def plain(text: str, _: str) -> str:
    """Return the text without colours."""
    return text


def block_summary(block: Block) -> str:
    """Summarise a block in a few words. Numbers and bytes count from the link's first."""
    header = block.header
    name, begin = header.kind.name, _from_first(block, header.offset, 32)
    result = _OUTCOMES[block.outcome]
    if block.outcome == "good" and block.corrected:
        result = ""
    repaired = f"{many(block.corrected, 'symbol')} corrected"
    if block.outcome == "failed":
        repaired += " in the header"
    parts = [text for text in (result, repaired if block.corrected else "") if text]
    details = f": {', '.join(parts)}" if parts else ""
    if block.again:
        details += " [retransmitted]"
    if name == "DATA" and header.length:
        number = _from_first(block, header.number, 24)
        return f"#{number} bytes {begin} to {begin + header.length} in {_code(block)}{details}"
    if name in ("DATA", "ACK"):
        return f"acknowledges everything up to byte {_from_first(block, header.ack, 32)}{details}"
    if name == "CHALLENGE":
        return f"sends a cookie, to verify the address{details}"
    if name == "OPEN" and block.payload:
        return f"{_request(block.payload)}{details}"
    text = (block.payload or b"").decode("utf-8", "replace")
    return f'"{show_line(text)}"{details}' if text else details.removeprefix(": ")


def _code(block: Block) -> str:
    return show_line(block.code) or f"code {block.header.code}"


def _request(payload: bytes) -> str:
    try:
        opening = read_open_request(payload)
    except LinkError as error:
        return show_line(str(error))
    up, down = show_line(opening.up), show_line(opening.down)
    codes = up if up == down else f"{up} up and {down} down"
    cookie = ", with the cookie" if opening.cookie else ""
    return f"asks for {codes}, {_MODES[opening.mode]}{cookie}"


def _from_first(block: Block, value: int, bits: int) -> int:
    """Return a header number relative to the link's first one, if that is known."""
    link = block.conversation.link
    first = link.first if link is not None else None
    return value if first is None else (value - first) % (1 << bits)


# -- byte by byte ---------------------------------------------------------------------------------


def block_lines(block: Block, paint: Paint = plain) -> list[str]:
    """Return lines for marker, header and payload, with changed bytes marked.

    Args:
        block: The block.
        paint: Colours the changed bytes and the bytes sent.
    """
    marker = block.head % 32  # 4, or 0 in a datagram
    lines = []
    if marker:
        lines.append(_field(block, 0, marker, "marker", "", paint))
    header = block.header
    values = {
        "version, kind": f"{block.sent[marker] >> 4}, {header.kind.name}",
        "code": f"{header.code} {show_line(block.code)}".rstrip(),
        "offset": f"{header.offset} (byte {_from_first(block, header.offset, 32)})",
        "number": f"{header.number} (#{_from_first(block, header.number, 24)})",
        "window": f"{header.window} x 4 KiB"
        + "; its sender decodes incremental redundancy" * header.redundancy,
        "ack": f"{header.ack} (byte {_from_first(block, header.ack, 32)})",
        "echo": f"{header.echo} ({_echo(block)})",
        "delay": f"{header.delay / 10:g} ms",
        "arrived": f"{header.arrived:032b}",
        "checked": f"{header.checked} x 64 bytes",
    }
    for name, at, size in _FIELDS:
        raw = block.sent[marker + at : marker + at + size]
        value = values.get(name, str(int.from_bytes(raw, "big")))
        lines.append(_field(block, marker + at, size, name, value, paint))
    lines.append("             parity of the header")
    lines += _rows(block, marker + 32, block.head, paint)
    if block.size > block.head:
        lines += _payload(block, paint)
    return lines


def _echo(block: Block) -> str:
    number = _from_first(block, block.header.echo, 24)
    return "none yet" if number == 2**24 - 1 else f"#{number}"


def _field(block: Block, at: int, size: int, name: str, value: str, paint: Paint) -> str:
    """Return the line of a field; a changed byte is followed by its original value."""
    shown, width = [], 0
    for was, sent in zip(block.raw[at : at + size], block.sent[at : at + size], strict=True):
        text = f"{was:02x}" if was == sent else f"{was:02x}→{sent:02x}"
        width += len(text) + 1
        shown.append(text if was == sent else paint(text, "broken"))
    return f"      {at:5}  {' '.join(shown)}{'':<{max(0, 30 - width)}} {name:<14} {value}".rstrip()


def _payload(block: Block, paint: Paint) -> Iterator[str]:
    size = block.size - block.head
    yield (
        f"             payload: {many(size, 'byte')} in {_code(block)}, {_OUTCOMES[block.outcome]}"
        if (block.outcome != "good")
        else f"             payload: {many(size, 'byte')} in {_code(block)}"
    )
    yield from _rows(block, block.head, block.size, paint)


def _rows(block: Block, start: int, end: int, paint: Paint) -> Iterator[str]:
    """Yield rows of bytes; below a row with changed bytes, the bytes sent."""
    known = min(end, len(block.sent))
    rows = list(range(start, end, _ROW))[:_MAX_ROWS]

    def is_intact(at: int) -> bool:
        stop = min(at + _ROW, end)
        return stop <= known and block.raw[at:stop] == block.sent[at:stop]

    for intact, group in groupby(rows, is_intact):
        offsets = list(group)
        first, stop = offsets[0], min(offsets[-1] + _ROW, end)
        if intact:
            yield f"      {first:5}  {many(stop - first, 'byte')} arrived unchanged"
        elif stop > known:
            yield f"      {first:5}  {many(stop - first, 'byte')}, any of which may be wrong"
        else:
            for at in offsets:
                yield from _row(block, at, min(at + _ROW, end), paint)
    left = end - start - len(rows) * _ROW
    if left > 0:
        yield f"             … {many(left, 'byte')} more"


def _row(block: Block, at: int, end: int, paint: Paint) -> Iterator[str]:
    was, sent = block.raw[at:end], block.sent[at:end]
    wrong = [a != b for a, b in zip(was, sent, strict=True)]
    for data, other, kind in ((was, True, "broken"), (sent, False, "sent")):
        octets, text = [], []
        for byte, is_wrong in zip(data, wrong, strict=True):
            shown = f"{byte:02x}", chr(byte) if 32 <= byte < 127 else "."
            if is_wrong:
                shown = paint(shown[0], kind), paint(shown[1], kind)
            elif not other:
                shown = "  ", " "
            octets.append(shown[0])
            text.append(shown[1])
        gap = "   " * (_ROW - len(data))
        head = f"{at:5}" if other else " sent"
        yield f"      {head}  {' '.join(octets)}{gap}  {''.join(text)}".rstrip()
