"""Binary symmetric channel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from netchat.channels.channel import ErrorChannel, bsc_capacity, probability

__all__ = ["BSC"]


class BSC(ErrorChannel):
    """Binary symmetric channel: flips each bit independently with probability p; capacity 1 - h(p).

    Args:
        p: Bit error probability.

    Raises:
        TypeError: p is not a number.
        ValueError: p is out of range.

    >>> round(BSC(0.11).capacity, 6)
    0.500084
    """

    sweep: ClassVar[Sequence[str]] = (
        "0.1", "0.05", "0.03", "0.02", "0.01", "0.007", "0.005", "0.003", "0.002", "0.001", "0.0003"
    )  # fmt: skip

    def __init__(self, p: float) -> None:
        p = probability("p", p)
        super().__init__(f"BSC, p = {p:g}", bsc_capacity(p), p)
        self.spec: str = f"bsc:{p:g}"
