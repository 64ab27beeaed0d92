"""Reader for the pcapng format: blocks of type, length, body and length.

    section header · interface description · enhanced packet · enhanced packet · …

A file may hold several sections, each with its own byte order and interfaces. Blocks with TLS secrets
are passed to a callback. Other blocks (statistics, names, custom ones) are skipped.
Source: https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-02.html
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeAlias

from netchat.packets.capture.buffer import CaptureBuffer
from netchat.packets.capture.packet import MAX_PACKET, Packet

__all__ = ["SECRETS", "SECTION", "TLS_KEY_LOG", "SecretsReader", "read_pcapng"]

#: Type of a section header, the same in both byte orders.
SECTION = 0x0A0D0D0A
_INTERFACE, _OLD_PACKET, _SIMPLE_PACKET, _ENHANCED_PACKET = 1, 2, 3, 6

#: Type of a block with secrets, and the type of secrets that is a TLS key log (section 4.7).
SECRETS, TLS_KEY_LOG = 10, 0x544C534B

#: Receives a TLS key log from a file.
SecretsReader: TypeAlias = Callable[[bytes], object]

#: Size of a section header without options, and its type as bytes.
_SECTION_SIZE, _SECTION_BYTES = 28, SECTION.to_bytes(4, "big")

#: Supported versions. Some programs write 1.2, which is the same (section 4.1).
_VERSIONS = [(1, 0), (1, 2)]

_ORDERS = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}
_IF_TSRESOL, _IF_TSOFFSET = 9, 14

#: Latest time stamp in 64 bits, in ns: in the year 2262.
_LATEST = 2**63 - 1

#: Maximum length of a block, in bytes: the largest packet and its options.
_MAX_BLOCK = MAX_PACKET + 64 * 1024


class _Interface(NamedTuple):
    """Interface of a capture, with the units of its clock.

    Attributes:
        link: Link type.
        snaplen: Bytes kept per packet; 0 for all.
        times: Factor in: time in ns = ticks * times // over + since.
        over: Divisor in the same formula.
        since: Offset in the same formula, in ns.
        usual: If the upper half of `ticks` is below this, multiplying by `times` is enough.
    """

    link: int
    snaplen: int
    times: int
    over: int
    since: int
    usual: int

    def time(self, ticks: int) -> int:
        """Convert a time stamp to ns, clamped to 64 bits."""
        time = ticks * self.times // self.over + self.since
        return min(max(time, -_LATEST), _LATEST)


class _Structs:
    """Record formats of one byte order."""

    def __init__(self, order: str) -> None:
        self.order = order
        self.head: Callable[..., tuple[int, ...]] = struct.Struct(order + "II").unpack_from
        self.enhanced: Callable[..., tuple[int, ...]] = struct.Struct(order + "7I").unpack_from
        self.old: Callable[..., tuple[int, ...]] = struct.Struct(order + "HH4I").unpack_from
        self.interface: Callable[..., tuple[int, ...]] = struct.Struct(order + "HHI").unpack_from
        self.option: Callable[..., tuple[int, ...]] = struct.Struct(order + "HH").unpack_from
        self.version: Callable[..., tuple[int, ...]] = struct.Struct(order + "HH").unpack_from
        self.one: Callable[..., tuple[int, ...]] = struct.Struct(order + "I").unpack_from


def read_pcapng(
    source: CaptureBuffer,
    buffer: bytes,
    on_secrets: SecretsReader | None = None,
    on_position: Callable[[int], object] | None = None,
) -> Iterator[Packet]:
    """Yield the packets of a pcapng file.

    Args:
        source: Input for the rest of the file.
        buffer: The beginning of the file.
        on_secrets: Called with each TLS key log in the file, before the packets after it.
        on_position: Called with the file offset of each packet's bytes, before the packet.

    Raises:
        CaptureError: A block is truncated or invalid. All packets before it have been yielded.
    """
    structs = _Structs("<")
    enhanced = structs.enhanced
    interfaces: list[_Interface] = []
    number = at = time = 0
    current = -1  # the last packet's interface, with a copy of its fields:
    link = times = usual = 0
    new = tuple.__new__  # bypasses the named tuple's own constructor, for speed
    size = len(buffer)
    while True:
        # Fast path: a complete enhanced packet block. Others are handled below.
        if at + 32 <= size:
            kind, total, index, high, low, captured, length = enhanced(buffer, at)
            end = at + total
            if (
                kind == _ENHANCED_PACKET
                and end <= size
                and captured + 32 <= total
                and not total & 3
                and index < len(interfaces)
            ):
                if index != current:
                    current = index
                    link, _, times, _, _, usual = interfaces[index]
                time = high << 32 | low
                time = time * times if high < usual else interfaces[index].time(time)
                number += 1
                at += 28
                if on_position is not None:
                    on_position(source.offset + at)
                yield new(Packet, (number, time, link, buffer[at : at + captured], length))
                at = end
                continue
        need = _SECTION_SIZE if buffer[at : at + 4] == _SECTION_BYTES else 12
        if at + need <= size:
            kind, total = structs.head(buffer, at)
            if kind == SECTION:
                structs = _section(source, buffer, at)
                enhanced, interfaces, current = structs.enhanced, [], -1
                total = structs.head(buffer, at)[1]
            elif not total and source.padded(buffer, at):
                source.ended()
                return
            if total < 12 or total % 4 or total > _MAX_BLOCK:
                raise source.bad(
                    f"a block of type {kind:#x} has an invalid length, {total} bytes", at
                )
            end = at + total
            if end <= size:
                if buffer[end - 4 : end] != buffer[at + 4 : at + 8]:
                    raise source.bad(f"a block of type {kind:#x} has two different lengths", at)
                if kind == _ENHANCED_PACKET and total >= 32:
                    _, _, index, _, _, captured, _ = structs.enhanced(buffer, at)
                    raise _bad_packet(source, at, captured, total, index, interfaces)
                if kind == _INTERFACE and total >= 20:
                    interfaces.append(_interface(source, structs, buffer, at, end))
                elif kind in (_SIMPLE_PACKET, _OLD_PACKET):
                    number += 1
                    packet = _rare(source, structs, buffer, at, total, interfaces, number, time)
                    time = packet.time
                    if on_position is not None:
                        head = 12 if kind == _SIMPLE_PACKET else 28
                        on_position(source.offset + at + head)
                    yield packet
                elif kind == SECRETS:
                    if on_secrets is not None:
                        on_secrets(_key_log(source, structs, buffer, at, total))
                elif kind in (_INTERFACE, _ENHANCED_PACKET):
                    raise source.bad(
                        f"a block of type {kind} has an invalid length, {total} bytes", at
                    )
                at = end
                continue
            need = total
        buffer, at = source.more(buffer, at, need), 0
        size = len(buffer)
        if size < need:
            if any(buffer):
                raise source.truncated(f"the block after packet {number}", 0, need, size)
            source.ended()
            return


def _section(source: CaptureBuffer, buffer: bytes, at: int) -> _Structs:
    order = _ORDERS.get(buffer[at + 8 : at + 12])
    if order is None:
        raise source.bad(
            f"a section header has the invalid byte order {buffer[at + 8 : at + 12]!r}", at
        )
    structs = _Structs(order)
    version = structs.version(buffer, at + 12)
    if version not in _VERSIONS:
        number = ".".join(map(str, version))
        raise source.bad(f"pcapng version must be 1.0 or 1.2, got {number}", at + 12)
    return structs


def _interface(
    source: CaptureBuffer, structs: _Structs, buffer: bytes, at: int, end: int
) -> _Interface:
    link, _, snaplen = structs.interface(buffer, at + 8)
    times, over, since = 1000, 1, 0
    place = at + 16
    while place + 4 <= end - 4:
        code, size = structs.option(buffer, place)
        value = buffer[place + 4 : place + 4 + size]
        if code == 0:
            break
        if place + 4 + size > end - 4:
            raise source.bad(
                f"option {code} of an interface is longer than its block: {size} bytes", place
            )
        if code == _IF_TSRESOL and size == 1:
            # The top bit chooses between powers of 10 and of 2.
            base = 2 if value[0] & 0x80 else 10
            times, over = 1_000_000_000, base ** (value[0] & 0x7F)
            if times % over == 0:
                times, over = times // over, 1
        elif code == _IF_TSOFFSET and size == 8:
            since = struct.unpack(structs.order + "q", value)[0] * 1_000_000_000
        place += 4 + size + -size % 4
    usual = _LATEST // times >> 32 if over == 1 and not since else 0
    return _Interface(link, snaplen, times, over, since, usual)


def _key_log(source: CaptureBuffer, structs: _Structs, buffer: bytes, at: int, total: int) -> bytes:
    """Return the TLS key log in a block with secrets; empty if it has other secrets."""
    kind, size = structs.head(buffer, at + 8) if total >= 20 else (0, total)
    if size > total - 20:
        raise source.bad(f"a block of {total} bytes cannot hold secrets of {size}", at)
    return buffer[at + 16 : at + 16 + size] if kind == TLS_KEY_LOG else b""


def _rare(
    source: CaptureBuffer,
    structs: _Structs,
    buffer: bytes,
    at: int,
    total: int,
    interfaces: list[_Interface],
    number: int,
    time: int,
) -> Packet:
    """Read a simple packet block, which has no time, or an obsolete packet block."""
    simple = buffer[at : at + 4] in (b"\x03\0\0\0", b"\0\0\0\x03")
    head = 12 if simple else 28
    if total < head + 4:
        raise source.bad(f"a packet block has an invalid length, {total} bytes", at)
    index = 0
    if simple:
        (length,) = structs.one(buffer, at + 8)
        captured = length
        if interfaces and interfaces[0].snaplen:
            captured = min(length, interfaces[0].snaplen)
    else:
        index, _, high, low, captured, length = structs.old(buffer, at + 8)
    if captured > total - head - 4 or index >= len(interfaces):
        raise _bad_packet(source, at, captured, total, index, interfaces)
    interface = interfaces[index]
    if not simple:
        time = interface.time(high << 32 | low)
    return Packet(number, time, interface.link, buffer[at + head : at + head + captured], length)


def _bad_packet(
    source: CaptureBuffer,
    at: int,
    captured: int,
    total: int,
    index: int,
    interfaces: list[_Interface],
) -> Exception:
    if index >= len(interfaces):
        return source.bad(
            f"a packet names interface {index}, but only {len(interfaces)} are described", at
        )
    return source.bad(f"a block of {total} bytes cannot hold a packet of {captured}", at)
