"""Ordered-statistics decoding of any short linear code: `CODE@osd2`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netchat.arguments import whole_number
from netchat.coding.arrays import Bools, Decoded, Floats, Rows
from netchat.coding.code import Code
from netchat.coding.linear import packed

__all__ = ["OrderedStatistics", "decode_by_reliability"]

#: Limits of the length and of the order.
_LONGEST, _MAX_ORDER = 1024, 5


class OrderedStatistics(Code):
    """A linear code with a soft decoder that comes close to maximum likelihood: `CODE@osd2`.

    The decoder takes the k most reliable independent positions, and encodes their hard decisions again.
    It also tries all changes of up to `order` of them, and returns the candidate that the ratios
    contradict least. Order d / 4 is nearly optimal, with d the minimum distance (Fossorier and Lin
    1995). Decisions of equal reliability, as of a BSC, have no order: the code's own decoder decodes
    them.

    Reference: M. P. C. Fossorier and S. Lin, "Soft-decision decoding of linear block codes based on
    ordered statistics", IEEE Transactions on Information Theory 41 (1995).

    Args:
        code: Linear code over bits, or its specification.
        order: Largest number of positions to change, 0 to 5.

    Raises:
        TypeError: order is not an integer.
        ValueError: The code is not linear, not over bits or too long, or order is out of range.

    >>> code = OrderedStatistics("bch:63,45")
    >>> code.spec, code.order
    ('bch:63,45@osd2', 2)
    """

    code: Code
    """Code that is decoded."""
    order: int
    """Largest number of positions to change."""

    def __init__(self, code: Code | str, order: int = 2) -> None:
        from netchat.coding.registry import get

        code, order = get(code), whole_number("order", order)
        if not code.linear or code.alphabet != "bit" or code.n > _LONGEST:
            raise ValueError(
                f"{code.spec}: ordered statistics need a linear code over bits with n up to {_LONGEST}."
            )
        if not 0 <= order <= _MAX_ORDER:
            raise ValueError(f"Argument 'order' must be from 0 to {_MAX_ORDER}, got {order}.")
        self.code, self.order = code, order
        super().__init__(
            f"{code.name}, OSD-{order}",
            k=code.k,
            n=code.n,
            minimum_distance=code.minimum_distance,
            corrects=code.corrects,
            detects=code.detects,
            erasure_capability=code.erasure_capability,
            systematic=code.systematic,
            citation=f"{code.citation}; Fossorier and Lin, Soft-decision decoding (1995)",
        )
        self.spec: str = f"{code.spec}@osd{order}"

    @property
    def data_positions(self) -> NDArray[np.intp]:
        """(k,) Positions of the message symbols."""
        return self.code.data_positions

    def _encode(self, message: Rows) -> Rows:
        return self.code.encode(message)

    def _decode(self, received: Rows) -> Decoded:
        return self.code.decode(received)

    def _decode_erasures(self, received: Rows, erasures: Bools) -> Decoded:
        return self.code.decode(received, erasures)

    def _decode_soft(self, received: Rows, soft: Floats, erasures: Bools | None) -> Decoded:
        return decode_by_reliability(self, received, soft, erasures, self.order)

    def _shorten(self, k: int) -> Code:
        return OrderedStatistics(self.code.shortened(k), self.order)


def decode_by_reliability(
    code: Code, received: Rows, ratios: Floats, erasures: Bools | None, order: int
) -> Decoded:
    """Decode words by ordered statistics; see `OrderedStatistics`.

    Args:
        code: Linear code over bits.
        received: (batch, n) Hard decisions.
        ratios: (batch, n) Log-likelihood ratios.
        erasures: (batch, n) True where a bit is lost.
        order: Largest number of positions to change.
    """
    from netchat.coding.block import ordered_statistics_kernels as kernels
    from netchat.jit import read_only

    ratios = np.ascontiguousarray(ratios)
    if erasures is not None and erasures.any():
        ratios = np.where(erasures, np.float32(0), ratios)
    sizes = np.abs(ratios)
    if ratios.size and sizes.min() == sizes.max() > 0:
        return code.decode(received)
    # The bits of a positive float are in the order of its value; the position makes a key unique.
    keys = (~sizes.view(np.uint32)).astype(np.uint64) << np.uint64(32)
    keys |= np.arange(code.n, dtype=np.uint64)
    positions = (np.sort(keys, axis=1) & np.uint64(0xFFFFFFFF)).astype(np.int64)
    generator = np.concatenate([packed(code.G), packed(np.eye(code.k, dtype=np.uint8))], axis=1)
    message = np.empty((len(received), code.k), np.uint8)
    corrected = np.empty(len(received), np.int64)
    kernels.decode(read_only(ratios), positions, generator, code.n, order, message, corrected)
    return Decoded(message, corrected)
