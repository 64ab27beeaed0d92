"""Events of moderation in the form for clients that do not know them."""

from __future__ import annotations

import pytest

from netchat.chat.connection import Connection
from netchat.chat.plain_events import (
    event_kind,
    for_client,
    plain_event,
    plain_events,
    removal_code,
)
from netchat.wire import (
    ErrorCode,
    Event,
    EventKind,
    Feature,
    FrameReader,
    ModeratorAction,
    decode,
    encode,
)


def event(kind: EventKind, action: int = 0, text: str = "Ada\n60\nspam") -> bytes:
    return encode(Event(3, 4, 0, action, kind, "lobby", "Nova", text))


CHAT = encode(Event(2, 4, 9, 9, EventKind.CHAT, "lobby", "Nova", "hi"))


def read(data: bytes) -> list[Event]:
    return [decode(frame) for frame in FrameReader().feed(data)]


@pytest.mark.parametrize("kind", list(EventKind))
def test_the_kind_is_read_from_the_frame(kind):
    assert event_kind(event(kind)) == kind
    assert event_kind(CHAT + event(kind), len(CHAT)) == kind


@pytest.mark.parametrize(
    ("frame", "kind", "sender", "text"),
    [
        (event(EventKind.REMOVED, 1), EventKind.LEAVE, "Nova", "removed by Ada: spam"),
        (event(EventKind.REMOVED, 4), EventKind.LEAVE, "Nova", "banned by Ada: spam"),
        (event(EventKind.REMOVED, 1, "\n0\n"), EventKind.LEAVE, "Nova", "removed by the host"),
        (
            event(EventKind.MODERATED, ModeratorAction.MUTE), EventKind.CHAT, "server",
            "Nova was muted by Ada for 1 minute: spam",
        ),
        (
            event(EventKind.ROOM_CHANGED, ModeratorAction.LOCK), EventKind.CHAT, "server",
            "Ada locked this room: no one else can join: spam",
        ),
    ],
)  # fmt: skip
def test_it_says_the_same_with_the_same_number(frame, kind, sender, text):
    (plain,) = read(plain_event(frame))
    assert plain == Event(3, 4, 0, 0, kind, "lobby", sender, text)


def test_other_events_stay_as_they_are():
    assert plain_event(CHAT) is CHAT
    mixed = CHAT + event(EventKind.REMOVED, 1) + CHAT
    assert [one.kind for one in read(plain_events(mixed))] == [1, 3, 1]
    assert plain_events(b"") == b""


def test_the_form_depends_on_the_features_of_the_client():
    old, new = Connection(), Connection()
    new.features = Feature.MODERATION
    frame = event(EventKind.REMOVED, 1)
    assert for_client(new, frame) is frame
    assert read(for_client(old, frame))[0].kind == EventKind.LEAVE
    assert removal_code(new) == ErrorCode.REMOVED
    assert removal_code(old) == ErrorCode.SESSION_MOVED
