"""Two sides of a link and the pipes between them, in simulated time."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable

from netchat.channels.stream import ChannelStream
from netchat.link.link import Link

__all__ = ["World"]


class Pipe:
    """One direction.

    Attributes:
        change: Returns what arrives of a written piece: a list of additional delays in seconds and bytes
            (by default unchanged, without a delay).
    """

    def __init__(self, delay: float) -> None:
        self.delay = delay
        self.change: Callable[[bytes], list[tuple[float, bytes]]] = lambda data: [(0.0, data)]


class World:
    """A link in simulated time.

    Args:
        client: Client side.
        server: Server side.
        delay: Seconds in one direction.
        datagrams: Whether each block is a datagram.
    """

    def __init__(
        self, client: Link, server: Link | None = None, delay: float = 0.01, datagrams: bool = False
    ) -> None:
        self.sides = client, server or Link.server(mtu=1200 if datagrams else None)
        self.pipes = Pipe(delay), Pipe(delay)
        self.got = bytearray(), bytearray()
        self.now = 0.0
        self.reading = [True, True]
        self._datagrams = datagrams
        self._under_way: list[tuple[float, int, int, bytes]] = []
        self._count = 0

    @property
    def client(self) -> Link:
        return self.sides[0]

    @property
    def server(self) -> Link:
        return self.sides[1]

    def channel(self, spec: str, seed: int = 1) -> None:
        """Apply a channel to both directions."""
        for i, pipe in enumerate(self.pipes):
            stream = ChannelStream(spec, 2 * seed + i)
            pipe.change = lambda data, stream=stream: [(0.0, stream.damage(data))]

    def hazards(self, rng: random.Random, loss=0.0, double=0.0, late=0.0, flip=0.0) -> None:
        """Lose, duplicate, reorder and damage datagrams."""

        def change(data: bytes) -> list[tuple[float, bytes]]:
            if rng.random() < loss:
                return []
            if rng.random() < flip:
                broken = bytearray(data)
                for _ in range(rng.choice((1, 5, 60))):
                    broken[rng.randrange(len(broken))] ^= 1 << rng.randrange(8)
                data = bytes(broken)
            out = [(rng.random() * 0.03 if rng.random() < late else 0.0, data)]
            return out * 2 if rng.random() < double else out

        for pipe in self.pipes:
            pipe.change = change

    def pump(self) -> None:
        """Let both sides send their pending blocks and read received bytes."""
        for i, side in enumerate(self.sides):
            if self.reading[i]:
                self.got[i].extend(side.received(self.now))
            blocks = side.blocks_to_send(self.now)
            for data in blocks if self._datagrams else [b"".join(blocks)] if blocks else []:
                for later, changed in self.pipes[i].change(data):
                    self._count += 1
                    when = self.now + self.pipes[i].delay + later
                    heapq.heappush(self._under_way, (when, self._count, 1 - i, changed))

    def step(self) -> bool:
        """Advance to the next event; return False if no event is left."""
        timers = [t for side in self.sides if (t := side.next_timer()) is not None]
        times = timers + [entry[0] for entry in self._under_way[:1]]
        if not times:
            return False
        self.now = max(self.now, min(times))
        while self._under_way and self._under_way[0][0] <= self.now:
            _, _, to, data = heapq.heappop(self._under_way)
            if self._datagrams:
                self.sides[to].receive_block(data, self.now)
            else:
                self.sides[to].receive(data, self.now)
        for side in self.sides:
            side.tick(self.now)
        return True

    def run(self, until: Callable[[], bool], seconds: float = 60.0) -> None:
        """Advance time until a condition holds."""
        end = self.now + seconds
        self.pump()
        while not until():
            assert self.step(), "nothing will happen any more"
            self.pump()
            assert self.now < end, f"not within {seconds} s: {self.sides[0].stats}"

    def carry(self, up: bytes, down: bytes = b"", seconds: float = 60.0) -> None:
        """Send data in both directions, and wait until all of it has arrived."""
        wanted = bytes(self.got[1]) + up, bytes(self.got[0]) + down
        self.client.send(up)
        self.server.send(down)
        self.run(
            lambda: len(self.got[1]) >= len(wanted[0]) and len(self.got[0]) >= len(wanted[1]),
            seconds,
        )
        assert (bytes(self.got[1]), bytes(self.got[0])) == wanted
