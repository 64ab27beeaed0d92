"""Messages that a session remembers."""

from __future__ import annotations

from netchat.tui import room_messages
from netchat.tui.room_messages import RoomMessages
from netchat.wire import EventKind
from tests.tui.test_message_actions import event


def test_the_last_message_is_the_one_with_the_largest_number():
    messages = RoomMessages()
    for seq in (5, 3, 4):
        messages.take(event(seq, str(seq)))
    found = messages.last(lambda each: True)
    assert found is not None
    assert found.seq == 5
    assert messages.last(lambda each: False) is None


def test_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(room_messages, "MAX_MESSAGES", 1000)
    messages = RoomMessages()
    for seq in range(1, 5000):
        messages.take(event(seq, "x"))
    assert len(messages._events) <= 1500
    assert messages.get(4999)
    assert messages.text_of(1) == ("", "")


def test_other_events_are_not_kept():
    messages = RoomMessages()
    messages.take(event(1, "", kind=EventKind.JOIN))
    messages.take(event(2, "", kind=EventKind.ERASED))
    assert messages.get(1) is None
    assert messages.text_of(2) == ("Nova", "(deleted)")
    messages.clear_before(3)
    assert messages.get(2) is None
