"""The views: their texts, and that hostile input is escaped."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given
from wcwidth import width

from netchat import wire
from netchat.packets import Conversation, Damage, Decoded, Gap, Item, Notice, Packet
from netchat.packets.decode.link_state import LinkState
from netchat.packets.filters import in_room
from netchat.packets.views.follow import ChatTranscript
from netchat.packets.views.ladder import MAX_CLIENTS, MAX_ROWS, MAX_SERVERS, Ladder
from netchat.packets.views.ladder_svg import ladder_svg
from netchat.packets.views.ladder_text import ladder_lines
from netchat.packets.views.lines import Lines, flag_names
from netchat.packets.views.records import as_dict
from netchat.packets.views.stats import Stats
from netchat.packets.views.summary import summary
from netchat.packets.views.tree import hex_lines, tree_lines
from tests.packets.chatter import chat_messages, decode, renumber, talk_of
from tests.packets.segments import ACK, PSH, START, Talk
from tests.wire.strategies import messages

EVIL = "\x1b[31m\u202e\n\t\u2028\x7f\x9b end"
HARMFUL = set("\x00\x07\x1b\x7f\x9b\n\t\r\u202e\u2028\u200b")


def story() -> list[Packet]:
    """A chat with a retransmission, a gap, a frame with a wrong CRC-32 and swapped segments."""
    talk = Talk(step=3_000_000).open()
    talk.say(0, wire.encode(wire.Hello(0, bytes(16), b"", "Nova", "test", ())))
    welcome = wire.Welcome(
        0, 1, 77, 5, 65536, 16384, 120, 0, bytes(32), "Nova", "test",
        (wire.Membership("lobby", 1, "", 4, 0, 0), wire.Membership("p", 3, "Bo", 4, 0, 0)),
    )  # fmt: skip
    talk.say(1, wire.encode(welcome))
    event = [
        wire.encode(wire.Event(n, n, 77, n, 1, "lobby", "Nova", text))
        for n, text in enumerate(("hello", "two", "lost " * 30, "four"), 1)
    ]
    send = wire.encode(wire.Send(1, "lobby", "hello"))
    talk.add(0, ACK | PSH, send)
    talk.time += 205_000_000
    talk.add(0, ACK | PSH, send, seq=talk.seq[0] - len(send))
    talk.add(1, ACK | PSH, event[0] + event[1])
    talk.add(1, ACK | PSH, event[2])
    talk.packets.pop()
    talk.add(0, ACK)
    talk.add(1, ACK | PSH, event[3])
    talk.add(0, ACK)
    wrong = bytearray(wire.encode(wire.Send(2, "lobby", "damaged")))
    wrong[30] ^= 1
    talk.say(0, bytes(wrong))
    talk.time += 2_000_000_000
    private = wire.encode(wire.Event(1, 1, 0, 0, 1, "p", "Bo", "psst"))
    base = talk.seq[1]
    ping = wire.encode(wire.Ping(1))
    talk.add(1, ACK | PSH, private, seq=base + len(ping))
    talk.add(1, ACK | PSH, ping, seq=base)
    talk.seq[1] += len(ping + private)
    return [p._replace(number=n) for n, p in enumerate(talk.close().packets, 1)]


@pytest.fixture(scope="module")
def items() -> list[Item]:
    return decode(story())


@pytest.fixture(scope="module")
def traced() -> list[Item]:
    return decode(story(), trace=True)


def decoded(message: wire.Message) -> Decoded:
    said = Conversation(1, ("10.0.0.1", 50000), ("10.0.0.2", 6464), START, True)
    said.learn(message)
    return Decoded(START, said, True, message, wire.encode(message), (1,), False, 0, False)


# -- harmless -------------------------------------------------------------------------------------


def shown(item: Item) -> list[str]:
    ladder, stats = Ladder(), Stats()
    stats.add(item)
    return [
        *(text for line in [ChatTranscript().line(item)] if line for text in line.split("\n    ")),
        Lines().line(item),
        *tree_lines(item),
        *hex_lines(item),
        *stats.lines(),
        json.dumps(as_dict(item)),
        *(text for _, text in ladder_lines(ladder, 80)),
    ]


@given(messages)
def test_any_message_is_shown_on_one_line_and_does_no_harm(message: wire.Message) -> None:
    for text in shown(decoded(message)):
        assert not HARMFUL & set(text)


@pytest.mark.parametrize(
    "message",
    [
        wire.Send(1, EVIL, EVIL),
        wire.Event(1, 1, 0, 0, 1, EVIL, EVIL, EVIL),
        wire.Event(1, 1, 0, 0, 2, EVIL, EVIL, EVIL),
        wire.Event(1, 1, 0, 0, 99, EVIL, EVIL, EVIL),
        wire.Hello(0, b"", b"", EVIL, EVIL, (wire.Position(EVIL, 1, 1),)),
        wire.Welcome(0, 1, 1, 1, 1, 1, 1, 1, b"", EVIL, EVIL, (wire.Membership(EVIL, 3, EVIL, 1, 1, 1),)),
        wire.Error(1, 1, 1, EVIL, EVIL),
        wire.Joined(1, 1, (wire.Membership(EVIL, 3, EVIL, 1, 1, 1),)),
        wire.Roster(1, 1, 0, EVIL, (wire.Member(EVIL, 1),)),
        wire.Bye(EVIL),
    ],
    ids=lambda m: m.NAME,
)  # fmt: skip
def test_hostile_texts_are_escaped(message: wire.Message) -> None:
    for text in shown(decoded(message)):
        assert not HARMFUL & set(text), text


def test_hostile_names_in_a_ladder_are_escaped() -> None:
    talk = Talk().open()
    talk.say(0, wire.encode(wire.Hello(0, b"", b"", f"<b>{EVIL}", "</svg>", ())))
    ladder = Ladder()
    for item in decode(talk.packets, trace=True):
        ladder.add(item)
    for line in ladder_lines(ladder, 90):
        assert not HARMFUL & set(line.text)
    svg = ladder_svg(ladder, "<script>&amp;")
    ElementTree.fromstring(svg)
    assert "<script>" not in svg
    assert "<b>" not in svg
    assert not (HARMFUL - {"\n"}) & set(svg)


# -- what they say --------------------------------------------------------------------------------


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


def test_in_room() -> None:
    assert in_room(wire.Send(1, "lobby", ""), {"lobby"})
    assert not in_room(wire.Send(1, "lobby", ""), {"other"})
    assert not in_room(wire.Ping(1), {"lobby"})
    joined = wire.Joined(1, 1, (wire.Membership("abc", 2, "", 1, 1, 1),))
    assert in_room(joined, {"abc"})


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


def test_tree() -> None:
    text = "\n".join(tree_lines(decoded(wire.Send(7, "lobby", "Hi, Zoë"))))
    assert "packet 1; bytes 0 to 41 of the stream" in text
    assert "          3  20                                     type         0x20 SEND" in text
    assert "16  00 00 00 00 00 00 00 07                counter      7" in text
    assert 'text         "Hi, Zoë"' in text
    assert "12  ea 92 fe 1e                            crc          0xea92fe1e" in text


def test_tree_of_a_damaged_frame(items: list[Item]) -> None:
    damage = next(i for i in items if isinstance(i, Damage))
    text = "\n".join(tree_lines(damage))
    assert "type         0x20 SEND" in text
    assert "counter" in text


def test_hex() -> None:
    crc = wire.encode(wire.Ping(1))[12:16]
    assert hex_lines(decoded(wire.Ping(1))) == [
        f"      0000  4e 43 01 03 00 00 00 00  00 00 00 08 {crc.hex(' ')}  NC..........{_ascii(crc)}",
        "      0010  00 00 00 00 00 00 00 01                           ........",
    ]


def _ascii(raw: bytes) -> str:
    return "".join(chr(byte) if 32 <= byte < 127 else "." for byte in raw)


def test_json(items: list[Item]) -> None:
    rows = [as_dict(item) for item in items]
    assert json.loads(json.dumps(rows)) == rows
    kinds = {row["item"] for row in rows}
    assert kinds == {"decoded", "damage", "gap", "notice"}
    event = next(row for row in rows if row.get("type") == "EVENT")
    assert event["fields"]["kind_name"] == "CHAT"
    assert event["from"] == "10.0.0.2:6464"
    assert bytes.fromhex(event["raw"])[:2] == b"NC"
    welcome = next(row for row in rows if row.get("type") == "WELCOME")
    assert welcome["fields"]["rooms"][1]["peer"] == "Bo"


def test_json_of_a_trace(traced: list[Item]) -> None:
    row = next(row for row in map(as_dict, traced) if row["item"] == "trace")
    assert (row["flags"], row["packet"], row["size"]) == ("SYN", 1, 0)


def test_follow(items: list[Item]) -> None:
    follow = ChatTranscript()
    lines = [line for line in map(follow.line, items) if line]
    assert lines[:2] == ["[lobby] Nova: hello", "[lobby] Nova: two"]
    assert any("bytes to Nova are missing]" in line for line in lines)
    assert "[lobby] Nova: four" in lines
    assert "[Bo + Nova] Bo: psst" in lines
    assert [follow.line(item) for item in items if isinstance(item, Decoded)] == [None] * sum(
        isinstance(item, Decoded) for item in items
    )


def test_follow_indents_further_lines() -> None:
    event = wire.Event(1, 1, 0, 0, 1, "lobby", "Eve", "hi\n[lobby] Nova: I owe you")
    assert ChatTranscript().line(decoded(event)) == "[lobby] Eve: hi\n    [lobby] Nova: I owe you"


def test_stats(items: list[Item]) -> None:
    stats = Stats()
    for item in items:
        stats.add(item)
    (row,) = stats.as_dicts()
    assert row["user"] == "Nova"
    assert row["to_server"]["types"] == {"HELLO": 1, "SEND": 1}
    assert row["to_client"]["types"] == {"WELCOME": 1, "PING": 1, "EVENT": 4}
    assert row["to_server"]["retransmissions"] == 1
    assert row["to_client"]["gaps"] == 1
    assert row["to_client"]["out_of_order"] == 1
    assert (row["crc_failures"], row["damage"]) == (1, {"frame": 1})
    assert row["echoes"] == 1
    assert row["echo_median_s"] == row["echo_p95_s"] == 0.211
    text = "\n".join(stats.lines())
    assert "echo of SEND: median 211 ms" in text
    assert "1 gap of" in text


def test_stats_print_zeros() -> None:
    stats = Stats()
    for item in decode(talk_of(chat_messages(3)).packets):
        stats.add(item)
    text = "\n".join(stats.lines())
    for count in (
        "0 retransmissions", "0 out of order", "0 gaps", "0 conflicting overlaps", "0 out of window",
        "damage: none; 0 with a wrong CRC-32",
    ):  # fmt: skip
        assert count in text
    item = decoded(wire.Ping(1))
    item.conversation.link = LinkState()
    stats = Stats()
    stats.add(item)
    text = "\n".join(stats.lines())
    assert "0 failed, 0 symbols corrected, 0 decoded with their copies, 0 retransmitted" in text
    assert "0 headers unreadable, 0 bytes skipped, 0 bytes missing inside" in text
    assert "echo of SEND: none seen" in text


@pytest.mark.parametrize("servers", [1, 200])
def test_a_ladder_accepts_any_number_of_participants(servers: int) -> None:
    """Twice the participants are twice the lines, but no longer ones."""
    sizes = []
    for clients in (200, 400):
        packets = []
        for n in range(clients):
            talk = Talk(client=f"10.1.{n // 200}.{n % 200 + 1}", server=f"10.2.0.{n % servers + 1}")
            talk.add(0, ACK, wire.encode(wire.Hello(0, bytes(16), b"", f"user{n}", "t", ())))
            packets += talk.packets
        ladder = Ladder()
        for item in decode(renumber(packets), trace=True):
            ladder.add(item)
        lines = [text for _, text in ladder_lines(ladder, 80)]
        assert sum(f'HELLO "user{n}"' in "\n".join(lines) for n in (0, 150, 199)) == 3
        shared = next(text for text in lines if 'HELLO "user150"' in text)
        assert "(user150" in shared
        sizes.append(sum(map(len, lines)))
        assert ladder_svg(ladder, "x").count("<rect") <= 1 + MAX_CLIENTS + MAX_SERVERS
    assert sizes[1] < 2.2 * sizes[0]


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


def test_stats_keeps_a_bounded_number_of_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netchat.packets.views.stats._MAX_TIMES", 100)
    stats, said = Stats(), decoded(wire.Ping(1)).conversation
    for number in range(1, 5000):
        send, event = wire.Send(number, "r", "t"), wire.Event(1, 1, 5, number, 1, "r", "N", "t")
        start = START + number * 10**9
        stats.add(Decoded(start, said, True, send, wire.encode(send), (1,), False, 0, False))
        late = start + number * 1000
        stats.add(Decoded(late, said, False, event, wire.encode(event), (1,), False, 0, False))
    row = stats.rows[said]
    assert len(row.echoes) <= 101
    assert not row.sent
    median = row.quantile(0.5)
    assert median is not None
    assert abs(median - 2_500_000) < 200_000


def test_flags() -> None:
    assert [flag_names(f) for f in (2, 0x12, 0x18, 8, 0x11, 4, 0)] == [
        "SYN", "SYN ACK", "ACK", "PSH", "FIN ACK", "RST", "",
    ]  # fmt: skip


# -- ladders --------------------------------------------------------------------------------------


def ladder_of(items: list[Item], wanted=None) -> Ladder:
    ladder = Ladder(wanted)
    for item in items:
        ladder.add(item)
    return ladder


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


def test_a_gap_is_drawn_before_the_packet_after_it(traced: list[Item]) -> None:
    rows = ladder_of(traced).rows()
    gap = next(i for i, row in enumerate(rows) if row.kind == "gap")
    assert 'CHAT Nova: "four"' in rows[gap + 1].labels[0]


def test_ladder_as_svg(traced: list[Item]) -> None:
    svg = ladder_svg(ladder_of(traced), "a story")
    root = ElementTree.fromstring(svg)
    texts = ["".join(element.itertext()) for element in root.iter() if "text" in element.tag]
    assert "a story" in texts
    assert any("retransmission" in text for text in texts)
    assert any("bytes missing" in text for text in texts)
    width = float(root.get("width", 0))
    for line in root.iter("{http://www.w3.org/2000/svg}line"):
        assert 0 <= float(line.get("x1", -1)) <= width


def test_three_clients_and_their_server_in_the_middle() -> None:
    packets: list[Packet] = []
    for number, name in enumerate(("Ada", "Bo", "Cy")):
        talk = Talk(client_port=50000 + number).open()
        talk.say(0, wire.encode(wire.Hello(0, b"", b"", name, "x", ())))
        packets += talk.packets
    ladder = ladder_of(decode(renumber(packets), trace=True))
    lanes, places = ladder.lanes(ladder.rows())
    assert [lane.name for lane in lanes] == ["Ada", "Bo", "server", "Cy"]
    assert {place for (_, server), place in places.items() if server} == {2}


def test_a_filter_selects_the_rows(traced: list[Item]) -> None:
    rows = ladder_of(traced, lambda item: isinstance(item, Decoded)).rows()
    assert rows
    assert all(row.kind == "message" for row in rows)


def test_a_diagram_has_a_limited_number_of_rows() -> None:
    talk = Talk().open()
    for number in range(MAX_ROWS):
        talk.say(0, wire.encode(wire.Ping(number)))
    ladder = ladder_of(decode(talk.packets, trace=True))
    assert len(ladder.rows()) == MAX_ROWS
    assert ladder.left_out == MAX_ROWS + 3
    assert "more rows" in list(ladder_lines(ladder, 90))[-1].text
    assert "more rows" in ladder_svg(ladder, "x")


def test_nothing_to_draw() -> None:
    assert list(ladder_lines(Ladder(), 80)) == []
    ElementTree.fromstring(ladder_svg(Ladder(), "nothing"))


def test_gap_and_damage_have_separate_lines(traced: list[Item]) -> None:
    assert any(isinstance(i, Gap) for i in traced)
    rows = ladder_of(traced).rows()
    assert [row.kind for row in rows].count("damage") == 1
