"""Interface of the channels, and the channels that only flip bits."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netchat.arguments import real_number

__all__ = [
    "Channel",
    "ErrorChannel",
    "MarkovChain",
    "Received",
    "bsc_capacity",
    "capacity_of_difference",
    "entropy",
    "probability",
]

#: Below this |1 - 2 p| the capacity of a BSC is computed as a series, because 1 - h(p) loses digits.
_NEAR_HALF = 0.1


@dataclass(frozen=True, slots=True)
class Received:
    """Output of a channel."""

    block: NDArray[np.uint8]
    """Received symbols, in the shape of the input."""
    erasures: NDArray[np.bool_] | None = None
    """Boolean array, True where a symbol is erased; None if the channel has no erasures."""
    soft: NDArray[np.float32] | None = None
    """Log-likelihood ratios ln P(0)/P(1) of bits; None if the channel gives hard decisions only."""


@dataclass(frozen=True, slots=True)
class MarkovChain:
    """Hidden Markov model of a channel, for exact computations."""

    start: NDArray[np.float64]
    """(states,) Stationary probabilities."""
    transitions: NDArray[np.float64]
    """(states, states) Probabilities of a transition from the row's state to the column's, per bit."""
    error: NDArray[np.float64]
    """(states,) Bit error probabilities."""


class Channel(ABC):
    """Model of the errors on a link.

    A channel has no state between calls: its output depends only on its arguments and on the random
    generator. SFC64 is the fastest generator for it.

    A subclass implements `_transmit` for bits; the methods for bytes and bit slices follow. A channel
    whose errors do not depend on the bits derives from `ErrorChannel`, which byte streams and theory
    can use. `docs/CODES.md` has an example.

    Args:
        name: Name shown in tables.
        capacity: Capacity in bits per channel use, if a formula is known.
    """

    name: str
    """Name shown in tables."""
    spec: str
    """Specification from which `netchat.channels.get` creates the channel."""
    capacity: float | None
    """Capacity in bits per channel use; None if no formula is known."""

    sweep: ClassVar[Sequence[str]] = ()
    """Arguments of the channels of a curve, which the bench measures for the name alone."""

    memory: float = 0.0
    """Number of bits over which errors are correlated; 0 for a memoryless channel."""

    is_soft: bool = False
    """Whether the ratios of received bits differ in magnitude, so that soft decisions gain from them."""

    def __init__(self, name: str, capacity: float | None = None) -> None:
        self.name = self.spec = name
        self.capacity = capacity

    def __repr__(self) -> str:
        return f"<Channel {self.spec}>"

    def at_rate(self, rate: float) -> Channel:  # noqa: ARG002 - for channels with energy per bit
        """Return the channel for a code of this rate, which differs if Eb/N0 is given."""
        return self

    def transmit(
        self,
        block: ArrayLike,
        rng: np.random.Generator,
        alphabet: Literal["bit", "byte"] = "bit",
    ) -> Received:
        """Transmit symbols in C order; the argument is not modified.

        Args:
            block: Bits or bytes, one per entry, in any shape.
            rng: Random generator.
            alphabet: Type of a symbol.
        """
        symbols = np.array(block, dtype=np.uint8, order="C")
        if alphabet == "bit":
            return self._transmit(symbols, rng)
        out = self._transmit(np.unpackbits(symbols), rng)
        octets = np.packbits(out.block).reshape(symbols.shape)
        if out.erasures is None:
            return Received(octets)
        lost = np.packbits(out.erasures) != 0  # bytes with an erased bit
        return Received(octets, lost.reshape(symbols.shape))

    def corrupt_bytes(
        self, octets: NDArray[np.uint8], rng: np.random.Generator
    ) -> NDArray[np.bool_] | None:
        """Transmit bytes in place.

        Args:
            octets: Contiguous array of any shape; the most significant bit of a byte is sent first.
            rng: Random generator.

        Returns:
            Boolean array, True where a byte is erased; None if the channel has no erasures.
        """
        flat = _flat(octets)
        out = self.transmit(flat, rng, "byte")
        flat[:] = out.block
        return None if out.erasures is None else out.erasures.reshape(octets.shape)

    def corrupt_bit_sliced(
        self, bit_slices: NDArray[np.uint64], rng: np.random.Generator
    ) -> NDArray[np.uint64] | None:
        """Transmit bit-sliced blocks in place; see `netchat.coding.bit_slicing`.

        Args:
            bit_slices: (n, words) Blocks; one block is sent after the other.
            rng: Random generator.

        Returns:
            (n, words) Set where a bit is erased; None if the channel has no erasures.
        """
        flat = _flat(bit_slices)
        out = self.transmit(_rows_of(bit_slices), rng)
        flat[:] = _bit_slices_of(out.block).reshape(-1)
        return None if out.erasures is None else _bit_slices_of(out.erasures)

    def ratios(self, received: Received) -> NDArray[np.float32] | None:
        """Return the log-likelihood ratios ln P(0)/P(1) of received bits, or None.

        Args:
            received: Output of `transmit` for bits.
        """
        return received.soft

    @abstractmethod
    def _transmit(self, bits: NDArray[np.uint8], rng: np.random.Generator) -> Received:
        """Transmit bits of any shape; the array may be modified and returned."""


class ErrorChannel(Channel):
    """A channel that flips bits, independently of their values; a subclass draws the positions.

    Args:
        name: Name shown in tables.
        capacity: Capacity in bits per channel use, if a formula is known.
        p: Bit error rate.
        memoryless: Whether errors are independent, so that the order of the bits does not matter.
    """

    p: float
    """Bit error rate."""

    def __init__(
        self, name: str, capacity: float | None, p: float, *, memoryless: bool = True
    ) -> None:
        super().__init__(name, capacity)
        self.p, self._memoryless = p, memoryless

    def markov_chain(self) -> MarkovChain:
        """Return the hidden Markov model, which has one state for a memoryless channel."""
        return MarkovChain(np.ones(1), np.ones((1, 1)), np.array([self.p]))

    def positions(self, total: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Draw the sorted positions of the errors among `total` bits."""
        from netchat.channels.error_gaps import independent

        return independent(self.p, total, rng)

    def transmit(
        self,
        block: ArrayLike,
        rng: np.random.Generator,
        alphabet: Literal["bit", "byte"] = "bit",
    ) -> Received:
        """Transmit symbols; see `Channel.transmit`."""
        received = np.array(block, dtype=np.uint8, order="C")
        if alphabet == "bit":
            return self._transmit(received, rng)
        self.corrupt_bytes(received, rng)
        return Received(received)

    def ratios(self, received: Received) -> NDArray[np.float32]:
        """Return log-likelihood ratios, by default those of a BSC with error rate p."""
        if received.soft is not None:
            return received.soft
        with np.errstate(divide="ignore"):  # infinite if the channel makes no errors
            magnitude = np.float32(np.log1p(-self.p) - np.log(self.p))
        return np.where(received.block == 0, magnitude, -magnitude)

    def _transmit(self, bits: NDArray[np.uint8], rng: np.random.Generator) -> Received:
        bits.reshape(-1)[self.positions(bits.size, rng)] ^= 1
        return Received(bits)

    def corrupt_bytes(self, octets: NDArray[np.uint8], rng: np.random.Generator) -> None:
        """Transmit bytes in place; see `Channel.corrupt_bytes`."""
        from netchat.channels import bit_flips as flips
        from netchat.channels import error_gaps as gaps

        flat = _flat(octets)
        if self._memoryless:
            gaps.flip_independent(self.p, flat, rng)
        else:
            flips.flip_bytes(flat, self.positions(8 * octets.size, rng))

    def corrupt_bit_sliced(self, bit_slices: NDArray[np.uint64], rng: np.random.Generator) -> None:
        """Transmit bit-sliced blocks in place; see `Channel.corrupt_bit_sliced`."""
        from netchat.channels import bit_flips as flips
        from netchat.channels import error_gaps as gaps

        flat = _flat(bit_slices)
        if self._memoryless:
            gaps.flip_independent(self.p, flat.view(np.uint8), rng)
        else:
            flips.flip_bit_sliced(bit_slices, self.positions(64 * bit_slices.size, rng))


def _flat(array: NDArray[Any]) -> NDArray[Any]:
    if not array.flags.c_contiguous:
        raise ValueError("The array must be contiguous, because the channel modifies it in place.")
    return array.reshape(-1)


def _rows_of(bit_slices: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """Convert bit slices (n, words) to rows of bits (64 words, n), in the order sent."""
    octets = np.ascontiguousarray(bit_slices, dtype="<u8").view(np.uint8)
    return np.unpackbits(np.ascontiguousarray(octets.T), axis=0, bitorder="little")


def _bit_slices_of(rows: NDArray[Any]) -> NDArray[np.uint64]:
    """Convert rows of bits (64 words, n) to bit slices (n, words)."""
    packed = np.ascontiguousarray(np.packbits(rows, axis=0, bitorder="little").T)
    return packed.view("<u8").astype(np.uint64, copy=False)


def probability(name: str, value: float) -> float:
    """Check that an argument is a probability, and return it.

    Raises:
        TypeError: The value is not a number.
        ValueError: The value is not from 0 to 1.
    """
    value = real_number(name, value)
    if not 0 <= value <= 1:
        raise ValueError(f"Argument {name!r} must be a probability from 0 to 1, got {value:g}.")
    return value


def entropy(p: float) -> float:
    """Return the binary entropy h(p) in bits.

    >>> entropy(0.5)
    1.0
    >>> f"{entropy(1e-20):.6e}"
    '6.788126e-19'
    """
    if p in (0, 1):
        return 0.0
    if abs(1 - 2 * p) < _NEAR_HALF:
        return 1 - bsc_capacity(p)
    return -(p * math.log(p) + (1 - p) * math.log1p(-p)) / math.log(2)


def bsc_capacity(p: float) -> float:
    """Return the capacity 1 - h(p) of a BSC in bits, accurate even near 0.

    >>> f"{bsc_capacity(0.5 + 1e-9):.6e}"
    '2.885390e-18'
    """
    return capacity_of_difference(1 - 2 * p)


def capacity_of_difference(difference: float) -> float:
    """Return the capacity of a BSC with 1 - 2 p = `difference`."""
    square = difference * difference
    if abs(difference) >= _NEAR_HALF:
        return 1 - entropy((1 - abs(difference)) / 2)
    # (1 + d) ln(1 + d) + (1 - d) ln(1 - d) as a series: its first terms would cancel in floating point.
    terms = (square**i / (i * (2 * i - 1)) for i in range(1, 12))
    return math.fsum(terms) / (2 * math.log(2))
