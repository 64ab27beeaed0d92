"""Fields GF(2^m): the axioms, and minimal polynomials printed in standards."""

import numpy as np
import pytest

from netchat.coding.binary_field import (
    PRIMITIVE,
    binary_field,
    carryless,
    conjugates,
    minimal_polynomial,
)
from netchat.coding.galois_field import field


def polynomial(*powers):
    return sum(1 << power for power in powers)


@pytest.mark.parametrize("degree", PRIMITIVE)
def test_the_powers_of_x_are_all_elements(degree):
    tables = binary_field(degree)
    size = (1 << degree) - 1
    assert sorted(tables.exp[:size].tolist()) == list(range(1, size + 1))
    assert (tables.log[tables.exp[:size]] == np.arange(size)).all()
    assert (tables.exp[size:] == tables.exp[:size]).all()


def test_bytes_have_the_field_of_reed_solomon_codes():
    assert (binary_field(8).exp[:510] == field().exp).all()


def test_minimal_polynomials_of_dvb():
    """ETSI EN 302 307-1, table 6a: the first polynomials of the BCH code with normal frames."""
    tables = binary_field(16, polynomial(16, 5, 3, 2, 0))
    assert minimal_polynomial(1, tables) == polynomial(16, 5, 3, 2, 0)
    assert minimal_polynomial(3, tables) == polynomial(16, 8, 6, 5, 4, 1, 0)
    assert minimal_polynomial(5, tables) == polynomial(16, 11, 10, 9, 8, 7, 5, 4, 3, 2, 0)


@pytest.mark.parametrize("exponent", [0, 1, 3, 5, 7, 9, 21])
def test_conjugates_are_the_roots(exponent):
    tables, size = binary_field(6), 63
    found = minimal_polynomial(exponent, tables)

    def value(root):
        return np.bitwise_xor.reduce(
            [int(tables.exp[root * power % size]) for power in range(7) if found >> power & 1]
        )

    assert {root for root in range(size) if value(root) == 0} == set(conjugates(exponent, size))


@pytest.mark.parametrize("wrong", [0x1F, 0x11, 0x25, 0x12])
def test_polynomials_that_are_not_primitive(wrong):
    with pytest.raises(
        ValueError, match="must be a primitive polynomial of degree 4, such as 0x13"
    ):
        binary_field(4, wrong)


def test_carryless_products():
    assert carryless(0b111, 0b11) == 0b1001
    assert carryless(0, 5) == carryless(5, 0) == 0
