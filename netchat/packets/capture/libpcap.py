"""Live capture without AF_PACKET (macOS, Windows), through Scapy's sockets."""

from __future__ import annotations

import queue
from collections.abc import Collection
from typing import Any

from netchat.errors import CaptureError
from netchat.packets.capture.packet import Packet

__all__ = ["LibpcapSource"]

#: Name that selects all interfaces; see `AfPacketRing`.
_ANY = "any"

#: Maximum number of packets that wait to be read. While the queue is full, packets are dropped and
#: counted.
_MAX_WAITING = 100_000


#: Filter for IP fragments after the first, which have no ports.
_FRAGMENTS = " or ip[6:2] & 0x1fff != 0 or ip6[6] = 44"


class LibpcapSource:
    """Live capture through libpcap or Npcap, with the interface of `AfPacketRing`.

    Args:
        interface: Name of the interface; `any` for the default one and the loopback interface.
        ports: TCP ports to capture; empty for all.

    Attributes:
        link: Link type of its packets; with several interfaces, that of the first packet.
        received: Packets that passed the filter.
        dropped: Packets dropped because the queue was full. Scapy does not report libpcap's drops.

    Raises:
        PermissionError: This process may not capture packets.
        CaptureError: The interface cannot be captured.
    """

    def __init__(self, interface: str, ports: Collection[int]) -> None:
        from scapy.config import conf
        from scapy.sendrecv import AsyncSniffer

        self.link = 1
        self.received = self.dropped = 0
        self._queue: queue.Queue[tuple[int, int, bytes, int]] = queue.Queue(_MAX_WAITING)
        wanted = " or ".join(f"port {port}" for port in sorted(ports)) or "tcp"
        wanted += _FRAGMENTS
        names = [str(conf.iface), conf.loopback_name] if interface == _ANY else [interface]
        options: Any = {"iface": names, "filter": wanted, "prn": self._put, "store": False}
        sniffer: Any = AsyncSniffer(**options)
        self._sniffer = sniffer
        sniffer.start()
        sniffer.thread.join(0.5)  # errors on opening the interface occur in its thread
        error = self._error()
        if isinstance(error, PermissionError) or "ermission" in str(error):
            raise PermissionError(str(error)) from error
        self._check()

    def read(self, timeout: float) -> list[tuple[int, int, bytes, int]] | None:
        """Take the waiting packets; None if none arrived within `timeout` seconds.

        Raises:
            CaptureError: The capture has ended.
        """
        try:
            packets = [self._queue.get(timeout=timeout)]
        except queue.Empty:
            self._check()
            return None
        while not self._queue.empty() and len(packets) < 1000:
            packets.append(self._queue.get_nowait())
        return packets

    def parse(self, block: list[tuple[int, int, bytes, int]], number: int) -> list[Packet]:
        """Return the packets of a block from `read`; the first has the number `number`."""
        return [Packet(n, *fields) for n, fields in enumerate(block, number)]

    def stop(self) -> None:
        """Stop capturing."""
        if self._sniffer.running:
            self._sniffer.stop()

    def count(self) -> None:
        """Update the counters; here they are always up to date."""

    def close(self) -> None:
        """End the capture."""
        self.stop()

    def _put(self, packet: Any) -> None:
        from scapy.config import conf

        # Scapy maps the class of the lowest layer to its link type.
        self.link = conf.l2types.layer2num.get(type(packet), 1)
        data = packet.original
        self.received += 1
        try:
            time = int(packet.time * 1_000_000_000)
            self._queue.put_nowait((time, self.link, data, packet.wirelen or len(data)))
        except queue.Full:
            self.dropped += 1

    def _error(self) -> Exception | None:
        """Return the error that ended Scapy's thread."""
        error: Exception | None = getattr(self._sniffer, "exception", None)
        return error

    def _check(self) -> None:
        if error := self._error():
            raise CaptureError(f"Scapy cannot capture: {error}") from error
