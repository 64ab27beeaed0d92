"""Reed-Solomon codes by the package `reedsolo`, a reference for the compiled codec."""

from __future__ import annotations

from typing import Any

import numpy as np

from netchat.coding.arrays import Bools, Decoded, Rows
from netchat.coding.code import Code
from netchat.coding.reed_solomon.code import ReedSolomon

__all__ = ["ReferenceReedSolomon"]


class ReferenceReedSolomon(ReedSolomon):
    """Reed-Solomon code implemented in pure Python, about a thousand times slower.

    The arguments are those of `ReedSolomon`.

    >>> ReferenceReedSolomon(6, 4).encode([[1, 2, 3, 4]]).tolist()
    [[1, 2, 3, 4, 4, 0]]
    """

    def __init__(
        self, n: int = 255, k: int = 223, fcr: int = 0, prim: int = 0x11D, generator: int = 2
    ) -> None:
        super().__init__(n, k, fcr, prim, generator)
        self.spec += "@reedsolo"
        self.citation += "; implemented by the package reedsolo"
        self._codec: Any = None

    def _encode(self, message: Rows) -> Rows:
        codeword = np.empty((len(message), self.n), np.uint8)
        for row, into in zip(message, codeword, strict=True):
            into[:] = bytearray(self._reedsolo.encode(bytearray(row.tobytes())))
        return codeword

    def _decode_erasures(self, received: Rows, erasures: Bools) -> Decoded:
        from reedsolo import ReedSolomonError  # type: ignore[import-untyped]

        message = received[:, : self.k].copy()
        corrected = np.full(len(received), -1, np.int64)
        for b, row in enumerate(received):
            lost = np.flatnonzero(erasures[b]).tolist() if len(erasures) else []
            try:
                decoded, codeword, _ = self._reedsolo.decode(
                    bytearray(row.tobytes()), erase_pos=lost
                )
            except ReedSolomonError:
                continue
            changed = np.frombuffer(bytes(codeword), np.uint8) != row
            changed[lost] = True
            message[b] = bytearray(decoded)
            corrected[b] = changed.sum()
        return Decoded(message, corrected)

    def _shorten(self, k: int) -> Code:
        return ReferenceReedSolomon(self.n - self.k + k, k, **self._options)

    @property
    def _reedsolo(self) -> Any:
        if self._codec is None:
            from reedsolo import RSCodec

            self._codec = RSCodec(self.n - self.k, nsize=self.n, **self._options)
        return self._codec
