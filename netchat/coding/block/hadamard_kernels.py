"""Kernel that correlates received ratios with every codeword of a small code.

The correlations of all messages u with the ratios r_j, the sum of r_j (-1)^(u . g_j) with the columns g_j
of the generator matrix, are the Walsh-Hadamard transform of the ratios summed by column (Green 1966).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from netchat.jit import kernel

__all__ = ["decode"]


#: Blocks that are transformed together: their correlations lie side by side, so that all steps are
#: vector operations.
_LANES = 16


@kernel
def _transform(values: Any) -> None:
    """Replace values (2^k * lanes,) by the Walsh-Hadamard transforms of the lanes."""
    half = _LANES
    while half < len(values):
        for start in range(0, len(values), 2 * half):
            low, high = values[start : start + half], values[start + half : start + 2 * half]
            for i in range(half):
                a, b = low[i], high[i]
                low[i], high[i] = a + b, a - b
        half *= 2


@kernel
def _largest(values: Any, best: Any, place: Any, tie: Any) -> None:
    """Find the largest value of each lane, its place, and whether it occurs twice."""
    for lane in range(_LANES):
        best[lane] = values[lane]
    place[:] = 0
    tie[:] = 0
    for u in range(1, len(values) // _LANES):
        row, number = values[u * _LANES : (u + 1) * _LANES], np.int32(u)
        for lane in range(_LANES):
            value, old = row[lane], best[lane]
            tie[lane] = np.int32(0) if value > old else tie[lane] | np.int32(value == old)
            place[lane] = number if value > old else place[lane]
            best[lane] = max(value, old)


@kernel
def decode(ratios: Any, columns: Any, k: Any, message: Any, is_unique: Any) -> None:
    """Find the likeliest message of each block.

    Args:
        ratios: (batch, n) Log-likelihood ratios, float32.
        columns: (n,) Columns of the generator matrix; bit i belongs to message bit i.
        k: Number of message bits.
        message: (batch, k) Messages, to be filled.
        is_unique: (batch,) Whether no other message is as likely, to be filled.
    """
    values, best = np.empty(_LANES << k, np.float32), np.empty(_LANES, np.float32)
    place, tie = np.empty(_LANES, np.int32), np.empty(_LANES, np.int32)
    for first in range(0, len(ratios), _LANES):
        blocks = min(_LANES, len(ratios) - first)
        values[:] = 0
        for lane in range(blocks):
            row = ratios[first + lane]
            total = np.float32(0)
            for ratio in row:
                if abs(ratio) < np.inf:
                    total += abs(ratio)
            certain = 2 * total + np.float32(1)  # outweighs all finite ratios together
            for j in range(len(columns)):
                values[columns[j] * _LANES + lane] += min(max(row[j], -certain), certain)
        _transform(values)
        _largest(values, best, place, tie)
        for lane in range(blocks):
            is_unique[first + lane] = not tie[lane]
            for i in range(k):
                message[first + lane, i] = place[lane] >> i & 1
