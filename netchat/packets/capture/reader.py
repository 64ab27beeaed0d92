"""Reader for capture files of either format, compressed by gzip or not.

For example:

    for packet in read_packets("chat.pcapng.gz"):
        print(packet.number, packet.time, len(packet.data))
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from netchat.errors import CaptureError
from netchat.packets.capture.buffer import CHUNK, CaptureBuffer
from netchat.packets.capture.foreign import NEEDED, describe_foreign
from netchat.packets.capture.packet import Packet
from netchat.packets.capture.pcap import MAGICS, read_pcap
from netchat.packets.capture.pcapng import SECTION, SecretsReader, read_pcapng
from netchat.wording import cannot

__all__ = ["read_packets"]

_GZIP = b"\x1f\x8b"


def read_packets(
    path: str | Path | BinaryIO,
    on_secrets: SecretsReader | None = None,
    on_position: Callable[[int], object] | None = None,
) -> Iterator[Packet]:
    """Yield the packets of a capture file, in file order.

    Supports pcap (both byte orders, µs and ns) and pcapng, also compressed by gzip. Memory use does not
    depend on the file's size, and the file may be a pipe.

    Args:
        path: The file's name, `-` for standard input, or an open binary file.
        on_secrets: Called with each TLS key log that a pcapng file contains, before the packets after it.
        on_position: Called with the offset of each packet's bytes, before the packet: in the file or, if
            that is compressed, in what it decompresses to.

    Raises:
        CaptureError: The file cannot be opened, is not a capture, is truncated or damaged. All packets
            before the damage have been yielded.
    """
    if not isinstance(path, (str, Path)):
        yield from _read(
            path, getattr(path, "name", None) or "the capture", on_secrets, on_position
        )
    elif str(path) == "-":
        # Unbuffered, so that packets piped from a live capture are shown at once.
        with open(0, "rb", buffering=0, closefd=False) as pipe:
            yield from _read(pipe, "standard input", on_secrets, on_position)
    else:
        try:
            file = Path(path).open("rb", buffering=0)  # noqa: SIM115 - closed below
        except OSError as error:
            raise CaptureError(cannot("read", path, error)) from error
        with file:
            yield from _read(file, str(path), on_secrets, on_position)


def _read(
    file: io.RawIOBase | BinaryIO,
    name: object,
    on_secrets: SecretsReader | None,
    on_position: Callable[[int], object] | None,
) -> Iterator[Packet]:
    """Return the reader for a file's format, recognised by its first bytes."""
    source = CaptureBuffer(file, str(name))
    buffer = source.more(b"", 0, 4)
    if buffer[:2] == _GZIP:
        source = CaptureBuffer(_Gunzip(buffer, file), str(name))
        buffer = source.more(b"", 0, 4)
    magic = buffer[:4]
    if magic in MAGICS:
        return read_pcap(source, buffer, on_position)
    if magic == SECTION.to_bytes(4, "big"):
        return read_pcapng(source, buffer, on_secrets, on_position)
    source.ended()
    if not buffer:
        raise CaptureError(f"{name} is empty")
    what = describe_foreign(buffer, str(name))
    if what is None:
        buffer = source.more(buffer, 0, NEEDED)
        what = describe_foreign(buffer, str(name))
    if what is None:
        what = f"not a capture file (pcap or pcapng): it begins with {magic.hex(' ')}"
    raise CaptureError(f"{name} is {what}")


class _Gunzip:
    """Incremental gzip decompression: the data before any damage is still returned."""

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
                raise EOFError("the gzip stream is truncated")
            if self._unpack.eof:
                # Zeros may pad a file to whole blocks; another gzip stream may follow.
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
