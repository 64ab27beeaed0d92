"""Interface of policies, which choose the code of each block.

A link asks its policy before each block, and reports the outcome of every transmission and the peer's
channel reports. A policy performs no I/O and reads no clock.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

__all__ = ["ChannelReport", "FixedCode", "Oracle", "Outcome", "Policy"]


class Outcome(NamedTuple):
    """Outcome of one transmission of a data block."""

    code: int
    """Number of its code."""
    payload: int
    """Payload length in bytes."""
    size: int
    """Size of the whole block in bytes."""
    arrived: bool
    """Whether its payload could be decoded, by itself or with earlier copies."""


class ChannelReport(NamedTuple):
    """Bit errors that the peer has found since its last report.

    They are counted in everything that could be decoded, which includes nearly all headers. Blocks
    that could not be decoded had more errors.
    """

    wrong_bits: int
    """Number of bit errors."""
    checked_bits: int
    """Number of bits that could be decoded."""


class Policy(Protocol):
    """Policy that chooses the code of each block."""

    @property
    def why(self) -> str:
        """Reason for the current code, in a few words, for display."""

    def choose(self, now: float) -> int:
        """Return the number of the next block's code: one of `CODES`, or `OPENED`.

        Args:
            now: Time in seconds, by the clock that drives the link.
        """

    def outcome(self, now: float, outcome: Outcome) -> None:
        """Process the outcome of a transmission, which arrived or is considered lost."""

    def channel(self, now: float, report: ChannelReport) -> None:
        """Process a channel report of the peer."""

    def use_redundancy(self) -> None:
        """Process the news that the peer can decode the codes with incremental redundancy."""


class FixedCode:
    """Policy that uses one code for every block.

    Args:
        number: Number of the code.
        why: Reason for display.
    """

    def __init__(self, number: int, why: str = "fixed, requested by the client") -> None:
        self._number = number
        self.why = why

    def choose(self, now: float) -> int:  # noqa: ARG002 - the protocol's
        """Return the fixed code."""
        return self._number

    def outcome(self, now: float, outcome: Outcome) -> None:
        """Ignore the outcome."""

    def channel(self, now: float, report: ChannelReport) -> None:
        """Ignore the report."""

    def use_redundancy(self) -> None:
        """Ignore the news."""


class Oracle:
    """Policy that knows the best code at each time: the upper bound for all policies.

    Args:
        best: Returns the number of the best code at a time in seconds.
    """

    why = "known in advance"

    def __init__(self, best: Callable[[float], int]) -> None:
        self._best = best

    def choose(self, now: float) -> int:
        """Return the best code at this time."""
        return self._best(now)

    def outcome(self, now: float, outcome: Outcome) -> None:
        """Ignore the outcome."""

    def channel(self, now: float, report: ChannelReport) -> None:
        """Ignore the report."""

    def use_redundancy(self) -> None:
        """Ignore the news."""
