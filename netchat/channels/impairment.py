"""Network impairments: loss, duplication, reordering, delay and bit errors of packets.

    impairments = Impairments(channel="bsc:1e-5", loss=0.01, delay=0.02)
    line = ImpairedLine(impairments, np.random.SeedSequence(1))
    line.put(packet, now)
    for packet in line.take(now): ...

Time is an argument and there is no I/O: the caller takes the packets when they are `due`. The effect
on a packet depends on the seed and on the number of packets before it, not on time. Each impairment
has its own random generator, so the same packets are lost whatever the other impairments are.
"""

from __future__ import annotations

import heapq
import math
import random
from dataclasses import asdict, dataclass

import numpy as np

from netchat.arguments import real_number
from netchat.channels.channel import probability
from netchat.channels.stream import ChannelStream

__all__ = [
    "HOLD_PACKETS",
    "HOLD_SECONDS",
    "MAX_WAITING",
    "OVERHEAD",
    "ImpairedLine",
    "ImpairmentCounts",
    "Impairments",
]

#: Largest number of packets that overtake a reordered one. TCP treats three as a loss (RFC 5681) and
#: fewer as reordering: both occur.
HOLD_PACKETS = 3

#: Longest time that a reordered packet waits to be overtaken, in seconds.
HOLD_SECONDS = 0.01

#: Largest number of bytes in transit in one direction; more are dropped, as by a full router.
MAX_WAITING = 16 * 1024 * 1024

#: Bytes counted per packet in addition to its length, which bounds the number of empty packets.
OVERHEAD = 256


@dataclass(frozen=True, slots=True)
class Impairments:
    """Impairments of each direction of a network.

    Raises:
        TypeError: A value is of the wrong type.
        ValueError: A value is out of range.

    >>> str(Impairments("bsc:1e-5", loss=0.01, delay=0.02))
    'bsc:1e-5, 0.01 lost, 20 ms delay'
    """

    channel: str | None = None
    """Spec of the channel that flips bits; None for no bit errors."""
    loss: float = 0.0
    """Probability that a packet is lost."""
    burst: float | None = None
    """Mean number of consecutive losses (Gilbert's model); None for independent losses."""
    duplicate: float = 0.0
    """Probability that a packet is duplicated."""
    reorder: float = 0.0
    """Probability that a packet is held back so that later ones overtake it."""
    delay: float = 0.0
    """Delay of each packet, in seconds."""

    def __post_init__(self) -> None:
        for name in ("loss", "duplicate", "reorder"):
            probability(name, getattr(self, name))
        real_number("delay", self.delay)
        if not 0 <= self.delay <= 60:
            raise ValueError(f"Argument 'delay' must be from 0 to 60 s, got {self.delay:g} s.")
        if self.burst is not None:
            real_number("burst", self.burst)
            if not 1 <= self.burst < math.inf:
                raise ValueError(f"Argument 'burst' must be at least 1, got {self.burst:g}.")
            if not 0 < self.loss < 1:
                raise ValueError(
                    f"Argument 'loss' must be between 0 and 1 if 'burst' is given, got {self.loss:g}."
                )
            least = self.loss / (1 - self.loss)
            # 0.9 / (1 - 0.9) is a little more than 9 in floating point, and 9 is meant to be valid.
            if self.burst < least and not math.isclose(self.burst, least):
                shortest = math.ceil(round(1e6 * least, 3)) / 1e6
                raise ValueError(
                    f"Argument 'burst' must be at least {shortest:.12g} for a loss of "
                    f"{self.loss:g}, got {self.burst:g}."
                )
        if self.channel is not None:
            # Also loads the compiled kernels: with the first packet, this would delay it by half a
            # second, in which a kernel drops most of what waits for an answer to ARP.
            ChannelStream(self.channel).damage(b"\0")

    def __str__(self) -> str:
        parts = [self.channel] if self.channel else []
        if self.loss:
            burst = f" in bursts of {self.burst:g}" if self.burst else ""
            parts.append(f"{self.loss:.4g} lost{burst}")
        parts += [f"{self.duplicate:.4g} duplicated"] if self.duplicate else []
        parts += [f"{self.reorder:.4g} reordered"] if self.reorder else []
        parts += [f"{1000 * self.delay:g} ms delay"] if self.delay else []
        return ", ".join(parts) or "no damage"


@dataclass(slots=True)
class ImpairmentCounts:
    """Counters of one direction."""

    packets: int = 0
    """Number of packets received."""
    bytes: int = 0
    """Number of bytes in these packets."""
    lost: int = 0
    """Number of packets dropped by `loss`."""
    duplicated: int = 0
    """Number of packets duplicated."""
    reordered: int = 0
    """Number of packets that at least one later packet overtook."""
    damaged: int = 0
    """Number of packets sent with bit errors; each copy counts."""
    flipped: int = 0
    """Number of bit errors."""
    overflowed: int = 0
    """Number of packets dropped because too many bytes were in transit."""

    def as_dict(self) -> dict[str, int]:
        """Return the counters by name."""
        return asdict(self)


class _WaitingPacket:
    """A packet that waits to be overtaken."""

    __slots__ = ("deadline", "left", "overtaken", "packet")

    def __init__(self, packet: bytes, left: int, deadline: float) -> None:
        self.packet, self.left, self.deadline = packet, left, deadline
        self.overtaken = False


class ImpairedLine:
    """One direction of an impaired network.

    Args:
        impairments: Impairments of this direction.
        seed: Random seed.
        room: Largest number of bytes in transit, including `OVERHEAD` per packet.

    >>> line = ImpairedLine(Impairments(duplicate=1.0, delay=0.1), np.random.SeedSequence(1))
    >>> line.put(b"hello", now=0.0)
    >>> line.take(now=0.05), line.take(now=0.1)
    ([], [b'hello', b'hello'])
    """

    counts: ImpairmentCounts
    """Counters of this direction."""

    def __init__(
        self, impairments: Impairments, seed: np.random.SeedSequence, room: int = MAX_WAITING
    ) -> None:
        self.counts = ImpairmentCounts()
        self._impairments, self._room = impairments, room
        losing, doubling, holding, flipping = seed.spawn(4)
        self._losing, self._doubling, self._holding = map(_generator, (losing, doubling, holding))
        self._stream = ChannelStream(impairments.channel, flipping) if impairments.channel else None
        self._losses_begin = impairments.loss
        self._losses_end = 1 - impairments.loss
        if impairments.burst is not None:
            begin = impairments.loss / (1 - impairments.loss) / impairments.burst
            self._losses_begin = min(1.0, begin)
            self._losses_end = 1 / impairments.burst
        self._in_burst = self._losing.random() < impairments.loss
        self._number = 0
        self._queue: list[tuple[float, int, bytes]] = []
        self._held: list[_WaitingPacket] = []
        self._waiting = 0

    @property
    def due(self) -> float:
        """Time at which the next packet arrives; infinite if none is in transit."""
        first = self._queue[0][0] if self._queue else math.inf
        return min((first, *(held.deadline for held in self._held)))

    def put(self, packet: bytes, now: float, spared: int = 0) -> None:
        """Accept a packet.

        Args:
            packet: Content of the packet.
            now: Current time in seconds, on a monotonic clock.
            spared: Number of leading bytes without bit errors.
        """
        counts, impairments = self.counts, self._impairments
        counts.packets += 1
        counts.bytes += len(packet)
        if self._is_lost():
            counts.lost += 1
            return
        copies = 1
        if impairments.duplicate and self._doubling.random() < impairments.duplicate:
            counts.duplicated += 1
            copies = 2
        for _ in range(copies):
            if self._waiting + len(packet) + OVERHEAD > self._room:
                counts.overflowed += 1
                continue
            self._waiting += len(packet) + OVERHEAD
            self._send(self._damage(packet, spared), now + impairments.delay)

    def take(self, now: float) -> list[bytes]:
        """Remove and return the packets that have arrived by now, in order of arrival."""
        for held in [held for held in self._held if held.deadline <= now]:
            self._held.remove(held)
            self._release(held, held.deadline)
        queue, arrived = self._queue, []
        while queue and queue[0][0] <= now:
            arrived.append(heapq.heappop(queue)[2])
        if arrived:
            self._waiting -= sum(map(len, arrived)) + OVERHEAD * len(arrived)
        return arrived

    def _is_lost(self) -> bool:
        if not self._impairments.loss:
            return False
        chance = self._losses_end if self._in_burst else self._losses_begin
        if self._losing.random() < chance:
            self._in_burst = not self._in_burst
        return self._in_burst

    def _damage(self, packet: bytes, spared: int) -> bytes:
        stream = self._stream
        if stream is None or spared >= len(packet):
            return packet
        before = stream.flipped
        out = stream.damage(packet[spared:])
        if stream.flipped == before:
            return packet
        self.counts.damaged += 1
        self.counts.flipped = stream.flipped
        return packet[:spared] + out

    def _send(self, packet: bytes, due: float) -> None:
        if self._impairments.reorder and self._holding.random() < self._impairments.reorder:
            left = self._holding.randint(1, HOLD_PACKETS)
            self._held.append(_WaitingPacket(packet, left, due + HOLD_SECONDS))
            return
        self._enqueue(packet, due)
        for held in list(self._held):
            held.overtaken = True
            held.left -= 1
            if not held.left:
                self._held.remove(held)
                self._release(held, due)

    def _release(self, held: _WaitingPacket, due: float) -> None:
        self.counts.reordered += held.overtaken
        self._enqueue(held.packet, due)

    def _enqueue(self, packet: bytes, due: float) -> None:
        self._number += 1
        heapq.heappush(self._queue, (due, self._number, packet))


def _generator(seed: np.random.SeedSequence) -> random.Random:
    # A single number from Python's generator takes a fifth of the time of one from NumPy's.
    return random.Random(int.from_bytes(seed.generate_state(4).tobytes(), "little"))
