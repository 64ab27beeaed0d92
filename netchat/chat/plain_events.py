"""Events in the form that a client handles, as its `features` in HELLO tell.

Each keeps its sequence number. Without bit 2, a removal becomes a LEAVE with a reason, so that the client's
member list is right; any other event of moderation becomes a CHAT of `server`, a name that no user can
have. Without bit 4, the offer of a file becomes a CHAT of its sender; without bit 5, edits, deletions,
replies and reactions do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

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
from netchat.wire.annotations import ANNOTATIONS, describe_annotation
from netchat.wire.file_offers import describe_offer
from netchat.wire.moderation_text import HOST, KINDS, describe, parse_notice

__all__ = [
    "FORMS",
    "KIND_AT",
    "LAST_PLAIN",
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

#: The features on which the form of events depends. As numbers, because an operation with an `IntFlag`
#: takes a microsecond.
_MODERATION, _FILES, _ANNOTATIONS = map(
    int, (Feature.MODERATION, Feature.FILES, Feature.ANNOTATIONS)
)
FORMS = _MODERATION | _FILES | _ANNOTATIONS

_ANNOTATED = ANNOTATIONS | {EventKind.ERASED}

#: Offset of `kind` in an EVENT frame: after the header and four 8-byte numbers.
KIND_AT = HEADER_SIZE + 32

#: The last kind that every client knows.
LAST_PLAIN = int(EventKind.RENAME)


def event_kind(frame: bytes, at: int = 0) -> int:
    """Return the kind of the EVENT frame at an offset."""
    return frame[at + KIND_AT]


def plain_event(frame: bytes, features: int = 0) -> bytes:
    """Return an EVENT frame in a form that clients with certain features know."""
    kind = event_kind(frame)
    if kind in KINDS and not features & _MODERATION:
        return _plain_moderation(frame)
    if kind == EventKind.FILE and not features & _FILES:
        return _chat(frame, lambda event: f"offered a file: {describe_offer(event.text)}")
    if kind in _ANNOTATED and not features & _ANNOTATIONS:
        return _chat(frame, lambda event: describe_annotation(kind, event.text))
    return frame


def _chat(frame: bytes, describe_event: Callable[[Event], str]) -> bytes:
    """Return a CHAT of the same sender, with a description of the event as its text."""
    event = _decoded(frame)
    return encode(replace(event, kind=EventKind.CHAT, text=describe_event(event)))


def _decoded(frame: bytes) -> Event:
    event = decode(Frame(Event.TYPE, frame[HEADER_SIZE:]))
    assert isinstance(event, Event)
    return event


def _plain_moderation(frame: bytes) -> bytes:
    event = _decoded(frame)
    notice = parse_notice(event)
    if event.kind == EventKind.REMOVED:
        how = "banned" if notice.action == ModeratorAction.BAN else "removed"
        why = f": {notice.text}" if notice.text else ""
        kind, sender = EventKind.LEAVE, event.sender
        text = f"{how} by {notice.actor or HOST}{why}"
    else:
        kind, sender, text = EventKind.CHAT, SERVER_NAME, describe(notice)
    return encode(Event(event.seq, event.time, 0, 0, kind, event.room, sender, text))


def plain_frames(frames: list[bytes], features: int = 0) -> list[bytes]:
    """Return EVENT frames in a form that clients with certain features know."""
    return [
        frame if frame[KIND_AT] <= LAST_PLAIN else plain_event(frame, features) for frame in frames
    ]


def plain_events(data: bytes, features: int = 0) -> bytes:
    """Return EVENT frames, one after the other, in a form that clients with certain features know."""
    parts = []
    at = 0
    while at < len(data):
        end = at + HEADER_SIZE + int.from_bytes(data[at + 8 : at + 12], "big")
        frame = data[at:end]
        parts.append(frame if frame[KIND_AT] <= LAST_PLAIN else plain_event(frame, features))
        at = end
    return b"".join(parts)


def for_client(connection: Connection, data: bytes) -> bytes:
    """Return EVENT frames in the form that a connection's client handles."""
    features = connection.features
    return data if features & FORMS == FORMS else plain_events(data, features)


def removal_code(connection: Connection) -> ErrorCode:
    """Return the code of the ERROR that ends a session for good.

    SESSION_MOVED keeps clients that do not know REMOVED from reconnecting, too.
    """
    has_code = connection.features & Feature.MODERATION
    return ErrorCode.REMOVED if has_code else ErrorCode.SESSION_MOVED
