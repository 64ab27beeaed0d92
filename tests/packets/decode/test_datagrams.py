"""Captures of links over UDP."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netchat import wire
from netchat.link.header import Header, Kind
from netchat.link.link import Link
from netchat.link.open_request import Mode
from netchat.link.sync_marker import MARKER
from netchat.packets import Block, Damage, DecodedMessage, Decoder, Gap, Notice, Packet
from netchat.packets.tcp.dissect import dissect, dissect_datagram
from netchat.packets.views.ladder import Ladder
from netchat.packets.views.ladder_text import ladder_lines
from netchat.packets.views.lines import Lines
from netchat.packets.views.stats import Stats
from netchat.packets.views.tree import tree_lines
from tests.link.world import World
from tests.packets.chatter import chat_messages, check_tiling, decode, renumber, said
from tests.packets.forged import block_of, open_of
from tests.packets.segments import START, ethernet, ipv4, ipv6, udp

MESSAGES = chat_messages(20)
WANTED = {True: [m for side, m in MESSAGES if not side], False: [m for side, m in MESSAGES if side]}
OPEN = Header(Kind.OPEN, 1, 7, 0, 100, 0, 64, 100, 0, 0, 0, 0, 0)


def packet_of(payload: bytes, *, to_server: bool = True, client: int = 50000, n: int = 1) -> Packet:
    ports = (client, 6464) if to_server else (6464, client)
    hosts = ("10.0.0.1", "10.0.0.2") if to_server else ("10.0.0.2", "10.0.0.1")
    data = ethernet(ipv4(*hosts, udp(*ports, payload), protocol=17))
    return Packet(n, START + n * 1_000_000, 1, data, len(data))


def chat_over(channel: str = "", seed: int = 1, **hazards: float) -> list[Packet]:
    """Return a chat over a link of datagrams, captured at the receiver."""
    world = World(Link.client("rs:255,223", mtu=1200), datagrams=True)
    if channel:
        world.channel(channel, seed)
    if hazards:
        world.hazards(random.Random(seed), **hazards)
    packets: list[Packet] = []
    for side, link in enumerate(world.sides):

        def receive(data: bytes, now: float, side=side, deliver=link.receive_block) -> None:
            packets.append(packet_of(data, to_server=side == 1))
            deliver(data, now)

        link.receive_block = receive  # type: ignore[method-assign]
    for side, message in MESSAGES:
        frame = wire.encode(message)
        world.carry(*((frame, b"") if side == 0 else (b"", frame)))
    return renumber(packets)


@pytest.mark.parametrize("channel", ["", "bsc:1e-3", "bsc:6e-3"])
def test_all_messages_are_found(channel: str) -> None:
    items = decode(chat_over(channel))
    check_tiling(items)
    assert said(items) == WANTED
    said_over = items[0].conversation
    assert (said_over.transport, said_over.whole, said_over.user) == ("UDP", True, "Nova")
    assert bool(said_over.link.to_server.corrected) == bool(channel)


@pytest.mark.parametrize("seed", range(4))
def test_lost_duplicated_reordered_and_damaged_datagrams(seed: int) -> None:
    items = decode(chat_over(seed=seed, loss=0.1, double=0.1, late=0.2, flip=0.2))
    check_tiling(items)
    assert said(items) == WANTED
    link = items[0].conversation.link
    assert link.to_server.again + link.to_client.again > 0


@pytest.mark.parametrize("seed", range(4))
def test_datagrams_missing_from_the_capture_lose_only_their_own_messages(seed: int) -> None:
    packets, choose = chat_over(), random.Random(seed)
    packets = [p for p in packets if p.number < 6 or choose.random() > 0.1]
    items = decode(renumber(packets))
    check_tiling(items)
    found = said(items)
    for to_server, wanted in WANTED.items():
        rest = iter(wanted)
        assert len(wanted) // 2 < len(found[to_server]) < len(wanted)
        assert all(message in rest for message in found[to_server])


def test_captures_that_begin_in_the_middle() -> None:
    packets = chat_over("bsc:1e-3")
    for first in range(1, len(packets) - 4, 3):
        items = decode(renumber(packets[first:]))
        check_tiling(items)
        for to_server, found in said(items).items():
            assert WANTED[to_server][len(WANTED[to_server]) - len(found) :] == found
        assert items[0].conversation.client == ("10.0.0.1", 50000)


def test_datagrams_of_other_protocols_are_ignored() -> None:
    decoder = Decoder()
    for payload in (b"", b"x" * 50, bytes(200), MARKER * 60, wire.encode(wire.Ping(1))):
        assert decoder.feed(packet_of(payload)) == []
    data = ethernet(ipv4("10.0.0.1", "10.0.0.2", udp(53, 53, bytes(200)), protocol=17))
    assert decoder.feed(Packet(9, START, 1, data, len(data))) == []
    assert decoder.skipped == Counter({"not TCP": 6})
    assert decoder.conversations == 0


def test_invalid_blocks_of_a_known_link_are_reported() -> None:
    first = block_of(OPEN, open_of("rs:255,223"))[4:]
    cut = packet_of(first)
    cut = cut._replace(data=cut.data[:-20])
    payloads = [first, bytes(150), b"short", first[:-3]]
    items = decode([packet_of(p, n=n) for n, p in enumerate(payloads, 1)] + [cut])
    check_tiling(items)
    reasons = [item.reason for item in items if isinstance(item, Damage)]
    assert reasons == [
        "this datagram has no readable header",
        "this datagram is too short for a block",
        "the length of this datagram contradicts its OPEN header",
        "the capture truncated this datagram by 20 bytes",
    ]


def test_a_link_follows_its_client_to_a_new_address() -> None:
    frames = [wire.encode(wire.Ping(n)) for n in (1, 2)]
    data = OPEN._replace(kind=Kind.DATA, code=0)
    payloads = [
        (50000, block_of(OPEN, open_of("uncoded"))),
        (50000, block_of(data, frames[0])),
        (51000, block_of(data._replace(offset=100 + len(frames[0])), frames[1])),
    ]
    items = decode(packet_of(p[4:], client=port, n=n) for n, (port, p) in enumerate(payloads, 1))
    assert said(items) == {True: [wire.Ping(1), wire.Ping(2)]}
    assert len({item.conversation for item in items}) == 1
    assert items[0].conversation.client == ("10.0.0.1", 51000)


@pytest.mark.parametrize("far", [[3_000_000, 3_000_050], [3_000_000, 120, 3_000_050, 3_000_060]])
def test_a_jump_beyond_the_buffered_blocks(far: list[int]) -> None:
    """One block far ahead is ignored; a second one is accepted, after the blocks in between."""
    data = OPEN._replace(kind=Kind.DATA, code=0)
    payloads = [block_of(OPEN, open_of("uncoded"))]
    payloads += [block_of(data._replace(offset=at), b"0123456789") for at in (100, 150, *far)]
    items = decode(packet_of(p[4:], n=n) for n, p in enumerate(payloads, 1))
    check_tiling(items)
    assert any(isinstance(i, Gap) and i.size > 2_000_000 for i in items)


def test_a_link_that_turns_out_not_to_retransmit() -> None:
    data = OPEN._replace(kind=Kind.DATA, code=0)
    payloads = [block_of(data._replace(offset=at), b"0123456789") for at in (100, 150)]
    payloads += [block_of(OPEN, open_of("uncoded", Mode.FEC))]
    payloads += [block_of(data._replace(offset=at), b"0123456789") for at in (130, 170)]
    items = decode(packet_of(p[4:], n=n) for n, p in enumerate(payloads, 1))
    check_tiling(items)
    gaps = [(i.offset, i.size) for i in items if isinstance(i, Gap)]
    assert gaps == [(10, 20), (40, 10), (60, 10)]


def test_another_link_on_the_same_ports() -> None:
    one, two = OPEN, OPEN._replace(link=8)
    frame = wire.encode(wire.Ping(1))
    payloads = [
        block_of(header, payload)[4:]
        for header, payload in (
            (one, open_of("uncoded")),
            (one._replace(kind=Kind.DATA, code=0), frame),
            (two, open_of("uncoded")),
            (two._replace(kind=Kind.DATA, code=0), frame),
            (two._replace(kind=Kind.CLOSE), b"bye"),
        )
    ]
    items = decode(packet_of(p, n=n) for n, p in enumerate(payloads, 1))
    events = [item.event for item in items if isinstance(item, Notice)]
    assert events == ["opened", "replaced", "opened", "closed"]
    assert len({item.conversation for item in items if isinstance(item, DecodedMessage)}) == 2


def test_two_links_with_the_same_number_by_chance() -> None:
    """With 16-bit identifiers, two of 300 simultaneous links probably have the same one."""
    data = OPEN._replace(kind=Kind.DATA, code=0)
    frames = {port: [wire.encode(wire.Ping(port + n)) for n in range(3)] for port in (50000, 51000)}
    firsts = {50000: 100, 51000: 9_000_000}
    sent = [
        (port, block_of(OPEN._replace(offset=at, ack=at), open_of("uncoded")))
        for port, at in firsts.items()
    ]
    for n in range(3):
        for port, at in firsts.items():
            begin = at + sum(map(len, frames[port][:n]))
            sent.append((port, block_of(data._replace(offset=begin), frames[port][n])))
    # And a third one, from the port of the first.
    sent.append((50000, block_of(OPEN._replace(offset=77, ack=77), open_of("uncoded"))))
    sent.append((50000, block_of(data._replace(offset=77), wire.encode(wire.Ping(9)))))
    decoder = Decoder()
    packets = [packet_of(p[4:], client=port, n=n) for n, (port, p) in enumerate(sent, 1)]
    items = [item for packet in packets for item in decoder.feed(packet)] + decoder.finish()
    check_tiling(items)
    found: dict[int, list[wire.Message]] = {}
    for item in items:
        if isinstance(item, DecodedMessage):
            found.setdefault(item.conversation.number, []).append(item.message)
    assert found == {
        1: [wire.Ping(50000 + n) for n in range(3)],
        2: [wire.Ping(51000 + n) for n in range(3)],
        3: [wire.Ping(9)],
    }
    assert not any(isinstance(item, (Damage, Gap)) for item in items)
    assert not decoder._datagrams._ends
    assert not decoder._datagrams._named


@pytest.mark.slow
def test_many_links_stay_within_the_memory_budget() -> None:
    from netchat.packets import memory_budget as budget

    decoder = Decoder()
    for number in range(budget.MAX_LINKS + 50):
        header = OPEN._replace(link=number)
        decoder.feed(packet_of(block_of(header, open_of("uncoded"))[4:], client=1025 + number))
        ahead = header._replace(kind=Kind.DATA, code=0, offset=5000)
        for piece in range(30 if number % 8 == 0 else 0):
            block = block_of(ahead._replace(offset=5000 + 2000 * piece), bytes(1100))
            decoder.feed(packet_of(block[4:], client=1025 + number))
        assert decoder._budget.used < budget.MAX_KEPT
    assert decoder._datagrams is not None
    assert len(decoder._datagrams._links) == budget.MAX_LINKS
    decoder.finish()
    assert decoder._budget.used == 0
    assert not decoder._datagrams._links
    assert not decoder._datagrams._ends
    assert not decoder._datagrams._named


def test_views() -> None:
    items = decode(chat_over("bsc:1e-3")[:30], trace=True)
    lines, ladder, stats = Lines(), Ladder(), Stats()
    text: list[str] = []
    for item in items:
        text += [lines.line(item), *tree_lines(item)]
        ladder.add(item)
        stats.add(item)
    assert "opens a link over UDP" in text[0]
    assert not any("marker" in line for line in text)  # a datagram has none
    assert " over UDP" in stats.lines()[0]
    assert "datagrams" in stats.lines()[2]
    assert any("[DATA] #0" in line.text for line in ladder_lines(ladder, 120))


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.booleans(),
            st.sampled_from(Kind),
            st.sampled_from([7, 7, 8]),
            st.sampled_from([100, 108, 130, 2**31, 2**32 - 1]),
            st.sampled_from([100, 108, 0]),
            st.binary(max_size=60),
            st.binary(max_size=4),
        ),
        max_size=25,
    )
)
def test_forged_datagrams(told) -> None:
    packets = []
    for n, (to_server, kind, link, offset, ack, payload, noise) in enumerate(told, 1):
        header = OPEN._replace(
            kind=kind, link=link, offset=offset, ack=ack, code=int(kind is not Kind.DATA)
        )
        block = bytearray(block_of(header, payload)[4:])
        for at, byte in enumerate(noise):
            block[(byte * 7 + at) % len(block)] ^= byte
        packets.append(packet_of(bytes(block), to_server=to_server, n=n))
    check_tiling(decode(packets))


def test_offsets_of_datagrams() -> None:
    body = udp(1, 6464, b"hello")
    for data in (
        ethernet(ipv4("10.0.0.1", "10.0.0.2", body, protocol=17)),
        ethernet(ipv6("::1", "::2", body, 17), 0x86DD),
    ):
        assert dissect(1, data, len(data)) == "not TCP"
        found = dissect_datagram(1, data, len(data))
        assert found is not None
        assert (found.payload, found.cut) == (b"hello", 0)
        assert found.key[-4:] == b"\0\1\x19\x40"
        found = dissect_datagram(1, data[:-2], len(data))
        assert found is not None
        assert (found.payload, found.cut) == (b"hel", 2)
        for end in range(len(data) - 5):
            dissect_datagram(1, data[:end], len(data))
    wrong = ethernet(ipv4("10.0.0.1", "10.0.0.2", body[:4] + b"\0\3" + body[6:], protocol=17))
    assert dissect_datagram(1, wrong, len(wrong)) is None


def test_items_have_a_direction() -> None:
    items = decode(chat_over()[:12])
    kinds = {(i.header.kind, i.to_server) for i in items if isinstance(i, Block)}
    assert (Kind.OPEN, True) in kinds
    assert (Kind.OPEN, False) not in kinds
