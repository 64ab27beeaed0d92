"""Captures of what each host's cable carries, by the host's own clock."""

from __future__ import annotations

from pathlib import Path

from netchat.errors import CaptureError
from netchat.files import tighten
from netchat.packets import Messages, Packet, PcapngWriter, read_capture
from netchat.packets.capture.packet import ETHERNET
from netchat.wording import cannot

__all__ = ["CableCapture", "HostClock"]


class HostClock:
    """Clock of a host.

    Args:
        begin: Its time at 0 s, in ns since 1970.
        ppm: How fast it is: microseconds gained per second.
    """

    def __init__(self, begin: int, ppm: float = 0.0) -> None:
        self._begin, self._rate = begin, 1 + ppm * 1e-6

    def read(self, seconds: float) -> int:
        """Return its time, in ns since 1970, at a true time in seconds."""
        return self._begin + round(seconds * self._rate * 1e9)


class CableCapture:
    """Packets on a host's cable, in order: those that it sends, and those that arrive for it.

    Attributes:
        host: Name of the host.
        packets: The packets.
    """

    def __init__(self, host: str, clock: HostClock) -> None:
        self.host = host
        self.packets: list[Packet] = []
        self._clock = clock

    def add(self, seconds: float, frame: bytes) -> Packet:
        """Add a frame, at a true time in seconds."""
        time = self._clock.read(seconds)
        packet = Packet(len(self.packets) + 1, time, ETHERNET, frame, len(frame))
        self.packets.append(packet)
        return packet

    def __len__(self) -> int:
        return len(self.packets)

    def __repr__(self) -> str:
        return f"<CableCapture of {self.host}: {len(self)} packets>"

    def save(self, path: str | Path) -> Path:
        """Write a pcapng file for `netchat inspect` and Wireshark; return its path.

        Raises:
            CaptureError: The file cannot be written.
        """
        path = Path(path)
        tighten(path)
        try:
            with PcapngWriter(path, self.host) as out:
                for packet in self.packets:
                    out.write(packet)
        except OSError as error:
            raise CaptureError(cannot("write", path, error)) from error
        return path

    def messages(self) -> Messages:
        """Return the chat messages that netchat decodes from it."""
        import io

        file = io.BytesIO()
        with PcapngWriter(file, self.host) as out:
            for packet in self.packets:
                out.write(packet)
        data = file.getvalue()
        return Messages(lambda: read_capture(io.BytesIO(data)))
