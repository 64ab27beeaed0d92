"""The transcript of a chat."""

from __future__ import annotations

from netchat import wire
from netchat.packets import DecodedMessage, Item
from netchat.packets.views.follow import ChatTranscript
from tests.packets.story import decoded


def test_follow(items: list[Item]) -> None:
    follow = ChatTranscript()
    lines = [line for line in map(follow.line, items) if line]
    assert lines[:2] == ["[lobby] Nova: hello", "[lobby] Nova: two"]
    assert any("bytes to Nova are missing]" in line for line in lines)
    assert "[lobby] Nova: four" in lines
    assert "[Bo + Nova] Bo: psst" in lines
    assert [follow.line(item) for item in items if isinstance(item, DecodedMessage)] == [
        None
    ] * sum(isinstance(item, DecodedMessage) for item in items)


def test_follow_indents_further_lines() -> None:
    event = wire.Event(1, 1, 0, 0, 1, "lobby", "Eve", "hi\n[lobby] Nova: I owe you")
    assert ChatTranscript().line(decoded(event)) == "[lobby] Eve: hi\n    [lobby] Nova: I owe you"
