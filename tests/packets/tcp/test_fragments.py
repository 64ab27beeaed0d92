"""Fragmented captures, cut by Scapy: the same messages are found, in the packets that tshark names."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchat.packets import Decoder, Packet, PcapngWriter, read, read_capture, read_packets
from netchat.packets.anonymise import anonymise
from netchat.packets.browse.capture import BrowsedCapture
from netchat.packets.browse.layers import packet_tree
from netchat.packets.memory_budget import MAX_FRAGMENTS
from netchat.packets.tcp import fragments
from netchat.packets.tcp.dissect import ACK, PSH, Segment, dissect
from netchat.packets.tcp.fragments import (
    CONFLICTING,
    INCOMPLETE,
    INVALID,
    FragmentBuffer,
)
from netchat.packets.tcp.health import HealthMonitor
from tests.packets.segments import START, ethernet, ipv4, ipv6, tcp
from tests.packets.sharks import needs_tshark, tshark

CAPTURES = Path(__file__).parents[3] / "captures"
SECOND = 1_000_000_000

PAYLOAD = bytes(range(256)) * 8
SEGMENT = tcp(50000, 6464, 7, 9, ACK | PSH, PAYLOAD)
HOSTS4, HOSTS6 = ("10.0.0.1", "10.0.0.2"), ("fe80::1", "fe80::2")


def part4(start: int, end: int, *, more: bool | None = None, body: bytes = SEGMENT, number=77):
    """Return a fragment of an IPv4 packet, in Ethernet."""
    has_more = end < len(body) if more is None else more
    made = bytearray(ipv4(*HOSTS4, body[start:end]))
    made[4:8] = number.to_bytes(2, "big") + (has_more << 13 | start // 8).to_bytes(2, "big")
    return ethernet(bytes(made))


def part6(start: int, end: int, *, more: bool | None = None, body: bytes = SEGMENT, number=77):
    """Return a fragment of an IPv6 packet with a hop-by-hop header, in Ethernet."""
    has_more = end < len(body) if more is None else more
    head = b"\x2c\0" + bytes(6) + b"\x06\0" + (start | has_more).to_bytes(2, "big")
    made = ipv6(*HOSTS6, head + number.to_bytes(4, "big") + body[start:end], 0)
    return ethernet(made, 0x86DD)


PARTS = [pytest.param(part4, id="IPv4"), pytest.param(part6, id="IPv6")]


def captured(*frames: bytes, times: list[int] | None = None) -> list[Packet]:
    return [
        Packet(n, START + (times[n - 1] if times else n), 1, frame, len(frame))
        for n, frame in enumerate(frames, 1)
    ]


def assembled(packets: list[Packet]) -> tuple[list[Packet], Counter[str]]:
    dropped: Counter[str] = Counter()
    buffer = FragmentBuffer(dropped)
    whole = [found for packet in packets if (found := buffer.feed(packet)) is not None]
    buffer.finish()
    return whole, dropped


def segment(packet: Packet) -> Segment:
    found = dissect(packet.link, packet.data, packet.length)
    assert not isinstance(found, str), found
    return Segment(*found)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (0, 0, 1, 1, 2, 2, 0, 1, 2)])
def test_fragments_in_any_order(part, order) -> None:
    ends = [0, 8, 808, len(SEGMENT)]
    frames = [part(a, b) for a, b in pairwise(ends)]
    (whole,), dropped = assembled(captured(*(frames[n] for n in order)))
    found = segment(whole)
    assert (found.seq, found.ack, found.payload, found.cut) == (7, 9, PAYLOAD, 0)
    assert whole.number == (5 if len(order) > 3 else 3)
    assert not dropped
    if part is part4:
        words = sum(int.from_bytes(whole.data[n : n + 2]) for n in range(14, 34, 2))
        assert (words & 0xFFFF) + (words >> 16) == 0xFFFF


@pytest.mark.parametrize("part", PARTS)
def test_overlapping_fragments_must_agree(part) -> None:
    end = len(SEGMENT)
    frames = [part(0, 800), part(400, 1600), part(80, 160), part(1200, end)]
    (whole,), dropped = assembled(captured(*frames))
    assert segment(whole).payload == PAYLOAD
    assert not dropped
    forged = SEGMENT[:500] + b"x" + SEGMENT[501:]
    whole, dropped = assembled(captured(part(0, 800), part(400, 1600, body=forged)))
    assert (whole, dropped) == ([], {CONFLICTING: 2})


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize(
    ("frames", "why"),
    [
        ([(0, 801, True)], INVALID),  # all but the last have a multiple of 8 bytes
        ([(0, 800, None)], INCOMPLETE),
        ([(800, None, None)], INCOMPLETE),
        ([(800, None, None), (0, 400, None), (408, 800, None)], INCOMPLETE),
        ([(800, 1000, False), (800, 1200, True)], CONFLICTING),  # after the end
        ([(800, 1000, False), (400, 800, False)], CONFLICTING),  # two ends
        ([(800, 1200, True), (400, 800, False)], CONFLICTING),
    ],
)
def test_hostile_fragments(part, frames, why: str) -> None:
    made = [part(start, len(SEGMENT) if end is None else end, more=more)
            for start, end, more in frames]  # fmt: skip
    assert assembled(captured(*made)) == ([], {why: len(made)})


@pytest.mark.parametrize("part", PARTS)
def test_a_packet_in_too_many_parts_is_dropped(part) -> None:
    """Otherwise each fragment of a hostile packet would cost more than the one before."""
    body = bytes(16 * (fragments._MAX_PIECES + 2))  # with gaps, so that nothing could be joined
    made = [part(at, at + 8, more=True, body=body) for at in range(0, len(body), 16)]
    whole, dropped = assembled(captured(*made))
    assert whole == []
    assert dropped[CONFLICTING] > fragments._MAX_PIECES


def test_a_packet_larger_than_any() -> None:
    body = bytes(65528 + 1000)
    whole, dropped = assembled(captured(part4(0, 1000, body=body), part4(65528, 66528, body=body)))
    assert (whole, dropped) == ([], {INVALID: 1, INCOMPLETE: 1})


@pytest.mark.parametrize("part", PARTS)
def test_header_fields_that_no_fragment_has(part) -> None:
    frame = bytearray(part(800, 1600))
    frame[16 if part is part4 else 18] = 0xFF  # longer than the packet
    assert assembled(captured(bytes(frame))) == ([], {INVALID: 1})
    empty = part(800, 800, more=True)
    assert assembled(captured(empty)) == ([], {INVALID: 1})


def test_fragments_wait_for_a_minute() -> None:
    first, last = part4(0, 800), part4(800, len(SEGMENT))
    whole, dropped = assembled(captured(first, last, times=[0, 60 * SECOND]))
    assert (len(whole), dropped) == (1, {})
    whole, dropped = assembled(captured(first, last, times=[0, 60 * SECOND + 1]))
    assert (whole, dropped) == ([], {INCOMPLETE: 2})


def test_an_identification_is_used_again() -> None:
    other = SEGMENT[:700] + bytes(len(SEGMENT) - 700)
    frames = [part4(0, 800), part4(800, len(SEGMENT)),
              part4(0, 800, body=other), part4(800, len(SEGMENT), body=other)]  # fmt: skip
    whole, _ = assembled(captured(*frames))
    assert [segment(packet).payload for packet in whole] == [PAYLOAD, other[20:]]


def test_a_capture_that_truncated_the_fragments() -> None:
    packets = [
        packet._replace(data=packet.data[:cut])
        for packet, cut in zip(
            captured(part4(0, 800), part4(800, 1600), part4(1600, len(SEGMENT))),
            (2000, 234, 2000),
            strict=True,
        )
    ]
    (whole,), _ = assembled(packets)
    found = segment(whole)
    assert found.payload == PAYLOAD[:980]  # up to byte 200 of the second one
    assert found.cut == len(PAYLOAD) - 980


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fragments, "MAX_FRAGMENTS", MAX_FRAGMENTS // 16)
    monkeypatch.setattr(fragments, "_MAX_REMEMBERED", 500)
    dropped: Counter[str] = Counter()
    buffer = FragmentBuffer(dropped)
    body, most = bytes(40_000), 0
    for number in range(1000):
        start = number % 4 * 8000
        data = part4(start, start + 1000 if number % 2 else start + 8, body=body, number=number)
        buffer.feed(Packet(number, START + number, 1, data, len(data)))
        most = max(most, buffer._cost)
    assert MAX_FRAGMENTS / 32 < most <= MAX_FRAGMENTS / 16
    assert dropped[INCOMPLETE] > 500
    # One packet, in every range that agrees with the others.
    for number in range(1500):
        start, size = number % 50 * 8, (number // 50 + 1) * 8
        data = part4(start + 8, start + 8 + size, body=body, number=5000, more=True)
        buffer.feed(Packet(number, START + 20_000, 1, data, len(data)))
        assert buffer._cost <= MAX_FRAGMENTS / 16
    assert dropped[INCOMPLETE] > 2000
    # Complete packets are remembered, but not all of them.
    for number in range(400):
        for start in (0, 8):
            data = part4(start, start + 8, body=body[:16], number=number)
            buffer.feed(Packet(number, START + 30_000, 1, data, len(data)))
    assert buffer._remembered == 500
    assert buffer._remembered == sum(len(each.digests) for each in buffer._done.values())


@given(st.data())
def test_random_cuts_are_put_together(data: st.DataObject) -> None:
    part = data.draw(st.sampled_from([part4, part6]))
    body = tcp(50000, 6464, 7, 9, ACK, data.draw(st.binary(max_size=200)))
    limits = st.integers(0, len(body) // 8)
    cuts = sorted({0, *data.draw(st.lists(limits.map(lambda n: n * 8), max_size=8)), len(body)})
    frames = [part(a, b, body=body) for a, b in pairwise(cuts)]
    for _ in range(data.draw(st.integers(0, 4))):  # overlaps
        a, b = sorted(data.draw(st.tuples(limits, limits)))
        if a < b:
            frames.append(part(a * 8, b * 8, body=body, more=True))
    frames = data.draw(st.permutations(frames))
    packets = captured(*frames)
    if len(cuts) == 2:  # not a fragment
        packets = captured(*(part(0, 16, body=body), part(16, len(body), body=body)))
    whole, dropped = assembled(packets)
    assert set(dropped) <= {INCOMPLETE}  # those after the packet was complete
    found = segment(whole[0])
    assert (found.payload, found.cut) == (body[20:], 0)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 30), st.booleans(), st.integers(0, 1),
                          st.binary(min_size=2, max_size=2))))  # fmt: skip
def test_any_fragments(parts) -> None:
    frames = []
    for start, size, more, number, filler in parts:
        body = bytes(start * 8) + filler * (size * 4)
        frames.append(part4(start * 8, len(body), more=more, body=body, number=number))
    decoder = Decoder()
    for packet in captured(*frames):
        decoder.feed(packet)
    decoder.finish()
    assert sum(decoder.skipped.values()) <= len(frames)


# -- whole captures ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cut():
    """Return a function that cuts a capture's packets into fragments, by Scapy."""
    from scapy.layers.inet import IP, fragment
    from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment, fragment6
    from scapy.layers.l2 import Ether
    from scapy.packet import Raw

    def pieces(frame: bytes, size: int, number: int) -> list[bytes]:
        packet = Ether(frame)
        if IPv6 in packet:
            # Raw: Scapy must not build the transport layer again.
            ip = IPv6(src=packet[IPv6].src, dst=packet[IPv6].dst, nh=packet[IPv6].nh)
            made = ip / IPv6ExtHdrFragment(id=number) / Raw(bytes(packet[IPv6].payload))
            made[IPv6].nh = 44
            made[IPv6ExtHdrFragment].nh = packet[IPv6].nh
            return [frame[:14] + bytes(each) for each in fragment6(made, size + 48)]
        ip = packet[IP]
        made = IP(src=ip.src, dst=ip.dst, proto=ip.proto, id=number, ttl=ip.ttl)
        return [
            frame[:14] + bytes(each)
            for each in fragment(made / Raw(bytes(ip.payload)), size // 8 * 8)
        ]

    return pieces


def write_cut(cut, source: Path, target: Path, size: int, seed: int | None, wrap=None) -> None:
    """Write a capture in fragments; with a seed, in random order and some of them twice."""
    rng = random.Random(seed)
    with PcapngWriter(target) as out:
        number = 0
        for packet in read_packets(source):
            frames = cut(packet.data, size, packet.number)
            if seed is not None:
                frames += [frame for frame in frames if rng.random() < 0.2]
                rng.shuffle(frames)
            for frame in frames:
                number += 1
                data = frame if wrap is None else wrap(frame)
                out.write(Packet(number, packet.time, 1, data, len(data)))


def told(path: Path) -> list[object]:
    return [(m.time, m.raw, m.user, m.to_server) for m in read(path)]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["two-users", "link-udp", "ipv6", "tls", "retransmission"])
@pytest.mark.parametrize(("size", "seed"), [(24, None), (64, 1)])
def test_the_same_messages_are_found(cut, tmp_path, name, size, seed) -> None:
    source = CAPTURES / f"{name}.pcapng"
    write_cut(cut, source, tmp_path / "cut.pcapng", size, seed)
    if name == "tls":
        records = [
            [(i.time, i.raw) for i in read_capture(path) if type(i).__name__ == "TlsRecord"]
            for path in (source, tmp_path / "cut.pcapng")
        ]
        assert records[0] == records[1]
        assert records[0]
        return
    assert told(tmp_path / "cut.pcapng") == told(source)
    assert told(source)


@needs_tshark
@pytest.mark.slow
@pytest.mark.parametrize("name", ["two-users", "ipv6"])
def test_tshark_finds_them_in_the_same_packets(cut, tmp_path, name) -> None:
    path = tmp_path / "cut.pcapng"
    write_cut(cut, CAPTURES / f"{name}.pcapng", path, 64, 2)
    fields = ("-e", "frame.number", "-e", "netchat.crc")
    out, _ = tshark(path, "-Y", "netchat", "-T", "fields", *fields)
    theirs = [
        (int(number), int(crc, 16))
        for number, crcs in (line.split("\t") for line in out.splitlines())
        for crc in crcs.split(",")
    ]
    assert theirs == [(m.packets[-1], int.from_bytes(m.raw[12:16])) for m in read(path)]


@pytest.mark.slow
def test_fragments_in_tunnels_and_tunnels_in_fragments(cut, tmp_path) -> None:
    from scapy.layers.inet import IP, UDP
    from scapy.layers.l2 import GRE, Ether
    from scapy.layers.vxlan import VXLAN
    from scapy.packet import Raw

    outer = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
    ip = outer / IP(src="172.16.0.1", dst="172.16.0.2")
    plain = told(CAPTURES / "two-users.pcapng")
    source = CAPTURES / "two-users.pcapng"
    inside = tmp_path / "inside.pcapng"
    write_cut(cut, source, inside, 64, 3, lambda f: bytes(ip / GRE(proto=0x6558) / Raw(f)))
    assert told(inside) == plain

    def around(frame: bytes, size: int, number: int) -> list[bytes]:
        vxlan = UDP(sport=50000, dport=4789) / VXLAN(vni=5) / Raw(frame)
        return cut(bytes(ip / vxlan), size, number)

    outside = tmp_path / "outside.pcapng"
    write_cut(around, source, outside, 64, 3)
    assert told(outside) == plain

    def both(frame: bytes, size: int, number: int) -> list[bytes]:
        small = cut(frame, size, number)
        return [
            part for n, each in enumerate(small) for part in around(each, size, number * 50 + n)
        ]

    twice = tmp_path / "twice.pcapng"
    write_cut(both, source, twice, 64, None)
    assert told(twice) == plain


def test_nesting_is_bounded(cut) -> None:
    frames = cut(ethernet(ipv4(*HOSTS4, SEGMENT[:60])), 56, 1)
    for number in range(2, 9):
        frames = [
            part
            for n, frame in enumerate(frames)
            for part in cut(ethernet(ipv4(*HOSTS4, frame[14:], protocol=4)), 56, 100 * number + n)
        ]
    whole, _ = assembled(captured(*frames))
    assert [each for each in whole if not isinstance(dissect(1, each.data, each.length), str)] == []


@pytest.mark.slow
def test_other_views_of_fragments(cut, tmp_path) -> None:
    source, path = CAPTURES / "two-users.pcapng", tmp_path / "cut.pcapng"
    write_cut(cut, source, path, 64, None)
    health = [HealthMonitor(), HealthMonitor()]
    conversations = []
    for monitor, name in zip(health, (source, path), strict=True):
        items = read_capture(name, observe=monitor.feed)
        conversations.append(list(dict.fromkeys(item.conversation for item in items)))
    for pair in zip(*conversations, strict=True):
        texts = [
            [side.text() for side in monitor.of(each) or ()]
            for monitor, each in zip(health, pair, strict=True)
        ]
        assert texts[0] == texts[1]
        assert len(texts[0]) == 2
    browsed = BrowsedCapture.open(path, Decoder())
    while not (browsed.index(1) and browsed.decode(1)):
        pass
    assert len(browsed.packets_of_conversations([0, 1])) == len(browsed.packets)
    message = next(m for m in read(path) if len(m.raw) > 64)
    tree = packet_tree(browsed, message.packets[-1] - 1)
    assert tree[-1].label.startswith("Fragment: bytes ")
    browsed.close()
    anonymise(path, tmp_path / "shared.pcapng")
    assert [m.type for m in read(tmp_path / "shared.pcapng")] == [m.type for m in read(source)]
