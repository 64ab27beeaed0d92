"""Reed-Solomon codes over bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netchat.arguments import whole_number
from netchat.coding.arrays import Bools, Decoded, Rows
from netchat.coding.code import Code
from netchat.coding.galois_field import DEFAULT_GENERATOR, DEFAULT_POLYNOMIAL, field

if TYPE_CHECKING:
    from netchat.coding.reed_solomon.tables import SharedTables, Tables

__all__ = ["ReedSolomon"]


class ReedSolomon(Code):
    """Reed-Solomon code over GF(256): minimum distance n - k + 1, the largest possible.

    The decoder corrects e errors and s erasures, in bytes, if 2e + s <= n - k. A codeword is the
    message followed by n - k parity bytes, the coefficient of the highest power first. A code with
    n < 255 is the code of length 255, shortened.

    Reference: I. S. Reed and G. Solomon, "Polynomial codes over certain finite fields", SIAM Journal 8
    (1960).

    Args:
        n: Number of bytes in a codeword, up to 255.
        k: Number of bytes in a message.
        fcr: First consecutive root: the exponent of the generator polynomial's first root.
        prim: Primitive polynomial of the field, such as 0x11D.
        generator: Primitive element whose powers are the roots.

    Raises:
        TypeError: An argument is not an integer.
        ValueError: No such code exists.

    >>> code = ReedSolomon(255, 223)
    >>> code.minimum_distance, code.corrects, code.erasure_capability
    (33, 16, 32)
    >>> ReedSolomon(6, 4).encode([[1, 2, 3, 4]]).tolist()
    [[1, 2, 3, 4, 4, 0]]
    """

    def __init__(
        self,
        n: int = 255,
        k: int = 223,
        fcr: int = 0,
        prim: int = DEFAULT_POLYNOMIAL,
        generator: int = DEFAULT_GENERATOR,
    ) -> None:
        n, k, fcr = whole_number("n", n), whole_number("k", k), whole_number("fcr", fcr)
        prim, generator = whole_number("prim", prim), whole_number("generator", generator)
        if not 2 <= n <= 255:
            raise ValueError(f"Argument 'n' must be from 2 to 255 over GF(256), got {n}.")
        if not 1 <= k < n:
            raise ValueError(f"Argument 'k' must be from 1 to n - 1 = {n - 1}, got {k}.")
        field(prim, generator)
        super().__init__(
            f"Reed-Solomon ({n},{k})",
            k=k,
            n=n,
            minimum_distance=n - k + 1,
            alphabet="byte",
            erasure_capability=n - k,
            citation="Reed and Solomon, Polynomial codes over certain finite fields, SIAM 8 (1960)",
        )
        self._options = {"fcr": fcr % 255, "prim": prim, "generator": generator}
        default = {"fcr": 0, "prim": DEFAULT_POLYNOMIAL, "generator": DEFAULT_GENERATOR}
        chosen = [
            f",{key}={value}" for key, value in self._options.items() if value != default[key]
        ]
        self.spec: str = f"rs:{n},{k}" + "".join(chosen)
        self._shared: SharedTables | None = None

    def __getstate__(self) -> dict[str, object]:
        """Omit the tables, which are large and can be computed again."""
        return {**self.__dict__, "_shared": None}

    @property
    def field_and_roots(self) -> tuple[int, int, int]:
        """First consecutive root, primitive polynomial and generator."""
        return self._options["fcr"], self._options["prim"], self._options["generator"]

    def weight_distribution(self) -> list[int]:
        """Return the number of codewords of each weight in bytes, 0 to n: the code is MDS."""
        from netchat.coding.linear import weights_of_mds

        return weights_of_mds(self.n, self.k, 256)

    def _encode(self, message: Rows) -> Rows:
        from netchat.coding.reed_solomon import kernels as rs_kernels
        from netchat.jit import read_only

        codeword = np.empty((len(message), self.n), np.uint8)
        rs_kernels.encode(read_only(message), self._tables, codeword)
        return codeword

    def _decode(self, received: Rows) -> Decoded:
        return self._decode_erasures(received, np.zeros((0, self.n), np.bool_))

    def _decode_erasures(self, received: Rows, erasures: Bools) -> Decoded:
        from netchat.coding.reed_solomon import kernels as rs_kernels
        from netchat.jit import read_only

        message = np.empty((len(received), self.k), np.uint8)
        corrected = np.empty(len(received), np.int64)
        lost = np.ascontiguousarray(erasures)
        rs_kernels.decode(read_only(received), read_only(lost), self._tables, message, corrected)
        return Decoded(message, corrected)

    def _shorten(self, k: int) -> Code:
        return ReedSolomon(self.n - self.k + k, k, **self._options)

    @property
    def _tables(self) -> Tables:
        if self._shared is None:
            from netchat.coding.reed_solomon.tables import shared_tables

            self._shared = shared_tables(self.n - self.k, *self.field_and_roots)
        return self._shared.tables
