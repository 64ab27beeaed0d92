"""Kernels that flip the bits at given positions."""

from __future__ import annotations

from typing import Any

import numpy as np

from netchat.jit import kernel

__all__ = ["flip_bit_sliced", "flip_bytes"]

_63 = np.int64(63)


@kernel
def flip_bytes(octets: Any, positions: Any) -> None:
    """Flip bits of a row of bytes; position 0 is the most significant bit of the first byte."""
    for at in positions:
        octets[at >> 3] ^= np.uint8(0x80 >> (at & 7))


@kernel
def flip_bit_sliced(bit_slices: Any, positions: Any) -> None:
    """Flip bits of bit slices (n, words); positions count block by block."""
    n = bit_slices.shape[0]
    for at in positions:
        block, bit = at // n, at % n
        bit_slices[bit, block >> 6] ^= np.uint64(1) << np.uint64(block & _63)
