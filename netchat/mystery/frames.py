"""Ethernet frames with IPv4 and TCP or UDP: built, read, checked, and changed on the way."""

from __future__ import annotations

import struct
from typing import NamedTuple

__all__ = [
    "ETHERNET_HEADER",
    "ICMP",
    "TCP",
    "UDP",
    "PacketHeader",
    "build",
    "has_valid_checksum",
    "internet_sum",
    "is_ipv4",
    "parse",
    "routed",
    "tcp_header",
    "udp_header",
    "with_wrong_checksum",
]

#: Length of the Ethernet header, in bytes.
ETHERNET_HEADER = 14

#: Protocol numbers in the IP header.
ICMP, TCP, UDP = 1, 6, 17

#: Offset of the checksum in the header of each protocol.
_CHECKSUM = {TCP: 16, UDP: 6}

_IP = struct.Struct(">BBHHHBBH4s4s")


class PacketHeader(NamedTuple):
    """Fields of an IPv4 packet, and its payload."""

    source: bytes
    """Source address."""
    to: bytes
    """Destination address."""
    protocol: int
    """Protocol of the payload."""
    payload: bytes
    """The TCP segment or UDP datagram."""


def internet_sum(data: bytes) -> int:
    """Return the one's complement sum of 16-bit words (RFC 1071).

    >>> hex(internet_sum(bytes.fromhex("0001f203f4f5f6f7")))
    '0xddf2'
    """
    # 2^16 is 1 modulo 2^16 - 1, so the sum of the words is the number that all of them form.
    number = int.from_bytes(data + bytes(len(data) % 2), "big")
    return number % 0xFFFF or (0xFFFF if number else 0)


def is_ipv4(frame: bytes) -> bool:
    """Return whether a frame holds an IPv4 packet."""
    return len(frame) >= 34 and frame[12:14] == b"\x08\x00" and frame[14] >> 4 == 4


def build(
    macs: bytes, addresses: tuple[bytes, bytes], number: int, protocol: int, payload: bytes
) -> bytes:
    """Return a frame with valid checksums.

    Args:
        macs: Destination and source hardware address.
        addresses: Source and destination IPv4 address.
        number: IP identification.
        protocol: TCP or UDP.
        payload: TCP segment or UDP datagram with a checksum of 0.
    """
    at = _CHECKSUM[protocol]
    total = internet_sum(_pseudo_header(*addresses, protocol, len(payload)) + payload)
    checksum = ~total & 0xFFFF or 0xFFFF
    payload = payload[:at] + checksum.to_bytes(2, "big") + payload[at + 2 :]
    head = _IP.pack(0x45, 0, 20 + len(payload), number, 0x4000, 64, protocol, 0, *addresses)
    head = head[:10] + (~internet_sum(head) & 0xFFFF).to_bytes(2, "big") + head[12:]
    return macs + b"\x08\x00" + head + payload


def tcp_header(
    ports: tuple[int, int], numbers: tuple[int, int], flags: int, window: int, options: bytes = b""
) -> bytes:
    """Return a TCP header with a checksum of 0.

    Args:
        ports: Source and destination port.
        numbers: Sequence and acknowledgement number.
        flags: Flags.
        window: Announced window, in bytes.
        options: Options, a multiple of four bytes.
    """
    length = 5 + len(options) // 4
    fixed = struct.pack(">HHIIBBHHH", *ports, *numbers, length << 4, flags, window, 0, 0)
    return fixed + options


def udp_header(ports: tuple[int, int], size: int) -> bytes:
    """Return a UDP header with a checksum of 0, for a payload of `size` bytes."""
    return struct.pack(">HHHH", *ports, 8 + size, 0)


def parse(frame: bytes) -> PacketHeader | None:
    """Return the header of an IPv4 packet, or None if its checksum or its lengths are wrong."""
    if not is_ipv4(frame):
        return None
    length = (frame[14] & 15) * 4
    total = int.from_bytes(frame[16:18], "big")
    if not 20 <= length <= total <= len(frame) - 14:
        return None
    if internet_sum(frame[14 : 14 + length]) != 0xFFFF:
        return None
    return PacketHeader(frame[26:30], frame[30:34], frame[23], frame[14 + length : 14 + total])


def has_valid_checksum(header: PacketHeader) -> bool:
    """Return whether the checksum of a packet's TCP, UDP or ICMP message is right.

    Other protocols count as valid.
    """
    if header.protocol == ICMP:  # has no pseudo-header
        return internet_sum(header.payload) == 0xFFFF
    if header.protocol not in _CHECKSUM:
        return True
    pseudo = _pseudo_header(header.source, header.to, header.protocol, len(header.payload))
    return internet_sum(pseudo + header.payload) == 0xFFFF


def routed(frame: bytes, hops: int) -> bytes:
    """Return a frame with an IPv4 packet as routers forward it: with a lower TTL."""
    if not hops or not is_ipv4(frame):
        return frame
    ttl = max(1, frame[22] - hops)
    head = bytearray(frame[14 : 14 + (frame[14] & 15) * 4])
    # Incremental update (RFC 1624): a checksum that was wrong before stays wrong.
    old, new = int.from_bytes(head[8:10], "big"), ttl << 8 | head[9]
    total = (~int.from_bytes(head[10:12], "big") & 0xFFFF) + (~old & 0xFFFF) + new
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    head[8], head[10:12] = ttl, (~total & 0xFFFF).to_bytes(2, "big")
    return frame[:14] + bytes(head) + frame[14 + len(head) :]


def with_wrong_checksum(frame: bytes) -> bytes:
    """Return a frame whose TCP or UDP checksum is wrong; others stay as they are."""
    if not is_ipv4(frame) or frame[23] not in _CHECKSUM:
        return frame
    at = 14 + (frame[14] & 15) * 4 + _CHECKSUM[frame[23]]
    if len(frame) < at + 2:
        return frame
    # Not 0, which means that a UDP datagram has no checksum.
    wrong = (int.from_bytes(frame[at : at + 2], "big") ^ 0x5A5A) or 0x5A5B
    return frame[:at] + wrong.to_bytes(2, "big") + frame[at + 2 :]


def _pseudo_header(source: bytes, to: bytes, protocol: int, size: int) -> bytes:
    return source + to + struct.pack(">BBH", 0, protocol, size)
