"""Live packets where there is no AF_PACKET (macOS, Windows): through Scapy's own sockets."""

from __future__ import annotations

import queue
from collections.abc import Collection
from typing import Any

from netchat.errors import CaptureError
from netchat.packets.capture.packet import Packet

__all__ = ["LibpcapSource"]

#: The name that stands for all interfaces; see `AfPacketRing`.
_ANY = "any"

#: Packets that wait to be read. Those that come while it is full are dropped, and counted.
_MAX_WAITING = 100_000


class LibpcapSource:
    """A live capture through libpcap or Npcap; the interface is that of `AfPacketRing`.

    Args:
        interface: its name; `any` takes the usual one and the loopback interface.
        ports: TCP ports to listen to; none is all.

    Attributes:
        link: link type of its packets; of several interfaces that of the first packet.
        received: packets that passed the filter.
        dropped: how many of them did not find room. What libpcap drops Scapy does not tell.

    Raises:
        PermissionError: this process may not capture.
        CaptureError: the interface cannot be listened on.
    """

    def __init__(self, interface: str, ports: Collection[int]) -> None:
        from scapy.config import conf
        from scapy.sendrecv import AsyncSniffer

        self.link = 1
        self.received = self.dropped = 0
        self._queue: queue.Queue[tuple[int, int, bytes, int]] = queue.Queue(_MAX_WAITING)
        wanted = " or ".join(f"port {port}" for port in sorted(ports)) or "tcp"
        names = [str(conf.iface), conf.loopback_name] if interface == _ANY else [interface]
        options: Any = {"iface": names, "filter": wanted, "prn": self._put, "store": False}
        sniffer: Any = AsyncSniffer(**options)
        self._sniffer = sniffer
        sniffer.start()
        sniffer.thread.join(0.5)  # opening the interface fails in its thread, if it does
        self._check()

    def read(self, timeout: float) -> list[tuple[int, int, bytes, int]] | None:
        """Take the packets that wait; None if none came within `timeout` seconds.

        Raises:
            CaptureError: the capture has ended by itself.
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
        """The packets of what `read` gave; the first has the number `number`."""
        return [Packet(n, *fields) for n, fields in enumerate(block, number)]

    def stop(self) -> None:
        """Let nothing more in."""
        if self._sniffer.running:
            self._sniffer.stop()

    def count(self) -> None:
        """Update the counters; here they always are."""

    def close(self) -> None:
        """End the capture."""
        self.stop()

    def _put(self, packet: Any) -> None:
        from scapy.config import conf

        # What Scapy calls the layer at the bottom has the number of its link type.
        self.link = conf.l2types.layer2num.get(type(packet), 1)
        data = packet.original
        self.received += 1
        try:
            time = int(packet.time * 1_000_000_000)
            self._queue.put_nowait((time, self.link, data, packet.wirelen or len(data)))
        except queue.Full:
            self.dropped += 1

    def _check(self) -> None:
        error = getattr(self._sniffer, "exception", None)
        if error is None:
            return
        if isinstance(error, PermissionError) or "ermission" in str(error):
            raise PermissionError(str(error)) from error
        raise CaptureError(f"Scapy cannot capture: {error}") from error
