"""Frames in one line each, for people, and as plain data, for programs."""

from __future__ import annotations

from typing import Any

from netchat.errors import BadBody, PeerError
from netchat.net.probe import TranscriptEntry
from netchat.packets.views.summary import details
from netchat.wire import HEADER_SIZE, MESSAGES, FrameReader, Message, decode, walk
from netchat.wording import many

__all__ = ["describe", "frame_as_dict", "heard_as_dict", "heard_line", "verdict"]

#: Bytes shown of what is no message.
_SHOWN = 24


def describe(message: Message) -> str:
    """A message's name, and each of its fields that says something."""
    return f"{message.NAME} {details(message)}".rstrip()


def heard_line(item: TranscriptEntry) -> str:
    """What one side said, with an arrow: `->` is to the server."""
    arrow = "<-" if item.by_server else "->"
    if item.message is not None:
        return f"{arrow} {describe(item.message)}"
    raw = item.data[:_SHOWN].hex(" ") + (" …" if len(item.data) > _SHOWN else "")
    return f"{arrow} no valid frame, {many(len(item.data), 'byte')}: {raw}"


def heard_as_dict(item: TranscriptEntry) -> dict[str, Any]:
    """The same as plain data."""
    sender = "server" if item.by_server else "client"
    return {"time": item.time, "from": sender, **frame_as_dict(item.data)}


def frame_as_dict(frame: bytes) -> dict[str, Any]:
    """A frame, right or wrong, as plain data: its fields as far as they can be read."""
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
        pass  # what is wrong is the verdict's to say
    name = declared.NAME if declared is not None else None
    return {"type": frame[3], "name": name, "fields": fields, "hex": frame.hex()}


def verdict(frame: bytes) -> str | None:
    """What a receiver will find wrong with a frame; None if nothing is."""
    reader = FrameReader()
    try:
        for whole in reader.feed(frame):
            decode(whole)
    except PeerError as error:
        return str(error)
    if reader.pending:
        missing = HEADER_SIZE + int.from_bytes(frame[8:12], "big") - len(frame)
        return f"the frame is not complete, {missing} more byte{' is' if missing == 1 else 's are'} awaited"
    return None
