"""The SEND frame that carries a text, with its fields by offset."""

from __future__ import annotations

from typing import Any

from netchat.errors import PeerError
from netchat.wire import FrameReader, Send, decode, encode
from netchat.wire.frame import HEADER_FIELDS, HEADER_SIZE
from netchat.wire.walk import walk

__all__ = ["frame_of", "received_text", "show_fields"]

#: Counter and room of the frame.
_COUNTER, _ROOM = 1, "lobby"


def frame_of(text: str) -> bytes:
    """Return the SEND frame of a text in the lobby."""
    return encode(Send(_COUNTER, _ROOM, text))


def show_fields(frame: bytes) -> list[dict[str, Any]]:
    """Return the fields of a SEND frame: name, offsets of its bytes, and value."""
    fields: list[dict[str, Any]] = []
    for name, at, size, about in HEADER_FIELDS:
        raw = frame[at : at + size]
        value = raw.decode("ascii") if name == "magic" else str(int.from_bytes(raw, "big"))
        if name == "type":
            value = "SEND"
        elif name == "crc":
            value = f"0x{raw.hex()}"
        fields.append({"name": name, "from": at, "to": at + size, "value": value, "about": about})
    fields += [
        {
            "name": span.path, "from": HEADER_SIZE + span.start, "to": HEADER_SIZE + span.end,
            "value": str(span.value), "about": span.field.doc,
        }
        for span in walk(Send, frame[HEADER_SIZE:])
    ]  # fmt: skip
    return fields


def received_text(frame: bytes, sent: bytes) -> tuple[bytes, str]:
    """Return the text of a received frame, and what a receiver says of the frame.

    Args:
        frame: Received bytes, as many as were sent.
        sent: The frame that was sent, which tells where the text is if the receiver rejects the frame.

    Returns:
        The bytes of the text, and the reason for rejecting the frame, or an empty string.
    """
    *_, text = walk(Send, sent[HEADER_SIZE:])
    content = frame[HEADER_SIZE + text.start + 2 : HEADER_SIZE + text.end]
    try:
        frames = FrameReader().feed(frame)
        message = decode(frames[0]) if frames else None
    except PeerError as error:
        return content, str(error)
    if not isinstance(message, Send):
        return content, "the frame is incomplete" if message is None else "it is another message"
    return message.text.encode(), ""
