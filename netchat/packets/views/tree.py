"""Tree view: every field of a message with its value and bytes. Also a hex view."""

from __future__ import annotations

from typing import Any

from netchat.errors import BadBody
from netchat.packets.items import Block, Damage, DecodedMessage, Item, TlsRecord
from netchat.packets.views.blocks import Paint, block_lines, plain
from netchat.packets.views.summary import quote
from netchat.packets.views.tls import hex_rows, record_lines
from netchat.wire import HEADER_FIELDS, HEADER_SIZE, MESSAGES, Field, walk
from netchat.wording import many

__all__ = ["hex_lines", "tree_lines"]

#: Bytes of a field shown on its line; a longer one is shortened.
_SHOWN = 12

#: Limit of the bytes of damage shown as hex.
_MAX_HEX = 65536


def tree_lines(item: Item, paint: Paint = plain) -> list[str]:
    """Return a line for each field of a message, a damaged frame, a block or a TLS record.

    Each line has the offset in the frame, the bytes in hex, the name and the value. In a
    block, changed bytes are followed by the bytes that were sent.

    Args:
        item: The item; items of all other kinds have no lines.
        paint: Colours the bytes of a block.
    """
    if isinstance(item, Block):
        return _where(item) + block_lines(item, paint)
    if isinstance(item, TlsRecord):
        return _where(item) + record_lines(item)
    if isinstance(item, DecodedMessage):
        return _where(item) + _frame(item.raw)
    if isinstance(item, Damage):
        conversation = item.conversation
        of_frame = item.inside or (conversation.link is None and conversation.tls is None)
        framed = of_frame and item.cause != "skipped" and len(item.raw) >= HEADER_SIZE
        return _where(item) + (_frame(item.raw) if framed else [])
    return []


def _where(item: DecodedMessage | Damage | Block | TlsRecord) -> list[str]:
    shown = ", ".join(map(str, item.packets[:12])) + (", …" if len(item.packets) > 12 else "")
    packets = f"packet{'s' * (len(item.packets) > 1)} {shown}"
    inside = isinstance(item, DecodedMessage) or (isinstance(item, Damage) and item.inside)
    conversation = item.conversation
    stream = "the stream"
    if conversation.link is not None or conversation.tls is not None:
        stream = "the connection"
        if inside:
            stream = "the content of TLS" if conversation.link is None else "the link's stream"
    return [f"      {packets}; bytes {item.offset} to {item.offset + item.size} of {stream}"]


def _frame(frame: bytes) -> list[str]:
    lines = []
    declared = MESSAGES.get(frame[3])
    for name, at, size, _ in HEADER_FIELDS:
        raw = frame[at : at + size]
        number = int.from_bytes(raw, "big")
        shown = {
            "magic": repr(raw)[1:],
            "type": f"{number:#04x} {declared.NAME if declared else 'unknown'}",
            "crc": f"{number:#010x}",
        }.get(name, str(number))
        lines.append(_line(at, raw, name, shown))
    body = frame[HEADER_SIZE:]
    try:
        for span in walk(declared, body) if declared else ():
            raw = body[span.start : span.end]
            lines.append(
                _line(HEADER_SIZE + span.start, raw, span.path, _value(span.field, span.value))
            )
    except BadBody as error:
        lines.append(f"      {'':<42}{error}")
    return lines


def _value(field: Field, value: Any) -> str:
    if field.enum is not None and value in set(field.enum):
        return f"{value} {field.enum(value).name}"
    if isinstance(value, bytes):
        return f"{many(len(value), 'byte')}"
    if field.record is not None:
        return f"{value} of {field.record.__name__}"
    return quote(value) if isinstance(value, str) else str(value)


def _line(at: int, raw: bytes, name: str, value: str) -> str:
    shown = raw[:_SHOWN].hex(" ") + (" …" if len(raw) > _SHOWN else "")
    return f"      {at:5}  {shown:<38} {name:<12} {value}"


def hex_lines(item: Item) -> list[str]:
    """Return the captured bytes of an item as lines of offset, hex and ASCII.

    After those of a decrypted TLS record come those of its content.
    """
    if not isinstance(item, (DecodedMessage, Damage, Block, TlsRecord)):
        return []
    lines = hex_rows(item.raw[:_MAX_HEX])
    if item.size > min(len(item.raw), _MAX_HEX):
        lines.append(f"      … {many(item.size - min(len(item.raw), _MAX_HEX), 'byte')} more")
    if isinstance(item, TlsRecord) and item.is_decrypted and item.content:
        lines += [f"      decrypted, {many(len(item.content), 'byte')}:", *hex_rows(item.content)]
    return lines
