"""Result of one batch of frames."""

from __future__ import annotations

from dataclasses import dataclass

from netchat.bench.engine.tally import Tally

__all__ = ["BatchResult", "Speed"]


@dataclass(frozen=True, slots=True)
class Speed:
    """Speed of the best batch, in megabits of information per second."""

    encode: float = 0.0
    """Encoding."""
    decode: float = 0.0
    """Decoding."""
    end_to_end: float = 0.0
    """Random data, encoding, channel, decoding and counting."""

    def __or__(self, other: Speed) -> Speed:
        return Speed(
            max(self.encode, other.encode),
            max(self.decode, other.decode),
            max(self.end_to_end, other.end_to_end),
        )


@dataclass(frozen=True, slots=True)
class BatchResult:
    """Result of one batch."""

    tally: Tally
    """Counts."""
    speed: Speed
    """Speed of this batch."""
    seconds: float
    """Computing time in seconds."""
