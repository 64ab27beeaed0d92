"""Reassembly of fragmented IPv4 and IPv6 packets (RFC 791, RFC 8200, RFC 5722).

As in every host, memory and time are limited: hostile fragments evict older ones, nothing else.
"""

from __future__ import annotations

import struct
from bisect import bisect_right, insort
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from netchat.packets.capture.packet import Packet
from netchat.packets.memory_budget import MAX_FRAGMENTS
from netchat.packets.tcp.dissect import Fragment, locate_fragment

__all__ = ["CONFLICTING", "INCOMPLETE", "INVALID", "FragmentBuffer", "defragmented"]

#: Reasons for which fragments are dropped.
INCOMPLETE = "IP fragment without the rest"
CONFLICTING = "IP fragment that contradicts another"
INVALID = "invalid IP fragment"

#: Time that fragments wait for the others, in ns (RFC 8200, section 4.5).
_TIMEOUT = 60_000_000_000

#: Memory of a piece or fragment and of a datagram in addition to the bytes, roughly.
_PIECE_COST, _DATAGRAM_COST = 200, 600

#: Most parts of a packet: one of 64 KiB has about 120 fragments at an MTU of 576 bytes.
_MAX_PIECES = 512

#: Fragments of complete packets that are remembered to recognise their duplicates.
_MAX_REMEMBERED = 16_384

#: Deepest nesting of fragmented packets in fragmented packets, as for tunnels.
_MAX_DEPTH = 5

_MAX_PACKET = 65_535


@dataclass(slots=True)
class _Datagram:
    """Packet of which fragments were captured.

    Attributes:
        began: Capture time of the first fragment, in ns.
        pieces: Start, end and captured bytes of its parts, in order, without overlaps.
        size: Number of bytes that they cover.
        total: Length of its payload in bytes; -1 while unknown.
        protocol: Its protocol; -1 while unknown.
        packets: Numbers of the packets that carried it.
        digests: Hashes of the fragments.
        cost: Its memory use, in bytes.
    """

    began: int
    pieces: list[tuple[int, int, bytes]] = field(default_factory=list)
    size: int = 0
    total: int = -1
    protocol: int = -1
    packets: list[int] = field(default_factory=list)
    digests: set[int] = field(default_factory=set)
    cost: int = _DATAGRAM_COST

    @property
    def is_complete(self) -> bool:
        """Whether all of its bytes arrived."""
        return self.size == self.total

    def add(self, fragment: Fragment) -> bool:
        """Add a fragment; return whether it agrees with the others."""
        start, end = fragment.start, fragment.start + fragment.size
        self.cost += _PIECE_COST
        if not fragment.has_more:
            if self.total not in (-1, end) or (self.pieces and self.pieces[-1][1] > end):
                return False
            self.total = end
        elif 0 <= self.total < end:
            return False
        if not start:
            self.protocol = fragment.protocol
        new = self._uncovered(start, end, fragment.payload)
        if new is None or len(self.pieces) + len(new) > _MAX_PIECES:
            return False
        for piece in new:
            insort(self.pieces, piece)
            self.size += piece[1] - piece[0]
            self.cost += _PIECE_COST + len(piece[2])
        return True

    def _uncovered(self, start: int, end: int, data: bytes) -> list[tuple[int, int, bytes]] | None:
        """Return the parts of a range that are new, or None if its bytes contradict known ones."""
        pieces, new, place = self.pieces, [], start
        at = max(0, bisect_right(pieces, start, key=lambda piece: piece[0]) - 1)
        while at < len(pieces) and pieces[at][0] < end:
            first, last, known = pieces[at]
            at += 1
            low, high = max(first, start), min(last, end)
            if low >= high:
                continue
            ours, theirs = known[low - first : high - first], data[low - start : high - start]
            both = min(len(ours), len(theirs))
            if ours[:both] != theirs[:both]:
                return None
            if place < low:
                new.append((place, low, data[place - start : low - start]))
            place = high
        if place < end:
            new.append((place, end, data[place - start :]))
        return new

    def payload(self) -> bytes:
        """Return the bytes up to the first that the capture truncated."""
        parts = []
        for start, end, data in self.pieces:
            parts.append(data)
            if len(data) < end - start:
                break
        return b"".join(parts)


class FragmentBuffer:
    """Buffer of fragments until their packets are complete.

    Overlapping fragments must agree on the bytes that they share; otherwise their packet is dropped, as
    hosts do, because the receivers of the halves could read different packets.

    Args:
        dropped: Counter of the dropped fragments, by reason.

    Attributes:
        packets: Numbers of the packets that carried the last complete packet.
    """

    def __init__(self, dropped: Counter[str] | None = None) -> None:
        self.packets: list[int] = []
        self._dropped: Counter[str] = Counter() if dropped is None else dropped
        self._waiting: dict[bytes, _Datagram] = {}
        self._cost = 0
        self._done: dict[bytes, _Datagram] = {}  # recently completed, the oldest first
        self._remembered = 0

    def feed(self, packet: Packet) -> Packet | None:
        """Add a packet with a fragment.

        Returns:
            The whole packet with the link layer's header, number and time of this fragment, once it is
            complete. If a tunnel's fragments carry fragments, these are reassembled as well.
        """
        whole: Packet | None = packet
        for _ in range(_MAX_DEPTH):
            assert whole is not None
            fragment = locate_fragment(whole.link, whole.data, whole.length)
            if fragment is None:
                if whole is not packet:
                    return whole
                self._dropped[INVALID] += 1
                return None
            whole = self._add(whole, fragment)
            if whole is None:
                return None
        self._dropped[INVALID] += 1
        return None

    def finish(self) -> None:
        """Drop the fragments that wait for others."""
        for key in list(self._waiting):
            self._drop(key, INCOMPLETE)

    def _add(self, packet: Packet, fragment: Fragment) -> Packet | None:
        """Add a fragment; return the whole packet if it completes it."""
        key, end = fragment.key, fragment.start + fragment.size
        if end > _MAX_PACKET or (fragment.has_more and fragment.size % 8):
            self._dropped[INVALID] += 1
            return None
        while self._waiting:
            oldest = next(iter(self._waiting))
            if packet.time - self._waiting[oldest].began <= _TIMEOUT:
                break
            self._drop(oldest, INCOMPLETE)
        digest = hash((fragment.start, fragment.size, fragment.has_more, fragment.payload))
        done = self._done.get(key)
        if (
            done is not None
            and digest in done.digests
            and abs(packet.time - done.began) <= _TIMEOUT
        ):
            return None  # captured twice, or duplicated by the network
        datagram = self._waiting.get(key)
        if datagram is None:
            datagram = self._waiting[key] = _Datagram(packet.time)
            self._cost += datagram.cost
        elif digest in datagram.digests:
            return None
        before = datagram.cost
        agrees = datagram.add(fragment)
        self._cost += datagram.cost - before
        datagram.packets.append(packet.number)
        datagram.digests.add(digest)
        if not agrees:
            self._drop(key, CONFLICTING)
            return None
        if not datagram.is_complete:
            while self._cost > MAX_FRAGMENTS:
                self._drop(next(iter(self._waiting)), INCOMPLETE)
            return None
        del self._waiting[key]
        self._cost -= datagram.cost
        self.packets = datagram.packets
        whole = _whole(packet, fragment, datagram)
        self._remember(key, datagram)
        return whole

    def _drop(self, key: bytes, why: str) -> None:
        datagram = self._waiting.pop(key)
        self._cost -= datagram.cost
        self._dropped[why] += len(datagram.packets)

    def _remember(self, key: bytes, datagram: _Datagram) -> None:
        """Keep the digests of a complete packet."""
        before = self._done.pop(key, None)
        self._remembered += len(datagram.digests) - (len(before.digests) if before else 0)
        datagram.pieces = []
        datagram.packets = []
        self._done[key] = datagram
        while self._remembered > _MAX_REMEMBERED:
            self._remembered -= len(self._done.pop(next(iter(self._done))).digests)


def _whole(packet: Packet, fragment: Fragment, datagram: _Datagram) -> Packet | None:
    """Return a packet with a complete payload in place of a fragment."""
    at, total = fragment.network, datagram.total
    if fragment.key[0] == 4:
        header = bytearray(packet.data[at : at + 20])
        header[0] = 0x45
        struct.pack_into(">H", header, 2, min(20 + total, _MAX_PACKET))
        header[6:8] = header[10:12] = b"\0\0"
        words = sum(struct.unpack(">10H", header))
        words = (words & 0xFFFF) + (words >> 16)
        struct.pack_into(">H", header, 10, ~((words & 0xFFFF) + (words >> 16)) & 0xFFFF)
    else:
        header = bytearray(packet.data[at : at + 40])
        struct.pack_into(">HB", header, 4, total, datagram.protocol)
    data = packet.data[:at] + header + datagram.payload()
    return packet._replace(data=data, length=at + len(header) + total)


def defragmented(packets: Iterable[Packet]) -> Iterator[Packet]:
    """Yield packets, with each whole packet in place of its last fragment."""
    buffer = FragmentBuffer()
    for packet in packets:
        if locate_fragment(packet.link, packet.data, packet.length) is None:
            yield packet
        elif (whole := buffer.feed(packet)) is not None:
            yield whole
