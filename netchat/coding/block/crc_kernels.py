"""A CRC register for 64 blocks in each word."""

from __future__ import annotations

from typing import Any

import numpy as np

from netchat.jit import kernel

__all__ = ["parity"]

#: Words worked on at a time: the register stays in the L1 cache.
_PIECE = 64


@kernel
def parity(message: Any, order: Any, taps: Any, out: Any, ones: Any, into: Any) -> None:
    """Fill `into` (width, words) with the remainder of `message` (k, words).

    The register is a ring: shifting it is a step of `head`. `ones` is what it begins with, and what
    is added to the remainder.
    """
    words, width = message.shape[1], into.shape[0]
    register = np.empty((width, _PIECE), np.uint64)
    for start in range(0, words, _PIECE):
        stop = min(start + _PIECE, words)
        size = stop - start
        register[:] = ones
        head = 0
        for bit in order:
            head = head - 1 if head else width - 1
            fed = register[head, :size]  # what leaves at the top comes in at the bottom
            fed ^= message[bit, start:stop]
            for tap in taps:
                at = head + tap
                place = register[at if at < width else at - width, :size]
                place ^= fed
        for j in range(width):
            into[j, start:stop] = register[(head + out[j]) % width, :size] ^ ones
