"""Frames as one line of text each, or as plain data for JSON."""

from __future__ import annotations

from typing import Any

from netchat.errors import BadBody, PeerError
from netchat.net.probe import TranscriptEntry
from netchat.packets.views.summary import details
from netchat.wire import HEADER_SIZE, MESSAGES, FrameReader, Message, decode, walk
from netchat.wording import many

__all__ = ["describe", "frame_as_dict", "heard_as_dict", "heard_line", "verdict"]

#: Bytes shown of an invalid frame.
_SHOWN = 24


def describe(message: Message) -> str:
    """Return a message's name and its informative fields."""
    return f"{message.NAME} {details(message)}".rstrip()


def heard_line(item: TranscriptEntry) -> str:
    """Return one line for a received or sent frame; `->` is to the server."""
    arrow = "<-" if item.by_server else "->"
    if item.message is not None:
        return f"{arrow} {describe(item.message)}"
    raw = item.data[:_SHOWN].hex(" ") + (" …" if len(item.data) > _SHOWN else "")
    return f"{arrow} no valid frame, {many(len(item.data), 'byte')}: {raw}"


def heard_as_dict(item: TranscriptEntry) -> dict[str, Any]:
    """Return a received or sent frame as plain data."""
    sender = "server" if item.by_server else "client"
    return {"time": item.time, "from": sender, **frame_as_dict(item.data)}


def frame_as_dict(frame: bytes) -> dict[str, Any]:
    """Return a frame as plain data, with the fields up to the first invalid one."""
    declared = MESSAGES.get(frame[3])
    fields = []
    try:
        for span in walk(declared, frame[HEADER_SIZE:]) if declared is not None else ():
            value = span.value.hex() if isinstance(span.value, bytes) else span.value
            row = {"field": span.path, "value": value, "at": HEADER_SIZE + span.start}
            if span.field.enum is not None and span.value in set(span.field.enum):
                row["name"] = span.field.enum(span.value).name
            fields.append(row)
    except BadBody:
        pass  # `verdict` reports the error
    name = declared.NAME if declared is not None else None
    return {"type": frame[3], "name": name, "fields": fields, "hex": frame.hex()}


def verdict(frame: bytes) -> str | None:
    """Return why a receiver will reject a frame, or None if it is valid."""
    reader = FrameReader()
    try:
        for whole in reader.feed(frame):
            decode(whole)
    except PeerError as error:
        return str(error)
    if reader.pending:
        missing = HEADER_SIZE + int.from_bytes(frame[8:12], "big") - len(frame)
        return f"the frame is incomplete; {many(missing, 'byte')} missing"
    return None
