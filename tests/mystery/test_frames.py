"""Frames: built, read and changed, compared with Scapy."""

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Ether

from netchat.mystery.frames import (
    build,
    has_valid_checksum,
    parse,
    routed,
    tcp_header,
    udp_header,
    with_wrong_checksum,
)

MACS = bytes((2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2))
ADDRESSES = bytes((10, 64, 0, 2)), bytes((10, 64, 0, 1))


def tcp_frame(data=b"hello"):
    header = tcp_header((40000, 6464), (7, 2**32 - 1), 0x18, 5000, b"\x02\x04\x05\xb4")
    return build(MACS, ADDRESSES, 77, 6, header + data)


def udp_frame(data=b"odd"):
    return build(MACS, ADDRESSES, 78, 17, udp_header((5004, 5004), len(data)) + data)


def rebuilt(frame):
    """Return the frame as Scapy builds it, with lengths and checksums of its own."""
    packet = Ether(frame)
    del packet[IP].chksum, packet[IP].len
    del packet[IP].payload.chksum
    return bytes(packet)


@pytest.mark.parametrize("frame", [tcp_frame(), tcp_frame(b""), udp_frame(), udp_frame(b"even")])
def test_scapy_builds_the_same_frame(frame):
    assert rebuilt(frame) == frame


def test_fields_of_a_segment():
    packet = Ether(tcp_frame())
    assert (packet[IP].src, packet[IP].dst, packet[IP].id) == ("10.64.0.2", "10.64.0.1", 77)
    tcp = packet[TCP]
    assert (tcp.sport, tcp.dport, tcp.seq, tcp.ack, str(tcp.flags)) == (
        40000,
        6464,
        7,
        2**32 - 1,
        "PA",
    )
    assert (tcp.window, bytes(tcp.payload), tcp.options) == (5000, b"hello", [("MSS", 1460)])
    assert bytes(Ether(udp_frame())[UDP].payload) == b"odd"


@pytest.mark.parametrize("hops", [1, 5, 63])
def test_routers_lower_the_ttl_and_mend_the_checksum(hops):
    frame = routed(tcp_frame(), hops)
    assert Ether(frame)[IP].ttl == 64 - hops
    assert rebuilt(frame) == frame


def test_a_wrong_checksum_is_all_that_changes():
    for frame in (tcp_frame(), udp_frame()):
        wrong = with_wrong_checksum(frame)
        assert has_valid_checksum(parse(frame))
        assert not has_valid_checksum(parse(wrong))
        assert sum(a != b for a, b in zip(frame, wrong, strict=True)) <= 2
    arp = MACS + b"\x08\x06" + bytes(28)
    assert with_wrong_checksum(arp) == arp
    assert routed(arp, 3) == arp


@pytest.mark.parametrize("at", [14, 16, 22, 25])
def test_damaged_headers_are_rejected(at):
    frame = bytearray(tcp_frame())
    frame[at] ^= 0x10
    assert parse(bytes(frame)) is None


def test_a_damaged_payload_has_a_wrong_checksum():
    frame = bytearray(tcp_frame())
    frame[-1] ^= 1
    assert not has_valid_checksum(parse(bytes(frame)))
