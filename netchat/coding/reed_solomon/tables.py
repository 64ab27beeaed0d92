"""Lookup tables of the Reed-Solomon kernels."""

from __future__ import annotations

from functools import lru_cache
from math import gcd
from typing import NamedTuple
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from netchat.coding.galois_field import FieldTables, field

__all__ = [
    "PLACES",
    "SLICES",
    "WORDS",
    "SharedTables",
    "Tables",
    "generator_polynomial",
    "shared_tables",
    "tables",
]

#: Message bytes per encoding step. Four tables of 256 rows fit the L1 cache for RS(255,223); eight do
#: not, and are slower.
SLICES = 4

#: Words of the short register, which holds up to 32 parity bytes; the smallest width of a row.
WORDS = 4

#: Positions in a row of the root search: those of GF(256), rounded up to whole vector registers.
PLACES = 256


class Tables(NamedTuple):
    """Tables of one generator polynomial; a shortened code uses those of the full code."""

    product: NDArray[np.uint8]
    """(256, 256) Products in the field."""
    exp: NDArray[np.uint8]
    """(510,) Powers of the generator, written twice."""
    log: NDArray[np.int64]
    """(256,) Logarithms."""
    step: NDArray[np.uint64]
    """(SLICES, 256, words) Remainders v x^(parity + SLICES - 1 - s) mod g at [s, v], packed."""
    syndromes: NDArray[np.uint64]
    """(255, 2, 16, words) Contributions of the high and the low half byte to all syndromes, packed.

    Positions count from the end of the block.
    """
    powers: NDArray[np.uint8]
    """Field elements whose exponents are c, c - j, c - 2j, …; see `search`."""
    search: NDArray[np.int32]
    """(parity + 1, 255) Row starts: `powers[search[j, l] + e]` is generator^(l - e j)."""
    fcr: int
    """Exponent of the first root of the generator polynomial."""


def generator_polynomial(parity: int, fcr: int, in_: FieldTables) -> NDArray[np.uint8]:
    """Return the monic polynomial with the roots generator^fcr, …, highest power first.

    >>> generator_polynomial(2, 0, field()).tolist()  # (x + 1)(x + 2)
    [1, 3, 2]
    """
    result = np.zeros(parity + 1, np.uint8)
    result[0] = 1
    for power in range(fcr, fcr + parity):  # multiply by (x + root)
        result[1:] ^= in_.product[in_.exp[power % 255], result[:-1]]
    return result


class SharedTables:
    """Tables shared by several codes, in an object that supports weak references."""

    __slots__ = ("__weakref__", "tables")

    tables: Tables
    """The shared tables."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables


# Up to 3 MB each. Tables that no code uses are freed, except the last four.
_in_use: WeakValueDictionary[tuple[int, int, int, int], SharedTables] = WeakValueDictionary()


@lru_cache(maxsize=4)
def shared_tables(parity: int, fcr: int, polynomial: int, generator: int) -> SharedTables:
    """Return the tables for a number of parity symbols, shared by all codes that use them."""
    key = parity, fcr, polynomial, generator
    shared = _in_use.get(key)
    if shared is None:
        shared = _in_use[key] = SharedTables(tables(*key))
    return shared


def tables(parity: int, fcr: int, polynomial: int, generator: int) -> Tables:
    """Compute the tables for a number of parity symbols, which takes a few milliseconds."""
    in_ = field(polynomial, generator)
    powers, search = _search_rows(parity, in_)
    return Tables(
        in_.product, in_.exp, in_.log,
        _steps(parity, fcr, in_), _syndromes(parity, fcr, in_), powers, search, fcr,
    )  # fmt: skip


def _packed(rows: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Pack the bytes of the last axis into little-endian words."""
    words = max(WORDS, -(-rows.shape[-1] // 8))
    padded = np.zeros((*rows.shape[:-1], 8 * words), np.uint8)
    padded[..., : rows.shape[-1]] = rows
    return padded.view(np.uint64)


def _steps(parity: int, fcr: int, in_: FieldTables) -> NDArray[np.uint64]:
    tail = generator_polynomial(parity, fcr, in_)[1:]
    rows = np.zeros((SLICES, 256, parity), np.uint8)
    rows[-1] = in_.product[:, tail]
    for s in range(SLICES - 2, -1, -1):
        # Multiply by x: the coefficient shifted out is fed back through g.
        rows[s, :, :-1] = rows[s + 1, :, 1:]
        rows[s] ^= in_.product[rows[s + 1, :, :1], tail]
    return _packed(rows)


def _syndromes(parity: int, fcr: int, in_: FieldTables) -> NDArray[np.uint64]:
    root = np.arange(fcr, fcr + parity)
    weight = in_.exp[np.outer(np.arange(255), root) % 255]
    half = np.arange(16)
    rows = np.empty((255, 2, 16, parity), np.uint8)
    rows[:, 0] = in_.product[half[:, None] << 4, weight[:, None, :]]
    rows[:, 1] = in_.product[half[:, None], weight[:, None, :]]
    return _packed(rows)


def _search_rows(parity: int, in_: FieldTables) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Return rows that hold a term s_j x^j of a polynomial at all positions.

    With s_j = generator^l the term at position e is generator^(l - j e): the exponents decrease in
    steps of j. They form gcd(j, 255) cycles; each cycle is one row, long enough to start anywhere.
    """
    length = 255 + PLACES
    steps = np.arange(length)
    rows: list[NDArray[np.uint8]] = []
    search = np.zeros((parity + 1, 255), np.int32)
    for j in range(1, parity + 1):  # the term j = 0 is constant and needs no row
        cycles = gcd(j, 255)
        period = np.arange(255 // cycles)
        for cycle in range(cycles):
            exponents = (cycle - j * steps) % 255
            search[j, exponents[: period.size]] = len(rows) * length + period
            rows.append(in_.exp[exponents])
    return np.concatenate(rows), search
