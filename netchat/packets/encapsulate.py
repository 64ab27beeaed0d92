"""Honest Ethernet, IP and TCP around bytes, as a network would have carried them.

chat = Encapsulation()
chat.say(frame)
chat.close()
wrpcap("chat.pcap", chat.packets)
"""

from __future__ import annotations

import ipaddress
import time
from pathlib import Path
from typing import BinaryIO, NamedTuple

from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Packet, Raw

from netchat.errors import CaptureError
from netchat.packets.capture.packet import ETHERNET
from netchat.packets.capture.packet import Packet as CapturedPacket
from netchat.packets.capture.writer import open_writer
from netchat.wire import DEFAULT_PORT

__all__ = ["Encapsulation"]

#: Bytes of data in a segment, over IPv4 and over IPv6: what Ethernet's 1500 leave behind the two
#: headers.
MSS_IPV4, MSS_IPV6 = 1460, 1440

#: Seconds between two packets: a round trip in a local network.
STEP = 0.001


class _End(NamedTuple):
    """One end of the connection."""

    mac: str
    host: str
    port: int


class Encapsulation:
    """One TCP connection, as the packets that a capture of it would hold.

    It begins with the handshake. Checksums, sequence and acknowledgement numbers are right. Hosts
    are of the ranges that are kept for documentation (RFC 5737, RFC 3849).

    Args:
        client: the client's address.
        server: the server's address, of the same kind (IPv4 or IPv6).
        port: the server's port.
        client_port: the client's port.
        now: time of the first packet, in seconds since 1970; by default it is now.
        first: initial sequence numbers of the client and of the server. Those by default are easy
            to tell apart; a TCP takes random ones (RFC 6528).

    Attributes:
        packets: what went over the wire so far. Each has its `time`.
    """

    def __init__(
        self,
        client: str = "192.0.2.1",
        server: str = "192.0.2.2",
        *,
        port: int = DEFAULT_PORT,
        client_port: int = 40000,
        now: float | None = None,
        first: tuple[int, int] = (1000, 2000),
    ) -> None:
        self._ends = _End(_mac(client), client, client_port), _End(_mac(server), server, port)
        over_ipv6 = ipaddress.ip_address(client).version == 6
        self._ip: type[Packet] = IPv6 if over_ipv6 else IP
        self._mss = MSS_IPV6 if over_ipv6 else MSS_IPV4
        self._next = list(first)
        self._now = time.time() if now is None else now
        self.packets: list[Packet] = []
        self._packet(0, "S", options=[("MSS", self._mss)])
        self._packet(1, "SA", options=[("MSS", self._mss)])
        self._packet(0, "A")

    def say(self, data: bytes, *, by_server: bool = False, at: float | None = None) -> None:
        """One side sends bytes, the other one acknowledges them.

        Args:
            data: in as many segments as they need.
            by_server: the server sends; else the client does.
            at: when, in seconds since 1970; never earlier than what was said before.
        """
        side = int(by_server)
        if at is not None:
            self._now = max(self._now, at)
        for start in range(0, len(data), self._mss):
            part = data[start : start + self._mss]
            self._packet(side, "PA" if start + self._mss >= len(data) else "A", part)
        if data:
            self._packet(1 - side, "A")

    def close(self, *, by_server: bool = False) -> None:
        """One side closes, then the other."""
        side = int(by_server)
        self._packet(side, "FA")
        self._packet(1 - side, "FA")
        self._packet(side, "A")

    def save(self, path: str | Path | BinaryIO) -> None:
        """Write a capture: pcap if its file is called `.pcap`, else pcapng.

        Args:
            path: The file's name, or an open binary file.

        Raises:
            CaptureError: The file cannot be written.
        """
        try:
            with open_writer(path) as out:
                for number, packet in enumerate(self.packets, 1):
                    data = bytes(packet)
                    time_ns = round(packet.time * 1_000_000) * 1000  # a float holds no more digits
                    out.write(CapturedPacket(number, time_ns, ETHERNET, data, len(data)))
        except OSError as error:
            raise CaptureError(f"{path} cannot be written: {error.strerror or error}") from error

    def _packet(
        self, side: int, flags: str, data: bytes = b"", options: list[tuple[str, int]] | None = None
    ) -> None:
        src, dst = self._ends[side], self._ends[1 - side]
        tcp = TCP(
            sport=src.port,
            dport=dst.port,
            seq=self._next[side] % 2**32,
            ack=self._next[1 - side] % 2**32 if "A" in flags else 0,
            flags=flags,
            window=64240,
            options=options or [],
        )
        if data:
            tcp.add_payload(Raw(data))
        ip = self._ip(src=src.host, dst=dst.host)
        ip.add_payload(tcp)
        packet = Ether(src=src.mac, dst=dst.mac)
        packet.add_payload(ip)  # as `/` does, without copying each layer
        # Built and dissected again: lengths, checksums and the layers of the data stand in it.
        packet = Ether(bytes(packet))
        packet.time = self._now
        self.packets.append(packet)
        self._now += STEP
        self._next[side] += len(data) + sum(flag in flags for flag in "SF")


def _mac(host: str) -> str:
    """A locally administered address, one for each host of a network."""
    return f"02:00:00:00:00:{ipaddress.ip_address(host).packed[-1]:02x}"
