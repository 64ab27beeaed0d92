"""A capture in memory, to view, save and decode."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from scapy.packet import Packet

from netchat.files import create_private, tighten
from netchat.packets import Messages, PcapngWriter, read_capture
from netchat.packets import Packet as CapturedPacket
from netchat.packets.capture.packet import ETHERNET
from netchat.packets.capture.writer import CaptureWriter

__all__ = ["Capture"]


class Capture:
    """Packets as a capture on the cable would have them.

    Args:
        packets: Scapy packets, from Ethernet on, each with its `time`.

    Attributes:
        packets: The packets. Number 1 is the first one, as in Wireshark: `capture[1]`.
    """

    def __init__(self, packets: Sequence[Packet]) -> None:
        self.packets: list[Packet] = list(packets)

    def __getitem__(self, number: int) -> Packet:
        if not 1 <= number <= len(self.packets):
            raise IndexError(f"packet number must be 1 to {len(self.packets)}, got {number}")
        return self.packets[number - 1]

    def __len__(self) -> int:
        return len(self.packets)

    def __repr__(self) -> str:
        times = [float(packet.time) for packet in self.packets]
        seconds = times[-1] - times[0] if times else 0.0
        return f"<Capture: {len(self)} packets in {seconds:.6f} s>"

    def data(self) -> bytes:
        """Return the capture as the bytes of a pcapng file."""
        file = io.BytesIO()
        with PcapngWriter(file) as out:
            self._write(out)
        return file.getvalue()

    def messages(self) -> Messages:
        """Return the messages that netchat decodes from it."""
        data = self.data()
        return Messages(lambda: read_capture(io.BytesIO(data)))

    def save(self, path: str | Path) -> Path:
        """Write it to a file, for `netchat inspect` and Wireshark; return the file's path."""
        path = Path(path)
        tighten(path)
        with create_private(path) as file:
            file.write(self.data())
        return path

    def _write(self, out: CaptureWriter) -> None:
        for number, packet in enumerate(self.packets, 1):
            data = bytes(packet)
            time = round(float(packet.time) * 1_000_000) * 1000  # a float holds no more digits
            out.write(CapturedPacket(number, time, ETHERNET, data, len(data)))
