"""One line per item."""

from __future__ import annotations

from netchat import wire
from netchat.packets import Item, Notice
from netchat.packets.views.lines import Lines
from tests.packets.segments import START
from tests.packets.story import decoded


def test_lines(items: list[Item]) -> None:
    lines = Lines()
    text = [lines.line(item) for item in items]
    assert text[0] == "   0.000000        Nova:50000 → server:6464       ** opens the connection"
    assert text[1].endswith('Nova:50000 → server:6464       HELLO       "Nova" with "test"')
    assert any("bytes missing at byte" in line for line in text)
    assert any("a damaged frame of" in line and "CRC-32" in line for line in text)
    assert any(line.endswith('CHAT Nova: "four" [after resync]') for line in text)


def test_lines_of_segments(traced: list[Item]) -> None:
    lines = Lines()
    text = [lines.line(item) for item in traced]
    assert text[1].endswith("→ server:6464       .. SYN byte 0, 0 long")
    assert any(line.endswith("[retransmission]") and ".. ACK byte" in line for line in text)


def test_lines_with_a_clock() -> None:
    notice = Notice(START + 1_500, decoded(wire.Ping(1)).conversation, True, "closed", 9)
    assert ":20.000001  " in Lines(clock=True).line(notice)
    for wild in (2**63 - 1, -(2**63) + 1):
        assert "closes the connection" in Lines(clock=True).line(notice._replace(time=wild))


def test_times_do_not_depend_on_what_is_shown(items: list[Item]) -> None:
    text = [Lines().line(item) for item in items]
    whole = Lines()
    assert text == [whole.line(item) for item in items]
    assert text[0].startswith("   0.000000 ")
    assert not text[-1].startswith("   0.000000 ")
