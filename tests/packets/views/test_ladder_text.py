"""The ladder diagram in a terminal."""

from __future__ import annotations

from wcwidth import width

from netchat import wire
from netchat.packets import Item
from netchat.packets.views.ladder import Ladder
from netchat.packets.views.ladder_text import ladder_lines
from netchat.packets.views.lines import Lines
from tests.packets.chatter import decode
from tests.packets.segments import Talk
from tests.packets.story import decoded
from tests.packets.views.test_ladder import ladder_of


def test_ladder_in_a_terminal(traced: list[Item]) -> None:
    lines = list(ladder_lines(ladder_of(traced), 110))
    text = "\n".join(line.text for line in lines)
    assert "Nova" in lines[0].text
    assert "server" in lines[0].text
    assert "== SYN ===" in text
    assert "·· ACK 0 ·" in text
    assert '-- SEND lobby #1 "hello" ---' in text
    assert "[retransmission]" in text
    assert "bytes missing ~" in text
    assert "BadChecksum" in text
    assert "... 2.0 s" in text
    assert all(len(line.text) <= 110 for line in lines)
    assert {line.kind for line in lines} >= {"ack", "control", "message", "gap", "damage", "again"}


def test_wide_text_moves_no_vertical_line() -> None:
    talk = Talk().open()
    names = ["山田太郎", "Zoe\u0301", "👩\u200d👩\u200d👧", "한국어", "ASCII"]
    for name in names:
        talk.say(0, wire.encode(wire.Hello(0, bytes(16), b"", name, "日本語" * 30, ())))
        talk.say(1, wire.encode(wire.Event(1, 1, 0, 0, 1, "lobby", name, name * 9)))
    ladder, lines = Ladder(), Lines()
    for item in decode(talk.packets, trace=True):
        ladder.add(item)
    drawn = [text for _, text in ladder_lines(ladder, 100)]
    assert {width(text) for text in drawn[2:]} == {width(drawn[2])}
    arrows = [lines.line(decoded(wire.Hello(0, b"", b"", name, "", ()))) for name in names]
    assert {width(text.partition("HELLO")[0]) for text in arrows} == {
        width(arrows[0].partition("HELLO")[0])
    }
