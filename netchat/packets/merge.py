"""One capture from two, made on both sides of a network.

The clock of the second capture is corrected by its estimated offset; see `two_sides`. By default, a packet
that both have is written once, as its sender's side captured it, and the receiver's side fills the gaps.
"""

from __future__ import annotations

import heapq
import struct
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from netchat.errors import CaptureError
from netchat.packets.capture.packet import ETHERNET, Packet
from netchat.packets.capture.reader import read_packets
from netchat.packets.capture.writer import PcapngWriter, open_writer
from netchat.packets.decode.conversation import connection_key, reverse
from netchat.packets.offline import read_capture
from netchat.packets.tcp.dissect import dissect, dissect_datagram, innermost_ip, locate
from netchat.packets.two_sides import Comparison, collect, compare
from netchat.wire import DEFAULT_PORT, MAX_FRAME

__all__ = ["MergedCapture", "merge"]

_MASK, _HALF = 0xFFFFFFFF, 0x80000000
_TCP, _UDP = 6, 17

#: Packets of a capture over which times may be out of order.
_REORDERED = 1024


class MergedCapture(NamedTuple):
    """Result of a merge.

    Attributes:
        comparison: The captures' conversations and clocks.
        packets: Number of packets written, from each capture.
        copies: Number of packets left out, because the other capture has them.
        translated: Number of packets whose addresses were replaced by those before the NAT.
        secrets: Number of key logs with TLS secrets that were copied.
    """

    comparison: Comparison
    packets: tuple[int, int]
    copies: int
    translated: int
    secrets: int


@dataclass(slots=True)
class _Direction:
    """Contents of one direction of a conversation in its sender's capture.

    Attributes:
        ranges: Ranges of sequence numbers, counted on without end; sorted once complete.
        others: Segments without data: flags, sequence number, acknowledgement.
        datagrams: Number of equal datagrams.
    """

    ranges: list[tuple[int, int]] = field(default_factory=list)
    others: set[tuple[int, int, int]] = field(default_factory=set)
    datagrams: Counter[bytes] = field(default_factory=Counter)
    _last: dict[bool, int] = field(default_factory=dict)

    def place(self, seq: int, *, from_sender: bool) -> int:
        """Return a sequence number as a number that does not wrap around."""
        last = self._last.get(from_sender, self._last.get(True, seq))
        ahead = (seq - last) & _MASK
        place = last + (ahead if ahead < _HALF else ahead - _MASK - 1)
        self._last[from_sender] = place
        return place

    def sort(self) -> None:
        """Join adjacent ranges, after the last one."""
        joined: list[tuple[int, int]] = []
        for start, end in sorted(self.ranges):
            if joined and start <= joined[-1][1]:
                joined[-1] = joined[-1][0], max(joined[-1][1], end)
            else:
                joined.append((start, end))
        self.ranges = joined

    def has(self, start: int, end: int) -> bool:
        """Return whether the sender's capture has a range of bytes."""
        at = bisect_right(self.ranges, (start, float("inf"))) - 1
        return at >= 0 and end <= self.ranges[at][1]


class _Copies:
    """Search for packets that both captures have."""

    def __init__(self, found: Comparison) -> None:
        self._ways: tuple[dict[bytes, tuple[int, bool]], ...] = {}, {}
        self._directions: dict[tuple[int, bool], _Direction] = defaultdict(_Direction)
        self._others: Counter[bytes] = Counter()
        self._sender = {True: int(not found.first_is_client), False: int(found.first_is_client)}
        self.names: dict[bytes, bytes] = {}  # keys of the second capture, and the first one's
        for index, each in enumerate(found.conversations):
            keys = connection_key(each.first), connection_key(each.second)
            for side, key in enumerate(keys):
                self._ways[side][key] = index, True
                self._ways[side][reverse(key)] = index, False
            if each.is_translated and len(keys[0]) == len(keys[1]):
                self.names[keys[1]], self.names[reverse(keys[1])] = keys[0], reverse(keys[0])

    def learn(self, side: int, packets: Iterator[Packet]) -> None:
        """Read what a capture's senders sent."""
        for packet in packets:
            way, segment, digest = self._look(side, packet)
            if way is None:
                if side == 0:
                    self._others[digest] += 1
            elif self._sender[way[1]] == side:
                known = self._directions[way]
                if segment is None:
                    known.datagrams[digest] += 1
                    continue
                seq, ack, flags, size = segment
                if size:
                    start = known.place(seq, from_sender=True)
                    known.ranges.append((start, start + size))
                else:
                    known.others.add((flags, seq, ack))

    def sort(self) -> None:
        """Prepare `is_copy`, after both captures were read."""
        for direction in self._directions.values():
            direction.sort()

    def is_copy(self, side: int, packet: Packet) -> bool:
        """Return whether the other capture has a packet, and its copy is written."""
        way, segment, digest = self._look(side, packet)
        if way is None:
            if side == 1 and self._others[digest] > 0:
                self._others[digest] -= 1
                return True
            return False
        if self._sender[way[1]] == side:
            return False
        known = self._directions[way]
        if segment is None:
            known.datagrams[digest] -= 1
            return known.datagrams[digest] >= 0
        seq, ack, flags, size = segment
        if size:
            start = known.place(seq, from_sender=False)
            return known.has(start, start + size)
        return (flags, seq, ack) in known.others

    def _look(
        self, side: int, packet: Packet
    ) -> tuple[tuple[int, bool] | None, tuple[int, int, int, int] | None, bytes]:
        """Return the direction of a packet, its segment and, without one, its digest."""
        fields = dissect(packet.link, packet.data, packet.length)
        if not isinstance(fields, str):
            key, seq, ack, flags, payload, cut = fields
            way = self._ways[side].get(key)
            if way is not None:
                return way, (seq, ack, flags, len(payload) + cut), b""
        datagram = dissect_datagram(packet.link, packet.data, packet.length)
        if datagram is not None and (way := self._ways[side].get(datagram.key)) is not None:
            return way, None, blake2b(datagram.payload, digest_size=16).digest()
        return None, None, _digest(packet)


def _digest(packet: Packet) -> bytes:
    """Return a hash of what a router does not change in a packet."""
    found = innermost_ip(packet.link, packet.data, packet.length)
    data = packet.data
    if found is not None:
        version, at = found
        if version == 4:  # without time to live and checksum
            data = data[at : at + 8] + data[at + 9 : at + 10] + data[at + 12 :]
        else:
            data = data[at : at + 7] + data[at + 8 :]
    return blake2b(data, digest_size=16).digest()


def merge(
    first: str | Path,
    second: str | Path,
    target: str | Path,
    ports: Collection[int] = (DEFAULT_PORT,),
    *,
    limit: int = MAX_FRAME,
    keylog: str | Path | None = None,
    both: bool = False,
) -> MergedCapture:
    """Merge two captures of the same conversations by time.

    Args:
        first: The capture whose clock and addresses the result has.
        second: The capture from the other end of the network.
        target: The result, readable by its owner only: pcap if it ends in `.pcap`, otherwise pcapng, in
            which each capture is an interface.
        ports: Ports of chat servers; see `Decoder`.
        limit: Maximum length of a frame, in bytes.
        keylog: Name of a key log, or None.
        both: Whether to write packets that both captures have twice, and with the addresses of each side.

    Raises:
        CaptureError: A file cannot be read or written, or is the result itself.
    """
    names = str(first), str(second)
    for name in names:
        if Path(target).exists() and Path(target).samefile(name):
            raise CaptureError(f"{target} is one of the captures; name another file")
    found = compare(*(
        collect(read_capture(name, ports, limit=limit, keylog=keylog, trace=True)) for name in names
    ))  # fmt: skip
    copies = _Copies(found)
    secrets: dict[bytes, None] = {}
    for side, name in enumerate(names):
        copies.learn(side, read_packets(name, secrets.setdefault))
    copies.sort()
    link = next((packet.link for packet in read_packets(first)), ETHERNET)
    counts, left_out, translated = [0, 0], 0, 0
    shifts = 0, found.offset or 0
    streams = [_shifted(side, name, shifts[side]) for side, name in enumerate(names)]
    labels = _labels(names)
    with open_writer(target, link) as out:
        for key_log in secrets:
            out.secrets(key_log)
        write: tuple[Callable[[Packet], None], ...] = (out.write, out.write)
        if isinstance(out, PcapngWriter):
            write = tuple(partial(out.write, interface=label) for label in labels)
        for _, side, _, packet in heapq.merge(*streams):
            if not both and copies.is_copy(side, packet):
                left_out += 1
                continue
            if not both and side == 1 and copies.names:
                packet, changed = _translate(packet, copies.names)
                translated += changed
            counts[side] += 1
            write[side](packet)
    return MergedCapture(found, (counts[0], counts[1]), left_out, translated, len(secrets))


def _labels(names: tuple[str, str]) -> tuple[str, str]:
    """Return names of interfaces: those of the files, with their folders if these are equal."""
    first, second = (Path(name).name for name in names)
    return (first, second) if first != second else names


def _shifted(side: int, name: str, shift: int) -> Iterator[tuple[int, int, int, Packet]]:
    """Yield corrected time, side, number and packet of a capture, in order of time."""
    waiting: list[tuple[int, int, int, Packet]] = []
    for packet in read_packets(name):
        packet = packet._replace(time=packet.time - shift)
        entry = packet.time, side, packet.number, packet
        if len(waiting) < _REORDERED:
            heapq.heappush(waiting, entry)
        else:
            yield heapq.heappushpop(waiting, entry)
    yield from sorted(waiting)


def _translate(packet: Packet, names: dict[bytes, bytes]) -> tuple[Packet, bool]:
    """Replace the addresses and ports of a packet behind a NAT; return whether it has such ones."""
    located = locate(packet.link, packet.data, packet.length)
    network = innermost_ip(packet.link, packet.data, packet.length)
    if isinstance(located, str) or network is None or located[0] not in (_TCP, _UDP):
        return packet, False
    protocol, at, _, addresses = located
    version, start = network
    old = addresses + packet.data[at : at + 4]
    new = names.get(old)
    if new is None:
        return packet, False
    size = len(addresses)
    data = bytearray(packet.data)
    place = start + (12 if version == 4 else 8)
    data[place : place + size] = new[:size]
    data[at : at + 4] = new[size:]
    if version == 4:
        _adjust(data, start + 10, old[:size], new[:size])
    checksum = at + (16 if protocol == _TCP else 6)
    if protocol == _TCP or data[checksum : checksum + 2] != b"\0\0":
        _adjust(data, checksum, old, new)
    return packet._replace(data=bytes(data)), True


def _adjust(data: bytearray, at: int, old: bytes, new: bytes) -> None:
    """Update a checksum for changed bytes (RFC 1624)."""
    if len(data) < at + 2:
        return  # truncated
    words = f">{len(old) // 2}H"
    total = ~int.from_bytes(data[at : at + 2]) & 0xFFFF
    total += sum(~word & 0xFFFF for word in struct.unpack(words, old))
    total += sum(struct.unpack(words, new))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    data[at : at + 2] = (~total & 0xFFFF).to_bytes(2)
