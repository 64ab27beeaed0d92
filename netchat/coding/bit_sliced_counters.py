"""Arithmetic on bit-sliced numbers.

A number per block is an array (digits, words): row i holds binary digit i of every block's number,
least significant digit first.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["add", "below", "count"]

BitSlices = NDArray[np.uint64]


def count(bit_slices: BitSlices) -> BitSlices:
    """Count the bits set in each block (width, words).

    >>> count(np.array([[1], [1], [3]], np.uint64)).tolist()
    [[3], [1]]
    """
    digits = np.zeros((len(bit_slices).bit_length(), bit_slices.shape[1]), np.uint64)
    for number, carry in enumerate(bit_slices, 1):
        for digit in digits[: number.bit_length()]:
            digit ^= carry  # the carry is where the digit was set and no longer is
            carry = carry & ~digit
    return digits


def add(one: BitSlices, two: BitSlices) -> BitSlices:
    """Add two numbers per block.

    >>> add(np.array([[1], [1]], np.uint64), np.array([[1]], np.uint64)).tolist()
    [[0], [0], [1]]
    """
    width = max(len(one), len(two)) + 1
    a, b = (np.pad(each, ((0, width - len(each)), (0, 0))) for each in (one, two))
    carry = np.zeros_like(a[0])
    total = np.empty_like(a)
    for i in range(width):
        total[i] = a[i] ^ b[i] ^ carry
        carry = (a[i] & b[i]) | (carry & (a[i] ^ b[i]))
    return total


def below(number: BitSlices, limit: int) -> NDArray[np.uint64]:
    """Return words (words,) with a bit set where the number is below a limit.

    >>> below(np.array([[1], [2]], np.uint64), 2).item() == 2**64 - 1 - 2
    True
    """
    words = number.shape[1]
    smaller, equal = np.zeros(words, np.uint64), ~np.zeros(words, np.uint64)
    for i in range(max(len(number), limit.bit_length()) - 1, -1, -1):
        digit = number[i] if i < len(number) else np.zeros(words, np.uint64)
        if limit >> i & 1:
            smaller |= equal & ~digit
            equal &= digit
        else:
            equal &= ~digit
    return smaller
