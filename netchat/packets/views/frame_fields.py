"""Fields of a frame with their bytes, for views in which a field and its bytes are selected together."""

from __future__ import annotations

from typing import Any, NamedTuple

from netchat.errors import NetchatError
from netchat.packets.views.summary import quote
from netchat.wire import HEADER_FIELDS, HEADER_SIZE, MESSAGES, Field, Frame, decode, walk
from netchat.wording import many

__all__ = ["FrameField", "frame_brief", "frame_doc", "frame_fields", "frame_name"]

#: Fields with which anyone who sees the screen could impersonate the user, by kind.
_SECRETS = {"blob": {"token", "device"}, "text": {"password", "invitation", "old", "new"}}


class FrameField(NamedTuple):
    """A field of a frame.

    Attributes:
        offset: Offset of its first byte in the frame, including its length, if it has one.
        size: Number of bytes.
        path: Its name; in a list's item, such as `members[2].name`.
        kind: Encoding, such as `u32` or `text`.
        text: The value.
        doc: Meaning, with its unit.
        hidden: Offset in the frame of the first byte of a secret, or -1.
    """

    offset: int
    size: int
    path: str
    kind: str
    text: str
    doc: str
    hidden: int = -1

    @property
    def is_header(self) -> bool:
        """Whether the field is part of the frame's header."""
        return self.offset < HEADER_SIZE


def frame_name(frame: bytes) -> str:
    """Return the name of a frame's message, such as `SEND`."""
    declared = MESSAGES.get(frame[3])
    return declared.NAME if declared is not None else f"{frame[3]:#04x}"


def frame_doc(frame: bytes) -> str:
    """Return the first sentence about a frame's message."""
    declared = MESSAGES.get(frame[3])
    text = " ".join((declared.__doc__ or "").split()) if declared is not None else ""
    return text.partition(". ")[0].rstrip(".") + "." if text else ""


def frame_brief(frame: bytes) -> str:
    """Return the text that identifies a frame in a list: a message, a name or a room."""
    declared = MESSAGES.get(frame[3])
    if declared is None:
        return ""
    try:
        message = decode(Frame(frame[3], frame[HEADER_SIZE:]))
    except NetchatError as error:
        return str(error)
    for name in ("text", "name", "room"):
        value = getattr(message, name, "")
        if isinstance(value, str) and value:
            return value[:200]
    return ""


def frame_fields(frame: bytes, *, hides_secrets: bool = True) -> list[FrameField]:
    """Return the fields of a frame, header first.

    Args:
        frame: Header and body.
        hides_secrets: Replace tokens and passwords by a note.
    """
    declared = MESSAGES.get(frame[3])
    fields = []
    for name, at, size, doc in HEADER_FIELDS:
        raw = frame[at : at + size]
        number = int.from_bytes(raw, "big")
        shown = {
            "magic": repr(raw)[1:],
            "type": f"{frame_name(frame)} ({number})",
            "crc": f"{number:#010x}",
        }.get(name, str(number))
        fields.append(FrameField(at, size, name, f"u{8 * size}", shown, doc))
    body = frame[HEADER_SIZE:]
    try:
        for span in walk(declared, body) if declared is not None else ():
            size, kind = span.end - span.start, span.field.kind
            is_secret = hides_secrets and span.path in _SECRETS.get(kind.name, ())
            text, hidden = _value(span.field, span.value), -1
            if is_secret and size > kind.size:
                text, hidden = "hidden (secret)", HEADER_SIZE + span.start + kind.size
            fields.append(
                FrameField(
                    HEADER_SIZE + span.start, size, span.path, kind.name, text, span.field.doc,
                    hidden,
                )
            )  # fmt: skip
    except NetchatError as error:
        at = fields[-1].offset + fields[-1].size
        fields.append(FrameField(at, len(frame) - at, "invalid", "", str(error), ""))
    return fields


def _value(field: Field, value: Any) -> str:
    if isinstance(value, bytes):
        shown = value[:16].hex(" ") + (" …" if len(value) > 16 else "")
        return f"{many(len(value), 'byte')}{':' * bool(value)} {shown}".strip()
    if isinstance(value, str):
        return quote(value)
    if field.record is not None:
        return f"{value} of {field.record.__name__}"
    if field.enum is not None and value in set(field.enum):
        return f"{field.enum(value).name} ({value})"
    return str(value)
