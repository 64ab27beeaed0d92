"""Reader for the classic pcap format.

A file consists of a header of 24 bytes, then records of 16 bytes and a packet.
Source: https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-04.html
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

from netchat.errors import CaptureError
from netchat.packets.capture.buffer import CaptureBuffer
from netchat.packets.capture.foreign import conversion, pcap_variant
from netchat.packets.capture.packet import MAX_PACKET, Packet

__all__ = ["MAGICS", "read_pcap"]

#: Byte order and nanoseconds per tick, by the first four bytes.
MAGICS = {
    b"\xd4\xc3\xb2\xa1": ("<", 1000),
    b"\xa1\xb2\xc3\xd4": (">", 1000),
    b"\x4d\x3c\xb2\xa1": ("<", 1),
    b"\xa1\xb2\x3c\x4d": (">", 1),
}

#: Supported versions: that of 1998, and those before it.
_VERSIONS = [(2, minor) for minor in range(5)]

_HEADER_SIZE = 24
_RECORD_SIZE = 16

#: The lower bits are the link type; the upper ones describe the frame check sequence.
_LINK_BITS = 0x03FFFFFF


def read_pcap(
    source: CaptureBuffer, buffer: bytes, on_position: Callable[[int], object] | None = None
) -> Iterator[Packet]:
    """Yield the packets of a pcap file.

    Args:
        source: Input for the rest of the file.
        buffer: The beginning of the file, with the magic number.
        on_position: Called with the file offset of each packet's bytes, before the packet.

    Raises:
        CaptureError: A record is truncated or invalid. All packets before it have been yielded.
    """
    buffer = source.more(buffer, 0, _HEADER_SIZE)
    if len(buffer) < _HEADER_SIZE:
        raise source.truncated("the header", 0, _HEADER_SIZE, len(buffer))
    order, tick = MAGICS[buffer[:4]]
    version, minor, network = struct.unpack_from(order + "4xHH8x4xI", buffer)
    if (version, minor) not in _VERSIONS:
        raise source.bad(f"pcap version must be 2.0 to 2.4, got {version}.{minor}", 4)
    if (variant := pcap_variant(buffer, order)) is not None:
        raise CaptureError(f"{source.name} is {variant}; convert it: {conversion(source.name)}")
    link = network & _LINK_BITS
    new = tuple.__new__  # bypasses the named tuple's own constructor, for speed
    record: Callable[[bytes, int], tuple[int, ...]] = struct.Struct(order + "IIII").unpack_from
    if minor < 4:
        record = _old_order(record)
    number, at, size = 0, _HEADER_SIZE, len(buffer)
    while True:
        need = _RECORD_SIZE
        if at + _RECORD_SIZE <= size:
            seconds, ticks, captured, length = record(buffer, at)
            end = at + _RECORD_SIZE + captured
            if end <= size and captured <= MAX_PACKET:
                if not length and not any(buffer[at:end]):
                    break
                number += 1
                time = seconds * 1_000_000_000 + ticks * tick
                data = buffer[at + _RECORD_SIZE : end]
                if on_position is not None:
                    on_position(source.offset + at + _RECORD_SIZE)
                yield new(Packet, (number, time, link, data, length))
                at = end
                continue
            if captured > MAX_PACKET:
                raise source.bad(
                    f"a packet must be at most {MAX_PACKET} bytes, "
                    f"but this record's length is {captured}",
                    at,
                )
            need += captured
        buffer, at = source.more(buffer, at, need), 0
        size = len(buffer)
        if size < need:
            if any(buffer):
                raise source.truncated(f"the record of packet {number + 1}", 0, need, size)
            source.ended()
            return
    if not source.padded(buffer, at):
        raise source.bad("an empty record is followed by more than padding", at)
    source.ended()


def _old_order(record: Callable[[bytes, int], tuple[int, ...]]) -> Callable[..., tuple[int, ...]]:
    """Read a record from before version 2.4, in which the two lengths may be swapped."""

    def read(buffer: bytes, at: int) -> tuple[int, ...]:
        seconds, ticks, *lengths = record(buffer, at)
        return seconds, ticks, min(lengths), max(lengths)

    return read
