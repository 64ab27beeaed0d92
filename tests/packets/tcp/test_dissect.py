"""Dissection of link layers and IP, with packets built by hand."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchat.packets.capture.packet import LINK_NAMES
from netchat.packets.tcp.dissect import ACK, PSH, Segment, dissect, flag_names
from tests.packets.segments import ethernet, ipv4, ipv6, tcp

TCP = tcp(50000, 6464, 7, 9, ACK | PSH, b"payload")
PORTS = b"\xc3\x50\x19\x40"
FOUR = ipv4("10.0.0.1", "10.0.0.2", TCP)
SIX = ipv6("fe80::1", "fe80::2", TCP)
KEY4 = b"\x0a\0\0\x01\x0a\0\0\x02" + PORTS
KEY6 = b"\xfe\x80" + bytes(13) + b"\x01\xfe\x80" + bytes(13) + b"\x02" + PORTS


def found(link: int, data: bytes, length: int | None = None) -> Segment | str:
    result = dissect(link, data, len(data) if length is None else length)
    return result if isinstance(result, str) else Segment(*result)


def vlan(kind: int, inner: bytes) -> bytes:
    return struct.pack(">HH", 5, kind) + inner


@pytest.mark.parametrize(
    ("link", "data", "key"),
    [
        (1, ethernet(FOUR), KEY4),
        (1, ethernet(FOUR) + b"Ethernet's padding", KEY4),
        (1, ethernet(SIX, 0x86DD), KEY6),
        (1, ethernet(vlan(0x0800, FOUR), 0x8100), KEY4),
        (1, ethernet(vlan(0x8100, vlan(0x86DD, SIX)), 0x88A8), KEY6),
        (1, ethernet(ipv4("10.0.0.1", "10.0.0.2", TCP, options=bytes(8))), KEY4),
        (0, b"\x02\0\0\0" + FOUR, KEY4),
        (0, b"\0\0\0\x02" + FOUR, KEY4),
        (0, b"\x1e\0\0\0" + SIX, KEY6),
        (108, b"\0\0\0\x18" + SIX, KEY6),
        (12, FOUR, KEY4),
        (14, SIX, KEY6),
        (101, FOUR, KEY4),
        (101, SIX, KEY6),
        (228, FOUR, KEY4),
        (229, SIX, KEY6),
        (113, bytes(14) + b"\x08\0" + FOUR, KEY4),
        (113, bytes(14) + b"\x81\0" + vlan(0x0800, FOUR), KEY4),
        (276, b"\x86\xdd" + bytes(18) + SIX, KEY6),
        (276, b"\x81\0" + bytes(18) + vlan(0x86DD, SIX), KEY6),
        # Wrong labels: the packet has a VLAN tag that its label lacks, or vice versa.
        (276, b"\x08\0" + bytes(18) + vlan(0x0800, FOUR), KEY4),
        (276, b"\x08\0" + bytes(18) + vlan(0x8100, vlan(0x0800, FOUR)), KEY4),
        (276, b"\x86\xdd" + bytes(18) + vlan(0x86DD, SIX), KEY6),
        (276, b"\x08\0" + bytes(18) + b"\x45\x06\x08\0" + FOUR, KEY4),
        (276, b"\x81\0" + bytes(18) + FOUR, KEY4),
        (113, bytes(14) + b"\x08\0" + vlan(0x0800, FOUR), KEY4),
        (113, bytes(14) + b"\x88\xa8" + SIX, KEY6),
        (113, bytes(14) + b"\x08\0" + SIX, KEY6),
        (1, ethernet(vlan(0x0800, FOUR)), KEY4),
        (1, ethernet(FOUR, 0x8100), KEY4),
        (1, ethernet(SIX, 0x0800), KEY6),
        (228, SIX, KEY6),
    ],
)
def test_link_layers(link: int, data: bytes, key: bytes) -> None:
    assert found(link, data) == Segment(key, 7, 9, ACK | PSH, b"payload", 0)
    assert link in LINK_NAMES


@pytest.mark.parametrize(
    ("following", "header"),
    [
        (0, b"\x06\0" + bytes(6)),
        (60, b"\x06\x01" + bytes(14)),
        (43, b"\x06\0" + bytes(6)),
        (51, b"\x06\x04" + bytes(22)),
        (44, b"\x06\0\0\0" + bytes(4)),  # an atomic fragment: the whole packet
        (0, b"\x3c\0" + bytes(6) + b"\x06\0" + bytes(6)),
    ],
)
def test_ipv6_extension_headers(following: int, header: bytes) -> None:
    data = ethernet(ipv6("fe80::1", "fe80::2", header + TCP, following), 0x86DD)
    assert found(1, data) == Segment(KEY6, 7, 9, ACK | PSH, b"payload", 0)


@pytest.mark.parametrize(
    ("link", "data", "reason"),
    [
        (1, ethernet(FOUR, 0x0806), "not IP"),
        (1, ethernet(ipv4("10.0.0.1", "10.0.0.2", TCP, protocol=17)), "not TCP"),
        (1, ethernet(ipv6("::1", "::1", TCP, 17), 0x86DD), "not TCP"),
        (1, ethernet(FOUR[:6] + b"\x20\0" + FOUR[8:]), "IP fragment"),
        (1, ethernet(FOUR[:6] + b"\0\x10" + FOUR[8:]), "IP fragment"),
        (1, ethernet(ipv6("::1", "::1", b"\x06\0\0\x01" + bytes(4) + TCP, 44), 0x86DD), "IP fragment"),
        (1, ethernet(b"\x65" + FOUR[1:]), "bad IP header"),
        (1, ethernet(b"\x44" + FOUR[1:]), "bad IP header"),
        (1, ethernet(FOUR[:2] + b"\xff\xff" + FOUR[4:]), "bad IP header"),
        (1, ethernet(FOUR[:32] + b"\x40" + FOUR[33:]), "bad TCP header"),
        (1, ethernet(FOUR[:32] + b"\xf0" + FOUR[33:]), "bad TCP header"),
        (105, FOUR, "unknown link type 105 (802.11)"),
        (65535, FOUR, "unknown link type 65535"),
        (0, b"\x07\0\0\0" + FOUR, "not IP"),
        (101, b"\x00" + FOUR, "not IP"),
        (101, b"", "not IP"),
    ],
)  # fmt: skip
def test_other_packets_are_skipped_with_a_reason(link: int, data: bytes, reason: str) -> None:
    assert found(link, data) == reason


def test_truncated_packets() -> None:
    whole = ethernet(FOUR)
    for keep in range(54, len(whole) + 1):
        payload = whole[54:keep]
        assert found(1, whole[:keep], len(whole)) == Segment(
            KEY4, 7, 9, ACK | PSH, payload, 7 - len(payload)
        )
    for keep in range(48):
        assert found(1, whole[:keep], len(whole)) == "truncated before TCP"


def test_length_that_the_network_card_fills_in() -> None:
    data = ethernet(FOUR[:2] + b"\0\0" + FOUR[4:])
    assert found(1, data) == Segment(KEY4, 7, 9, ACK | PSH, b"payload", 0)
    data = ethernet(SIX[:4] + b"\0\0" + SIX[6:], 0x86DD)
    assert found(1, data[:-3], len(data)) == Segment(KEY6, 7, 9, ACK | PSH, b"payl", 3)


@given(st.sampled_from([*LINK_NAMES, 99]), st.binary(max_size=120), st.integers(0, 2**32 - 1))
def test_any_bytes_are_dissected_or_skipped_with_a_reason(
    link: int, data: bytes, length: int
) -> None:
    result = dissect(link, data, length)
    assert isinstance(result, str) or len(result) == 6


@given(st.sampled_from([(1, ethernet(FOUR)), (1, ethernet(SIX, 0x86DD))]), st.data())
def test_damaged_packets(whole: tuple[int, bytes], draw: st.DataObject) -> None:
    link, data = whole
    changed = bytearray(data)
    for _ in range(draw.draw(st.integers(1, 4))):
        changed[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    result = dissect(link, bytes(changed), len(data))
    if not isinstance(result, str):
        assert len(result[4]) + result[5] <= len(data)


def test_flags() -> None:
    assert [flag_names(f) for f in (2, 0x12, 0x18, 8, 0x11, 4, 0)] == [
        "SYN", "SYN ACK", "ACK", "PSH", "FIN ACK", "RST", "",
    ]  # fmt: skip
