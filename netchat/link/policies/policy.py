"""Who decides which code the next block is in.

A link asks its policy before each block, and tells it what became of every transmission and what
the other side has seen of the channel. A policy does no I/O and reads no clock.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

__all__ = ["ChannelReport", "FixedCode", "Oracle", "Outcome", "Policy"]


class Outcome(NamedTuple):
    """What became of one transmission of a data block."""

    code: int
    """The number of its code."""
    payload: int
    """Bytes of payload."""
    size: int
    """Bytes of the whole block, as sent."""
    arrived: bool
    """Its payload could be decoded (by itself, or with earlier copies of it)."""


class ChannelReport(NamedTuple):
    """What the other side has seen since its last report, in all that it could decode.

    What could not be decoded had more errors, and is not in it: headers are, which can nearly always
    be decoded.
    """

    wrong_bits: int
    checked_bits: int


class Policy(Protocol):
    """Decides which code the next block is in."""

    @property
    def why(self) -> str:
        """The reason for the present code, in a few words, to be shown."""

    def choose(self, now: float) -> int:
        """The number of the code for the next block: one of `CODES`, or `OPENED`.

        Args:
            now: seconds, of the clock that the link is driven by.
        """

    def outcome(self, now: float, outcome: Outcome) -> None:
        """What became of a transmission is known: it arrived, or it is taken for lost."""

    def channel(self, now: float, report: ChannelReport) -> None:
        """The other side has reported."""


class FixedCode:
    """One code for every block.

    Args:
        number: the code's.
        why: who asked for it.
    """

    def __init__(self, number: int, why: str = "fixed, requested by the client") -> None:
        self._number = number
        self.why = why

    def choose(self, now: float) -> int:  # noqa: ARG002 - the protocol's
        """That code."""
        return self._number

    def outcome(self, now: float, outcome: Outcome) -> None:
        """Changes nothing."""

    def channel(self, now: float, report: ChannelReport) -> None:
        """Changes nothing."""


class Oracle:
    """Knows what nobody can know: which code is the best one right now. It is the upper bound.

    Args:
        best: the number of the code that is best at a time.
    """

    why = "known beforehand"

    def __init__(self, best: Callable[[float], int]) -> None:
        self._best = best

    def choose(self, now: float) -> int:
        """The best one."""
        return self._best(now)

    def outcome(self, now: float, outcome: Outcome) -> None:
        """Changes nothing."""

    def channel(self, now: float, report: ChannelReport) -> None:
        """Changes nothing."""
