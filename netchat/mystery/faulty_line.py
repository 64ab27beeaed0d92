"""One direction between two hosts of a mystery: noise that every network has, and the fault.

It is a line of the lab's bridge (`netchat.lab.bridge.DelayLine`), and the network of the simulation.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from netchat.channels.impairment import ImpairedLine, Impairments
from netchat.mystery.drawing import Mystery
from netchat.mystery.frames import ETHERNET_HEADER, is_ipv4, routed, with_wrong_checksum

__all__ = ["FaultyLine", "Record"]

#: Called with a host, a time in seconds and a frame that is on the host's cable.
Record = Callable[[str, float, bytes], None]

#: Longest time that a frame waits in the queue of a rate limit, in seconds; longer ones are lost.
_QUEUE = 0.25

#: Seconds that a reordered frame is held back.
_HELD = (0.08, 0.12)

#: Additional one-way delay of a longer route, in seconds per hop.
_PER_HOP = 0.002


class FaultyLine:
    """Line from one host to another.

    Frames that carry no IPv4 packet, such as ARP, are only delayed.

    Args:
        mystery: The mystery.
        one: The sending host.
        other: The receiving host.
        record: Records the frames at both ends.
        begin: Time at which the mystery began, in seconds on the clock of `put` and `take`.
    """

    def __init__(
        self, mystery: Mystery, one: str, other: str, record: Record, begin: float = 0.0
    ) -> None:
        fault, pair = mystery.fault, frozenset((one, other))
        self._mystery, self._record, self._begin = mystery, record, begin
        self._one, self._other = one, other
        self._random = mystery.random(f"line {one} > {other}")
        self._delay, self._hops = mystery.delays[pair], mystery.hops[pair]
        self._is_here = fault.place == f"{one} > {other}"
        self._has_wrong_checksums = mystery.at("checksum-offload", one)
        self._last = self._busy = -math.inf
        self.packets = self.bytes = 0
        self._arp = self._line("arp", Impairments())
        self._normal = self._line("normal", Impairments(loss=mystery.loss))
        self._faulty = self._line("faulty", self._impairments()) if self._is_here else self._normal

    @property
    def due(self) -> float:
        """Time at which the next frame arrives, or infinity."""
        return min(self._arp.due, self._normal.due, self._faulty.due)

    def put(self, frame: bytes, now: float, spared: int = ETHERNET_HEADER) -> None:
        """Accept a frame from the sending host."""
        self.packets += 1
        self.bytes += len(frame)
        if not is_ipv4(frame):
            self._arp.put(frame, now + self._delay, len(frame))
            return
        active, fault = self._mystery.is_active(now - self._begin), self._mystery.fault
        if self._has_wrong_checksums and active and self._random.random() < fault.size:
            frame = with_wrong_checksum(frame)
        self._record(self._one, now, frame)
        line, hops = self._normal, self._hops
        arrives = now + self._delay + self._random.uniform(0, self._mystery.jitter)
        leaves = max(self._last, arrives)
        if self._is_here and active:
            line = self._faulty
            match fault.kind:
                case "mtu" if len(frame) - ETHERNET_HEADER > fault.size:
                    return
                case "delay":
                    leaves = max(leaves, arrives + fault.size)
                case "asymmetric-path":
                    hops += int(fault.size)
                    leaves = max(leaves, arrives + fault.size * _PER_HOP)
                case "rate-limit":
                    leaves = max(leaves, self._busy)
                    if leaves - now - self._delay > _QUEUE:
                        return
                    leaves += 8 * (len(frame) - ETHERNET_HEADER) / (1000 * fault.size)
                    self._busy = leaves
                case "reordering" if self._random.random() < fault.size:
                    line.put(routed(frame, hops), leaves + self._random.uniform(*_HELD), spared)
                    return
                case _:
                    pass
        self._last = leaves
        line.put(routed(frame, hops), leaves, spared)

    def take(self, now: float) -> list[bytes]:
        """Return the frames that have arrived by now."""
        arrived = []
        for line in {id(one): one for one in (self._arp, self._normal, self._faulty)}.values():
            arrived += line.take(now)
        for frame in arrived:
            if is_ipv4(frame):
                self._record(self._other, now, frame)
        return arrived

    def _line(self, purpose: str, impairments: Impairments) -> ImpairedLine:
        rng = self._mystery.random(f"{purpose} {self._one} > {self._other}")
        return ImpairedLine(impairments, np.random.SeedSequence(rng.randrange(2**64)))

    def _impairments(self) -> Impairments:
        fault, loss = self._mystery.fault, self._mystery.loss
        match fault.kind:
            case "loss":
                return Impairments(loss=1 - (1 - loss) * (1 - fault.size))
            case "duplication":
                return Impairments(loss=loss, duplicate=fault.size)
            case "bit-errors":
                return Impairments(f"bsc:{fault.size:g}", loss=loss)
            case _:
                return Impairments(loss=loss)
