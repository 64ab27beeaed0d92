"""Simulated host: an IPv4 address, TCP connections, and datagrams."""

from __future__ import annotations

import struct
from collections.abc import Callable

from netchat.mystery.frames import (
    TCP,
    UDP,
    build,
    has_valid_checksum,
    parse,
    tcp_header,
    udp_header,
)
from netchat.mystery.tcp_peer import SYN, ArrivingSegment

__all__ = ["SimulatedHost"]

_TCP = struct.Struct(">HHIIBBH")
_MSS_OPTION = bytes((2, 4, 1460 >> 8, 1460 & 255))


class SimulatedHost:
    """Host that sends frames, and drops those with wrong checksums.

    Args:
        number: Number of the host, from 1.
        send: Sends a frame to a host, by its number.

    Attributes:
        connections: Handlers of segments, by the peer's number and both ports.
    """

    def __init__(self, number: int, send: Callable[[int, bytes], None]) -> None:
        self._number, self._send = number, send
        self._packets = 0
        self.connections: dict[tuple[int, int, int], Callable[[ArrivingSegment], None]] = {}

    def send_segment(
        self, to: int, ports: tuple[int, int], numbers: tuple[int, int], flags: int, window: int,
        data: bytes,
    ) -> None:  # fmt: skip
        """Send a TCP segment to a host."""
        options = _MSS_OPTION if flags & SYN else b""
        self._send_packet(to, TCP, tcp_header(ports, numbers, flags, window, options) + data)

    def send_datagram(self, to: int, ports: tuple[int, int], data: bytes) -> None:
        """Send a UDP datagram to a host."""
        self._send_packet(to, UDP, udp_header(ports, len(data)) + data)

    def receive(self, frame: bytes) -> None:
        """Handle a frame that has arrived."""
        header = parse(frame)
        if header is None or header.protocol != TCP or not has_valid_checksum(header):
            return
        source, to, seq, ack, length, flags, window = _TCP.unpack_from(header.payload)
        handler = self.connections.get((header.source[3], to, source))
        if handler is not None:
            data = header.payload[(length >> 4) * 4 :]
            handler(ArrivingSegment(seq, ack, flags, window, data))

    def _send_packet(self, to: int, protocol: int, payload: bytes) -> None:
        self._packets = (self._packets + 1) % 65536
        macs = _mac(to) + _mac(self._number)
        addresses = _address(self._number), _address(to)
        self._send(to, build(macs, addresses, self._packets, protocol, payload))


def _mac(number: int) -> bytes:
    return bytes((2, 0, 0, 0, 0, number))


def _address(number: int) -> bytes:
    return bytes((10, 64, 0, number))
