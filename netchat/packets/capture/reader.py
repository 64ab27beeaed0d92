"""Opens a capture file of either format, packed by gzip or not, and yields its packets.

for packet in read_packets("chat.pcapng.gz"):
    print(packet.number, packet.time, len(packet.data))
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from netchat.errors import CaptureError
from netchat.packets.capture.buffer import CHUNK, CaptureBuffer
from netchat.packets.capture.packet import Packet
from netchat.packets.capture.pcap import MAGICS, read_pcap
from netchat.packets.capture.pcapng import SECTION, read_pcapng

__all__ = ["read_packets"]

_GZIP = b"\x1f\x8b"
_OTHERS = {
    b"\xfd7zX": "packed by xz; unpack it first: xz -d",
    b"BZh9": "packed by bzip2; unpack it first: bzip2 -d",
    b"\x28\xb5\x2f\xfd": "packed by zstd; unpack it first: zstd -d",
    b"\x04\x22\x4d\x18": "packed by lz4; unpack it first: lz4 -d",
    b"PK\x03\x04": "a zip archive; unpack it first",
    b"\xa1\xb2\xcd\x34": "Kuznetzov's variant of pcap; editcap -F pcap converts it",
    b"\x34\xcd\xb2\xa1": "Kuznetzov's variant of pcap; editcap -F pcap converts it",
}


def read_packets(path: str | Path | BinaryIO) -> Iterator[Packet]:
    """Yield the packets of a capture file, in the order they stand in it.

    pcap (both byte orders, µs and ns) and pcapng, each also packed by gzip. The file is read as
    it is walked through, with memory for one piece of it; it may be a pipe.

    Args:
        path: the file's name, `-` for standard input, or an open binary file.

    Raises:
        CaptureError: the file cannot be opened, is no capture, is cut short or damaged. The
            packets in front of the place have been yielded.
    """
    if not isinstance(path, (str, Path)):
        yield from _read(path, getattr(path, "name", None) or "the capture")
    elif str(path) == "-":
        # Unbuffered: what a live capture writes into a pipe is shown as it comes.
        with open(0, "rb", buffering=0, closefd=False) as pipe:
            yield from _read(pipe, "standard input")
    else:
        try:
            file = Path(path).open("rb", buffering=0)  # noqa: SIM115 - closed below
        except OSError as error:
            raise CaptureError(f"{path} cannot be opened: {error.strerror or error}") from error
        with file:
            yield from _read(file, str(path))


def _read(file: io.RawIOBase | BinaryIO, name: object) -> Iterator[Packet]:
    """The reader for what a file is, by its first bytes."""
    source = CaptureBuffer(file, str(name))
    buffer = source.more(b"", 0, 4)
    if buffer[:2] == _GZIP:
        source = CaptureBuffer(_Gunzip(buffer, file), str(name))
        buffer = source.more(b"", 0, 4)
    magic = buffer[:4]
    if magic in MAGICS:
        return read_pcap(source, buffer)
    if magic == SECTION.to_bytes(4, "big"):
        return read_pcapng(source, buffer)
    source.ended()
    if not buffer:
        raise CaptureError(f"{name} is empty")
    what = _OTHERS.get(magic, f"no capture file: it begins with {magic.hex(' ')}")
    raise CaptureError(f"{name} is {what}")


class _Gunzip:
    """Unpacks gzip piece by piece: what stands in front of a damaged place still comes out."""

    def __init__(self, first: bytes, file: io.RawIOBase | BinaryIO) -> None:
        self._packed = first
        self._file = file
        self._unpack = zlib.decompressobj(wbits=31)  # 31: a gzip header, the largest window

    def read(self, size: int, /) -> bytes:
        while True:
            if not self._packed:
                self._packed = self._file.read(CHUNK) or b""
            if not self._packed:
                if self._unpack.eof:
                    return b""
                data = self._unpack.decompress(b"", size)
                if data or self._unpack.eof:
                    return data
                raise EOFError("the gzip stream is cut short")
            if self._unpack.eof:
                # Zeros pad a file to whole blocks; then another gzip stream may follow.
                self._packed = self._packed.lstrip(b"\0")
                if not self._packed:
                    continue
                if self._packed[:1] != _GZIP[:1]:
                    raise EOFError("neither gzip nor padding follows the gzip stream")
                self._unpack = zlib.decompressobj(wbits=31)
            data = self._unpack.decompress(self._packed, size)
            self._packed = self._unpack.unconsumed_tail or self._unpack.unused_data
            if data:
                return data
