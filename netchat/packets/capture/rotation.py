"""Capture written to a set of files, of which the oldest are deleted.

The names are those of dumpcap, so that Wireshark recognises the set:
`chat_00001_20260101120000.pcapng`.
"""

from __future__ import annotations

import contextlib
import io
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from netchat.errors import CaptureError
from netchat.files import create_new
from netchat.packets.capture.packet import Packet
from netchat.packets.capture.writer import CaptureWriter, PcapngWriter, PcapWriter
from netchat.wording import cannot

__all__ = ["RotatingWriter", "Rotation"]

#: Bytes of TLS secrets that each further file begins with; those of the newest connections.
_MAX_SECRETS = 1024 * 1024

#: Bytes of the header of a packet in a file, at most, with its padding.
_RECORD_SIZE = 36


@dataclass(frozen=True, slots=True)
class Rotation:
    """When the next file of a set begins, and how many are kept.

    Attributes:
        size: Maximum size of a file in bytes; None for no limit. A single larger packet is written.
        seconds: Time from the first packet of a file to its last; None for no limit.
        keep: Number of the newest files to keep, also of those from earlier captures; None keeps all.
    """

    size: int | None = None
    seconds: float | None = None
    keep: int | None = None


class _CountingFile(io.RawIOBase):
    """Buffered file that counts the bytes written to it."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.size = 0

    def write(self, data: bytes, /) -> int:  # type: ignore[override]
        self.size += len(data)
        return self.file.write(data)

    def flush(self) -> None:
        self.file.flush()


class RotatingWriter(CaptureWriter):
    """Writer of a set of files; each is a complete capture, with the secrets of its connections.

    Args:
        path: Name of the set. Number and time are inserted before its extension; numbers continue those
            of files that exist.
        rotation: When the next file begins.
        interface: Name of the captured interface, or "".
        link: Link type of a pcap file.
        buffering: Size of the buffer, in bytes.

    Attributes:
        files: The files written, without those deleted.
        count: Number of files written.

    Raises:
        CaptureError: The first file cannot be opened.
    """

    def __init__(
        self, path: str | Path, rotation: Rotation, interface: str = "", *, link: int = 1,
        buffering: int = -1,
    ) -> None:  # fmt: skip
        self.files: list[Path] = []
        self.count = 0
        self._path = Path(path)
        self._rotation = rotation
        self._interface, self._link, self._buffering = interface, link, buffering
        self._secrets: list[bytes] = []
        self._packets: int = 0  # in this file
        self._since: int = 0  # time of its first packet
        self._is_pcap = self._path.suffix in (".pcap", ".cap")
        self.holds_secrets = not self._is_pcap
        self._existing = self._find()
        numbers = [int(found[1]) for file in self._existing if (found := self._parts(file))]
        self._number = max(numbers, default=0)
        self._begin()

    def write(self, packet: Packet) -> None:
        """Append one packet, in the next file if this one is full."""
        if self._packets and self._is_full(packet):
            self._end()
            self._begin()
        if not self._packets:
            self._since = packet.time
        self._packets += 1
        self._writer.write(packet)

    def secrets(self, key_log: bytes) -> None:
        """Write TLS secrets, to all further files as well."""
        self._secrets.append(key_log)
        size = self._rotation.size
        most = _MAX_SECRETS if size is None else min(_MAX_SECRETS, size // 4)
        while len(self._secrets) > 1 and sum(map(len, self._secrets)) > most:
            del self._secrets[0]
        self._writer.secrets(key_log)

    def statistics(self, time: int, received: int, dropped: int) -> None:
        """Write how many packets the kernel received, and how many it dropped."""
        self._writer.statistics(time, received, dropped)

    def flush(self) -> None:
        """Flush the file, so that another process can read what was written."""
        self._writer.flush()

    def close(self) -> None:
        """Complete the last file and close it."""
        if not self._counting.file.closed:
            self._end()

    def _is_full(self, packet: Packet) -> bool:
        size, seconds = self._rotation.size, self._rotation.seconds
        added = len(packet.data) + _RECORD_SIZE
        return (size is not None and self._counting.size + added > size) or (
            seconds is not None and packet.time - self._since >= seconds * 1e9
        )

    def _begin(self) -> None:
        """Open the next file, then delete the oldest."""
        self._number += 1
        moment = time.strftime("%Y%m%d%H%M%S")
        name = f"{self._path.stem}_{self._number:05d}_{moment}{self._path.suffix}"
        path = self._path.with_name(name)
        try:
            self._counting = _CountingFile(create_new(path, self._buffering))
        except OSError as error:
            raise CaptureError(cannot("write", path, error)) from error
        self._packets = self._since = 0
        file: BinaryIO = self._counting  # type: ignore[assignment]
        self._writer: CaptureWriter = (
            PcapWriter(file, self._link) if self._is_pcap else PcapngWriter(file, self._interface)
        )
        for key_log in self._secrets:
            self._writer.secrets(key_log)
        self._writer.flush()
        self.count += 1
        self.files.append(path)
        keep = self._rotation.keep
        while keep is not None and len(self._existing) + len(self.files) > keep:
            oldest = self._existing or self.files
            with contextlib.suppress(OSError):
                oldest[0].unlink()
            del oldest[0]

    def _end(self) -> None:
        try:
            self._writer.flush()
        finally:
            self._counting.file.close()

    def _find(self) -> list[Path]:
        """Return the files of the set that exist, the oldest first."""
        try:
            return sorted(file for file in self._path.parent.iterdir() if self._parts(file))
        except OSError:
            return []  # opening the first file reports it

    def _parts(self, file: Path) -> re.Match[str] | None:
        stem, suffix = re.escape(self._path.stem), re.escape(self._path.suffix)
        return re.fullmatch(rf"{stem}_(\d{{5,}})_\d{{14}}{suffix}", file.name)
