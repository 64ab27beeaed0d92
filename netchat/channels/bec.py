"""The erasure channel."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netchat.channels.channel import Channel, Received, _flat, probability

__all__ = ["Erasure"]


class Erasure(Channel):
    """Every symbol is lost with probability p, by itself, and the receiver sees that it is.

    A symbol is a bit or a whole byte, as the code's alphabet says; a lost one is received as 0.
    Capacity 1 - p in either case.

    Args:
        p: that probability.

    >>> Erasure(0.25).capacity
    0.75
    """

    def __init__(self, p: float) -> None:
        self.p = probability("p of bec:p", p)
        super().__init__(f"BEC, p = {p:g}", 1 - p)
        self.spec = f"bec:{p:g}"

    def transmit(
        self,
        block: ArrayLike,
        rng: np.random.Generator,
        alphabet: Literal["bit", "byte"] = "bit",  # noqa: ARG002 - a symbol is an entry in either
    ) -> Received:
        """Send symbols; see `Channel.transmit`."""
        received = np.array(block, dtype=np.uint8, order="C")
        return Received(received, self.corrupt_bytes(received, rng))

    def corrupt_bytes(
        self, octets: NDArray[np.uint8], rng: np.random.Generator
    ) -> NDArray[np.bool_]:
        """Send symbols of one entry each, in place; returns which are lost."""
        from netchat.channels.gaps import independent

        lost = independent(self.p, octets.size, rng)
        _flat(octets)[lost] = 0
        erasures = np.zeros(octets.size, np.bool_)
        erasures[lost] = True
        return erasures.reshape(octets.shape)

    def corrupt_planes(
        self, planes: NDArray[np.uint64], rng: np.random.Generator
    ) -> NDArray[np.uint64]:
        """Send planes of bits, in place; returns which are lost."""
        from netchat.channels.gaps import flip_independent

        erasures = np.zeros_like(planes)
        flip_independent(self.p, erasures.reshape(-1).view(np.uint8), rng)
        planes &= ~erasures
        return erasures
