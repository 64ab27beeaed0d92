"""A line in simulated time, with a rate, a delay and a channel that changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from netchat.channels.stream import ChannelStream

__all__ = ["SimulatedLine", "TimeVaryingChannel"]


@dataclass(frozen=True, slots=True)
class TimeVaryingChannel:
    """A sequence of channels, each for a number of seconds."""

    periods: Sequence[tuple[str, float]]
    """Specification and duration in seconds of each channel; the last one continues."""
    name: str
    """Name shown in tables."""

    @property
    def seconds(self) -> float:
        """Total duration in seconds."""
        return sum(seconds for _, seconds in self.periods)

    @property
    def channels(self) -> list[str]:
        """Distinct channels, in order of appearance."""
        return list(dict.fromkeys(channel for channel, _ in self.periods))

    def at(self, now: float) -> str:
        """Return the channel at a time."""
        for channel, seconds in self.periods:
            now -= seconds
            if now < 0:
                return channel
        return self.periods[-1][0]


class SimulatedLine:
    """One direction of a line.

    Args:
        channel: Channel that flips bits.
        rate: Rate in bytes per second.
        delay: Propagation delay in seconds.
        seed: Random seed.
    """

    free: float
    """Time at which the line has sent everything that it was given."""
    carried: int
    """Number of bytes that it was given."""

    def __init__(
        self, channel: TimeVaryingChannel, rate: float, delay: float, seed: np.random.SeedSequence
    ) -> None:
        channels = channel.channels
        self._channel = channel
        self._rate, self._delay = rate, delay
        self._streams = {
            channel: ChannelStream(channel, child)
            for channel, child in zip(channels, seed.spawn(len(channels)), strict=True)
        }
        self.free = 0.0
        self.carried = 0

    def carry(self, data: bytes, now: float) -> tuple[float, bytes]:
        """Send a block after those already on the line.

        Returns:
            The time of its arrival, and the received bytes.
        """
        begins = max(now, self.free)
        self.free = begins + len(data) / self._rate
        self.carried += len(data)
        stream = self._streams[self._channel.at(begins)]
        return self.free + self._delay, stream.damage(data)
