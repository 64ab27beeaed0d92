"""Captures of the server's side of a network, made from those of the client's."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from netchat.packets import PcapngWriter, read_packets

__all__ = ["CAPTURES", "CLOCK", "OTHERS", "UP_DELAY", "write_other_side"]

CAPTURES = Path(__file__).parents[2] / "captures"

#: Offset of the server's clock, and delays of both directions, in ns.
CLOCK, UP_DELAY, DOWN_DELAY = 1_500_000_000, 2_000_000, 3_000_000

CLIENT, OTHERS = bytes([10, 64, 0, 1]), "203.0.113.9"


def write_other_side(
    source: Path, target: Path, lost: Collection[int] = (), *, nat: bool = False
) -> Path:
    """Write what the server's side captures, given the client's.

    Args:
        source: Capture of the client's side.
        target: File to write.
        lost: Numbers of packets that one side sent and the other did not receive.
        nat: Whether the client has another address there.
    """
    with PcapngWriter(target) as out:
        for packet in read_packets(source):
            if packet.number in lost:
                continue
            to_server = packet.data[26:30] == CLIENT
            time = packet.time + CLOCK + (UP_DELAY if to_server else -DOWN_DELAY)
            data = packet.data
            if nat:
                data = data.replace(CLIENT, bytes(map(int, OTHERS.split("."))))
            out.write(packet._replace(time=time, data=data))
    return target
