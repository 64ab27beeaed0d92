"""Kernels for Reed-Solomon codes over any GF(2^m), with tables of logarithms."""

from __future__ import annotations

from typing import Any

import numpy as np

from netchat.jit import kernel, part

__all__ = ["decode", "encode"]


@part
def _times(one: Any, two: Any, exp: Any, log: Any) -> Any:
    if one == 0 or two == 0:
        return np.uint16(0)
    return exp[log[one] + log[two]]


@kernel
def _rotate(row: Any, start: Any, length: Any, head: Any) -> None:
    """Rotate the end of a row so that its entry `head` becomes the first."""
    for low, high in ((0, head), (head, length), (0, length)):
        i, j = start + low, start + high - 1
        while i < j:
            row[i], row[j] = row[j], row[i]
            i += 1
            j -= 1


@kernel
def encode(message: Any, exp: Any, log: Any, roots: Any, word: Any) -> None:
    """Encode messages (batch, k) to codewords (batch, n) of symbols; `roots` are exponents."""
    k, parity = message.shape[1], len(roots)
    generator = np.zeros(parity + 1, np.uint16)  # highest power first
    generator[0] = 1
    for count in range(parity):
        for i in range(count + 1, 0, -1):
            generator[i] ^= _times(generator[i - 1], exp[roots[count]], exp, log)
    for block in range(len(message)):
        row = word[block]
        for i in range(k):
            row[i] = message[block, i]
        for i in range(parity):
            row[k + i] = 0
        # The remainder moves through the parity symbols, which are a ring that starts at `head`.
        head = 0
        for i in range(k):
            fed = message[block, i] ^ row[k + head]
            row[k + head] = 0
            head = head + 1 if head + 1 < parity else 0
            if fed:
                shift = log[fed]
                for j in range(parity):
                    at = head + j
                    at = k + (at if at < parity else at - parity)
                    if generator[j + 1]:
                        row[at] ^= exp[log[generator[j + 1]] + shift]
        _rotate(row, k, parity, head)


@kernel
def _find_locator(
    syndromes: Any, places: Any, erased: Any, exp: Any, log: Any, locator: Any, before: Any, spare: Any
) -> Any:  # fmt: skip
    """Run the algorithm of Berlekamp and Massey from the erasure locator; return the degree."""
    size, parity = len(exp) >> 1, len(syndromes)
    for i in range(parity + 1):
        locator[i] = 0
    locator[0] = 1
    for m in range(erased):
        for i in range(m + 1, 0, -1):
            locator[i] ^= _times(locator[i - 1], exp[places[m]], exp, log)
    for i in range(parity + 1):
        before[i] = locator[i]
    length, age, last = erased, 1, np.uint16(1)
    for r in range(erased, parity):
        discrepancy = np.uint16(0)
        for i in range(length + 1):
            discrepancy ^= _times(locator[i], syndromes[r - i], exp, log)
        if discrepancy == 0:
            age += 1
            continue
        factor = exp[log[discrepancy] + size - log[last]]
        for i in range(parity + 1):
            spare[i] = locator[i]
        for i in range(parity + 1 - age):
            locator[i + age] ^= _times(factor, before[i], exp, log)
        if 2 * length > r + erased:
            age += 1
            continue
        for i in range(parity + 1):
            before[i] = spare[i]
        length, age, last = r + 1 + erased - length, 1, discrepancy
    return length


@kernel
def _find_places(locator: Any, length: Any, n: Any, exp: Any, log: Any, places: Any) -> Any:
    """Find the exponents at which the locator is zero; return their number."""
    size, found = len(exp) >> 1, 0
    for e in range(n):
        value, step = locator[0], (size - e) % size
        power = 0
        for j in range(1, length + 1):
            power += step
            power = power if power < size else power - size
            if locator[j]:
                value ^= exp[log[locator[j]] + power]
        if value == 0 and found < length:
            places[found] = e
            found += 1
    return found


@kernel
def _find_values(
    syndromes: Any, locator: Any, length: Any, places: Any, fcr: Any, exp: Any, log: Any, omega: Any,
    values: Any,
) -> None:  # fmt: skip
    """Compute the error values by Forney's formula."""
    size = len(exp) >> 1
    for i in range(length):
        omega[i] = 0
        for j in range(i + 1):
            omega[i] ^= _times(locator[j], syndromes[i - j], exp, log)
    for m in range(length):
        inverse = (size - places[m]) % size
        top, slope = np.uint16(0), np.uint16(0)
        for i in range(length):
            if omega[i]:
                top ^= exp[(log[omega[i]] + i * inverse) % size]
        for j in range(1, length + 1, 2):
            if locator[j]:
                slope ^= exp[(log[locator[j]] + (j - 1) * inverse) % size]
        values[m] = 0
        if top:  # the roots are simple, so the slope is not zero
            power = log[top] + size - log[slope] + places[m] * (1 + size - fcr)
            values[m] = exp[power % size]


@kernel
def decode(word: Any, lost: Any, exp: Any, log: Any, roots: Any, corrected: Any) -> None:
    """Correct received words (batch, n) of symbols in place; a word that cannot be is left.

    Args:
        word: Received words.
        lost: (batch, n) Erased bits of each symbol, or no rows.
        exp: Powers of x, twice.
        log: Logarithms.
        roots: Exponents of the roots of the generator polynomial.
        corrected: (batch,) Number of bits corrected or filled in, to be filled; -1 for a failure.
    """
    n, parity = word.shape[1], len(roots)
    syndromes, places = np.empty(parity, np.uint16), np.empty(parity, np.int64)
    locator, before = np.empty(parity + 1, np.uint16), np.empty(parity + 1, np.uint16)
    spare, values = np.empty(parity + 1, np.uint16), np.empty(parity + 1, np.uint16)
    for block in range(len(word)):
        row = word[block]
        wrong = np.uint16(0)
        for j in range(parity):
            total = np.uint16(0)
            for i in range(n):
                if total:
                    total = exp[log[total] + roots[j]]
                total ^= row[i]
            syndromes[j] = total
            wrong |= total
        erased: Any = np.int64(0)
        if len(lost):
            for i in range(n):
                if lost[block, i]:
                    if erased < parity:
                        places[erased] = n - 1 - i
                    erased += 1
        corrected[block] = -1
        if erased > parity:
            continue
        length = erased
        if wrong:
            length = _find_locator(syndromes, places, erased, exp, log, locator, before, spare)
            if 2 * length - erased > parity:
                continue
            if _find_places(locator, length, n, exp, log, places) < length:
                continue
            _find_values(syndromes, locator, length, places, roots[0], exp, log, spare, values)
        bits = 0
        for m in range(length):
            at = n - 1 - places[m]
            value = values[m] if wrong else np.uint16(0)
            row[at] ^= value
            changed = value | lost[block, at] if len(lost) else value
            while changed:
                changed &= changed - np.uint16(1)
                bits += 1
        corrected[block] = bits
