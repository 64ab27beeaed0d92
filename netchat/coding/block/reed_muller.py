"""Reed-Muller codes, with majority logic, the Hadamard transform and ordered statistics."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from math import comb

import numpy as np
from numpy.typing import NDArray

from netchat.arguments import whole_number
from netchat.coding import bit_sliced_counters, bit_slicing
from netchat.coding.arrays import BitSlices, Bools, Decoded, Floats, Rows
from netchat.coding.block.hadamard import LARGEST_K, decode_likeliest
from netchat.coding.block.ordered_statistics import decode_by_reliability
from netchat.coding.code import Code

__all__ = ["ReedMuller"]

_LARGEST_M = 10


class ReedMuller(Code):
    """Reed-Muller code RM(r, m): the values of all polynomials of degree up to r in m variables.

    n = 2^m and the minimum distance is 2^(m - r). Message bit 0 is the constant, then come the
    coefficients by degree. Position x of the codeword is the value where variable i is bit i of x. The
    code is not systematic.

    Codes with k up to 12, such as those of the first order, are decoded to the likeliest codeword, by
    the Hadamard transform. For others, Reed's majority logic decodes hard decisions, up to half the
    minimum distance, and ordered statistics of order 2 soft ones.

    References: D. E. Muller, "Application of Boolean algebra to switching circuit design and to error
    detection" (1954); I. S. Reed, "A class of multiple-error-correcting codes and the decoding scheme"
    (1954); R. R. Green, "A serial orthogonal decoder" (1966), for Mariner.

    Args:
        r: Order, 0 to m - 1.
        m: Number of variables, 1 to 10.

    Raises:
        TypeError: An argument is not an integer.
        ValueError: An argument is out of range.

    >>> code = ReedMuller(1, 3)
    >>> code.n, code.k, code.minimum_distance
    (8, 4, 4)
    >>> code.G.tolist()
    [[1, 1, 1, 1, 1, 1, 1, 1], [0, 1, 0, 1, 0, 1, 0, 1], [0, 0, 1, 1, 0, 0, 1, 1], [0, 0, 0, 0, 1, 1, 1, 1]]
    """

    def __init__(self, r: int = 1, m: int = 5) -> None:
        r, m = whole_number("r", r), whole_number("m", m)
        if not 1 <= m <= _LARGEST_M:
            raise ValueError(f"Argument 'm' must be from 1 to {_LARGEST_M}, got {m}.")
        if not 0 <= r < m:
            raise ValueError(f"Argument 'r' must be from 0 to m - 1 = {m - 1}, got {r}.")
        self._r, self._m = r, m
        super().__init__(
            f"Reed-Muller ({r},{m})",
            k=sum(comb(m, degree) for degree in range(r + 1)),
            n=1 << m,
            minimum_distance=1 << (m - r),
            systematic=False,
            citation="Muller (1954) and Reed (1954); RM(1,5): Mariner 9, 3GPP TS 25.212",
        )
        self.spec: str = f"rm:{r},{m}"

    @cached_property
    def _monomials(self) -> NDArray[np.intp]:
        """(k,) Variables of each message bit's monomial, as bits of an integer."""
        every = np.arange(self.n)
        order = np.lexsort((every, np.bitwise_count(every)))
        return order[: self.k]

    def _encode(self, message: Rows) -> Rows:
        values = np.zeros((len(message), self.n), np.uint8)
        values[:, self._monomials] = message
        for i in range(self._m):  # add the terms with variable i where it is 1
            pairs = values.reshape(len(message), self.n >> (i + 1), 2, 1 << i)
            pairs[:, :, 1] ^= pairs[:, :, 0]
        return values

    def _decode(self, received: Rows) -> Decoded:
        if self.k <= LARGEST_K:
            return decode_likeliest(self, received, np.float32(1) - 2 * received.astype(np.float32))
        message, failed = self._by_majority(received)
        changed = (self._encode(message) != received).sum(axis=1)
        return Decoded(message, np.where(failed, -1, changed))

    def _decode_erasures(self, received: Rows, erasures: Bools) -> Decoded:
        if self.k > LARGEST_K:
            return super()._decode_erasures(received, erasures)
        ratios = np.float32(1) - 2 * received.astype(np.float32)
        return decode_likeliest(self, received, ratios, erasures)

    def _decode_soft(self, received: Rows, soft: Floats, erasures: Bools | None) -> Decoded:
        if self.k <= LARGEST_K:
            return decode_likeliest(self, received, soft, erasures)
        return decode_by_reliability(self, received, soft, erasures, 2)

    def _by_majority(self, received: Rows) -> tuple[Rows, Bools]:
        """Decode by Reed's algorithm: the highest degree first; a tied vote is a failure."""
        left = bit_slicing.from_rows(received)
        message = np.zeros((self.k, left.shape[1]), np.uint64)
        failed = np.zeros(left.shape[1], np.uint64)
        place = {int(monomial): index for index, monomial in enumerate(self._monomials)}
        for degree in range(self._r, -1, -1):
            found = np.zeros_like(left)
            for monomial, votes in _votes(left, self._m, degree, 0, 0):
                ones = bit_sliced_counters.count(votes)
                is_less = bit_sliced_counters.below(ones, len(votes) // 2)
                is_most = ~bit_sliced_counters.below(ones, len(votes) // 2 + 1)
                failed |= ~is_less & ~is_most
                found[monomial] = message[place[monomial]] = is_most
            for i in range(self._m):
                pairs = found.reshape(self.n >> (i + 1), 2, 1 << i, left.shape[1])
                pairs[:, 1] ^= pairs[:, 0]
            left ^= found
        rows = bit_slicing.to_rows(message, len(received))
        return rows, bit_slicing.to_rows(failed[None], len(received))[:, 0] == 1


def _votes(
    left: BitSlices, variables: int, degree: int, first: int, chosen: int
) -> Iterator[tuple[int, BitSlices]]:
    """Yield each monomial of a degree with its votes: sums over all values of its variables.

    Args:
        left: Values, summed over the variables in `chosen`.
        variables: Number of variables.
        degree: Number of variables still to be chosen.
        first: First variable that can be chosen.
        chosen: Variables of the monomial so far, as bits of an integer.
    """
    if degree == 0:
        yield chosen, left
        return
    done = chosen.bit_count()
    for variable in range(first, variables - degree + 1):
        half, step, words = len(left) // 2, 1 << (variable - done), left.shape[1]
        pairs = left.reshape(half // step, 2, step, words)
        folded = (pairs[:, 0] ^ pairs[:, 1]).reshape(half, words)
        yield from _votes(folded, variables, degree - 1, variable + 1, chosen | 1 << variable)
