"""Reed-Solomon codes over GF(2^m), with m bits for each symbol."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netchat.arguments import whole_number
from netchat.coding.arrays import Bools, Decoded, Rows
from netchat.coding.binary_field import binary_field
from netchat.coding.code import Code

__all__ = ["BinaryReedSolomon"]

_DEGREES = range(3, 11)


class BinaryReedSolomon(Code):
    """Reed-Solomon code over GF(2^m) as a code over bits: `rs:31,19,m=5`.

    A symbol is m bits, most significant first. n and k of the code count bits: m times the arguments.
    The decoder corrects e wrong and s erased symbols if 2e + s <= n - k symbols; an erased bit erases its
    symbol. It takes steps from the textbooks, and is slower than that of `ReedSolomon` over bytes.

    References: I. S. Reed and G. Solomon, "Polynomial codes over certain finite fields" (1960); R. E.
    Blahut, "Algebraic Codes for Data Transmission" (2003), chapter 7.

    Args:
        n: Number of symbols in a codeword, up to 2^m - 1.
        k: Number of symbols in a message.
        m: Number of bits in a symbol, 3 to 10.
        fcr: First consecutive root: the exponent of the generator polynomial's first root.
        prim: Primitive polynomial of the field; 0 for the usual one.

    Raises:
        TypeError: An argument is not an integer.
        ValueError: No such code exists.

    >>> code = BinaryReedSolomon(7, 3, 3)
    >>> code.n, code.k, code.corrects
    (21, 9, 2)
    >>> code.encode([0, 0, 0, 0, 0, 0, 0, 0, 1]).reshape(7, 3).tolist()
    [[0, 0, 0], [0, 0, 0], [0, 0, 1], [1, 0, 0], [1, 1, 1], [1, 1, 1], [1, 0, 1]]
    """

    def __init__(self, n: int, k: int, m: int, fcr: int = 0, prim: int = 0) -> None:
        n, k, m = whole_number("n", n), whole_number("k", k), whole_number("m", m)
        fcr, prim = whole_number("fcr", fcr), whole_number("prim", prim)
        if m not in _DEGREES:
            raise ValueError(f"Argument 'm' must be from {_DEGREES[0]} to {_DEGREES[-1]}, got {m}.")
        size = (1 << m) - 1
        if not 2 <= n <= size:
            raise ValueError(f"Argument 'n' must be from 2 to {size} over GF({size + 1}), got {n}.")
        if not 1 <= k < n:
            raise ValueError(f"Argument 'k' must be from 1 to n - 1 = {n - 1}, got {k}.")
        self._field = binary_field(m, prim)
        self._sizes = n, k
        self._fcr, self._prim = fcr % size, prim
        super().__init__(
            f"Reed-Solomon ({n},{k}) over GF({size + 1})",
            k=m * k,
            n=m * n,
            minimum_distance=n - k + 1,
            erasure_capability=n - k,
            citation="Reed and Solomon, Polynomial codes over certain finite fields, SIAM 8 (1960)",
        )
        options = f",m={m}" + (f",fcr={self._fcr}" if self._fcr else "")
        self.spec: str = f"rs:{n},{k}{options}" + (f",prim={prim:#x}" if prim else "")

    @property
    def symbol_bits(self) -> int:
        """Number of bits in a symbol of the field."""
        return self._field.degree

    @property
    def field_and_roots(self) -> tuple[int, int, int, int]:
        """Bits of a symbol, primitive polynomial, first consecutive root and number of roots."""
        return self.symbol_bits, self._field.polynomial, self._fcr, self._sizes[0] - self._sizes[1]

    def spread(self, width: int) -> int:
        """Return the largest number of symbols in a window of bits."""
        m = self.symbol_bits
        return width // m if width % m == 0 else 1 if m % width == 0 else (width - 2) // m + 2

    def _packed(self, bits: Rows) -> NDArray[np.uint16]:
        m = self.symbol_bits
        weights = (1 << np.arange(m)[::-1]).astype(np.uint16)
        return bits.reshape(len(bits), bits.shape[1] // m, m) @ weights

    def _unpacked(self, symbols: NDArray[np.uint16]) -> Rows:
        shifts = np.arange(self.symbol_bits)[::-1].astype(np.uint16)
        bits = symbols[:, :, None] >> shifts & np.uint16(1)
        return bits.astype(np.uint8).reshape(len(symbols), symbols.shape[1] * len(shifts))

    @property
    def _roots(self) -> NDArray[np.int32]:
        """(n - k,) Exponents of the roots of the generator polynomial."""
        n, k = self._sizes
        return ((self._fcr + np.arange(n - k)) % ((1 << self.symbol_bits) - 1)).astype(np.int32)

    def _encode(self, message: Rows) -> Rows:
        from netchat.coding.reed_solomon import binary_kernels

        word = np.empty((len(message), self._sizes[0]), np.uint16)
        binary_kernels.encode(
            self._packed(message), self._field.exp, self._field.log, self._roots, word
        )
        return self._unpacked(word)

    def _decode(self, received: Rows) -> Decoded:
        return self._decode_erasures(received, np.zeros((0, self.n), np.bool_))

    def _decode_erasures(self, received: Rows, erasures: Bools) -> Decoded:
        from netchat.coding.reed_solomon import binary_kernels

        word = self._packed(received)
        corrected = np.empty(len(received), np.int64)
        binary_kernels.decode(
            word, self._packed(erasures.astype(np.uint8)), self._field.exp, self._field.log,
            self._roots, corrected,
        )  # fmt: skip
        return Decoded(self._unpacked(word[:, : self._sizes[1]]), corrected)

    def _shorten(self, k: int) -> Code:
        m, (n, full) = self.symbol_bits, self._sizes
        if k % m:
            return super()._shorten(k)
        return BinaryReedSolomon(n - full + k // m, k // m, m, self._fcr, self._prim)
