"""Kernels for Reed-Solomon encoding and decoding.

`tests/coding/rs_textbook.py` has textbook versions of the same steps, which give the same result for
every block. The differences are:

- The remainder is computed from four message bytes per step, with four tables, and for two blocks at
  a time, so that one block computes while the other waits for memory.
- A block without errors needs only the remainder. Otherwise the syndromes are computed from the
  remainder, not from the whole block.
- The root search adds whole table rows, one row per coefficient of the locator polynomial.

Words are little-endian, as is the memory of all machines that Numba supports.

Two habits halve the time that the kernels take to compile. Arrays are copied in a loop, because
`a[:] = b` includes compiled code that formats an error message. Integers passed to a part have a NumPy
type, because a part is compiled again for a literal.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from netchat.coding.reed_solomon.tables import PLACES, SLICES, WORDS
from netchat.jit import kernel, part

__all__ = ["decode", "encode"]

# Numba would convert words to floats if these were plain integers.
_BYTE = np.uint64(0xFF)
_8, _16, _24, _32 = (np.uint64(bits) for bits in (8, 16, 24, 32))
_1, _2, _3 = (np.uint64(step) for step in (1, 2, 3))
#: Consecutive syndromes that must agree with the locator before it is tried. They agree by chance
#: once in 2^32 blocks; the check of all syndromes detects that, and the algorithm continues.
_AGREEING: Any = np.int64(4)

_ONES, _HIGHS = np.uint64(0x0101010101010101), np.uint64(0x8080808080808080)


@part
def _four_bytes(row: Any, at: Any) -> Any:
    at = np.uint64(at)
    return (
        np.uint64(row[at])
        | (np.uint64(row[at + _1]) << _8)
        | (np.uint64(row[at + _2]) << _16)
        | (np.uint64(row[at + _3]) << _24)
    )


@part
def _advance(a: Any, b: Any, c: Any, d: Any, four: Any, step: Any) -> Any:
    """Return the short register after four more bytes, which are fed back through g."""
    fed = (a & np.uint64(0xFFFFFFFF)) ^ four
    p, q, r, s = fed & _BYTE, (fed >> _8) & _BYTE, (fed >> _16) & _BYTE, fed >> _24
    return (
        ((a >> _32) | (b << _32)) ^ step[0, p, 0] ^ step[1, q, 0] ^ step[2, r, 0] ^ step[3, s, 0],
        ((b >> _32) | (c << _32)) ^ step[0, p, 1] ^ step[1, q, 1] ^ step[2, r, 1] ^ step[3, s, 1],
        ((c >> _32) | (d << _32)) ^ step[0, p, 2] ^ step[1, q, 2] ^ step[2, r, 2] ^ step[3, s, 2],
        (d >> _32) ^ step[0, p, 3] ^ step[1, q, 3] ^ step[2, r, 3] ^ step[3, s, 3],
    )


@part
def _remainders_short(one: Any, two: Any, k: int, step: Any, out: Any) -> None:
    """Compute the remainders of two messages of up to 32 parity bytes, in CPU registers."""
    first = k % SLICES
    out[:] = 0
    for i in range(first):
        for w in range(WORDS):
            out[0, w] ^= step[SLICES - first + i, one[i], w]
            out[1, w] ^= step[SLICES - first + i, two[i], w]
    a, b, c, d = out[0, 0], out[0, 1], out[0, 2], out[0, 3]
    e, f, g, h = out[1, 0], out[1, 1], out[1, 2], out[1, 3]
    for at in range(first, k, SLICES):
        a, b, c, d = _advance(a, b, c, d, _four_bytes(one, at), step)
        e, f, g, h = _advance(e, f, g, h, _four_bytes(two, at), step)
    out[0, 0], out[0, 1], out[0, 2], out[0, 3] = a, b, c, d
    out[1, 0], out[1, 1], out[1, 2], out[1, 3] = e, f, g, h


@part
def _remainder_long(row: Any, k: int, step: Any, register: Any) -> None:
    """Compute the remainder of one message of any number of parity bytes, in memory."""
    words = register.size
    first = k % SLICES
    register[:] = 0
    for i in range(first):
        for w in range(words):
            register[w] ^= step[SLICES - first + i, row[i], w]
    for at in range(first, k, SLICES):
        fed = (register[0] & np.uint64(0xFFFFFFFF)) ^ _four_bytes(row, at)
        p, q, r, s = fed & _BYTE, (fed >> _8) & _BYTE, (fed >> _16) & _BYTE, fed >> _24
        for w in range(words):
            above = register[w + 1] if w + 1 < words else np.uint64(0)
            register[w] = (
                ((register[w] >> _32) | (above << _32))
                ^ step[0, p, w] ^ step[1, q, w] ^ step[2, r, w] ^ step[3, s, w]
            )  # fmt: skip


@part
def _remainders(one: Any, two: Any, k: int, step: Any, out: Any) -> None:
    if step.shape[2] == WORDS:
        _remainders_short(one, two, k, step, out)
    else:
        _remainder_long(one, k, step, out[0])
        _remainder_long(two, k, step, out[1])


@kernel
def encode(message: Any, tables: Any, codeword: Any) -> None:
    """Encode `message` (batch, k) into `codeword` (batch, n)."""
    batch, k = message.shape
    parity = codeword.shape[1] - k
    remainders = np.empty((2, tables.step.shape[2]), np.uint64)
    octets = remainders.view(np.uint8)
    for block in range(0, batch, 2):
        last = min(block + 1, batch - 1)  # a single block at the end is processed twice
        _remainders(message[block], message[last], k, tables.step, remainders)
        for each in range(block, last + 1):
            for i in range(k):
                codeword[each, i] = message[each, i]
            for i in range(parity):
                codeword[each, k + i] = octets[each - block, i]


@part
def _add(value: Any, at_place: Any, packed: Any) -> None:
    """Add the contribution of one byte to the syndromes; `at_place` is the table of its position."""
    high, low = at_place[0, value >> 4], at_place[1, value & 15]
    for w in range(packed.size):
        packed[w] ^= high[w] ^ low[w]


@part
def _pack_syndromes(remainder: Any, parity: int, table: Any, packed: Any) -> None:
    """Compute the syndromes from a remainder; up to 32 of them in CPU registers."""
    if packed.size != WORDS:
        packed[:] = 0
        for i in range(parity):
            _add(remainder[i], table[parity - 1 - i], packed)
        return
    a = b = c = d = np.uint64(0)
    for i in range(parity):
        value, at_place = remainder[i], table[parity - 1 - i]
        high, low = at_place[0, value >> 4], at_place[1, value & 15]
        a ^= high[0] ^ low[0]
        b ^= high[1] ^ low[1]
        c ^= high[2] ^ low[2]
        d ^= high[3] ^ low[3]
    packed[0], packed[1], packed[2], packed[3] = a, b, c, d


@part
def _copy(row: Any, into: Any) -> None:
    for i in range(into.size):
        into[i] = row[i]


@part
def _find_locator(
    syndromes: Any, places: Any, erased: int, agreeing: int, field: Any, locator: Any,
    before: Any, scratch: Any,
) -> tuple[int, bool]:  # fmt: skip
    """Run the Berlekamp-Massey algorithm from the erasure locator (Blahut 2003, section 7.5).

    Stop early when more than `agreeing` consecutive discrepancies are zero.

    Returns:
        The degree of `locator`, whose roots are the inverses of the error positions, and whether the
        algorithm stopped early.
    """
    product, exp, log = field
    locator[:] = 0
    locator[0] = 1
    for m in range(erased):
        for i in range(m + 1, 0, -1):
            locator[i] ^= product[exp[places[m]], locator[i - 1]]
    _copy(locator, before)
    length, before_length, before_log, age = erased, erased, 0, 1
    for r in range(erased, syndromes.size):
        discrepancy = np.uint8(0)
        for i in range(length + 1):
            discrepancy ^= product[locator[i], syndromes[r - i]]
        if discrepancy == 0:
            age += 1
            if age > agreeing:
                return length, r + 1 < syndromes.size
            continue
        factor = product[exp[log[discrepancy] + 255 - before_log]]
        if 2 * length > r + erased:
            for i in range(before_length + 1):
                locator[i + age] ^= factor[before[i]]
            age += 1
        else:
            for i in range(length + 1):
                scratch[i] = locator[i]
            for i in range(before_length + 1):
                locator[i + age] ^= factor[before[i]]
            for i in range(length + 1):
                before[i] = scratch[i]
            length, before_length = r + 1 + erased - length, length
            before_log, age = log[discrepancy], 1
    return length, False


@part
def _find_places(
    locator: Any, length: int, n: int, log: Any, search: Any, powers: Any, values: Any, places: Any
) -> int:
    """Find the exponents below n at which the locator is zero (Chien search); return their number."""
    octets = values.view(np.uint8)
    octets[:] = locator[0]
    for j in range(1, length + 1):
        if locator[j]:
            start = search[j, log[locator[j]]]
            row = powers[start : start + PLACES]  # LLVM vectorises the loop over a slice
            for e in range(PLACES):
                octets[e] ^= row[e]
    found = 0
    for w in range(PLACES // 8):
        if (values[w] - _ONES) & ~values[w] & _HIGHS:  # a byte of this word is zero
            for e in range(8 * w, min(8 * w + 8, n)):
                if octets[e] == 0 and found < length:
                    places[found] = e
                    found += 1
    return found


@part
def _find_values(
    syndromes: Any, locator: Any, length: int, places: Any, fcr: int, field: Any, omega: Any,
    values: Any,
) -> bool:  # fmt: skip
    """Compute the error values (Forney's formula); return False if the locator has a double root."""
    product, exp, log = field
    for i in range(length):
        omega[i] = 0
        for j in range(i + 1):
            omega[i] ^= product[locator[j], syndromes[i - j]]
    last_odd = length - 1 + length % 2
    for m in range(length):
        place = np.int64(places[m])
        row = product[exp[255 - place]]
        square = product[row[exp[255 - place]]]
        top = omega[length - 1]
        for i in range(length - 2, -1, -1):
            top = row[top] ^ omega[i]
        slope = locator[last_odd]
        for j in range(last_odd - 2, 0, -2):
            slope = square[slope] ^ locator[j]
        if slope == 0:
            return False
        values[m] = 0
        if top:
            power = log[top] + 255 - log[slope] + place * (1 - fcr)
            values[m] = exp[power % 255]
    return True


@part
def _is_codeword(packed: Any, length: int, places: Any, values: Any, table: Any) -> Any:
    """Return whether all syndromes are zero after subtracting the errors."""
    for m in range(length):
        _add(values[m], table[places[m]], packed)
    left = np.uint64(0)
    for w in range(packed.size):
        left |= packed[w]
    return left == 0


@part
def _repair(
    packed: Any, syndromes: Any, erased_places: Any, erased: int, n: int, fcr: int, field: Any,
    search: Any, powers: Any, table: Any, scratch: Any, places: Any, values: Any,
) -> int:  # fmt: skip
    """Find the positions and values of errors and erasures; return their number, or -1."""
    locator, before, spare, sums, left = scratch
    agreeing = _AGREEING
    while True:
        length, early = _find_locator(
            syndromes, erased_places, erased, agreeing, field, locator, before, spare
        )
        _copy(packed, left)
        if (
            2 * length - erased <= syndromes.size
            and length == _find_places(locator, length, n, field[2], search, powers, sums, places)
            and _find_values(syndromes, locator, length, places, fcr, field, spare, values)
            and _is_codeword(left, length, places, values, table)
        ):
            return length
        if not early:
            return -1
        agreeing = syndromes.size


@kernel
def decode(received: Any, erasures: Any, tables: Any, message: Any, corrected: Any) -> None:
    """Decode `received` (batch, n) into `message` (batch, k) and `corrected` (batch,).

    `erasures` is a bool array (batch, n), or has no rows. A block that cannot be decoded is copied as
    received, with `corrected` -1.
    """
    batch, n = received.shape
    k = message.shape[1]
    parity = n - k
    # `tables` is about sixty words: too many to pass to a function for every block.
    field, table, step = (tables.product, tables.exp, tables.log), tables.syndromes, tables.step
    search, powers, fcr = tables.search, tables.powers, tables.fcr
    remainders = np.empty((2, step.shape[2]), np.uint64)
    octets = remainders.view(np.uint8)
    packed = np.empty(table.shape[3], np.uint64)
    syndromes = packed.view(np.uint8)[:parity]
    locator, before = np.empty(parity + 1, np.uint8), np.empty(parity + 1, np.uint8)
    spare = np.empty(parity + 1, np.uint8)
    sums, left = np.empty(PLACES // 8, np.uint64), np.empty_like(packed)
    scratch = (locator, before, spare, sums, left)
    erased_places, places = np.empty(parity, np.int64), np.empty(parity, np.int64)
    values = np.empty(parity, np.uint8)
    for block in range(0, batch, 2):
        last = min(block + 1, batch - 1)
        _remainders(received[block], received[last], k, step, remainders)
        for each in range(block, last + 1):
            row, remainder = received[each], octets[each - block]
            for i in range(k):
                message[each, i] = row[i]
            differs = np.uint8(0)
            for i in range(parity):
                remainder[i] ^= row[k + i]
                differs |= remainder[i]
            erased: Any = np.int64(0)
            if erasures.shape[0]:
                for i in range(n):
                    if erasures[each, i]:
                        if erased < parity:
                            erased_places[erased] = n - 1 - i
                        erased += 1
            corrected[each] = erased if erased <= parity else -1
            if differs == 0 or erased > parity:
                continue
            _pack_syndromes(remainder, parity, table, packed)
            length = _repair(
                packed, syndromes, erased_places, erased, n, fcr, field, search, powers, table,
                scratch, places, values,
            )  # fmt: skip
            corrected[each] = length
            for m in range(length):
                if n - 1 - places[m] < k:
                    message[each, n - 1 - places[m]] ^= values[m]
