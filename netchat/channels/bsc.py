"""The binary symmetric channel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netchat.channels.channel import ErrorChannel, entropy, probability

__all__ = ["BinarySymmetric"]


class BinarySymmetric(ErrorChannel):
    """Every bit is turned over with probability p, by itself. Capacity 1 - h(p).

    Args:
        p: that probability.

    >>> round(BinarySymmetric(0.11).capacity, 6)
    0.500084
    """

    def __init__(self, p: float) -> None:
        self.p = probability("p of bsc:p", p)
        super().__init__(f"BSC, p = {p:g}", 1 - entropy(p))
        self.spec = f"bsc:{p:g}"

    def positions(self, total: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """The positions, in order, of the errors among `total` bits."""
        from netchat.channels.gaps import independent

        return independent(self.p, total, rng)
