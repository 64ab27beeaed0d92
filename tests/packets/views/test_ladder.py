"""The ladder diagram as data."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest

from netchat import wire
from netchat.packets import DecodedMessage, Gap, Item, Packet
from netchat.packets.views.ladder import MAX_CLIENTS, MAX_ROWS, MAX_SERVERS, Ladder
from netchat.packets.views.ladder_svg import ladder_svg
from netchat.packets.views.ladder_text import ladder_lines
from tests.packets.chatter import decode, renumber
from tests.packets.segments import ACK, Talk


def ladder_of(items: list[Item], wanted=None) -> Ladder:
    ladder = Ladder(wanted)
    for item in items:
        ladder.add(item)
    return ladder


@pytest.mark.parametrize("servers", [1, 200])
def test_a_ladder_accepts_any_number_of_participants(servers: int) -> None:
    """Twice the participants give twice as many lines of the same length."""
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


def test_a_gap_is_drawn_before_the_packet_after_it(traced: list[Item]) -> None:
    rows = ladder_of(traced).rows()
    gap = next(i for i, row in enumerate(rows) if row.kind == "gap")
    assert 'CHAT Nova: "four"' in rows[gap + 1].labels[0]


def test_three_clients_and_their_server_in_the_middle() -> None:
    packets: list[Packet] = []
    for number, name in enumerate(("Ada", "Bo", "Cy")):
        talk = Talk(client_port=50000 + number).open()
        talk.say(0, wire.encode(wire.Hello(0, b"", b"", name, "x", ())))
        packets += talk.packets
    ladder = ladder_of(decode(renumber(packets), trace=True))
    participants, places = ladder.participants(ladder.rows())
    assert [each.name for each in participants] == ["Ada", "Bo", "server", "Cy"]
    assert {place for (_, server), place in places.items() if server} == {2}


def test_a_filter_selects_the_rows(traced: list[Item]) -> None:
    rows = ladder_of(traced, lambda item: isinstance(item, DecodedMessage)).rows()
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
