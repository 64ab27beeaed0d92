"""The transcript of a chat."""

from __future__ import annotations

from netchat import wire
from netchat.packets import DecodedMessage, Item
from netchat.packets.views.follow import ChatTranscript
from netchat.packets.views.summary import summary
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


def test_follow_shows_moderation_in_the_words_of_the_chat() -> None:
    kinds = wire.EventKind
    for kind, action, sender, text, line in (
        (kinds.REMOVED, 1, "Nova", "Ada\n0\nspam", "Nova was removed by Ada: spam"),
        (kinds.MODERATED, 2, "Nova", "\n600\n", "Nova was muted by the host for 10 minutes"),
        (kinds.ROOM_CHANGED, 8, "Ada", "Ada\n0\n4b\x1b[2J", r"Ada named this room “4b\x1b[2J”"),
        (kinds.ROOM_CHANGED, 9, "Ada", "", "the host locked this room: no one else can join"),
    ):
        event = wire.Event(1, 1, 0, action, kind, "lobby", sender, text)
        assert ChatTranscript().line(decoded(event)) == f"[lobby] {line}"
        assert line in summary(event)


def test_follow_shows_edits_replies_and_reactions() -> None:
    kinds = wire.EventKind
    for kind, text, shown in (
        (kinds.EDIT, "7\nnew\x1b[2J", r"(edited message 7) new\x1b[2J"),
        (kinds.DELETE, "7", "(deleted message 7)"),
        (kinds.REPLY, "7\nyes", "(reply to message 7) yes"),
        (kinds.REACTION, "7\n+👍", "(reacted to message 7) 👍"),
    ):
        event = wire.Event(9, 1, 2, 3, kind, "lobby", "Nova", text)
        assert ChatTranscript().line(decoded(event)) == f"[lobby] Nova: {shown}"
        assert summary(event) == f'lobby 9 {kind.name} Nova: "{shown}"'
    erased = wire.Event(9, 1, 2, 3, kinds.ERASED, "lobby", "Nova", "")
    assert ChatTranscript().line(decoded(erased)) == "[lobby] Nova: (deleted)"
    assert summary(erased) == "lobby 9 ERASED Nova"
    assert summary(wire.Annotate(4, 8, 7, "lobby", "new")) == 'lobby #4 EDIT of 7 "new"'
    assert summary(wire.Annotate(4, 9, 7, "lobby", "")) == "lobby #4 DELETE of 7"
