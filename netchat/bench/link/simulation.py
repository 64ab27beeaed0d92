"""One run of a link over a line, in simulated time: what arrived, when, and in which code it went."""

from __future__ import annotations

import heapq
import math
from collections import Counter, deque
from dataclasses import dataclass, field

import numpy as np

from netchat.bench.link.time_varying_channel import Line, TimeVaryingChannel
from netchat.link.link import Link
from netchat.link.open_request import Mode
from netchat.link.policies.policy import Policy

__all__ = ["SLOT", "Run", "Setting", "run_link"]

#: Seconds of a slot in which goodput is counted.
SLOT = 0.25

#: Bytes that the source keeps ready, so that the line is never idle for want of them.
_READY = 256 * 1024

#: Seconds at the end in which no message is written any more, so that all could have arrived.
_LAST = 1.0


@dataclass(frozen=True, slots=True)
class Setting:
    """What a run goes over, and what is sent."""

    weather: TimeVaryingChannel
    """The channels: the same ones in both directions, with chance of their own."""
    rate: float = 250_000.0
    """Bytes a second that the line carries in each direction."""
    delay: float = 0.01
    """Seconds from one end to the other."""
    every: float = 0.0
    """Seconds between two messages, whose latency is then measured; 0 is as much as goes, whose
    goodput is."""
    message: int = 200
    """Bytes of a message."""


@dataclass(slots=True)
class Run:
    """What came of a run."""

    seconds: float
    """How long it was."""
    carries: float
    """Bytes that the line could carry in that time."""
    delivered: int = 0
    """Bytes that arrived intact; with retransmission, in order and without a hole."""
    slots: list[int] = field(default_factory=list)
    """The same by slots of time."""
    latencies: list[float] = field(default_factory=list)
    """Seconds from writing a message to having all of it, of each one that arrived."""
    messages: int = 0
    """Messages that were written."""
    codes: Counter[str] = field(default_factory=Counter)
    """Blocks of data sent, by code."""

    @property
    def goodput(self) -> float:
        """Of what the line can carry, the share that arrived as intact payload."""
        return self.delivered / self.carries


def run_link(
    setting: Setting,
    spec: str,
    seed: np.random.SeedSequence,
    *,
    mode: Mode = Mode.HYBRID,
    policy: Policy | None = None,
) -> Run:
    """Send from the client to the server for as long as the weather lasts.

    Args:
        setting: the line, and what is sent.
        spec: the code.
        seed: where chance comes from.
        mode: what is done about losses.
        policy: decides the code instead.
    """
    return _Simulation(setting, spec, seed, mode, policy).run()


class _Simulation:
    def __init__(
        self,
        setting: Setting,
        spec: str,
        seed: np.random.SeedSequence,
        mode: Mode,
        policy: Policy | None,
    ) -> None:
        out, back, start = seed.spawn(3)
        identity = int(np.random.default_rng(start).integers(2**48))
        self._setting = setting
        self._client = Link.client(spec, mode=mode, identity=identity, policy=policy)
        self._server = Link.server()
        # The link is open when the measurement begins.
        self._server.receive(self._client.data_to_send(0.0), 0.0)
        self._client.receive(self._server.data_to_send(0.0), 0.0)
        self._lines = tuple(
            Line(setting.weather, setting.rate, setting.delay, each) for each in (out, back)
        )
        self._seconds = setting.weather.seconds
        self._now = 0.0
        self._arrivals: list[tuple[float, int, int, bytes]] = []
        self._blocks = 0
        self._text = bytes(range(256)) * (_READY // 256)
        self._written = self._got = 0
        self._waiting: deque[tuple[int, float]] = deque()  # the end of a message, and its time
        self._next_message = 0.0
        self._run = Run(self._seconds, setting.rate * self._seconds)
        self._run.slots = [0] * math.ceil(self._seconds / SLOT)

    def run(self) -> Run:
        while self._now < self._seconds:
            self._write()
            self._send()
            self._step()
        return self._run

    def _write(self) -> None:
        """What the application does."""
        every = self._setting.every
        if not every:
            if self._client.buffered < _READY:
                self._client.send(self._text)
            return
        while self._now >= self._next_message and self._now < self._seconds - _LAST:
            self._client.send(self._text[: self._setting.message])
            self._written += self._setting.message
            self._waiting.append((self._written, self._next_message))
            self._run.messages += 1
            self._next_message += every

    def _send(self) -> None:
        for i, (side, line) in enumerate(
            zip((self._client, self._server), self._lines, strict=True)
        ):
            if line.free > self._now:
                continue
            before = side.stats.payload_sent
            for data in side.blocks_to_send(self._now, room=1):
                self._blocks += 1
                when, damaged = line.carry(data, self._now)
                heapq.heappush(self._arrivals, (when, self._blocks, 1 - i, damaged))
            if i == 0 and side.stats.payload_sent > before:
                self._run.codes[side.code_out] += 1

    def _step(self) -> None:
        """Go on to the next thing that happens."""
        sides = self._client, self._server
        times = [self._seconds, *(line.free for line in self._lines if line.free > self._now)]
        times += [entry[0] for entry in self._arrivals[:1]]
        for side, line in zip(sides, self._lines, strict=True):
            due = side.next_timer()
            if due is not None and line.free <= self._now:  # else it has to wait for the line
                times.append(due)
        if self._setting.every and self._now < self._next_message:
            times.append(self._next_message)
        self._now = max(self._now, min(times))
        while self._arrivals and self._arrivals[0][0] <= self._now:
            _, _, to, data = heapq.heappop(self._arrivals)
            sides[to].receive(data, self._now)
        for side in sides:
            side.tick(self._now)
        self._server.received(self._now)
        self._client.received(self._now)
        self._count()

    def _count(self) -> None:
        stats = self._server.stats
        new = stats.delivered - stats.damaged_bytes - self._run.delivered
        if not new or self._now >= self._seconds:
            return
        self._run.delivered += new
        self._run.slots[int(self._now / SLOT)] += new
        while self._waiting and self._waiting[0][0] <= stats.delivered:
            self._run.latencies.append(self._now - self._waiting.popleft()[1])
