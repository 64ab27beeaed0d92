"""Two captures of the same conversations, of which one is made from the other."""

from __future__ import annotations

from pathlib import Path

import pytest

from netchat.packets import Encapsulation, read_capture
from netchat.packets.two_sides import Comparison, collect, compare
from netchat.wire import Bye, Ping, encode
from tests.packets.both_sides import CAPTURES, CLOCK, OTHERS, write_other_side

#: Nova's lost segment, and the packets of the message in it.
LOST = 15


def compared(first: Path, second: Path) -> Comparison:
    return compare(*(collect(read_capture(path, trace=True)) for path in (first, second)))


@pytest.mark.parametrize("nat", [False, True])
@pytest.mark.parametrize("swapped", [False, True])
def test_a_segment_that_the_network_lost(tmp_path: Path, nat: bool, swapped: bool) -> None:
    client = CAPTURES / "retransmission.pcapng"
    server = write_other_side(client, tmp_path / "server.pcapng", [LOST], nat=nat)
    found = compared(server, client) if swapped else compared(client, server)
    assert found.first_is_client != swapped
    assert found.offset is not None
    # The delays of 2 and 3 ms look like 2.5 ms each.
    assert found.offset == (-CLOCK + 500_000 if swapped else CLOCK - 500_000)
    assert found.uncertainty == 2_500_000
    (chat,) = found.conversations
    assert chat.is_translated == nat
    assert (chat.second.client[0] == OTHERS) == (nat and not swapped)
    up, down = chat.ways[True], chat.ways[False]
    assert [(item.packet, item.size) for item in up.lost_segments] == [(LOST, 74)]
    assert (up.messages, len(up.lost_messages)) == (6, 0)  # TCP retransmitted it
    assert (down.messages, down.lost_messages, down.lost_segments) == (8, [], [])
    assert up.unsent == down.unsent == found.lost == 0
    for way in (up, down):
        assert (way.delay.least, way.delay.most) == (2_500_000, 2_500_000)


def test_a_message_that_never_arrived(tmp_path: Path) -> None:
    client = CAPTURES / "two-users.pcapng"
    packets = [
        (item.packets, item.message)
        for item in read_capture(client)
        if getattr(item, "message", None) is not None and item.to_server
    ]
    numbers, message = packets[-1]
    server = write_other_side(client, tmp_path / "server.pcapng", numbers)
    found = compared(client, server)
    assert found.lost == 1
    lost = [item for chat in found.conversations for item in chat.ways[True].lost_messages]
    assert [(item.packets, item.message) for item in lost] == [(numbers, message)]
    # A message that only the receiver's capture has was not lost: the sender's is incomplete.
    lacking = write_other_side(client, tmp_path / "lacking.pcapng", numbers)
    found = compared(lacking, write_other_side(client, tmp_path / "all.pcapng"))
    assert (found.first_is_client, found.lost) == (True, 0)
    assert sum(chat.ways[True].unsent for chat in found.conversations) == 2  # and its segment


def test_conversations_that_one_side_lacks(tmp_path: Path) -> None:
    both, other = CAPTURES / "two-users.pcapng", CAPTURES / "resume.pcapng"
    found = compared(both, other)
    assert found.offset is None
    assert found.conversations == []
    assert (len(found.only_first), len(found.only_second)) == (2, 3)
    assert compared(both, both).only_first == []
    assert compared(both, both).offset == 0


def test_links_over_udp_are_compared_by_messages() -> None:
    found = compared(CAPTURES / "link-udp.pcapng", CAPTURES / "link-udp.pcapng")
    ways = [c.ways[True] for c in found.conversations if c.first.transport == "UDP"]
    assert ways
    assert all(way.messages and not way.segments and not way.lost_messages for way in ways)


def test_one_direction_alone(tmp_path: Path) -> None:
    talk = Encapsulation(now=1.0)
    talk.packets.clear()
    talk.send(encode(Ping(1)))
    talk.packets[1:] = []
    talk.save(tmp_path / "one.pcapng")
    found = compared(tmp_path / "one.pcapng", tmp_path / "one.pcapng")
    assert (found.offset, found.uncertainty) == (0, 0)


def test_equal_frames_pair_no_strangers(tmp_path: Path) -> None:
    for name, port in (("a", 1001), ("b", 2001)):
        talks = []
        for extra in range(6):  # a BYE that all conversations have identifies none of them
            talk = Encapsulation(now=1.0, client_port=port + extra)
            talk.send(encode(Bye("")))
            talk.send(encode(Bye("")), by_server=True)
            talks.append(talk)
        for talk in talks[1:]:
            talks[0].packets.extend(talk.packets)
        talks[0].save(tmp_path / f"{name}.pcapng")
    found = compared(tmp_path / "a.pcapng", tmp_path / "b.pcapng")
    assert found.conversations == []
    assert len(found.only_first) == 6


def test_two_members_of_a_room_are_not_one_client_behind_a_nat(tmp_path: Path) -> None:
    for name, port, first in (("a", 1001, 1), ("b", 2001, 100)):
        talk = Encapsulation(now=1.0, client_port=port)
        talk.send(encode(Ping(0)))  # equal for both, like a JOIN
        for number in range(8):
            talk.send(encode(Ping(first + number)))
            talk.send(encode(Bye(f"event {number}")), by_server=True)  # sent to both
        talk.save(tmp_path / f"{name}.pcapng")
    found = compared(tmp_path / "a.pcapng", tmp_path / "b.pcapng")
    assert found.conversations == []
    again = compared(tmp_path / "a.pcapng", tmp_path / "a.pcapng")
    assert len(again.conversations) == 1
