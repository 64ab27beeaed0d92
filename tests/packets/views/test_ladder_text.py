"""The ladder diagram in a terminal."""

from __future__ import annotations

import cProfile

from wcwidth import width

from netchat import wire
from netchat.packets import DecodedMessage, Item, Trace
from netchat.packets.decode.conversation import Conversation
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


def test_the_work_grows_linearly_with_packets_and_participants() -> None:
    def calls(count: int) -> int:
        """Return the number of function calls for one message from each of `count` users."""
        profile = cProfile.Profile()
        ping, raw = wire.Ping(1), wire.encode(wire.Ping(1))
        profile.enable()
        ladder = Ladder()
        for number in range(1, count + 1):
            client = (f"10.1.{number >> 8}.{number & 255}", 40_000)
            said = Conversation(number, client, ("10.9.9.9", 6464), 0, True, user=f"u{number}")
            ladder.add(Trace(number, said, True, number, 16, 0, 24, 0, ""))
            ladder.add(DecodedMessage(number, said, True, ping, raw, (number,), False, 0, False))
        assert len(list(ladder_lines(ladder, 100))) > min(count, 2000)
        profile.disable()
        return sum(entry.callcount for entry in profile.getstats())

    small, large = calls(500), calls(2000)
    assert large < 5 * small  # 16 times if it were quadratic
