"""Reed-Solomon codes of CCSDS, with symbols in the dual basis."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from netchat.arguments import whole_number
from netchat.coding.arrays import Bools, Decoded, Rows
from netchat.coding.code import Code
from netchat.coding.galois_field import field
from netchat.coding.reed_solomon.code import ReedSolomon

__all__ = ["CCSDSReedSolomon", "dual_basis"]

_PRIM = 0x187
#: The 11th power of x, whose powers are the roots of the generator polynomial.
_GENERATOR = 0xAD
#: The dual basis is that of the powers of the 117th power of x.
_BASIS = 117


@lru_cache(maxsize=1)
def dual_basis() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return tables that convert field elements to the dual basis, and back.

    The most significant bit of a transmitted byte is z_0. The dual basis is defined by
    z_i = Tr(u x^(117 i)) for the element u, with the trace Tr(u) = u + u^2 + u^4 + … + u^128.

    >>> dual_basis()[0][[1, 2, 4, 8, 16, 32, 64, 128]].tolist()
    [123, 175, 153, 250, 134, 236, 239, 141]
    """
    tables = field(_PRIM)
    trace = np.zeros(256, np.uint8)
    power = np.arange(256).astype(np.uint8)
    for _ in range(8):
        trace ^= power
        power = tables.product[power, power]
    to_dual = np.zeros(256, np.uint8)
    for i in range(8):
        to_dual |= trace[tables.product[tables.exp[_BASIS * i % 255]]] << (7 - i)
    from_dual = np.zeros(256, np.uint8)
    from_dual[to_dual] = np.arange(256)
    return to_dual, from_dual


class CCSDSReedSolomon(ReedSolomon):
    """Reed-Solomon code of CCSDS 131.0-B, (255,223) or (255,239), for spacecraft telemetry.

    Messages and codewords consist of bytes as they are transmitted: in the dual basis. Spacecraft
    interleave 1 to 8 codewords (`rs:ccsds+interleave:5`), and may omit symbols at the start of the message.

    Reference: CCSDS 131.0-B-4, "TM synchronization and channel coding" (2022), section 4 and annex F.

    Args:
        k: Number of bytes in a message, 223 or 239.
        omitted: Number of bytes omitted at the start (virtual fill).

    Raises:
        TypeError: An argument is not an integer.
        ValueError: No such code exists.

    >>> code = CCSDSReedSolomon()
    >>> code.spec, code.corrects
    ('rs:ccsds', 16)
    """

    def __init__(self, k: int = 223, omitted: int = 0) -> None:
        k, omitted = whole_number("k", k), whole_number("omitted", omitted)
        if k not in (223, 239):
            raise ValueError(f"Argument 'k' must be 223 or 239 for ccsds, got {k}.")
        errors = (255 - k) // 2
        super().__init__(255 - omitted, k - omitted, 128 - errors, _PRIM, _GENERATOR)
        self._full_k = k
        self.name += ", CCSDS"
        self.citation = "CCSDS 131.0-B, section 4: spacecraft telemetry"
        self.spec = "rs:ccsds" if k == 223 else "rs:ccsds,239"
        if omitted:
            self.spec += f", shortened to {self.k}"

    def _encode(self, message: Rows) -> Rows:
        to_dual, from_dual = dual_basis()
        return to_dual[super()._encode(from_dual[message])]

    def _decode_erasures(self, received: Rows, erasures: Bools) -> Decoded:
        to_dual, from_dual = dual_basis()
        result = super()._decode_erasures(from_dual[received], erasures)
        return Decoded(to_dual[result.message], result.corrected)

    def _shorten(self, k: int) -> Code:
        return CCSDSReedSolomon(self._full_k, self._full_k - k)
