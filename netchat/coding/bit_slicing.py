"""BitSlices: the same bit of 64 blocks in one machine word.

A plane is a row of words; plane i holds bit i of every block, block b in bit b % 64 of word b // 64.
What is done to a plane is done to all blocks at once, without a loop over blocks and without a
branch. A symbol that is a byte takes eight bit_slices, its highest bit first. Where the number of blocks
is no multiple of 64, the last word is filled with blocks of zeros.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["DecodedBitSlices", "from_counts", "from_rows", "to_counts", "to_rows", "words_for"]


@dataclass(frozen=True, slots=True)
class DecodedBitSlices:
    """What a decoder made of a batch of blocks, as planes."""

    message: NDArray[np.uint64]
    """(k bits, words) The messages."""
    corrected: NDArray[np.uint64]
    """(digits, words) How much was corrected: a binary number a block, lowest digit first."""
    failed: NDArray[np.uint64]
    """(words,) Set where decoding failed."""


def words_for(blocks: int) -> int:
    """Words that hold one bit of so many blocks."""
    return -(-blocks // 64)


def from_rows(rows: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Rows of bits (batch, width) as planes (width, words).

    >>> from_rows(np.array([[1, 0], [1, 1]], np.uint8)).tolist()
    [[3], [2]]
    """
    batch, width = rows.shape
    packed = np.zeros((width, 8 * words_for(batch)), np.uint8)
    if batch:
        packed[:, : -(-batch // 8)] = np.packbits(rows, axis=0, bitorder="little").T
    return packed.view("<u8").astype(np.uint64, copy=False)


def to_rows(bit_slices: NDArray[np.uint64], batch: int | None = None) -> NDArray[np.uint8]:
    """Planes (width, words) as rows of bits (batch, width); all 64 times words, unless told."""
    width, words = bit_slices.shape
    if batch is None:
        batch = 64 * words
    octets = np.ascontiguousarray(bit_slices, dtype="<u8").view(np.uint8).reshape(width, 8 * words)
    packed = np.ascontiguousarray(octets.T)
    return np.unpackbits(packed, axis=0, count=batch, bitorder="little")


def from_counts(counts: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Numbers (batch,) as planes of binary digits (digits, words), lowest first."""
    digits = int(counts.max(initial=0)).bit_length()
    return from_rows(((counts[:, None] >> np.arange(digits)) & 1).astype(np.uint8))


def to_counts(bit_slices: NDArray[np.uint64], batch: int | None = None) -> NDArray[np.int64]:
    """Planes of binary digits (digits, words) as numbers (batch,)."""
    rows = to_rows(bit_slices, batch).astype(np.int64)
    counts: NDArray[np.int64] = rows @ (1 << np.arange(rows.shape[1], dtype=np.int64))
    return counts
