"""What the Reed-Solomon kernels look up instead of computing."""

from __future__ import annotations

from functools import lru_cache
from math import gcd
from typing import NamedTuple
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from netchat.coding.galois_field import Field, field

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

#: Message bytes that the encoder takes in one step. Four tables of 256 rows fit the L1 cache for
#: RS(255,223); eight would not, and are slower.
SLICES = 4

#: Words of the short register, which holds up to 32 parity bytes. Rows are never narrower than it.
WORDS = 4

#: Places of one row of the root search: those of GF(256), rounded up so that a loop over them is a
#: whole number of vector registers.
PLACES = 256


class Tables(NamedTuple):
    """All tables of one generator polynomial; a shortened code uses those of the full one."""

    product: NDArray[np.uint8]
    """(256, 256) Products in the field."""
    exp: NDArray[np.uint8]
    """(510,) Powers of the generator, written twice."""
    log: NDArray[np.int64]
    """(256,) Logarithms."""
    step: NDArray[np.uint64]
    """(SLICES, 256, words) `step[s, v]`: v x^(parity + SLICES - 1 - s) mod g, packed."""
    syndromes: NDArray[np.uint64]
    """(255, 2, 16, words) What the high and the low half byte at each place, counted from the end of
    the block, add to all syndromes; packed."""
    powers: NDArray[np.uint8]
    """Rows c, c - j, c - 2j, ... of exponents, as field elements: see `search`."""
    search: NDArray[np.int32]
    """(parity + 1, 255) `powers[search[j, l] + e]` is (generator^l) (generator^-e)^j."""
    fcr: int
    """The exponent of the first root of the generator polynomial."""


def generator_polynomial(parity: int, fcr: int, in_: Field) -> NDArray[np.uint8]:
    """The monic polynomial with the roots generator^fcr ..., highest power first.

    >>> generator_polynomial(2, 0, field()).tolist()  # (x + 1)(x + 2)
    [1, 3, 2]
    """
    result = np.zeros(parity + 1, np.uint8)
    result[0] = 1
    for power in range(fcr, fcr + parity):  # times x, and plus the root times itself
        result[1:] ^= in_.product[in_.exp[power % 255], result[:-1]]
    return result


class SharedTables:
    """What codes share that need the same tables; a tuple cannot be referred to weakly.

    Attributes:
        tables: they.
    """

    __slots__ = ("__weakref__", "tables")

    def __init__(self, tables: Tables) -> None:
        self.tables = tables


# Up to 3 MB each. Those that no code uses any more are let go, but for the last few.
_in_use: WeakValueDictionary[tuple[int, int, int, int], SharedTables] = WeakValueDictionary()


@lru_cache(maxsize=4)
def shared_tables(parity: int, fcr: int, polynomial: int, generator: int) -> SharedTables:
    """Return the tables for a number of parity symbols, made once for all codes that use them."""
    key = parity, fcr, polynomial, generator
    shared = _in_use.get(key)
    if shared is None:
        shared = _in_use[key] = SharedTables(tables(*key))
    return shared


def tables(parity: int, fcr: int, polynomial: int, generator: int) -> Tables:
    """Make the tables for a number of parity symbols, in some milliseconds."""
    in_ = field(polynomial, generator)
    powers, search = _search_rows(parity, in_)
    return Tables(
        in_.product, in_.exp, in_.log,
        _steps(parity, fcr, in_), _syndromes(parity, fcr, in_), powers, search, fcr,
    )  # fmt: skip


def _packed(rows: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Bytes along the last axis into words, the first byte in the lowest place."""
    words = max(WORDS, -(-rows.shape[-1] // 8))
    padded = np.zeros((*rows.shape[:-1], 8 * words), np.uint8)
    padded[..., : rows.shape[-1]] = rows
    return padded.view(np.uint64)


def _steps(parity: int, fcr: int, in_: Field) -> NDArray[np.uint64]:
    tail = generator_polynomial(parity, fcr, in_)[1:]
    rows = np.zeros((SLICES, 256, parity), np.uint8)
    rows[-1] = in_.product[:, tail]
    for s in range(SLICES - 2, -1, -1):
        # Once more by x: the coefficient that would leave the register comes back through g.
        rows[s, :, :-1] = rows[s + 1, :, 1:]
        rows[s] ^= in_.product[rows[s + 1, :, :1], tail]
    return _packed(rows)


def _syndromes(parity: int, fcr: int, in_: Field) -> NDArray[np.uint64]:
    root = np.arange(fcr, fcr + parity)
    weight = in_.exp[np.outer(np.arange(255), root) % 255]
    half = np.arange(16)
    rows = np.empty((255, 2, 16, parity), np.uint8)
    rows[:, 0] = in_.product[half[:, None] << 4, weight[:, None, :]]
    rows[:, 1] = in_.product[half[:, None], weight[:, None, :]]
    return _packed(rows)


def _search_rows(parity: int, in_: Field) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Rows from which a term s_j x^j of a polynomial is read off at all places at once.

    With s_j = generator^l the term at the place e is generator^(l - j e): a walk through the
    exponents in steps of -j. Such a walk has gcd(j, 255) separate cycles; each is one row, long
    enough to start anywhere in it.
    """
    length = 255 + PLACES
    steps = np.arange(length)
    rows: list[NDArray[np.uint8]] = []
    search = np.zeros((parity + 1, 255), np.int32)
    for j in range(1, parity + 1):  # the term j = 0 is the same everywhere and needs no row
        cycles = gcd(j, 255)
        period = np.arange(255 // cycles)
        for cycle in range(cycles):
            exponents = (cycle - j * steps) % 255
            search[j, exponents[: period.size]] = len(rows) * length + period
            rows.append(in_.exp[exponents])
    return np.concatenate(rows), search
