"""What a channel is: the interface of all of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Chain", "Channel", "ErrorChannel", "Received", "entropy", "probability"]


@dataclass(frozen=True, slots=True)
class Received:
    """What came out of a channel."""

    block: NDArray[np.uint8]
    """The symbols, shaped like what went in."""
    erasures: NDArray[np.bool_] | None = None
    """Where a symbol is lost, if this channel loses any."""
    soft: NDArray[np.float64] | None = None
    """Log-likelihood ratios ln P(0)/P(1) of bits, if this channel gives any."""


@dataclass(frozen=True, slots=True)
class Chain:
    """A channel with states: for what can be computed about it exactly."""

    start: NDArray[np.float64]
    """(states,) How probable each is at any time."""
    moves: NDArray[np.float64]
    """(states, states) The probability to go from one (row) to another after a bit."""
    error: NDArray[np.float64]
    """(states,) The probability that a bit is wrong."""


class Channel(ABC):
    """A model of what a link does to bits.

    A channel keeps nothing between calls: what it does depends on its arguments and on the
    generator only. SFC64 is the fastest generator for it.

    Args:
        name: what it is called.
        capacity: bits of information in a bit sent, if a formula is known.

    Attributes:
        spec: what `netchat.channels.get` makes it from.
    """

    memory: float = 0.0
    """Bits after which the channel has mostly forgotten what it did; 0 if it never knows."""

    def __init__(self, name: str, capacity: float | None) -> None:
        self.name = self.spec = name
        self.capacity = capacity

    def __repr__(self) -> str:
        return f"<Channel {self.spec}>"

    def at_rate(self, rate: float) -> Channel:  # noqa: ARG002 - for channels with energy per bit
        """The channel that a code of this rate sees: itself, unless energy is shared out."""
        return self

    @abstractmethod
    def transmit(
        self,
        block: ArrayLike,
        rng: np.random.Generator,
        alphabet: Literal["bit", "byte"] = "bit",
    ) -> Received:
        """Send symbols, in the order in which they stand; the argument is left as it is.

        Args:
            block: bits or bytes, one an entry, in any shape.
            rng: where chance comes from.
            alphabet: which of the two.
        """

    @abstractmethod
    def corrupt_bytes(
        self, octets: NDArray[np.uint8], rng: np.random.Generator
    ) -> NDArray[np.bool_] | None:
        """Send bytes, in place. Returns where one is lost, if this channel loses any.

        Args:
            octets: contiguous, in any shape; the highest bit of a byte is sent first.
            rng: where chance comes from.
        """

    @abstractmethod
    def corrupt_planes(
        self, planes: NDArray[np.uint64], rng: np.random.Generator
    ) -> NDArray[np.uint64] | None:
        """Send planes of bits (n, words), in place; see `netchat.coding.planes`.

        Returns:
            (n, words), set where a bit is lost, if this channel loses any.
        """


class ErrorChannel(Channel):
    """A channel that turns bits over; a kind of it says where.

    Args:
        name: what it is called.
        capacity: bits of information in a bit sent, if a formula is known.
        p: how many of the bits are wrong.
        memoryless: whether an error depends on no other; the order of bits is then of no matter.
    """

    def __init__(
        self, name: str, capacity: float | None, p: float, *, memoryless: bool = True
    ) -> None:
        super().__init__(name, capacity)
        self.p, self._memoryless = p, memoryless

    def chain(self) -> Chain:
        """The channel as a hidden Markov chain: of one state, unless it has a memory."""
        return Chain(np.ones(1), np.ones((1, 1)), np.array([self.p]))

    def positions(self, total: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """The positions, in order, of the errors among `total` bits."""
        from netchat.channels.gaps import independent

        return independent(self.p, total, rng)

    def transmit(
        self,
        block: ArrayLike,
        rng: np.random.Generator,
        alphabet: Literal["bit", "byte"] = "bit",
    ) -> Received:
        """Send symbols; see `Channel.transmit`."""
        received = np.array(block, dtype=np.uint8, order="C")
        if alphabet == "byte":
            self.corrupt_bytes(received, rng)
        else:
            received.reshape(-1)[self.positions(received.size, rng)] ^= 1
        return Received(received)

    def corrupt_bytes(self, octets: NDArray[np.uint8], rng: np.random.Generator) -> None:
        """Send bytes, in place; see `Channel.corrupt_bytes`."""
        from netchat.channels import flips, gaps

        flat = _flat(octets)
        if self._memoryless:
            gaps.flip_independent(self.p, flat, rng)
        else:
            flips.flip_octets(flat, self.positions(8 * octets.size, rng))

    def corrupt_planes(self, planes: NDArray[np.uint64], rng: np.random.Generator) -> None:
        """Send planes, in place; see `Channel.corrupt_planes`."""
        from netchat.channels import flips, gaps

        flat = _flat(planes)
        if self._memoryless:
            gaps.flip_independent(self.p, flat.view(np.uint8), rng)
        else:
            flips.flip_planes(planes, self.positions(64 * planes.size, rng))


def _flat(array: NDArray[Any]) -> NDArray[Any]:
    if not array.flags.c_contiguous:
        raise ValueError(
            "A channel changes contiguous arrays in place; this one is not contiguous."
        )
    return array.reshape(-1)


def probability(name: str, value: float) -> float:
    """Check a probability.

    Raises:
        ValueError: unless it is from 0 to 1.
    """
    if not 0 <= value <= 1:
        raise ValueError(f"{name} is a probability, from 0 to 1, not {value:g}.")
    return value


def entropy(p: float) -> float:
    """The binary entropy in bits.

    >>> entropy(0.5)
    1.0
    """
    return float(-sum(q * np.log2(q) for q in (p, 1 - p) if q > 0))
