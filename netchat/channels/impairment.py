"""What a bad network does to packets: loses, doubles, reorders, delays and damages them.

line = ImpairedLine(Impairments(channel="bsc:1e-5", loss=0.01, delay=0.02), np.random.SeedSequence(1))
line.put(packet, now)
for packet in line.take(now): ...

Time is an argument, and nothing is sent: whoever has packets to carry asks when to look again
(`due`). What happens to a packet depends on the seed and on how many came before it, not on time;
and each kind of damage has chance of its own, so that the same packets are lost whatever else is
asked for.
"""

from __future__ import annotations

import heapq
import math
import random
from dataclasses import asdict, dataclass

import numpy as np

from netchat.channels.channel import probability
from netchat.channels.stream import ChannelStream

__all__ = [
    "HOLD_PACKETS",
    "HOLD_SECONDS",
    "MAX_WAITING",
    "OVERHEAD",
    "Counts",
    "ImpairedLine",
    "Impairments",
]

#: A packet that is to be reordered waits until one to this many later ones have overtaken it. TCP
#: takes three for a loss (RFC 5681), two for a disorder: both are to be seen.
HOLD_PACKETS = 3

#: Seconds after which it goes on although nothing has overtaken it.
HOLD_SECONDS = 0.01

#: Bytes that may be under way in one direction; what comes on top is lost, as in a full router.
MAX_WAITING = 16 * 1024 * 1024

#: What a packet takes besides its bytes: without it, empty ones would be held without end.
OVERHEAD = 256


@dataclass(frozen=True, slots=True)
class Impairments:
    """What a network is to do to packets, each way.

    Raises:
        ValueError: it cannot be done; the text says why.
    """

    channel: str | None = None
    """The spec of a channel that turns bits over, such as `bsc:1e-5`; None is none."""
    loss: float = 0.0
    """How many of the packets are lost, from 0 to 1."""
    burst: float | None = None
    """How many are lost in a row on average (Gilbert's model); None: each by itself."""
    duplicate: float = 0.0
    """How many arrive twice."""
    reorder: float = 0.0
    """How many are held back, so that later ones overtake them."""
    delay: float = 0.0
    """Seconds that each is under way."""

    def __post_init__(self) -> None:
        for name in ("loss", "duplicate", "reorder"):
            probability(name, getattr(self, name))
        if not 0 <= self.delay <= 60:
            raise ValueError(f"A delay is from 0 to 60 s, not {self.delay:g} s.")
        if self.burst is not None:
            if not 1 <= self.burst < math.inf or not 0 < self.loss < 1:
                raise ValueError("Losses in bursts need a mean burst of 1 or more, and some loss.")
            least = self.loss / (1 - self.loss)
            # 0.9 / (1 - 0.9) is a little more than 9: what is meant as the least is accepted.
            if self.burst < least and not math.isclose(self.burst, least):
                raise ValueError(
                    f"Bursts of {self.burst:g} are too short for a loss of {self.loss:g}: "
                    f"{math.ceil(round(1e6 * least, 3)) / 1e6:.12g} is the least."
                )
        if self.channel is not None:
            ChannelStream(self.channel)

    def __str__(self) -> str:
        parts = [self.channel] if self.channel else []
        if self.loss:
            burst = f" in bursts of {self.burst:g}" if self.burst else ""
            parts.append(f"{self.loss:.4g} lost{burst}")
        parts += [f"{self.duplicate:.4g} doubled"] if self.duplicate else []
        parts += [f"{self.reorder:.4g} reordered"] if self.reorder else []
        parts += [f"{1000 * self.delay:g} ms delay"] if self.delay else []
        return ", ".join(parts) or "no damage"


@dataclass(slots=True)
class Counts:
    """What was done to the packets of one direction."""

    packets: int = 0
    """How many came in."""
    bytes: int = 0
    """Bytes of them."""
    lost: int = 0
    """How many were lost on purpose."""
    duplicated: int = 0
    """How many went out twice."""
    reordered: int = 0
    """How many were overtaken by at least one that had come later."""
    damaged: int = 0
    """How many went out with a wrong bit (each copy counts)."""
    flipped: int = 0
    """Bits of them that are wrong."""
    overflowed: int = 0
    """How many were lost because too much was under way."""

    def as_dict(self) -> dict[str, int]:
        """The figures by name."""
        return asdict(self)


class _Held:
    """A packet that lets others overtake it."""

    __slots__ = ("deadline", "left", "overtaken", "packet")

    def __init__(self, packet: bytes, left: int, deadline: float) -> None:
        self.packet, self.left, self.deadline = packet, left, deadline
        self.overtaken = False


class ImpairedLine:
    """One direction of a bad network.

    Args:
        wish: what it is to do.
        seed: where its chance comes from.
        room: bytes that may be under way; of each packet its own, and `OVERHEAD`.

    Attributes:
        counts: what it has done.
    """

    def __init__(
        self, wish: Impairments, seed: np.random.SeedSequence, room: int = MAX_WAITING
    ) -> None:
        self.counts = Counts()
        self._wish, self._room = wish, room
        losing, doubling, holding, flipping = seed.spawn(4)
        self._losing, self._doubling, self._holding = map(_chance, (losing, doubling, holding))
        self._stream = ChannelStream(wish.channel, flipping) if wish.channel else None
        self._losses_begin = wish.loss
        self._losses_end = 1 - wish.loss
        if wish.burst is not None:
            self._losses_begin = min(1.0, wish.loss / (1 - wish.loss) / wish.burst)
            self._losses_end = 1 / wish.burst
        self._in_burst = self._losing.random() < wish.loss
        self._number = 0
        self._queue: list[tuple[float, int, bytes]] = []
        self._held: list[_Held] = []
        self._waiting = 0

    @property
    def due(self) -> float:
        """When there is something to take; infinite if nothing is under way."""
        first = self._queue[0][0] if self._queue else math.inf
        return min((first, *(held.deadline for held in self._held)))

    def put(self, packet: bytes, now: float, spared: int = 0) -> None:
        """A packet comes in.

        Args:
            packet: its bytes.
            now: seconds on any clock that does not go back.
            spared: bytes at its beginning that are not damaged.
        """
        counts, wish = self.counts, self._wish
        counts.packets += 1
        counts.bytes += len(packet)
        if self._is_lost():
            counts.lost += 1
            return
        copies = 1
        if wish.duplicate and self._doubling.random() < wish.duplicate:
            counts.duplicated += 1
            copies = 2
        for _ in range(copies):
            if self._waiting + len(packet) + OVERHEAD > self._room:
                counts.overflowed += 1
                continue
            self._waiting += len(packet) + OVERHEAD
            self._send(self._damage(packet, spared), now + wish.delay)

    def take(self, now: float) -> list[bytes]:
        """The packets that have arrived by now, in the order in which they did."""
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
        if not self._wish.loss:
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
        if self._wish.reorder and self._holding.random() < self._wish.reorder:
            left = self._holding.randint(1, HOLD_PACKETS)
            self._held.append(_Held(packet, left, due + HOLD_SECONDS))
            return
        self._enqueue(packet, due)
        for held in list(self._held):
            held.overtaken = True
            held.left -= 1
            if not held.left:
                self._held.remove(held)
                self._release(held, due)

    def _release(self, held: _Held, due: float) -> None:
        self.counts.reordered += held.overtaken
        self._enqueue(held.packet, due)

    def _enqueue(self, packet: bytes, due: float) -> None:
        self._number += 1
        heapq.heappush(self._queue, (due, self._number, packet))


def _chance(seed: np.random.SeedSequence) -> random.Random:
    # A number from Python's own generator takes a fifth of the time of one from NumPy's.
    return random.Random(int.from_bytes(seed.generate_state(4).tobytes(), "little"))
