"""Ethernet, IP and TCP packets around given bytes, as in a capture.

For example:

    chat = Encapsulation()
    chat.send(frame)
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
from netchat.wording import cannot

__all__ = ["Encapsulation"]

#: Maximum segment size over IPv4 and IPv6: Ethernet's 1500 bytes less the two headers.
MSS_IPV4, MSS_IPV6 = 1460, 1440

#: Seconds between two packets: a round trip in a local network.
STEP = 0.001


class _Endpoint(NamedTuple):
    """Endpoint of the connection."""

    mac: str
    host: str
    port: int


class Encapsulation:
    """One TCP connection, as the packets of a capture.

    It begins with the handshake. Checksums, sequence and acknowledgement numbers are valid. By default
    the addresses are from the ranges reserved for documentation (RFC 5737, RFC 3849).

    Args:
        client: Address of the client, IPv4 or IPv6.
        server: Address of the server, of the same version.
        port: Port of the server.
        client_port: Port of the client.
        now: Time of the first packet, in seconds since 1970; None for the current time.
        first: Initial sequence numbers of client and server. The defaults are easy to tell apart; a
            real TCP takes random ones (RFC 6528).

    Attributes:
        packets: The packets so far; each has its `time`.
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
        self._ends = (
            _Endpoint(_mac(client), client, client_port),
            _Endpoint(_mac(server), server, port),
        )
        over_ipv6 = ipaddress.ip_address(client).version == 6
        self._ip: type[Packet] = IPv6 if over_ipv6 else IP
        self._mss = MSS_IPV6 if over_ipv6 else MSS_IPV4
        self._next = list(first)
        self._now = time.time() if now is None else now
        self.packets: list[Packet] = []
        self._packet(0, "S", options=[("MSS", self._mss)])
        self._packet(1, "SA", options=[("MSS", self._mss)])
        self._packet(0, "A")

    def send(self, data: bytes, *, by_server: bool = False, at: float | None = None) -> None:
        """Send bytes from one side and acknowledge them from the other.

        Args:
            data: The bytes, split into as many segments as necessary.
            by_server: Whether the server sends; otherwise the client does.
            at: Time in seconds since 1970; never earlier than the previous packet.
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
        """Close the connection, one side first, then the other."""
        side = int(by_server)
        self._packet(side, "FA")
        self._packet(1 - side, "FA")
        self._packet(side, "A")

    def save(self, path: str | Path | BinaryIO) -> None:
        """Write a capture: pcap if the file's name ends in `.pcap`, otherwise pcapng.

        Args:
            path: The file's name, or an open binary file.

        Raises:
            CaptureError: The file cannot be written.
        """
        try:
            with open_writer(path) as out:
                for number, packet in enumerate(self.packets, 1):
                    data = bytes(packet)
                    time_ns = round(packet.time * 1_000_000) * 1000  # the precision of a float
                    out.write(CapturedPacket(number, time_ns, ETHERNET, data, len(data)))
        except OSError as error:
            raise CaptureError(cannot("write", path, error)) from error

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
        # Build and dissect it, so that lengths, checksums and the data's layers are set.
        packet = Ether(bytes(packet))
        packet.time = self._now
        self.packets.append(packet)
        self._now += STEP
        self._next[side] += len(data) + sum(flag in flags for flag in "SF")


def _mac(host: str) -> str:
    """Return a locally administered address that is unique within the network."""
    return f"02:00:00:00:00:{ipaddress.ip_address(host).packed[-1]:02x}"
