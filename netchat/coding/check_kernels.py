"""Cyclic redundancy checks of 64 blocks at a time: each word has a bit of every block.

A check of width 0 does not exist: its registers are empty, and every block passes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from netchat.jit import kernel

__all__ = ["remainder"]


@kernel
def remainder(words: Any, places: Any, taps: Any, start: Any, register: Any) -> Any:
    """Divide the polynomials whose coefficients are `words[places]`, and return what is left.

    Args:
        words: Words of 64 bits.
        places: Word of each coefficient, the highest first.
        taps: Exponents of the generator polynomial, without the highest and without 0.
        start: (width,) Bits of the remainder of what precedes the polynomial, the highest first.
        register: (width,) Remainder, the highest coefficient first, to be filled.

    Returns:
        A word with a bit for each block whose remainder is not zero.
    """
    width = len(register)
    for at in range(width):
        register[at] = ~np.uint64(0) if start[at] else np.uint64(0)
    if not width:
        return np.uint64(0)
    head = 0
    for place in places:
        bit = words[place] ^ register[head]
        register[head] = bit
        for tap in taps:  # the coefficient of x^tap is in register width - 1 - tap after the shift
            at = head + width - tap
            at -= width if at >= width else 0
            register[at] ^= bit
        head += 1
        head = 0 if head == width else head
    copy = register.copy()
    wrong = np.uint64(0)
    for at in range(width):
        register[at] = copy[(head + at) % width]
        wrong |= register[at]
    return wrong
