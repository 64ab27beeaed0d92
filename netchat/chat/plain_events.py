"""Events of moderation for clients that do not know them (no bit 2 of `features` in HELLO).

Each keeps its sequence number. A removal becomes a LEAVE with a reason, so that the client's member
list is right; any other event becomes a CHAT of `server`, a name that no user can have.
"""

from __future__ import annotations

from netchat.chat.connection import Connection
from netchat.wire import (
    HEADER_SIZE,
    ErrorCode,
    Event,
    EventKind,
    Feature,
    Frame,
    ModeratorAction,
    decode,
    encode,
)
from netchat.wire.moderation_text import HOST, KINDS, describe, parse_notice

__all__ = [
    "KIND_AT",
    "SERVER_NAME",
    "event_kind",
    "for_client",
    "plain_event",
    "plain_events",
    "plain_frames",
    "removal_code",
]

#: Sender of a CHAT that describes an action of a moderator; reserved, so no user has this name.
SERVER_NAME = "server"

#: A plain integer, because an operation on an `IntFlag` takes a microsecond.
_MODERATION = int(Feature.MODERATION)

#: Offset of `kind` in an EVENT frame: after the header and four 8-byte numbers.
KIND_AT = HEADER_SIZE + 32

#: The last kind that every client knows.
_LAST_PLAIN = int(EventKind.RENAME)


def event_kind(frame: bytes, at: int = 0) -> int:
    """Return the kind of the EVENT frame at an offset."""
    return frame[at + KIND_AT]


def plain_event(frame: bytes) -> bytes:
    """Return an EVENT frame in a form that every client knows."""
    if event_kind(frame) not in KINDS:
        return frame
    event = decode(Frame(Event.TYPE, frame[HEADER_SIZE:]))
    assert isinstance(event, Event)
    notice = parse_notice(event)
    if event.kind == EventKind.REMOVED:
        how = "banned" if notice.action == ModeratorAction.BAN else "removed"
        why = f": {notice.text}" if notice.text else ""
        kind, sender = EventKind.LEAVE, event.sender
        text = f"{how} by {notice.actor or HOST}{why}"
    else:
        kind, sender, text = EventKind.CHAT, SERVER_NAME, describe(notice)
    return encode(Event(event.seq, event.time, 0, 0, kind, event.room, sender, text))


def plain_frames(frames: list[bytes]) -> list[bytes]:
    """Return EVENT frames in a form that every client knows."""
    return [frame if frame[KIND_AT] <= _LAST_PLAIN else plain_event(frame) for frame in frames]


def plain_events(data: bytes) -> bytes:
    """Return EVENT frames, one after the other, in a form that every client knows."""
    parts = []
    at = 0
    while at < len(data):
        end = at + HEADER_SIZE + int.from_bytes(data[at + 8 : at + 12], "big")
        frame = data[at:end]
        parts.append(frame if frame[KIND_AT] <= _LAST_PLAIN else plain_event(frame))
        at = end
    return b"".join(parts)


def for_client(connection: Connection, data: bytes) -> bytes:
    """Return EVENT frames in the form that a connection's client handles."""
    return data if connection.features & _MODERATION else plain_events(data)


def removal_code(connection: Connection) -> ErrorCode:
    """Return the code of the ERROR that ends a session for good.

    SESSION_MOVED keeps clients that do not know REMOVED from reconnecting, too.
    """
    has_code = connection.features & Feature.MODERATION
    return ErrorCode.REMOVED if has_code else ErrorCode.SESSION_MOVED
