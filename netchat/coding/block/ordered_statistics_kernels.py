"""Kernel of ordered-statistics decoding, one block after the other."""

from __future__ import annotations

from typing import Any

import numpy as np

from netchat.jit import kernel, part

__all__ = ["decode"]

_0, _1, _6, _8, _63, _BYTE = (np.uint64(number) for number in (0, 1, 6, 8, 63, 255))


@part
def _copy(words: Any, into: Any) -> None:
    for w in range(len(into)):
        into[w] = words[w]


@part
def _has(words: Any, bit: Any) -> Any:
    return words[bit >> 6] >> np.uint64(bit & 63) & _1


@kernel
def _eliminate(rows: Any, order: Any, basis: Any) -> None:
    """Bring a generator matrix into the form with unit columns at the first independent positions."""
    k, width = rows.shape
    rank = 0
    for position in order:
        word, shift = position >> 6, np.uint64(position & 63)
        pivot = rank
        while pivot < k and not rows[pivot, word] >> shift & _1:
            pivot += 1
        if pivot == k:
            continue
        for w in range(width):
            rows[rank, w], rows[pivot, w] = rows[pivot, w], rows[rank, w]
        for row in range(k):
            if row != rank and rows[row, word] >> shift & _1:
                for w in range(width):
                    rows[row, w] ^= rows[rank, w]
        basis[rank] = position
        rank += 1
        if rank == k:
            break


@kernel
def _fill(weights: Any, table: Any) -> None:
    """Fill a table (n / 8, 256) with the sums of the weights of the bits set in each byte."""
    for octet in range(len(table)):
        row = table[octet]
        row[0] = 0
        for bit in range(8):
            half, weight = 1 << bit, weights[8 * octet + bit]
            low, high = row[:half], row[half : 2 * half]
            for value in range(half):
                high[value] = low[value] + weight


@kernel
def _cost(words: Any, table: Any) -> Any:
    total = np.float32(0)
    for octet in range(len(table)):
        total += table[octet, words[octet >> 3] >> np.uint64(8 * (octet & 7)) & _BYTE]
    return total


@kernel
def _search(
    rows: Any, weights: Any, basis: Any, order: Any, table: Any, stack: Any, best: Any
) -> None:
    """Flip up to `order` bits of the basis, and keep the difference that costs least in `best`.

    `stack` holds the differences (depth, words) between the received word and the candidates; its first
    row is that without flips. A bit is only flipped if that alone costs less than the best candidate;
    the bits are tried from the least reliable one on, so that the others need not be tried then.
    """
    k, width = rows.shape
    _copy(stack[0], best)
    least = _cost(stack[0], table)
    place, paid = np.empty(order + 1, np.int64), np.zeros(order + 1, np.float32)
    depth = min(1, order)
    place[depth] = k
    while depth:
        place[depth] -= 1
        at = place[depth]
        if at < 0:
            depth -= 1
            continue
        price = paid[depth - 1] + weights[basis[at]]
        if price >= least:
            depth -= 1
            continue
        for w in range(width):
            stack[depth, w] = stack[depth - 1, w] ^ rows[at, w]
        total = _cost(stack[depth], table)
        if total < least:
            least = total
            _copy(stack[depth], best)
        if depth < order:
            paid[depth] = price
            place[depth + 1] = at
            depth += 1


@kernel
def decode(
    ratios: Any, positions: Any, generator: Any, n: Any, order: Any, message: Any, corrected: Any
) -> None:
    """Decode each block by ordered statistics.

    Args:
        ratios: (batch, n) Log-likelihood ratios, float32.
        positions: (batch, n) Positions, the most reliable first.
        generator: (k, words) Rows of the generator matrix in words of 64 bits, followed by the rows of
            the identity matrix.
        n: Number of bits in a codeword.
        order: Largest number of bits to flip.
        message: (batch, k) Messages, to be filled.
        corrected: (batch,) Number of bits changed or filled in, to be filled; -1 if lost bits leave
            several codewords.
    """
    k, width = generator.shape
    start = (n + 63) >> 6
    rows, basis = np.empty_like(generator), np.zeros(k, np.int64)
    weights = np.zeros(8 * ((n + 7) >> 3), np.float32)
    table = np.empty((len(weights) >> 3, 256), np.float32)
    stack, best = np.zeros((order + 1, width), np.uint64), np.zeros(width, np.uint64)
    hard = np.zeros(width, np.uint64)
    for block in range(len(ratios)):
        total = np.float32(0)
        for ratio in ratios[block]:
            if abs(ratio) < np.inf:
                total += abs(ratio)
        certain = 2 * total + np.float32(1)  # outweighs all finite ratios together
        hard[:] = 0
        for j in range(n):
            ratio = ratios[block, j]
            weights[j] = min(abs(ratio), certain)
            hard[j >> 6] |= np.uint64(ratio < 0) << np.uint64(j & 63)
        for row in range(k):
            _copy(generator[row], rows[row])
        _eliminate(rows, positions[block], basis)
        _fill(weights, table)
        _copy(hard, stack[0])
        for row in range(k):
            if _has(hard, basis[row]):
                for w in range(width):
                    stack[0, w] ^= rows[row, w]
        _search(rows, weights, basis, order, table, stack, best)
        changed = 0
        for j in range(n):
            changed += 1 if weights[j] == 0 or _has(best, j) else 0
        for i in range(k):
            message[block, i] = _has(best, 64 * start + i)
        corrected[block] = changed if weights[basis[k - 1]] > 0 else -1
