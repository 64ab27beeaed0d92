"""TCP conversations for tests: packets built by hand, field by field, for any link layer."""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass, field
from functools import cache

from netchat.packets import Packet
from netchat.packets.tcp.dissect import ACK, FIN, PSH, RST, SYN

__all__ = ["ACK", "FIN", "PSH", "RST", "SYN", "Talk", "ethernet", "ipv4", "ipv6", "tcp", "udp"]

MILLISECOND = 1_000_000
START = 1_700_000_000 * 1_000_000_000


@cache
def _packed(address: str) -> bytes:
    return ipaddress.ip_address(address).packed


def tcp(source: int, target: int, seq: int, ack: int, flags: int, payload: bytes = b"") -> bytes:
    return (
        struct.pack(
            ">HHIIBBHHH", source, target, seq % 2**32, ack % 2**32, 0x50, flags, 65535, 0, 0
        )
        + payload
    )


def udp(source: int, target: int, payload: bytes) -> bytes:
    return struct.pack(">HHHH", source, target, 8 + len(payload), 0) + payload


def ipv4(source: str, target: str, body: bytes, protocol: int = 6, options: bytes = b"") -> bytes:
    return (
        struct.pack(
            ">BBHHHBBH4s4s",
            0x45 + len(options) // 4,
            0,
            20 + len(options) + len(body),
            1,
            0x4000,
            64,
            protocol,
            0,
            _packed(source),
            _packed(target),
        )
        + options
        + body
    )


def ipv6(source: str, target: str, body: bytes, following: int = 6) -> bytes:
    return (
        struct.pack(
            ">IHBB16s16s",
            0x60000000,
            len(body),
            following,
            64,
            _packed(source),
            _packed(target),
        )
        + body
    )


def ethernet(body: bytes, kind: int = 0x0800) -> bytes:
    return bytes(12) + kind.to_bytes(2, "big") + body


@dataclass
class Talk:
    """Conversation that is recorded packet by packet.

    Attributes:
        packets: The packets so far.
        seq: Next sequence number of the client (0) and of the server (1).
    """

    port: int = 6464
    client_port: int = 50000
    isn: tuple[int, int] = (1000, 5000)
    step: int = MILLISECOND
    packets: list[Packet] = field(default_factory=list)
    seq: list[int] = field(default_factory=list)
    time: int = START
    client: str = "10.0.0.1"
    server: str = "10.0.0.2"

    def __post_init__(self) -> None:
        self.seq = list(self.isn)

    def add(
        self,
        side: int,
        flags: int,
        payload: bytes = b"",
        seq: int | None = None,
        ack: int | None = None,
    ) -> Packet:
        """Append a segment of the client (0) or the server (1)."""
        place = self.seq[side] if seq is None else seq
        ports = (self.client_port, self.port)
        acked = self.seq[1 - side] if ack is None else ack
        segment = tcp(ports[side], ports[1 - side], place, acked, flags, payload)
        hosts = (self.client, self.server)
        data = ethernet(ipv4(hosts[side], hosts[1 - side], segment))
        packet = Packet(len(self.packets) + 1, self.time, 1, data, len(data))
        self.packets.append(packet)
        self.time += self.step
        if seq is None:
            self.seq[side] = (place + len(payload) + bool(flags & (SYN | FIN))) % 2**32
        return packet

    def datagram(self, side: int, payload: bytes) -> None:
        """Append a UDP datagram of the client (0) or the server (1)."""
        ports, hosts = (self.client_port, self.port), (self.client, self.server)
        body = udp(ports[side], ports[1 - side], payload)
        data = ethernet(ipv4(hosts[side], hosts[1 - side], body, protocol=17))
        self.packets.append(Packet(len(self.packets) + 1, self.time, 1, data, len(data)))
        self.time += self.step

    def open(self) -> Talk:
        self.add(0, SYN, ack=0)
        self.add(1, SYN | ACK)
        self.add(0, ACK)
        return self

    def say(self, side: int, payload: bytes, size: int = 1448, *, ack: bool = True) -> None:
        """Send bytes in segments of `size`, each acknowledged."""
        for at in range(0, len(payload), size):
            self.add(side, ACK | PSH, payload[at : at + size])
            if ack:
                self.add(1 - side, ACK)

    def close(self) -> Talk:
        self.add(0, FIN | ACK)
        self.add(1, FIN | ACK)
        self.add(0, ACK)
        return self

    def renumbered(self, packets: list[Packet]) -> list[Packet]:
        """Replace the packets by others, with new numbers and times."""
        return [p._replace(number=n, time=START + n * self.step) for n, p in enumerate(packets, 1)]
