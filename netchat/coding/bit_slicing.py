"""Bit slicing: the same bit of 64 blocks in one 64-bit word.

A bit-sliced batch is a uint64 array of shape (bits, words). Row i holds bit i of every block: bit
b % 64 of word b // 64 belongs to block b. One bitwise operation on a row then acts on all blocks,
without a loop over blocks and without a branch.

A byte symbol takes eight rows, most significant bit first. If the number of blocks is not a multiple
of 64, blocks of zeros fill the last word.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["from_counts", "from_rows", "to_counts", "to_rows", "words_for"]


def words_for(blocks: int) -> int:
    """Return the number of words that hold one bit of every block."""
    return -(-blocks // 64)


def from_rows(rows: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Convert blocks of bits (batch, width) to bit slices (width, words).

    >>> from_rows(np.array([[1, 0], [1, 1]], np.uint8)).tolist()
    [[3], [2]]
    """
    batch, width = rows.shape
    packed = np.zeros((width, 8 * words_for(batch)), np.uint8)
    if batch:
        packed[:, : -(-batch // 8)] = np.packbits(rows, axis=0, bitorder="little").T
    return packed.view("<u8").astype(np.uint64, copy=False)


def to_rows(bit_slices: NDArray[np.uint64], batch: int | None = None) -> NDArray[np.uint8]:
    """Convert bit slices (width, words) to blocks of bits (batch, width).

    Args:
        bit_slices: (width, words) Blocks.
        batch: Number of blocks; 64 per word by default.
    """
    width, words = bit_slices.shape
    if batch is None:
        batch = 64 * words
    octets = np.ascontiguousarray(bit_slices, dtype="<u8").view(np.uint8).reshape(width, 8 * words)
    packed = np.ascontiguousarray(octets.T)
    return np.unpackbits(packed, axis=0, count=batch, bitorder="little")


def from_counts(counts: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Convert one number per block (batch,) to bit-sliced binary digits (digits, words).

    The least significant digit comes first.
    """
    digits = int(counts.max(initial=0)).bit_length()
    return from_rows(((counts[:, None] >> np.arange(digits)) & 1).astype(np.uint8))


def to_counts(bit_slices: NDArray[np.uint64], batch: int | None = None) -> NDArray[np.int64]:
    """Convert bit-sliced binary digits (digits, words) to one number per block (batch,)."""
    rows = to_rows(bit_slices, batch).astype(np.int64)
    counts: NDArray[np.int64] = rows @ (1 << np.arange(rows.shape[1], dtype=np.int64))
    return counts
