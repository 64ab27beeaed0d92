"""Simulation of one run of a link over a line."""

from __future__ import annotations

import heapq
import math
from collections import Counter, deque
from dataclasses import dataclass, field

import numpy as np

from netchat.bench.link.time_varying_channel import SimulatedLine, TimeVaryingChannel
from netchat.link.link import Link
from netchat.link.open_request import Mode
from netchat.link.policies.policy import Policy

__all__ = ["SLOT", "Run", "Setting", "run_link"]

#: Length of a time slot in which goodput is counted, in seconds.
SLOT = 0.25

#: Bytes that the source keeps buffered, so that the line is never idle.
_READY = 256 * 1024

#: Seconds at the end without new messages, so that all can arrive.
_LAST = 1.0


@dataclass(frozen=True, slots=True)
class Setting:
    """Line and traffic of a run."""

    channel: TimeVaryingChannel
    """Channel of both directions, with independent errors."""
    rate: float = 250_000.0
    """Rate of the line in each direction, in bytes per second."""
    delay: float = 0.01
    """Propagation delay in seconds."""
    every: float = 0.0
    """Interval between messages in seconds, to measure latency; 0 for a saturated source, to measure
    goodput."""
    message: int = 200
    """Length of a message in bytes."""


@dataclass(slots=True)
class Run:
    """Measurements of a run."""

    seconds: float
    """Duration in seconds."""
    carries: float
    """Number of bytes that the line can carry in that time."""
    delivered: int = 0
    """Number of bytes delivered intact; with retransmission, in order and without gaps."""
    slots: list[int] = field(default_factory=list)
    """Bytes delivered in each time slot."""
    latencies: list[float] = field(default_factory=list)
    """Latency of each message that arrived, in seconds."""
    messages: int = 0
    """Number of messages written."""
    codes: Counter[str] = field(default_factory=Counter)
    """Number of data blocks sent, by code."""

    @property
    def goodput(self) -> float:
        """Fraction of the line's capacity delivered as intact payload."""
        return self.delivered / self.carries


def run_link(
    setting: Setting,
    spec: str,
    seed: np.random.SeedSequence,
    *,
    mode: Mode = Mode.HYBRID,
    policy: Policy | None = None,
) -> Run:
    """Send data from a client to a server for the duration of the channel.

    Args:
        setting: Line and traffic.
        spec: Code.
        seed: Random seed.
        mode: Error control mode.
        policy: Policy that selects the code instead of `spec`.
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
        # Open the link before the measurement starts.
        self._server.receive(self._client.data_to_send(0.0), 0.0)
        self._client.receive(self._server.data_to_send(0.0), 0.0)
        self._lines = tuple(
            SimulatedLine(setting.channel, setting.rate, setting.delay, each)
            for each in (out, back)
        )
        self._seconds = setting.channel.seconds
        self._now = 0.0
        self._arrivals: list[tuple[float, int, int, bytes]] = []
        self._blocks = 0
        self._text = bytes(range(256)) * (_READY // 256)
        self._written = self._got = 0
        self._waiting: deque[tuple[int, float]] = deque()  # end offset and time of each message
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
        """Write the application's data."""
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
        """Advance the time to the next event."""
        sides = self._client, self._server
        times = [self._seconds, *(line.free for line in self._lines if line.free > self._now)]
        times += [entry[0] for entry in self._arrivals[:1]]
        for side, line in zip(sides, self._lines, strict=True):
            due = side.next_timer()
            if due is not None and line.free <= self._now:  # otherwise it has to wait for the line
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
