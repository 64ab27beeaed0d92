"""A line in simulated time: so fast, so long, and with a weather that turns bits over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from netchat.channels.stream import ChannelStream

__all__ = ["Line", "TimeVaryingChannel"]


@dataclass(frozen=True, slots=True)
class TimeVaryingChannel:
    """Channels that follow each other.

    Attributes:
        spells: the channel, and for how many seconds it stays; the last one stays on.
        name: what it is called.
    """

    spells: Sequence[tuple[str, float]]
    name: str

    @property
    def seconds(self) -> float:
        """How long all of it is."""
        return sum(seconds for _, seconds in self.spells)

    @property
    def channels(self) -> list[str]:
        """Its channels, each once."""
        return list(dict.fromkeys(channel for channel, _ in self.spells))

    def at(self, now: float) -> str:
        """The channel at a time."""
        for channel, seconds in self.spells:
            now -= seconds
            if now < 0:
                return channel
        return self.spells[-1][0]


class Line:
    """One direction.

    Args:
        weather: what damages bits.
        rate: bytes a second.
        delay: seconds from one end to the other.
        seed: where chance comes from.

    Attributes:
        free: when the line has sent everything that was given to it.
        carried: bytes that were given to it.
    """

    def __init__(
        self, weather: TimeVaryingChannel, rate: float, delay: float, seed: np.random.SeedSequence
    ) -> None:
        channels = weather.channels
        self._weather = weather
        self._rate, self._delay = rate, delay
        self._streams = {
            channel: ChannelStream(channel, child)
            for channel, child in zip(channels, seed.spawn(len(channels)), strict=True)
        }
        self.free = 0.0
        self.carried = 0

    def carry(self, data: bytes, now: float) -> tuple[float, bytes]:
        """Send a block behind those that are on the line already.

        Returns:
            When all of it has arrived, and what.
        """
        begins = max(now, self.free)
        self.free = begins + len(data) / self._rate
        self.carried += len(data)
        stream = self._streams[self._weather.at(begins)]
        return self.free + self._delay, stream.damage(data)
