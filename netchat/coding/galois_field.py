"""GF(256): the bytes as a field, by tables."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["DEFAULT_GENERATOR", "DEFAULT_POLYNOMIAL", "Field", "field", "multiply_polynomials"]

#: x^8 + x^4 + x^3 + x^2 + 1, the field of most Reed-Solomon codes in use (QR codes, CDs, DVB).
DEFAULT_POLYNOMIAL = 0x11D

#: The element whose powers are counted; 2 is the polynomial `x`.
DEFAULT_GENERATOR = 2


class Field(NamedTuple):
    """The tables of one field."""

    exp: NDArray[np.uint8]
    """(510,) Powers of the generator; written twice, so that a sum of two logarithms is an index."""
    log: NDArray[np.int64]
    """(256,) Logarithms; the entry of 0, which has none, is never read."""
    product: NDArray[np.uint8]
    """(256, 256) Every product."""


@lru_cache
def field(polynomial: int = DEFAULT_POLYNOMIAL, generator: int = DEFAULT_GENERATOR) -> Field:
    """The tables of GF(256).

    Args:
        polynomial: the primitive polynomial, its bits the coefficients; 0x100 to 0x1FF.
        generator: the element to take powers of.

    Raises:
        ValueError: if the powers of the generator are not all the 255 other elements.

    >>> int(field().product[2, 0x80])  # x times x^7 is x^8, which the polynomial makes 0x1d
    29
    """
    if not 0x100 <= polynomial <= 0x1FF or not 2 <= generator <= 255:
        raise ValueError(
            f"GF(256) needs a polynomial from 0x100 to 0x1ff and a generator from 2 to 255, "
            f"not {polynomial:#x} and {generator}."
        )
    exp = np.zeros(510, np.uint8)
    log = np.zeros(256, np.int64)
    element = 1
    for power in range(255):
        if (power and element == 1) or element == 0:
            raise ValueError(
                f"{generator} is no generator of GF(256) by the polynomial {polynomial:#x}: "
                f"its powers repeat after {power} of 255."
            )
        exp[power] = exp[power + 255] = element
        log[element] = power
        element = _carryless_product(element, generator, polynomial)
    product = np.zeros((256, 256), np.uint8)
    logs = log[1:]
    product[1:, 1:] = exp[logs[:, None] + logs[None, :]]
    for table in (exp, log, product):
        table.flags.writeable = False
    return Field(exp, log, product)


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


def multiply_polynomials(
    a: NDArray[np.uint8], b: NDArray[np.uint8], in_: Field
) -> NDArray[np.uint8]:
    """The product of two polynomials, coefficients in the same order in all three."""
    result = np.zeros(len(a) + len(b) - 1, np.uint8)
    for index, coefficient in enumerate(a):
        result[index : index + len(b)] ^= in_.product[coefficient, b]
    return result
