"""Decoder of turbo codes in floats: log-MAP, and max-log with any scale."""

from __future__ import annotations

from typing import Any

import numpy as np

from netchat.coding import check_kernels as checks
from netchat.coding import vector_kernels as vectors
from netchat.coding.convolutional import bcjr_kernels as bcjr
from netchat.coding.turbo import kernels as turbo
from netchat.jit import kernel

__all__ = ["decode"]

_TAIL = 3
#: Steps whose forward metrics are kept.
_SEGMENT = 256
#: Largest magnitude of a ratio.
_CERTAIN = np.float32(1e4)
_TERMINATED = 0


@kernel
def decode(
    rows: Any, sent: Any, known: Any, size: Any, order: Any, places: Any, check: Any, taps: Any, start: Any,
    iterations: Any, scale: Any, exact: Any, targets: Any, incoming: Any, branches: Any, message: Any,
    corrected: Any,
) -> None:  # fmt: skip
    """Decode received words (batch, n).

    Args:
        rows: Log-likelihood ratios.
        sent: As in `kernels.decode`, and so are all others but these.
        known: The same.
        size: The same.
        order: The same.
        places: The same.
        check: The same.
        taps: The same.
        start: The same.
        iterations: The same.
        scale: Factor of the extrinsic values, float32.
        exact: Whether probabilities are added (log-MAP).
        targets: Trellis, as in `bcjr_kernels.posterior`.
        incoming: The same.
        branches: Output words of the branches: message bit, then parity bit.
        message: (batch, k) Messages, to be filled.
        corrected: (batch,) int64 array, to be filled; -1 where the check fails.
    """
    lanes = vectors.LANES
    steps = size + _TAIL
    ratios = np.empty((3 * size + 4 * _TAIL) * lanes, np.float32)
    inputs = np.empty(2 * steps * lanes, np.float32)
    extrinsic, out = np.empty(size * lanes, np.float32), np.empty(steps * lanes, np.float32)
    words = np.empty(3 * size + 4 * _TAIL, np.uint64)
    decided, result = np.empty(size, np.uint64), np.zeros(size, np.uint64)
    hard, lost = np.empty(len(sent), np.uint64), np.empty(len(sent), np.uint64)
    register = np.empty(len(start), np.uint64)
    bits = np.zeros(lanes, np.uint8)
    bytes_of_64, more = np.zeros(lanes * lanes, np.uint8), np.zeros(lanes * lanes, np.uint8)
    for first in range(0, len(rows), lanes):
        blocks = min(lanes, len(rows) - first)
        ratios[:] = 0
        for place in known:
            ratios[place * lanes : (place + 1) * lanes] = _CERTAIN
        for at in range(len(sent)):
            below, none = np.uint64(0), np.uint64(0)
            for lane in range(blocks):
                ratio = min(max(rows[first + lane, at], -_CERTAIN), _CERTAIN)
                ratios[sent[at] * lanes + lane] += ratio
                below |= np.uint64(ratio < 0) << np.uint64(lane)
                none |= np.uint64(ratio == 0) << np.uint64(lane)
            hard[at], lost[at] = below, none
        extrinsic[:] = 0
        open_blocks = ~np.uint64(0) >> np.uint64(lanes - blocks)
        failed = open_blocks
        for half in range(2 * iterations):
            code = half & 1
            parity = size + code * (size + 2 * _TAIL)
            for step in range(steps):
                message_of = inputs[2 * step * lanes : (2 * step + 1) * lanes]
                parity_of = inputs[(2 * step + 1) * lanes : (2 * step + 2) * lanes]
                if step < size:
                    place = (order[step] if code else step) * lanes
                    channel = ratios[place : place + lanes]
                    prior = extrinsic[place : place + lanes]
                    for lane in range(lanes):
                        message_of[lane] = channel[lane] + prior[lane]
                    parity_of[:] = ratios[(parity + step) * lanes : (parity + step + 1) * lanes]
                else:
                    at = parity + size + 2 * (step - size)
                    message_of[:] = ratios[at * lanes : (at + 1) * lanes]
                    parity_of[:] = ratios[(at + 1) * lanes : (at + 2) * lanes]
            bcjr.posterior(
                inputs, steps, 2, targets, incoming, branches, _TERMINATED, exact, _SEGMENT, out
            )
            for step in range(size):
                place = order[step] if code else step
                total = out[step * lanes : (step + 1) * lanes]
                message_of = inputs[2 * step * lanes : (2 * step + 1) * lanes]
                found = extrinsic[place * lanes : (place + 1) * lanes]
                for lane in range(lanes):
                    found[lane] = scale * (total[lane] - message_of[lane])
                    bits[lane] = np.uint8(total[lane] < 0)
                decided[place] = vectors.bits_at(vectors.load(bits, 0), 0)
            is_last = half == 2 * iterations - 1
            if not len(start) and not is_last:
                continue
            wrong = checks.remainder(decided, check, taps, start, register)
            failed = open_blocks & wrong
            ended = open_blocks if is_last else open_blocks & ~wrong
            if ended:
                vectors.take(decided, ended, result)
            open_blocks &= ~ended
            if not open_blocks:
                break
        vectors.write_rows(first, blocks, result, places, bytes_of_64, more, message)
        turbo.count_differences(
            first, blocks, message, places, size, order, taps, start, sent, hard, lost, words, bytes_of_64,
            more, ~failed, corrected,
        )  # fmt: skip
