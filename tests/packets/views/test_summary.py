"""Summaries of messages."""

from __future__ import annotations

import pytest

from netchat import wire
from netchat.packets.views.summary import summary


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (wire.Send(7, "lobby", "hi"), 'lobby #7 "hi"'),
        (wire.Event(8, 1, 2, 7, 1, "lobby", "Nova", "hi"), 'lobby 8 CHAT Nova: "hi"'),
        (wire.Event(9, 1, 0, 0, 2, "lobby", "Bo", ""), "lobby 9 JOIN Bo"),
        (wire.Event(9, 1, 0, 0, 4, "lobby", "Bo", "Bob"), 'lobby 9 RENAME Bo "Bob"'),
        (wire.Hello(0, b"", b"t", "A b", "x", ()), '"A b" with "x", resumes'),
        (wire.Ping(3), "time=3"),
        (wire.Error(100, 1, 0, "Taken.", "Nova2"), 'NAME_TAKEN "Taken." try "Nova2"'),
        (wire.Error(9999, 1, 0, "?", ""), '9999 "?"'),
        (wire.Join(1, 0, 0, "lobby"), "request=1 room=lobby"),
        (
            wire.Roster(1, 2, 0, "lobby", (wire.Member("Bo", 0), wire.Member("X Y", 1))),
            'request=1 total=2 room=lobby members=2 (Bo, "X Y")',
        ),
        (wire.Send(1, "r", "x" * 300), f'r #1 "{"x" * 200}… (300 characters)"'),
    ],
)
def test_summary(message: wire.Message, text: str) -> None:
    assert summary(message) == text
