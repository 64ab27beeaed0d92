"""Erasure channel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netchat.channels.channel import Channel, Received, _flat, probability

__all__ = ["BEC"]


class BEC(Channel):
    """Erasure channel: erases each symbol independently with probability p; capacity 1 - p.

    The receiver knows the positions of the erasures. A symbol is a bit or a byte, as in the code; an
    erased symbol is received as 0.

    Args:
        p: Erasure probability.

    Raises:
        TypeError: p is not a number.
        ValueError: p is out of range.

    >>> BEC(0.25).capacity
    0.75
    """

    sweep: ClassVar[Sequence[str]] = (
        "0.5",
        "0.3",
        "0.2",
        "0.15",
        "0.1",
        "0.07",
        "0.05",
        "0.02",
        "0.01",
    )

    def __init__(self, p: float) -> None:
        self.p: float = probability("p", p)
        super().__init__(f"BEC, p = {p:g}", 1 - p)
        self.spec: str = f"bec:{p:g}"

    def transmit(
        self,
        block: ArrayLike,
        rng: np.random.Generator,
        alphabet: Literal["bit", "byte"] = "bit",  # noqa: ARG002 - a symbol is one entry in both
    ) -> Received:
        """Transmit symbols; see `Channel.transmit`."""
        return self._transmit(np.array(block, dtype=np.uint8, order="C"), rng)

    def ratios(self, received: Received) -> NDArray[np.float32]:
        """Return log-likelihood ratios: infinite for received bits, 0 for erased ones."""
        ratios = np.where(received.block == 0, np.float32(np.inf), np.float32(-np.inf))
        if received.erasures is not None:
            ratios[received.erasures] = 0.0
        return ratios

    def _transmit(self, bits: NDArray[np.uint8], rng: np.random.Generator) -> Received:
        return Received(bits, self.corrupt_bytes(bits, rng))

    def corrupt_bytes(
        self, octets: NDArray[np.uint8], rng: np.random.Generator
    ) -> NDArray[np.bool_]:
        """Transmit symbols in place; see `Channel.corrupt_bytes`."""
        from netchat.channels.error_gaps import independent

        lost = independent(self.p, octets.size, rng)
        _flat(octets)[lost] = 0
        erasures = np.zeros(octets.size, np.bool_)
        erasures[lost] = True
        return erasures.reshape(octets.shape)

    def corrupt_bit_sliced(
        self, bit_slices: NDArray[np.uint64], rng: np.random.Generator
    ) -> NDArray[np.uint64]:
        """Transmit bit-sliced blocks in place; see `Channel.corrupt_bit_sliced`."""
        from netchat.channels.error_gaps import flip_independent

        erasures = np.zeros_like(bit_slices)
        flip_independent(self.p, erasures.reshape(-1).view(np.uint8), rng)
        bit_slices &= ~erasures
        return erasures
