"""One direction of a TCP connection as segments, with the impairments of a network.

    pieces = cut(stream, first=4_294_967_290, rng=variant.random("segments"))
    arrived = impair(pieces, rng, swapped=3, again=2)
    one_way(arrived, first=4_294_967_290).messages()   # what netchat decodes

A capture often has only one direction: the two directions may take different paths.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import NamedTuple

from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from netchat.course.capture import Capture
from netchat.wire import DEFAULT_PORT

__all__ = ["SegmentData", "cut", "impair", "one_way"]

#: Seconds between two packets.
_STEP = 0.001

_SPACE = 2**32


class SegmentData(NamedTuple):
    """Sequence number and data of a segment.

    Attributes:
        seq: The sequence number of its first byte, modulo 2^32.
        data: Its bytes.
    """

    seq: int
    data: bytes


def cut(stream: bytes, first: int, rng: random.Random, *, most: int = 60) -> list[SegmentData]:
    """Split a stream into segments of different sizes.

    Args:
        stream: The bytes.
        first: Sequence number of the first byte.
        rng: Random numbers for the sizes.
        most: Maximum size of a segment in bytes.
    """
    pieces, at = [], 0
    while at < len(stream):
        size = rng.randrange(most // 4, most + 1)
        pieces.append(SegmentData((first + at) % _SPACE, stream[at : at + size]))
        at += size
    return pieces


def impair(
    pieces: Sequence[SegmentData],
    rng: random.Random,
    *,
    swapped: int = 0,
    again: int = 0,
    missing: int = 0,
) -> list[SegmentData]:
    """Return segments as they arrive over an unreliable network.

    Args:
        pieces: The segments in their order.
        rng: Random numbers for the choice of segments.
        swapped: Number of segments that swap places with the next one.
        again: Number of segments that arrive a second time, each joined with the next one, as in
            TCP retransmissions; so some overlap.
        missing: Number of segments that are lost; never the first or the last.
    """
    lost = set(rng.sample(range(2, len(pieces) - 2), missing))
    arriving = [piece for place, piece in enumerate(pieces) if place not in lost]
    for place in rng.sample(range(1, len(arriving) - 1), swapped):
        arriving[place], arriving[place + 1] = arriving[place + 1], arriving[place]
    whole = [n for n in range(1, len(pieces) - 2) if not lost & {n, n + 1}]
    for place in sorted(rng.sample(whole, again)):
        one, next_one = pieces[place], pieces[place + 1]
        later = max(arriving.index(one), arriving.index(next_one)) + rng.randrange(1, 4)
        arriving.insert(later, SegmentData(one.seq, one.data + next_one.data))
    return arriving


def one_way(
    pieces: Sequence[SegmentData],
    first: int,
    *,
    client: str = "192.0.2.1",
    server: str = "192.0.2.2",
    port: int = 40000,
) -> Capture:
    """Return a capture of the segments that a client sent, without the server's.

    Args:
        pieces: The segments in the order of arrival.
        first: Sequence number of the first byte; the SYN before it has one less.
        client: The client's address.
        server: The server's address.
        port: The client's port.
    """
    packets = []
    for number, (flags, piece) in enumerate(
        [("S", SegmentData((first - 1) % _SPACE, b"")), *(("PA", piece) for piece in pieces)]
    ):
        tcp = TCP(sport=port, dport=DEFAULT_PORT, seq=piece.seq, flags=flags, window=64240)
        packet = Ether(
            bytes(
                Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
                / IP(src=client, dst=server)
                / (tcp / Raw(piece.data) if piece.data else tcp)
            )
        )
        packet.time = 1_760_000_000 + number * _STEP
        packets.append(packet)
    return Capture(packets)
