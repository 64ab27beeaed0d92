"""Golay codes, with maximum-likelihood decoding of hard and soft decisions."""

from __future__ import annotations

from functools import cached_property, lru_cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from netchat.arguments import whole_number
from netchat.coding.arrays import BitSlices, Bools, Decoded, DecodedBitSlices, Floats, Rows
from netchat.coding.bit_sliced_code import BitSlicedCode
from netchat.coding.block.hadamard import decode_likeliest

__all__ = ["Golay"]

#: x^11 + x^10 + x^6 + x^5 + x^4 + x^2 + 1, octal 6165.
_GENERATOR = 0o6165
_K = 12
#: Number of errors that either code corrects.
_ERRORS = 3


class Golay(BitSlicedCode):
    """Golay code (23,12), or extended by a parity bit, (24,12).

    The code (23,12) is perfect: each word is within three errors of one codeword. The extended code
    has minimum distance 8: it corrects three errors and detects four. A table of all syndromes decodes
    hard decisions. Soft decisions are correlated with all 4096 codewords. Both find the likeliest
    codeword, and report a failure if two are equally likely.

    The generator polynomial is x^11 + x^10 + x^6 + x^5 + x^4 + x^2 + 1; the message comes first. The
    extended code in this form is that of TIA-102.BAAA (Project 25 radio).

    References: M. J. E. Golay, "Notes on digital coding", Proceedings of the IRE 37 (1949); F. J.
    MacWilliams and N. J. A. Sloane, "The Theory of Error-Correcting Codes" (1977), chapter 20.

    Args:
        n: Number of bits in a codeword, 23 or 24.
        k: Number of bits in a message, 12; may be omitted.

    Raises:
        TypeError: An argument is not an integer.
        ValueError: No such code exists.

    >>> Golay(24).encode([1] + 11 * [0]).tolist()
    [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 1, 1, 1, 0, 1, 0, 1]
    >>> Golay(24).weight_distribution()[8]
    759
    """

    def __init__(self, n: int = 24, k: int | None = None) -> None:
        n = whole_number("n", n)
        k = _K if k is None else whole_number("k", k)
        if n not in (23, 24):
            raise ValueError(f"Argument 'n' must be 23 or 24, got {n}.")
        if k != _K:
            raise ValueError(f"Argument 'k' must be {_K}, got {k}.")
        super().__init__(
            f"{'extended ' if n == 24 else ''}Golay ({n},{_K})",
            k=_K,
            n=n,
            minimum_distance=n - 16,
            citation="Golay, Notes on digital coding, Proc. IRE 37 (1949); TIA-102.BAAA: P25 radio",
        )
        self.spec: str = f"golay:{n},{_K}"

    @cached_property
    def _check(self) -> NDArray[np.bool_]:
        return _parity_check_matrix(self.n)

    def _encode_bit_sliced(self, message: BitSlices) -> BitSlices:
        from netchat.coding.block import syndrome_kernels

        codeword = np.empty((self.n, message.shape[1]), np.uint64)
        syndrome_kernels.encode(message, self._check, codeword)
        return codeword

    def _decode_bit_sliced(self, received: BitSlices) -> DecodedBitSlices:
        from netchat.coding.block import coset_kernels

        words = received.shape[1]
        message = received[:_K].copy()
        counts, failed = np.zeros((2, words), np.uint64), np.zeros(words, np.uint64)
        coset_kernels.decode(received, self._check, _leaders(self.n), message, counts, failed)
        return DecodedBitSlices(message, counts, failed)

    def _decode_soft(self, received: Rows, soft: Floats, erasures: Bools | None) -> Decoded:
        return decode_likeliest(self, received, soft, erasures)


@lru_cache
def _parity_check_matrix(n: int) -> NDArray[np.bool_]:
    """Return H = [A | I] with n columns."""
    rows = np.zeros((n - _K, _K), np.int64)
    for power in range(_K):
        remainder = 1 << (22 - power)
        for degree in range(22, 10, -1):
            if remainder >> degree & 1:
                remainder ^= _GENERATOR << (degree - 11)
        rows[:11, power] = [remainder >> (10 - i) & 1 for i in range(11)]
    rows[11:] = 1 ^ rows[:11].sum(axis=0) & 1  # each row of the extended G has even weight
    return np.concatenate([rows, np.eye(n - _K, dtype=np.int64)], axis=1).astype(np.bool_)


@lru_cache
def _leaders(n: int) -> NDArray[np.int32]:
    """Return what to correct for each syndrome: message bits, and the number of errors from bit 12 on.

    It is -1 for the syndromes of four errors, which several patterns of four errors have.
    """
    check = _parity_check_matrix(n)
    columns = (1 << np.arange(n - _K)) @ check.astype(np.int64)
    leaders = np.full(1 << (n - _K), -1, np.int32)
    for weight in range(_ERRORS + 1):
        for places in combinations(range(n), weight):
            syndrome = int(np.bitwise_xor.reduce(columns[list(places)], initial=0))
            bits = sum(1 << place for place in places if place < _K)
            leaders[syndrome] = weight << _K | bits
    return leaders
