"""Kernels for majority decoding on bit slices.

The counters are bit-sliced too: row d holds binary digit d of every block's count.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from netchat.jit import kernel, part

__all__ = ["decode"]

#: Words processed at a time: their counters fit the L1 cache.
_PIECE = 128


@part
def _count(received: Any, start: int, against: Any, carry: Any, digits: Any) -> None:
    """Count the copies that differ from `against` into `digits`, least significant digit first."""
    stop = start + against.size
    digits[:, start:stop] = 0
    for i in range(received.shape[0]):
        copy = received[i, start:stop]
        for w in range(against.size):
            carry[w] = copy[w] ^ against[w]
        for d in range(digits.shape[0]):
            digit = digits[d, start:stop]
            for w in range(against.size):
                bit, more = digit[w], carry[w]
                digit[w] = bit ^ more
                carry[w] = bit & more


@part
def _compare(digits: Any, start: int, half: int, above: Any, equal: Any) -> None:
    """Set `above` where a count exceeds `half`, and `equal` where it equals it."""
    above[:] = 0
    equal[:] = np.uint64(0xFFFFFFFFFFFFFFFF)
    for d in range(digits.shape[0] - 1, -1, -1):
        digit = digits[d, start : start + above.size]
        if (half >> d) & 1:
            for w in range(above.size):
                equal[w] &= digit[w]
        else:
            for w in range(above.size):
                above[w] |= equal[w] & digit[w]
                equal[w] &= ~digit[w]


@kernel
def decode(received: Any, message: Any, corrected: Any, failed: Any) -> None:
    """Decode into `message` (1, words), `corrected` (digits, words) and `failed` (words,)."""
    n, words = received.shape
    carries, aboves = np.empty(_PIECE, np.uint64), np.empty(_PIECE, np.uint64)
    for start in range(0, words, _PIECE):
        stop = min(start + _PIECE, words)
        carry, above = carries[: stop - start], aboves[: stop - start]
        bit, tie = message[0, start:stop], failed[start:stop]
        above[:] = 0
        _count(received, start, above, carry, corrected)
        _compare(corrected, start, n // 2, above, tie)
        _count(received, start, above, carry, corrected)
        if n % 2:
            tie[:] = 0  # an odd number of votes cannot tie
        first = received[0, start:stop]
        for w in range(bit.size):
            bit[w] = (above[w] & ~tie[w]) | (first[w] & tie[w])
        for d in range(corrected.shape[0]):
            digit = corrected[d, start:stop]
            for w in range(bit.size):
                digit[w] &= ~tie[w]
