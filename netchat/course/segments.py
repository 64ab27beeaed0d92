"""One direction of a TCP connection as segments, spoilt in the ways networks spoil them.

    pieces = cut(stream, first=4_294_967_290, chance=variant.random("segments"))
    spoilt = spoil(pieces, chance, swapped=3, again=2)
    one_way(spoilt, first=4_294_967_290).messages()   # what netchat makes of it

A capture often has one direction only: where the way there and the way back are different ones.
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

__all__ = ["Segment", "cut", "one_way", "spoil"]

#: Seconds between two packets.
_STEP = 0.001

_SPACE = 2**32


class Segment(NamedTuple):
    """What counts of a segment here.

    Attributes:
        seq: its sequence number: of its first byte, modulo 2^32.
        data: its bytes.
    """

    seq: int
    data: bytes


def cut(stream: bytes, first: int, chance: random.Random, *, most: int = 60) -> list[Segment]:
    """Cut a stream into segments of different sizes.

    Args:
        stream: the bytes.
        first: sequence number of the first of them.
        chance: where to cut.
        most: bytes of a segment.
    """
    pieces, at = [], 0
    while at < len(stream):
        size = chance.randrange(most // 4, most + 1)
        pieces.append(Segment((first + at) % _SPACE, stream[at : at + size]))
        at += size
    return pieces


def spoil(
    pieces: Sequence[Segment],
    chance: random.Random,
    *,
    swapped: int = 0,
    again: int = 0,
    missing: int = 0,
) -> list[Segment]:
    """Let a network have its way with segments.

    Args:
        pieces: the segments in their order.
        chance: which of them.
        swapped: how many change places with the next one.
        again: how many come a second time, each together with the next one, as TCP likes to do when
            it sends again; so some overlap.
        missing: how many are not there at all; never the first or the last.
    """
    gone = set(chance.sample(range(2, len(pieces) - 2), missing))
    arriving = [piece for place, piece in enumerate(pieces) if place not in gone]
    for place in chance.sample(range(1, len(arriving) - 1), swapped):
        arriving[place], arriving[place + 1] = arriving[place + 1], arriving[place]
    whole = [n for n in range(1, len(pieces) - 2) if not gone & {n, n + 1}]
    for place in sorted(chance.sample(whole, again)):
        one, next_one = pieces[place], pieces[place + 1]
        later = max(arriving.index(one), arriving.index(next_one)) + chance.randrange(1, 4)
        arriving.insert(later, Segment(one.seq, one.data + next_one.data))
    return arriving


def one_way(
    pieces: Sequence[Segment],
    first: int,
    *,
    client: str = "192.0.2.1",
    server: str = "192.0.2.2",
    port: int = 40000,
) -> Capture:
    """A capture of what a client sent, and of nothing that came back.

    Args:
        pieces: the segments as they came.
        first: sequence number of the first byte; the SYN in front has one less.
        client: the client's address.
        server: the server's.
        port: the client's port.
    """
    packets = []
    for number, (flags, piece) in enumerate(
        [("S", Segment((first - 1) % _SPACE, b"")), *(("PA", piece) for piece in pieces)]
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
