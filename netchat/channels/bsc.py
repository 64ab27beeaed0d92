"""The binary symmetric channel."""

from __future__ import annotations

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
        super().__init__(f"BSC, p = {p:g}", 1 - entropy(probability("p of bsc:p", p)), p)
        self.spec = f"bsc:{p:g}"
