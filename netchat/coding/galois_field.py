"""Arithmetic in GF(256) by tables."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "DEFAULT_GENERATOR",
    "DEFAULT_POLYNOMIAL",
    "FieldTables",
    "field",
]

#: x^8 + x^4 + x^3 + x^2 + 1, the field of most Reed-Solomon codes in use (QR codes, CDs, DVB).
DEFAULT_POLYNOMIAL = 0x11D

#: Default primitive element; 2 is the polynomial x.
DEFAULT_GENERATOR = 2


class FieldTables(NamedTuple):
    """Tables of one field."""

    exp: NDArray[np.uint8]
    """(510,) Powers of the generator, twice, so that a sum of two logarithms is a valid index."""
    log: NDArray[np.int64]
    """(256,) Logarithms; the entry of 0 is undefined and never read."""
    product: NDArray[np.uint8]
    """(256, 256) Products of all pairs."""


@lru_cache
def field(polynomial: int = DEFAULT_POLYNOMIAL, generator: int = DEFAULT_GENERATOR) -> FieldTables:
    """Return the tables of GF(256).

    Args:
        polynomial: Irreducible polynomial, one coefficient per bit; 0x100 to 0x1FF.
        generator: Primitive element.

    Raises:
        ValueError: The powers of the generator do not produce all 255 nonzero elements.

    >>> int(field().product[2, 0x80])  # x times x^7 is x^8, which is 0x1d modulo the polynomial
    29
    """
    if not 0x100 <= polynomial <= 0x1FF:
        raise ValueError(f"Argument 'prim' must be from 0x100 to 0x1ff, got {polynomial:#x}.")
    if not 2 <= generator <= 255:
        raise ValueError(f"Argument 'generator' must be from 2 to 255, got {generator}.")
    exp = np.zeros(510, np.uint8)
    log = np.zeros(256, np.int64)
    element = 1
    for power in range(255):
        if (power and element == 1) or element == 0:
            raise ValueError(
                f"Argument 'generator' must be a primitive element of GF(256) with the polynomial "
                f"{polynomial:#x}, got {generator}, whose powers repeat after {power}."
            )
        exp[power] = exp[power + 255] = element
        log[element] = power
        element = _carryless_product(element, generator, polynomial)
    product = np.zeros((256, 256), np.uint8)
    logs = log[1:]
    product[1:, 1:] = exp[logs[:, None] + logs[None, :]]
    for table in (exp, log, product):
        table.flags.writeable = False
    return FieldTables(exp, log, product)


def _carryless_product(a: int, b: int, polynomial: int) -> int:
    result = 0
    while b:
        if b & 1:
            result ^= a
        a <<= 1
        if a & 0x100:
            a ^= polynomial
        b >>= 1
    return result
