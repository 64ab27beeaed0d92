"""Mentions of the user."""

from __future__ import annotations

import pytest

from netchat.chat.client_events import RoomEvent
from netchat.tui.mentions import is_mentioned, must_notify
from netchat.wire import EventKind, RoomKind
from tests.tui.test_message_actions import event


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("hi @Al!", "Al", True),
        ("AL, are you there?", "Al", True),
        ("also", "Al", False),
        ("pal", "Al", False),
        ("Straße", "strasse", True),
        ("a.b and axb", "a.b", True),
        ("axb", "a.b", False),
        ("anything", "", False),
    ],
)
def test_a_name_counts_as_a_word(text, name, expected):
    assert is_mentioned(text, name) is expected


@pytest.mark.parametrize(
    ("kind", "room_kind", "text", "own", "late", "expected"),
    [
        (EventKind.CHAT, RoomKind.LOBBY, "hi @Sourav", False, False, True),
        (EventKind.CHAT, RoomKind.LOBBY, "hi", False, False, False),
        (EventKind.CHAT, RoomKind.PRIVATE, "hi", False, False, True),
        (EventKind.CHAT, RoomKind.PRIVATE, "hi", True, False, False),
        (EventKind.CHAT, RoomKind.LOBBY, "hi @Sourav", False, True, False),
        (EventKind.REPLY, RoomKind.LOBBY, "7\nyes, Sourav", False, False, True),
        (EventKind.RENAME, RoomKind.LOBBY, "Sourav", False, False, False),
    ],
)
def test_which_events_are_for_the_user(kind, room_kind, text, own, late, expected):
    room_event = RoomEvent(event(1, text, kind=kind), room_kind, "", own, late)
    assert must_notify(room_event, "Sourav") is expected
