"""Bits turned over at given positions, in each of the layouts that blocks come in."""

from __future__ import annotations

from typing import Any

import numpy as np

from netchat.jit import kernel

__all__ = ["flip_bit_sliced", "flip_bytes"]

_63 = np.int64(63)


@kernel
def flip_bytes(octets: Any, positions: Any) -> None:
    """Bits of a row of bytes, the highest bit of a byte first."""
    for at in positions:
        octets[at >> 3] ^= np.uint8(0x80 >> (at & 7))


@kernel
def flip_bit_sliced(bit_slices: Any, positions: Any) -> None:
    """Bits of planes (n, words) in the order in which blocks are sent: block by block."""
    n = bit_slices.shape[0]
    for at in positions:
        block, bit = at // n, at % n
        bit_slices[bit, block >> 6] ^= np.uint64(1) << np.uint64(block & _63)
