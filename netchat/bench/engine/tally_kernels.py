"""Kernels that count the errors of decoded messages, fast where there are few."""

from __future__ import annotations

from typing import Any

import numpy as np

from netchat.jit import kernel, part

__all__ = ["FIELDS", "tally_bit_slices", "tally_rows"]

#: Counts of a kernel, in this order.
FIELDS = (
    "frame_errors", "bit_errors", "undetected", "touched", "frame_squares", "bit_squares"
)  # fmt: skip
_ERRORS, _BITS, _UNDETECTED, _TOUCHED, _FRAME_SQUARES, _BIT_SQUARES = range(6)

_1, _2, _4, _56, _63 = (np.uint64(number) for number in (1, 2, 4, 56, 63))
_ODD, _PAIRS, _FOURS, _BYTES = (
    np.uint64(0x0101010101010101 * byte) for byte in (0x55, 0x33, 0x0F, 0x01)
)
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)


@part
def _ones(word: Any) -> Any:
    """Count the set bits of a word (Knuth, TAOCP 7.1.3)."""
    word -= (word >> _1) & _ODD
    word = (word & _PAIRS) + ((word >> _2) & _PAIRS)
    word = (word + (word >> _4)) & _FOURS
    return np.int64((word * _BYTES) >> _56)


@part
def _close(current: Any, out: Any) -> None:
    """Count the finished cluster; `current` holds its index, frame errors and bit errors."""
    out[_TOUCHED] += 1 if current[1] else 0
    out[_FRAME_SQUARES] += current[1] * current[1]
    out[_BIT_SQUARES] += current[2] * current[2]
    current[1], current[2] = 0, 0


@part
def _enter(cluster: Any, bits: Any, current: Any, out: Any) -> None:
    """Count a frame error with a number of bit errors."""
    if cluster != current[0]:
        _close(current, out)
        current[0] = cluster
    current[1] += 1
    current[2] += bits
    out[_ERRORS] += 1
    out[_BITS] += bits


@kernel
def tally_bit_slices(
    sent: Any, message: Any, failed: Any, frames: Any, size: Any, out: Any
) -> None:
    """Count errors in the first `frames` of bit slices (k, words), in clusters of `size` frames."""
    k, words = sent.shape
    wrong = np.zeros(words, np.uint64)
    for i in range(k):
        one, two = sent[i], message[i]
        for w in range(words):
            wrong[w] |= one[w] ^ two[w]
    current = np.zeros(3, np.int64)
    for w in range((frames + 63) // 64):
        bad = wrong[w] | failed[w]
        if frames < 64 * (w + 1):
            bad &= ~(_ALL << np.uint64(frames & 63))
        out[_UNDETECTED] += _ones(bad & wrong[w] & ~failed[w])
        while bad:
            lowest = bad & (~bad + _1)
            bad ^= lowest
            lane = np.uint64(_ones(lowest - _1))
            bits = np.uint64(0)
            for i in range(k):
                bits += ((sent[i, w] ^ message[i, w]) >> lane) & _1
            _enter((64 * w + np.int64(lane)) // size, np.int64(bits), current, out)
    _close(current, out)


@kernel
def tally_rows(sent: Any, message: Any, corrected: Any, frames: Any, size: Any, out: Any) -> None:
    """Count errors in the first `frames` rows (batch, k) of bits or bytes."""
    current = np.zeros(3, np.int64)
    for f in range(frames):
        one, two = sent[f], message[f]
        differs = np.uint8(0)
        for i in range(one.size):
            differs |= one[i] ^ two[i]
        if differs == 0 and corrected[f] >= 0:
            continue
        bits = 0
        if differs:
            for i in range(one.size):
                bits += _ones(np.uint64(one[i] ^ two[i]))
            out[_UNDETECTED] += 1 if corrected[f] >= 0 else 0
        _enter(f // size, bits, current, out)
    _close(current, out)
