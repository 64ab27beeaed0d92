"""Binary BCH codes, on bit slices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netchat.arguments import whole_number
from netchat.coding.arrays import BitSlices, DecodedBitSlices
from netchat.coding.binary_field import (
    PRIMITIVE,
    BinaryField,
    binary_field,
    carryless,
    conjugates,
    minimal_polynomial,
)
from netchat.coding.bit_sliced_code import BitSlicedCode
from netchat.coding.code import Code

if TYPE_CHECKING:
    from netchat.coding.block.bch_tables import BCHTables

__all__ = ["BCH"]

#: Largest degree of the field; the code of DVB-S2 needs 16.
_LARGEST_DEGREE = 16
_SHORTEST = 7


class BCH(BitSlicedCode):
    """Binary BCH code of length 2^m - 1, or shortened: corrects t errors with at most m t parity bits.

    The generator polynomial is the product of the minimal polynomials of x, x^3, …, x^(2t - 1), with
    x a root of the primitive polynomial. If it has further consecutive roots, the code corrects more
    errors than asked for, unless both k and t are given. The codeword is the message followed by the
    parity, highest power first.

    The decoder finds the error locator with the algorithm of Berlekamp and Massey, without inversions,
    and its roots by trying all positions (Chien), for 512 blocks at a time and without branches. It
    reports a failure if the locator has fewer roots in the block than its degree.

    References: A. Hocquenghem, "Codes correcteurs d'erreurs" (1959); R. C. Bose and D. K.
    Ray-Chaudhuri, "On a class of error correcting binary group codes" (1960); H. O. Burton,
    "Inversionless decoding of binary BCH codes" (1971).

    Args:
        n: Number of bits in a codeword, 7 to 65535.
        k: Number of bits in a message; follows from t and may be omitted.
        t: Number of errors to correct; follows from k and may be omitted. With k, it can be less than the
            code allows.
        prim: Primitive polynomial of the field, such as 0x89. By default, the usual one of the least
            degree m with n <= 2^m - 1.

    Raises:
        TypeError: An argument is not an integer.
        ValueError: No such code exists.

    >>> code = BCH(15, 7)
    >>> code.n, code.k, code.corrects
    (15, 7, 2)
    >>> code.encode([[1, 0, 0, 0, 0, 0, 0]]).tolist()
    [[1, 0, 0, 0, 0, 0, 0, 1, 1, 1, 0, 1, 0, 0, 0]]
    >>> BCH(127, t=3).k
    106
    """

    def __init__(
        self, n: int = 127, k: int | None = None, t: int | None = None, prim: int = 0
    ) -> None:
        n, prim = whole_number("n", n), whole_number("prim", prim)
        k = None if k is None else whole_number("k", k)
        t = None if t is None else whole_number("t", t)
        if not _SHORTEST <= n < 1 << _LARGEST_DEGREE:
            longest = (1 << _LARGEST_DEGREE) - 1
            raise ValueError(f"Argument 'n' must be from {_SHORTEST} to {longest}, got {n}.")
        usual = PRIMITIVE[n.bit_length()]
        prim = prim or usual
        degree = prim.bit_length() - 1
        if not n.bit_length() <= degree <= _LARGEST_DEGREE:
            raise ValueError(
                f"Argument 'prim' must be of degree {n.bit_length()} to {_LARGEST_DEGREE} for n = {n}, "
                f"got {prim:#x}."
            )
        field = binary_field(degree, prim)
        most, parity = _designed(field, n, k, t)
        corrects = most if k is None or t is None else t
        self._field, self._polynomial = field, 0
        super().__init__(
            f"BCH ({n},{n - parity})",
            k=n - parity,
            n=n,
            minimum_distance=2 * most + 1,
            corrects=corrects,
            citation="Bose and Ray-Chaudhuri, On a class of error correcting binary group codes (1960); "
            "pagers, DVB-S2, flash memory",
        )
        self.spec: str = (
            f"bch:{n},{self.k}{'' if corrects == most else f',t={corrects}'}"
            f"{'' if prim == usual else f',prim={prim:#x}'}"
        )

    def __getstate__(self) -> dict[str, object]:
        """Omit the tables, which are large and can be computed again."""
        return {**self.__dict__, "_tables": None}

    _tables: BCHTables | None = None

    @property
    def generator_polynomial(self) -> int:
        """Generator polynomial; bit i is the coefficient of x^i."""
        if not self._polynomial:
            size, product, seen = (1 << self._field.degree) - 1, 1, set[int]()
            for root in range(1, self.minimum_distance - 1, 2):
                if root % size not in seen:
                    seen.update(conjugates(root, size))
                    product = carryless(product, minimal_polynomial(root, self._field))
            self._polynomial = product
        return self._polynomial

    def _encode_bit_sliced(self, message: BitSlices) -> BitSlices:
        from netchat.coding.block import crc_kernels

        parity = self.n - self.k
        codeword = np.empty((self.n, message.shape[1]), np.uint64)
        codeword[: self.k] = message
        tables = self._computed
        crc_kernels.parity(
            message, np.arange(self.k), tables.taps, np.arange(parity)[::-1].copy(), np.uint64(0),
            codeword[self.k :],
        )  # fmt: skip
        return codeword

    def _decode_bit_sliced(self, received: BitSlices) -> DecodedBitSlices:
        from netchat.coding.block import bch_kernels
        from netchat.jit import read_only

        words, digits = received.shape[1], self.corrects.bit_length()
        message = np.empty((self.k, words), np.uint64)
        counts = np.empty((digits + 1, words), np.uint64)  # the last row is set where it failed
        bch_kernels.decode(
            read_only(received).view(np.uint8).reshape(-1), words, self._computed,
            message.view(np.uint8).reshape(-1), counts.view(np.uint8).reshape(-1),
        )  # fmt: skip
        return DecodedBitSlices(message, counts[:-1], counts[-1])

    def _shorten(self, k: int) -> Code:
        n = self.n - self.k + k
        if n < _SHORTEST:
            return super()._shorten(k)
        return BCH(n, k, self.corrects, self._field.polynomial)

    @property
    def _computed(self) -> BCHTables:
        if self._tables is None:
            from netchat.coding.block.bch_tables import tables

            self._tables = tables(
                self._field, self.n, self.k, self.corrects, self.generator_polynomial
            )
        return self._tables


def _designed(field: BinaryField, n: int, k: int | None, t: int | None) -> tuple[int, int]:
    """Return the number of errors corrected, and the degree of the generator polynomial.

    Raises:
        ValueError: No code has these parameters.
    """
    size = (1 << field.degree) - 1
    seen: set[int] = set()
    choices: list[tuple[int, int]] = []  # (t, degree), with the largest t of each degree
    for errors in range(1, size // 2 + 1):
        seen.update(conjugates(2 * errors - 1, size))
        if len(seen) >= n:
            break
        if choices and choices[-1][1] == len(seen):
            choices.pop()
        choices.append((errors, len(seen)))
        if k is not None and len(seen) > n - k:
            break
    if t is not None and t < 1:
        raise ValueError(f"Argument 't' must be at least 1, got {t}.")
    if k is None and t is None:
        raise ValueError("Argument 'k' or 't' must be given, as in bch:127,106 or bch:127,t=3.")
    for errors, degree in choices:
        if (k is None or n - k == degree) and (t is None or t <= errors):
            return errors, degree
    allowed = [n - degree for _, degree in choices]
    if k is None:
        raise ValueError(f"Argument 't' must be from 1 to {choices[-1][0]} for n = {n}, got {t}.")
    if t is not None and k in allowed:
        raise ValueError(
            f"Argument 't' must be at most {choices[allowed.index(k)][0]} for ({n},{k}), got {t}."
        )
    near = sorted(sorted(allowed, key=lambda each: abs(each - k))[:4])
    raise ValueError(
        f"Argument 'k' must be the dimension of a BCH code for n = {n}, such as "
        f"{', '.join(map(str, near))}, got {k}."
    )
