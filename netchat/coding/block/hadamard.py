"""Maximum-likelihood decoding of small codes by the Walsh-Hadamard transform."""

from __future__ import annotations

import numpy as np

from netchat.coding.arrays import Bools, Decoded, Floats, Rows
from netchat.coding.code import Code

__all__ = ["LARGEST_K", "decode_likeliest"]

#: Largest dimension of a code that is decoded in this way, with 2^k correlations per block.
LARGEST_K = 12


def decode_likeliest(
    code: Code, received: Rows, ratios: Floats, erasures: Bools | None = None
) -> Decoded:
    """Decode words to the nearest codeword; a tie is a failure.

    Args:
        code: Linear code over bits with k up to `LARGEST_K`.
        received: (batch, n) Hard decisions.
        ratios: (batch, n) Log-likelihood ratios.
        erasures: (batch, n) True where a bit is lost.
    """
    from netchat.coding.block import hadamard_kernels
    from netchat.jit import read_only

    if erasures is not None:
        ratios = np.where(erasures, np.float32(0), ratios)
    columns = (1 << np.arange(code.k)) @ code.G.astype(np.int64)
    message = np.empty((len(received), code.k), np.uint8)
    is_unique = np.empty(len(received), np.bool_)
    hadamard_kernels.decode(
        read_only(np.ascontiguousarray(ratios)), columns, code.k, message, is_unique
    )
    changed = code.encode(message) != received
    if erasures is not None:
        changed |= erasures
    return Decoded(message, np.where(is_unique, changed.sum(axis=1), -1))
