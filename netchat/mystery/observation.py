"""Crossings of packets, from captures of both sides: when a packet left, and how it arrived.

    captures = simulate(draw("Ada"))
    for way, crossings in observe(captures).items():
        print(way, sum(crossing.is_lost for crossing in crossings), "of", len(crossings), "lost")

A way is a pair of hosts: sender and receiver.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from netchat.errors import CaptureError
from netchat.mystery.capture_recorder import CableCapture
from netchat.mystery.fault import HOSTS
from netchat.mystery.frames import ETHERNET_HEADER, TCP, PacketHeader, has_valid_checksum, is_ipv4
from netchat.packets import Packet, read_packets

__all__ = ["Crossing", "Observation", "observe", "pair", "read_observations"]

#: Bits that may differ between a packet with a damaged header and the one that left.
_MAX_FLIPS = 64

#: The flag RST of TCP.
_RESET = 4

#: Time before the end of a lab's captures from which packets may not yet be in all files, in seconds.
_UNFINISHED = 0.5


class Observation(NamedTuple):
    """An IPv4 packet in one capture."""

    time: float
    """Capture time, in seconds since 1970, by the clock of the capturing host."""
    source: str
    """Sending host."""
    to: str
    """Receiving host."""
    number: int
    """Identification in the IP header.

    Simulated hosts count their packets in it, until it wraps. Linux counts per socket, and some packets
    have 0.
    """
    size: int
    """Length of the IP packet, in bytes."""
    ttl: int
    """Time to live."""
    protocol: int
    """6 for TCP, 17 for UDP, 1 for ICMP."""
    is_valid: bool
    """Whether the checksum of TCP, UDP or ICMP is right."""
    payload: bytes
    """The TCP segment or UDP datagram, with its header."""

    @property
    def window(self) -> int:
        """Window field of a TCP segment, before scaling; -1 for resets, which announce none, and others."""
        if self.protocol != TCP or len(self.payload) < 16 or self.payload[13] & _RESET:
            return -1
        return int.from_bytes(self.payload[14:16], "big")

    @property
    def acknowledged(self) -> int:
        """Acknowledgement number of a TCP segment; -1 for others."""
        return int.from_bytes(self.payload[8:12], "big") if self.protocol == TCP else -1


class Crossing(NamedTuple):
    """A packet that left, and all of its arrivals."""

    sent: Observation
    """The packet at its sender."""
    arrivals: tuple[Observation, ...]
    """The packet at its receiver: not at all, once, or several times."""

    @property
    def is_lost(self) -> bool:
        """Whether it never arrived."""
        return not self.arrivals

    @property
    def transit(self) -> float:
        """Time from capture to capture in seconds, by both clocks; NaN if it was lost."""
        return self.arrivals[0].time - self.sent.time if self.arrivals else float("nan")

    @property
    def hops(self) -> int:
        """Number of routers that lowered its TTL; -1 if it was lost."""
        return self.sent.ttl - self.arrivals[0].ttl if self.arrivals else -1

    @property
    def flips(self) -> int:
        """Number of bits of its payload that changed on the way."""
        if not self.arrivals:
            return 0
        return _distance(self.sent.payload, self.arrivals[0].payload)


def read_observations(packets: Sequence[Packet]) -> list[Observation]:
    """Return the IPv4 packets of a capture."""
    found = []
    for packet in packets:
        data = packet.data
        if not is_ipv4(data):
            continue
        length, total = (data[14] & 15) * 4, int.from_bytes(data[16:18], "big")
        start = ETHERNET_HEADER + length
        payload = data[start : ETHERNET_HEADER + total]
        header = PacketHeader(data[26:30], data[30:34], data[23], payload)
        found.append(
            Observation(
                packet.time / 1e9,
                # Hardware addresses are not damaged; IP addresses may be.
                f"h{data[11]}",
                f"h{data[5]}",
                int.from_bytes(data[18:20], "big"),
                len(data) - ETHERNET_HEADER,
                data[22],
                data[23],
                has_valid_checksum(header),
                payload,
            )
        )
    return found


def pair(left: Sequence[Observation], came: Sequence[Observation]) -> list[Crossing]:
    """Return the passages of one direction, in the order in which the packets left.

    Args:
        left: The packets in the sender's capture.
        came: The packets in the receiver's capture.
    """
    arrivals: list[list[Observation]] = [[] for _ in left]
    waiting: dict[tuple[int, int, bytes], deque[int]] = defaultdict(deque)
    last: dict[tuple[int, int, bytes], int] = {}
    for index, one in enumerate(left):
        waiting[_key(one)].append(index)
    strangers = []
    for other in came:
        key = _key(other)
        if waiting[key] and _is_same(left[waiting[key][0]], other):
            last[key] = waiting[key].popleft()
            arrivals[last[key]].append(other)
        elif key in last and _is_same(left[last[key]], other):
            arrivals[last[key]].append(other)
        else:
            strangers.append(other)
    missing = [index for index, found in enumerate(arrivals) if not found]
    for other in strangers:  # their headers are damaged
        for index in missing:
            if _is_same(left[index], other):
                arrivals[index].append(other)
                missing.remove(index)
                break
    return [Crossing(one, tuple(found)) for one, found in zip(left, arrivals, strict=True)]


def observe(
    captures: Mapping[str, CableCapture] | str | Path,
) -> dict[tuple[str, str], list[Crossing]]:
    """Return the passages of every direction between two hosts.

    Args:
        captures: The capture of each host's cable; or the folder into which a lab captures, such as
            `mystery`. Of that, the last half second is omitted, because the files may still grow.

    Raises:
        CaptureError: A capture in the folder cannot be read.
    """
    if isinstance(captures, (str, Path)):
        seen = _read_folder(Path(captures))
    else:
        seen = {host: read_observations(capture.packets) for host, capture in captures.items()}
    passages = {
        (one, other): pair(
            [each for each in seen[one] if (each.source, each.to) == (one, other)],
            [each for each in seen[other] if (each.source, each.to) == (one, other)],
        )
        for one in seen
        for other in seen
        if one != other
    }
    if isinstance(captures, (str, Path)) and all(seen.values()):
        end = min(each[-1].time for each in seen.values()) - _UNFINISHED
        return {way: [p for p in found if p.sent.time < end] for way, found in passages.items()}
    return passages


def _read_folder(folder: Path) -> dict[str, list[Observation]]:
    """Return the packets in the captures of a lab."""
    seen = {}
    for host in HOSTS:
        packets: list[Packet] = []
        try:
            packets.extend(read_packets(folder / f"{host}.pcapng"))
        except CaptureError:
            if not packets:
                raise  # otherwise the lab is writing the last packet
        seen[host] = read_observations(packets)
    return seen


def _key(one: Observation) -> tuple[int, int, bytes]:
    return one.protocol, one.number, one.payload[:4]


def _is_same(one: Observation, other: Observation) -> bool:
    """Return whether a packet may be another one, damaged; its identification may be damaged, too."""
    same_size = len(one.payload) == len(other.payload)
    return same_size and _distance(one.payload, other.payload) <= _MAX_FLIPS


def _distance(one: bytes, other: bytes) -> int:
    if one == other:
        return 0
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).bit_count()
