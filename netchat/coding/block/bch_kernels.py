"""Kernel that decodes BCH codes on bit slices.

A vector holds the same bit of 512 blocks: eight words of their bit slices. A field element is m vectors,
lowest bit first. All blocks take the same steps, and a choice is made by masks.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from netchat.coding import vector_kernels as vectors
from netchat.jit import kernel, part

__all__ = ["decode"]

#: Words in a vector.
_WIDTH = 8


@part
def _copy(octets: Any, at: Any, into: Any, place: Any, count: Any) -> None:
    for i in range(count):
        into[place + i] = octets[at + i]


@kernel
def _add_product(one: Any, at_one: Any, two: Any, at_two: Any, m: Any, product: Any) -> None:
    """Add the product of two elements, as polynomials, to `product` (2m - 1 vectors)."""
    lanes = vectors.LANES
    for power in range(2 * m - 1):
        total = vectors.load(product, power * lanes)
        for i in range(max(0, power - m + 1), min(power, m - 1) + 1):
            a = vectors.load(one, (at_one + i) * lanes)
            b = vectors.load(two, (at_two + power - i) * lanes)
            total = vectors.xor(total, vectors.both(a, b))
        vectors.store(product, power * lanes, total)


@kernel
def _reduce(product: Any, m: Any, starts: Any, rows: Any, into: Any, at: Any) -> None:
    """Reduce a product to a field element, and clear it."""
    lanes = vectors.LANES
    for high in range(m - 1):
        value = vectors.load(product, (m + high) * lanes)
        for index in range(starts[high], starts[high + 1]):
            place = rows[index] * lanes
            vectors.store(product, place, vectors.xor(vectors.load(product, place), value))
    for bit in range(m):
        vectors.store(into, (at + bit) * lanes, vectors.load(product, bit * lanes))
    product[:] = 0


@kernel
def _remainder(block: Any, n: Any, k: Any, taps: Any, register: Any, out: Any) -> None:
    """Divide 512 received words by the generator polynomial."""
    lanes, parity = vectors.LANES, n - k
    register[:] = 0
    head = 0
    for bit in range(k):
        head = head - 1 if head else parity - 1
        fed = vectors.xor(vectors.load(register, head * lanes), vectors.load(block, bit * lanes))
        vectors.store(register, head * lanes, fed)
        for tap in taps:
            at = head + tap
            at = (at if at < parity else at - parity) * lanes
            vectors.store(register, at, vectors.xor(vectors.load(register, at), fed))
    for power in range(parity):
        value = vectors.load(register, (head + power) % parity * lanes)
        sent = vectors.load(block, (n - 1 - power) * lanes)
        vectors.store(out, power * lanes, vectors.xor(value, sent))


@kernel
def _find_locator(
    syndromes: Any, t: Any, m: Any, starts: Any, rows: Any, locator: Any, before: Any, lead: Any,
    delta: Any, product: Any, counter: Any, digits: Any,
) -> None:  # fmt: skip
    """Run the algorithm of Berlekamp and Massey without inversions, two syndromes at a time.

    `before` is the polynomial of the last change of length, times a power of x. `counter` holds r - L
    in two's complement, with r the step and L the length of the locator; a change of length negates it.
    At the end it is t - L.
    """
    lanes = vectors.LANES
    for array in (locator, before, lead, counter):
        array[:] = 0
    locator[:lanes] = 255
    before[m * lanes : (m + 1) * lanes] = 255
    lead[:lanes] = 255
    sign = (digits - 1) * lanes
    zero, ones = vectors.load(product, 0), vectors.load(lead, 0)
    for r in range(t):
        for i in range(min(2 * r, t) + 1):
            _add_product(locator, i * m, syndromes, (2 * r - i) * m, m, product)
        _reduce(product, m, starts, rows, delta, 0)
        changes = zero
        for bit in range(m):
            changes = vectors.either(changes, vectors.load(delta, bit * lanes))
        negative = vectors.load(counter, sign)
        changes = vectors.both(changes, vectors.xor(negative, ones))
        for i in range(t, -1, -1):
            # The new `before` needs the old locator two places lower, which is not overwritten yet.
            if i <= 2 * r + 1:
                _add_product(lead, 0, locator, i * m, m, product)
                _add_product(delta, 0, before, i * m, m, product)
            for bit in range(m):
                new = zero
                if i >= 2:
                    old = vectors.load(before, ((i - 2) * m + bit) * lanes)
                    one = vectors.load(locator, ((i - 2) * m + bit) * lanes)
                    new = vectors.xor(old, vectors.both(vectors.xor(old, one), changes))
                vectors.store(before, (i * m + bit) * lanes, new)
            if i <= 2 * r + 1:
                _reduce(product, m, starts, rows, locator, i * m)
        for bit in range(m):
            old, new = vectors.load(lead, bit * lanes), vectors.load(delta, bit * lanes)
            old = vectors.xor(old, vectors.both(vectors.xor(old, new), changes))
            vectors.store(lead, bit * lanes, old)
        carry = ones
        for digit in range(digits):
            old = vectors.xor(vectors.load(counter, digit * lanes), changes)
            vectors.store(counter, digit * lanes, vectors.xor(old, carry))
            carry = vectors.both(old, carry)


@kernel
def _find_roots(
    terms: Any, t: Any, m: Any, n: Any, taps: Any, heads: Any, ones: Any, hits: Any, roots: Any,
    digits: Any,
) -> None:  # fmt: skip
    """Find the positions at which the locator is zero, and count them in `roots`.

    `terms` is the locator; its coefficient j is divided by x^j for each position. Division by x rotates
    the bits of an element, whose lowest is at `heads[j]`.
    """
    lanes = vectors.LANES
    roots[:] = 0
    heads[:] = 0
    every = vectors.load(ones, 0)
    for e in range(n):
        left = vectors.xor(every, every)
        for bit in range(m):
            total = vectors.load(terms, bit * lanes)
            for j in range(1, t + 1):
                at = heads[j] + bit
                at = at if at < m else at - m
                total = vectors.xor(total, vectors.load(terms, (j * m + at) * lanes))
            left = vectors.either(left, total)
        hit = vectors.xor(left, every)
        vectors.store(hits, (n - 1 - e) * lanes, hit)
        for digit in range(digits):
            old = vectors.load(roots, digit * lanes)
            vectors.store(roots, digit * lanes, vectors.xor(old, hit))
            hit = vectors.both(old, hit)
        for j in range(1, t + 1):
            head = heads[j]
            for _ in range(j):
                lowest = vectors.load(terms, (j * m + head) * lanes)
                head = head + 1 if head + 1 < m else 0
                for tap in taps:
                    at = head + tap - 1
                    at = (j * m + (at if at < m else at - m)) * lanes
                    vectors.store(terms, at, vectors.xor(vectors.load(terms, at), lowest))
            heads[j] = head


@kernel
def decode(received: Any, words: Any, tables: Any, message: Any, counts: Any) -> None:
    """Decode bit slices, given as their bytes.

    Args:
        received: (n * words * 8,) Received words.
        words: Number of words in a row.
        tables: Tables of the code.
        message: (k * words * 8,) Messages, to be filled.
        counts: ((digits + 1) * words * 8,) Corrections in binary, and a last row of failures, to be
            filled.
    """
    lanes = vectors.LANES
    m, n, k, t = tables.degree, tables.n, tables.k, tables.errors
    parity, digits = n - k, 0
    while t >> digits:
        digits += 1
    signed = digits + 1
    block, hits = np.zeros(n * lanes, np.uint8), np.zeros(n * lanes, np.uint8)
    register, rest = np.zeros(parity * lanes, np.uint8), np.zeros(parity * lanes, np.uint8)
    syndromes = np.zeros((2 * t - 1) * m * lanes, np.uint8)
    locator = np.zeros((t + 1) * m * lanes, np.uint8)
    before = np.zeros((t + 2) * m * lanes, np.uint8)
    lead, delta = np.zeros(m * lanes, np.uint8), np.zeros(m * lanes, np.uint8)
    product = np.zeros((2 * m - 1) * lanes, np.uint8)
    counter, roots = np.zeros(signed * lanes, np.uint8), np.zeros(digits * lanes, np.uint8)
    heads = np.zeros(t + 1, np.int64)
    ones, good = np.full(lanes, 255, np.uint8), np.zeros(lanes, np.uint8)
    every = vectors.load(ones, 0)
    zero = vectors.xor(every, every)
    for first in range(0, words, _WIDTH):
        width = min(lanes, (words - first) * 8)
        for row in range(n):
            at = (row * words + first) * 8
            if width == lanes:
                vectors.store(block, row * lanes, vectors.load(received, at))
            else:
                _copy(received, at, block, row * lanes, width)
        _remainder(block, n, k, tables.taps, register, rest)
        wrong = zero
        for row in range(parity):
            wrong = vectors.either(wrong, vectors.load(rest, row * lanes))
        if vectors.bits_below(zero, wrong):
            for row in range((2 * t - 1) * m):
                total = zero
                for index in range(tables.sum_starts[row], tables.sum_starts[row + 1]):
                    total = vectors.xor(total, vectors.load(rest, tables.sum_rows[index] * lanes))
                vectors.store(syndromes, row * lanes, total)
            _find_locator(
                syndromes, t, m, tables.fold_starts, tables.fold_rows, locator, before, lead, delta,
                product, counter, signed,
            )  # fmt: skip
            _find_roots(locator, t, m, n, tables.field_taps, heads, ones, hits, roots, digits)
            # The locator has as many roots in the block as its length L: roots + (t - L) = t.
            right, carry = vectors.xor(vectors.load(counter, digits * lanes), every), zero
            for digit in range(signed):
                a = vectors.load(counter, digit * lanes)
                b = vectors.load(roots, digit * lanes) if digit < digits else zero
                total = vectors.xor(vectors.xor(a, b), carry)
                carry = vectors.either(vectors.both(a, b), vectors.both(carry, vectors.xor(a, b)))
                expected = every if t >> digit & 1 else zero
                differs = vectors.xor(total, expected)
                right = vectors.both(right, vectors.xor(differs, every))
            vectors.store(good, 0, right)
        else:
            hits[:] = 0
            roots[:] = 0
            good[:] = 255
        right = vectors.load(good, 0)
        for row in range(k):
            flips = vectors.both(vectors.load(hits, row * lanes), right)
            value = vectors.xor(vectors.load(block, row * lanes), flips)
            at = (row * words + first) * 8
            if width == lanes:
                vectors.store(message, at, value)
            else:
                vectors.store(hits, row * lanes, value)
                _copy(hits, row * lanes, message, at, width)
        for row in range(signed):
            if row < digits:
                value = vectors.both(vectors.load(roots, row * lanes), right)
            else:
                value = vectors.xor(right, every)
            at = (row * words + first) * 8
            vectors.store(lead, 0, value)
            _copy(lead, 0, counts, at, width)
