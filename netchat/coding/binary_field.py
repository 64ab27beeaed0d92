"""Fields GF(2^m): logarithm tables, and the polynomials of cyclic codes."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "PRIMITIVE",
    "BinaryField",
    "binary_field",
    "carryless",
    "conjugates",
    "minimal_polynomial",
]

#: Default primitive polynomials, one coefficient per bit: those of the standards and of most tables
#: (Lin and Costello, Error Control Coding, 2004, appendix A).
PRIMITIVE = {
    3: 0xB, 4: 0x13, 5: 0x25, 6: 0x43, 7: 0x89, 8: 0x11D, 9: 0x211, 10: 0x409, 11: 0x805,
    12: 0x1053, 13: 0x201B, 14: 0x4443, 15: 0x8003, 16: 0x1100B,
}  # fmt: skip


class BinaryField(NamedTuple):
    """Tables of GF(2^m), whose elements are integers: bit i is the coefficient of x^i."""

    degree: int
    """m."""
    polynomial: int
    """Primitive polynomial."""
    exp: NDArray[np.uint16]
    """(2 (2^m - 1),) Powers of x, twice, so that a sum of two logarithms is a valid index."""
    log: NDArray[np.int32]
    """(2^m,) Logarithms; that of 0 is undefined and never read."""


@lru_cache(maxsize=16)
def binary_field(degree: int, polynomial: int = 0) -> BinaryField:
    """Return the tables of a field.

    Args:
        degree: m, 3 to 16.
        polynomial: Primitive polynomial of this degree; 0 for the default.

    Raises:
        ValueError: The polynomial is not primitive.

    >>> binary_field(3).exp[:7].tolist()
    [1, 2, 4, 3, 6, 7, 5]
    """
    polynomial = polynomial or PRIMITIVE[degree]
    size = (1 << degree) - 1
    exp = np.zeros(2 * size, np.uint16)
    log = np.zeros(size + 1, np.int32)
    element, is_primitive = 1, polynomial >> degree == 1
    for power in range(size if is_primitive else 0):
        is_primitive &= power == 0 or element > 1
        exp[power] = exp[power + size] = element
        log[element] = power
        element <<= 1
        if element >> degree:
            element ^= polynomial
    if not is_primitive or element != 1:
        raise ValueError(
            f"Argument 'prim' must be a primitive polynomial of degree {degree}, such as "
            f"{PRIMITIVE[degree]:#x}, got {polynomial:#x}."
        )
    for table in (exp, log):
        table.flags.writeable = False
    return BinaryField(degree, polynomial, exp, log)


def conjugates(exponent: int, size: int) -> tuple[int, ...]:
    """Return the cyclotomic coset of an exponent modulo `size`: its products with powers of 2.

    >>> conjugates(3, 15)
    (3, 6, 12, 9)
    """
    found = [exponent % size]
    while (following := 2 * found[-1] % size) != found[0]:
        found.append(following)
    return tuple(found)


def minimal_polynomial(exponent: int, field: BinaryField) -> int:
    """Return the binary polynomial of least degree with the root x^exponent, a coefficient per bit.

    >>> bin(minimal_polynomial(3, binary_field(4)))  # x^4 + x^3 + x^2 + x + 1
    '0b11111'
    """
    size = (1 << field.degree) - 1
    coefficients = [1]  # lowest power first
    for root in conjugates(exponent, size):
        shifted = [0, *coefficients]
        for power, value in enumerate(coefficients):
            shifted[power] ^= int(field.exp[int(field.log[value]) + root]) if value else 0
        coefficients = shifted
    return sum(value << power for power, value in enumerate(coefficients))


def carryless(one: int, two: int) -> int:
    """Multiply two binary polynomials, a coefficient per bit.

    >>> carryless(0b11, 0b11)
    5
    """
    product = 0
    while two:
        if two & 1:
            product ^= one
        one <<= 1
        two >>= 1
    return product
