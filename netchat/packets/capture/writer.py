"""Writers for captures: pcapng (the default) and pcap.

For example:

    with PcapngWriter("chat.pcapng") as out:
        out.write(packet)
"""

from __future__ import annotations

import gzip
import struct
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self, cast

from netchat.errors import CaptureError
from netchat.files import create_private
from netchat.packets.capture.packet import ETHERNET, Packet
from netchat.packets.capture.pcapng import SECRETS, SECTION, TLS_KEY_LOG
from netchat.wording import cannot

__all__ = ["CaptureWriter", "PcapWriter", "PcapngWriter", "create_capture", "open_writer"]

#: Snapshot length in the header, in bytes; the value that Wireshark and tcpdump write.
_SNAPLEN = 262_144

#: Last nanosecond that pcap's 32 bits of seconds since 1970 can represent, in the year 2106.
_PCAP_END = 2**32 * 1_000_000_000 - 1

_SHB_USERAPPL, _IF_NAME, _IF_TSRESOL, _COMMENT, _IF_RECV, _IF_DROP = 4, 2, 9, 1, 4, 5


class CaptureWriter:
    """Base class of both writers: an open file, used in a `with` block.

    A new file is readable by its owner only, since a capture may contain session tokens.

    Args:
        path: The file's name (compressed by gzip if it ends in `.gz`), or an open binary file.

    Raises:
        CaptureError: The file cannot be opened.
    """

    #: Whether the format can hold TLS secrets.
    holds_secrets = False

    def __init__(self, path: str | Path | BinaryIO) -> None:
        self._own = isinstance(path, (str, Path))
        if not isinstance(path, (str, Path)):
            self._file = path
            return
        self._file = create_capture(path)

    def write(self, packet: Packet) -> None:
        """Append one packet."""
        raise NotImplementedError

    def secrets(self, key_log: bytes) -> None:
        """Write TLS secrets, if the format can hold them."""

    def statistics(self, time: int, received: int, dropped: int) -> None:
        """Write the kernel's counters of packets, if the format can hold them."""

    def flush(self) -> None:
        """Flush the file, so that another process can read what was written."""
        self._file.flush()

    def close(self) -> None:
        """Complete the file and close it, unless it was passed open."""
        try:
            self._file.flush()
        finally:
            if self._own:
                self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class PcapWriter(CaptureWriter):
    """Writer for classic pcap, little-endian, with nanoseconds.

    Args:
        path: The file's name, or an open binary file.
        link: Link type of all its packets.
    """

    def __init__(self, path: str | Path | BinaryIO, link: int = ETHERNET) -> None:
        super().__init__(path)
        self._link = link
        self._record = struct.Struct("<IIII").pack
        self._file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, _SNAPLEN, link))

    def write(self, packet: Packet) -> None:
        """Append one packet.

        Raises:
            CaptureError: The packet's link type differs from the file's; pcap allows only one.
        """
        if packet.link != self._link:
            raise CaptureError(
                f"packet {packet.number} has link type {packet.link}, but this pcap file has "
                f"{self._link}; use pcapng, which allows both"
            )
        seconds, fraction = divmod(min(max(packet.time, 0), _PCAP_END), 1_000_000_000)
        head = self._record(seconds, fraction, len(packet.data), packet.length)
        self._file.write(head + packet.data)


class PcapngWriter(CaptureWriter):
    """Writer for pcapng, little-endian, with nanoseconds and comments.

    Args:
        path: The file's name, or an open binary file.
        interface: Name of the captured interface, or "".
    """

    holds_secrets = True

    def __init__(self, path: str | Path | BinaryIO, interface: str = "") -> None:
        super().__init__(path)
        self._name = interface
        self._interfaces: dict[tuple[int, str], int] = {}
        self._head = struct.Struct("<IIIIIII").pack
        body = struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)
        self._block(SECTION, body + _options((_SHB_USERAPPL, b"netchat")))

    def write(self, packet: Packet, comment: str = "", interface: str | None = None) -> None:
        """Append one packet, optionally with a comment that Wireshark shows.

        Args:
            packet: The packet.
            comment: The comment.
            interface: Name of its interface; None for that of the file.
        """
        name = self._name if interface is None else interface
        index = self._interfaces.get((packet.link, name))
        if index is None:
            index = self._add_interface(packet.link, name)
        data, time = packet.data, max(packet.time, 0)  # pcapng begins in 1970
        options = _options((_COMMENT, comment.encode())) if comment else b""
        padding = bytes(-len(data) % 4)
        total = 32 + len(data) + len(padding) + len(options)
        head = self._head(6, total, index, time >> 32, time & 0xFFFFFFFF, len(data), packet.length)
        self._file.write(
            b"%b%b%b%b%b" % (head, data, padding, options, total.to_bytes(4, "little"))
        )

    def secrets(self, key_log: bytes) -> None:
        """Write TLS secrets, in the format of a key log, for the packets after them."""
        head = struct.pack("<II", TLS_KEY_LOG, len(key_log))
        self._block(SECRETS, head + key_log + bytes(-len(key_log) % 4))

    def statistics(self, time: int, received: int, dropped: int) -> None:
        """Write how many packets the kernel received, and how many it dropped."""
        if not self._interfaces:
            self._add_interface(ETHERNET, self._name)
        counts = _options(
            (_IF_RECV, received.to_bytes(8, "little")), (_IF_DROP, dropped.to_bytes(8, "little"))
        )
        time = max(time, 0)
        self._block(5, struct.pack("<III", 0, time >> 32, time & 0xFFFFFFFF) + counts)

    def _add_interface(self, link: int, name: str) -> int:
        index = self._interfaces[link, name] = len(self._interfaces)
        named = [(_IF_NAME, name.encode(errors="replace"))] if name else []
        options = _options(*named, (_IF_TSRESOL, b"\x09"))
        self._block(1, struct.pack("<HHI", link, 0, _SNAPLEN) + options)
        return index

    def _block(self, kind: int, body: bytes) -> None:
        total = 12 + len(body)
        head = struct.pack("<II", kind, total)
        self._file.write(head + body + total.to_bytes(4, "little"))


def create_capture(path: str | Path) -> BinaryIO:
    """Open a new capture file, compressed by gzip if its name ends in `.gz`.

    It is readable by its owner only.

    Raises:
        CaptureError: The file cannot be opened.
    """
    try:
        if str(path).endswith(".gz"):
            Path(path).touch(mode=0o600)
            return cast(BinaryIO, gzip.open(path, "wb"))
        return create_private(path)
    except OSError as error:
        raise CaptureError(cannot("write", path, error)) from error


def open_writer(path: str | Path | BinaryIO, link: int = ETHERNET) -> CaptureWriter:
    """Return a writer for a file name: pcap for `.pcap` and `.cap`, otherwise pcapng."""
    if not isinstance(path, (str, Path)):
        return PcapngWriter(path)
    name = str(path).removesuffix(".gz")
    return PcapWriter(path, link) if name.endswith((".pcap", ".cap")) else PcapngWriter(path)


def _options(*options: tuple[int, bytes]) -> bytes:
    parts = [
        struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)
        for code, value in options
    ]
    return b"".join(parts) + bytes(4)
