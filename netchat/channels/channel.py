"""What a channel is: the interface of all of them."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "Chain",
    "Channel",
    "ErrorChannel",
    "Received",
    "bsc_capacity",
    "capacity_of_difference",
    "entropy",
    "probability",
]

#: Up to this |1 - 2 p| the capacity of a BSC is a series; beyond it 1 - h(p) loses no digit.
_NEAR_HALF = 0.1


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

    To write one, implement `_transmit` for bits; bytes and planes follow from it. A channel whose
    errors do not depend on what is sent derives from `ErrorChannel`, which knows more: streams of
    bytes and theory can use it. `docs/CODES.md` has an example.

    Args:
        name: what it is called.
        capacity: bits of information in a bit sent, if a formula is known.

    Attributes:
        spec: what `netchat.channels.get` makes it from.
    """

    sweep: ClassVar[Sequence[str]] = ()
    """Arguments of the channels that make a curve: in the bench the name alone stands for them."""

    memory: float = 0.0
    """Bits after which the channel has mostly forgotten what it did; 0 if it never knows."""

    def __init__(self, name: str, capacity: float | None = None) -> None:
        self.name = self.spec = name
        self.capacity = capacity

    def __repr__(self) -> str:
        return f"<Channel {self.spec}>"

    def at_rate(self, rate: float) -> Channel:  # noqa: ARG002 - for channels with energy per bit
        """The channel that a code of this rate sees: itself, unless energy is shared out."""
        return self

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
        symbols = np.array(block, dtype=np.uint8, order="C")
        if alphabet == "bit":
            return self._transmit(symbols, rng)
        out = self._transmit(np.unpackbits(symbols), rng)
        octets = np.packbits(out.block).reshape(symbols.shape)
        if out.erasures is None:
            return Received(octets)
        lost = np.packbits(out.erasures) != 0  # of a byte with a lost bit
        return Received(octets, lost.reshape(symbols.shape))

    def corrupt_bytes(
        self, octets: NDArray[np.uint8], rng: np.random.Generator
    ) -> NDArray[np.bool_] | None:
        """Send bytes, in place. Returns where one is lost, if this channel loses any.

        Args:
            octets: contiguous, in any shape; the highest bit of a byte is sent first.
            rng: where chance comes from.
        """
        flat = _flat(octets)
        out = self.transmit(flat, rng, "byte")
        flat[:] = out.block
        return None if out.erasures is None else out.erasures.reshape(octets.shape)

    def corrupt_bit_sliced(
        self, bit_slices: NDArray[np.uint64], rng: np.random.Generator
    ) -> NDArray[np.uint64] | None:
        """Send planes of bits (n, words), in place; see `netchat.coding.bit_slicing`.

        Returns:
            (n, words), set where a bit is lost, if this channel loses any.
        """
        flat = _flat(bit_slices)
        out = self.transmit(_rows_of(bit_slices), rng)
        flat[:] = _bit_slices_of(out.block).reshape(-1)
        return None if out.erasures is None else _bit_slices_of(out.erasures)

    def ratios(self, received: Received) -> NDArray[np.float64] | None:
        """Return the log-likelihood ratios ln P(0)/P(1) of received bits, if they are known.

        Args:
            received: what `transmit` gave for bits.
        """
        return received.soft

    @abstractmethod
    def _transmit(self, bits: NDArray[np.uint8], rng: np.random.Generator) -> Received:
        """Send bits, in any shape; the array may be changed and returned."""


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
        from netchat.channels.error_gaps import independent

        return independent(self.p, total, rng)

    def transmit(
        self,
        block: ArrayLike,
        rng: np.random.Generator,
        alphabet: Literal["bit", "byte"] = "bit",
    ) -> Received:
        """Send symbols; see `Channel.transmit`."""
        received = np.array(block, dtype=np.uint8, order="C")
        if alphabet == "bit":
            return self._transmit(received, rng)
        self.corrupt_bytes(received, rng)
        return Received(received)

    def ratios(self, received: Received) -> NDArray[np.float64]:
        """Return log-likelihood ratios; those of the channel's error rate, if it gives no better."""
        if received.soft is not None:
            return received.soft
        with np.errstate(divide="ignore"):  # certain, if the channel makes no errors
            certainty = float(np.log1p(-self.p) - np.log(self.p))
        return np.where(received.block == 0, certainty, -certainty)

    def _transmit(self, bits: NDArray[np.uint8], rng: np.random.Generator) -> Received:
        bits.reshape(-1)[self.positions(bits.size, rng)] ^= 1
        return Received(bits)

    def corrupt_bytes(self, octets: NDArray[np.uint8], rng: np.random.Generator) -> None:
        """Send bytes, in place; see `Channel.corrupt_bytes`."""
        from netchat.channels import bit_flips as flips
        from netchat.channels import error_gaps as gaps

        flat = _flat(octets)
        if self._memoryless:
            gaps.flip_independent(self.p, flat, rng)
        else:
            flips.flip_bytes(flat, self.positions(8 * octets.size, rng))

    def corrupt_bit_sliced(self, bit_slices: NDArray[np.uint64], rng: np.random.Generator) -> None:
        """Send bit_slices, in place; see `Channel.corrupt_bit_sliced`."""
        from netchat.channels import bit_flips as flips
        from netchat.channels import error_gaps as gaps

        flat = _flat(bit_slices)
        if self._memoryless:
            gaps.flip_independent(self.p, flat.view(np.uint8), rng)
        else:
            flips.flip_bit_sliced(bit_slices, self.positions(64 * bit_slices.size, rng))


def _flat(array: NDArray[Any]) -> NDArray[Any]:
    if not array.flags.c_contiguous:
        raise ValueError(
            "A channel changes contiguous arrays in place; this one is not contiguous."
        )
    return array.reshape(-1)


def _rows_of(bit_slices: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """Return planes (n, words) as the rows of bits (64 words, n) in which they are sent."""
    octets = np.ascontiguousarray(bit_slices, dtype="<u8").view(np.uint8)
    return np.unpackbits(np.ascontiguousarray(octets.T), axis=0, bitorder="little")


def _bit_slices_of(rows: NDArray[Any]) -> NDArray[np.uint64]:
    """Return rows of bits (64 words, n) as planes (n, words)."""
    packed = np.ascontiguousarray(np.packbits(rows, axis=0, bitorder="little").T)
    return packed.view("<u8").astype(np.uint64, copy=False)


def probability(name: str, value: float) -> float:
    """Check a probability.

    Raises:
        ValueError: unless it is from 0 to 1.
    """
    if not 0 <= value <= 1:
        raise ValueError(f"{name} is a probability, from 0 to 1, not {value:g}.")
    return value


def entropy(p: float) -> float:
    """Return the binary entropy in bits.

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
    """Return 1 - h(p), the capacity of a BSC in bits, exact also where it is nearly 0.

    >>> f"{bsc_capacity(0.5 + 1e-9):.6e}"
    '2.885390e-18'
    """
    return capacity_of_difference(1 - 2 * p)


def capacity_of_difference(difference: float) -> float:
    """Return the capacity of a BSC whose bits are right so much more often than wrong, 1 - 2 p."""
    square = difference * difference
    if abs(difference) >= _NEAR_HALF:
        return 1 - entropy((1 - abs(difference)) / 2)
    # (1 + d) ln(1 + d) + (1 - d) ln(1 - d) as a series: the first terms of the sum would cancel.
    terms = (square**i / (i * (2 * i - 1)) for i in range(1, 12))
    return math.fsum(terms) / (2 * math.log(2))
