"""Kernel that computes CRCs on bit slices."""

from __future__ import annotations

from typing import Any

import numpy as np

from netchat.jit import kernel

__all__ = ["parity"]

#: Words processed at a time: the register fits the L1 cache.
_PIECE = 64


@kernel
def parity(message: Any, order: Any, taps: Any, out: Any, ones: Any, into: Any) -> None:
    """Compute the CRC of `message` (k, words) into `into` (width, words).

    The register is a ring, shifted by moving `head`. `ones` is its initial value, and is also XORed
    with the remainder.
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
            fed = register[head, :size]  # the bit shifted out at the top is fed back at the bottom
            row = message[bit, start:stop]
            for w in range(size):
                fed[w] ^= row[w]
            for tap in taps:
                at = head + tap
                place = register[at if at < width else at - width, :size]
                for w in range(size):
                    place[w] ^= fed[w]
        for j in range(width):
            row, result = register[(head + out[j]) % width, :size], into[j, start:stop]
            for w in range(size):
                result[w] = row[w] ^ ones
