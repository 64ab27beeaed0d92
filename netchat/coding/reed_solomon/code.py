"""Reed-Solomon codes over bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netchat.coding.code import Bools, Code, Decoded, Rows
from netchat.coding.galois_field import DEFAULT_GENERATOR, DEFAULT_POLYNOMIAL, field

if TYPE_CHECKING:
    from netchat.coding.reed_solomon.tables import SharedTables, Tables

__all__ = ["ReedSolomon", "reed_solomon_numbers"]


def reed_solomon_numbers(n: int, k: int) -> tuple[int, int]:
    """Check n and k.

    Raises:
        ValueError: unless 1 <= k < n <= 255.
    """
    if not 1 <= k < n <= 255:
        raise ValueError(f"A Reed-Solomon code over bytes has 1 <= k < n <= 255, not ({n},{k}).")
    return n, k


class ReedSolomon(Code):
    """Reed-Solomon (n, k) over GF(256): distance n - k + 1, which is the most there can be.

    Corrects e wrong and s erased bytes where 2e + s <= n - k. The codeword is the message followed
    by the parity; both polynomials stand with their highest power first. With n < 255 it is the
    code of length 255 with its first symbols left out.

    Args:
        n: bytes in a codeword, up to 255.
        k: bytes in a message.
        fcr: exponent of the first root of the generator polynomial ("first consecutive root").
        prim: the primitive polynomial of the field.
        generator: the primitive element whose powers are the roots.

    Raises:
        ValueError: if there is no such code.

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
        reed_solomon_numbers(n, k)
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
        self.spec = f"rs:{n},{k}" + "".join(chosen)
        self._shared: SharedTables | None = None

    def __getstate__(self) -> dict[str, object]:
        """Leave the tables out: they are large, and made again where they are needed."""
        return {**self.__dict__, "_shared": None}

    @property
    def field_and_roots(self) -> tuple[int, int, int]:
        """Return fcr, prim and generator."""
        return self._options["fcr"], self._options["prim"], self._options["generator"]

    def _encode(self, message: Rows) -> Rows:
        from netchat.coding.reed_solomon import kernels as rs_kernels

        codeword = np.empty((len(message), self.n), np.uint8)
        rs_kernels.encode(message, self._tables, codeword)
        return codeword

    def _decode(self, received: Rows) -> Decoded:
        return self._decode_erasures(received, np.zeros((0, self.n), np.bool_))

    def _decode_erasures(self, received: Rows, erasures: Bools) -> Decoded:
        from netchat.coding.reed_solomon import kernels as rs_kernels

        message = np.empty((len(received), self.k), np.uint8)
        corrected = np.empty(len(received), np.int64)
        rs_kernels.decode(
            received, np.ascontiguousarray(erasures), self._tables, message, corrected
        )
        return Decoded(message, corrected)

    def _shorten(self, k: int) -> Code:
        return ReedSolomon(self.n - self.k + k, k, **self._options)

    @property
    def _tables(self) -> Tables:
        if self._shared is None:
            from netchat.coding.reed_solomon.tables import shared_tables

            self._shared = shared_tables(self.n - self.k, *self.field_and_roots)
        return self._shared.tables
