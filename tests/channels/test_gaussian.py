"""Gaussian numbers of the kernel: moments, tails and independence; seeds are fixed."""

import math

import numpy as np
import pytest

from netchat.channels.gaussian import normal


@pytest.fixture(scope="module")
def drawn():
    rng = np.random.Generator(np.random.SFC64(7))
    return normal((4, 1_000_000), rng).ravel().astype(float)


def test_moments(drawn):
    for power, exact, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96), (6, 15, 10170)):
        off = (drawn**power).mean() - exact
        assert abs(off) < 5 * math.sqrt(variance / drawn.size), power


@pytest.mark.parametrize("border", [0.01, 0.5, 1, 2, 3, 4, 4.5])
def test_tails(drawn, border):
    exact = math.erfc(border / math.sqrt(2)) / 2
    for side in (drawn > border, drawn < -border):
        assert abs(side.sum() - exact * drawn.size) < 5 * math.sqrt(exact * drawn.size)


def test_neighbours_are_independent(drawn):
    """Numbers at any distance within a round of the generators are uncorrelated, as are their squares."""
    for apart in (1, 2, 31, 32, 33, 63, 64, 128):
        one, two = drawn[:-apart], drawn[apart:]
        assert abs((one * two).mean()) < 5 / math.sqrt(drawn.size), apart
        assert abs(((one**2 - 1) * (two**2 - 1)).mean()) < 10 / math.sqrt(drawn.size), apart


def test_the_generator_determines_the_numbers():
    one, two, other = (
        normal((3, 7), np.random.Generator(np.random.SFC64(seed))) for seed in (1, 1, 2)
    )
    assert one.dtype == np.float32
    assert (one == two).all()
    assert (one != other).any()
    assert normal((0,), np.random.Generator(np.random.SFC64(1))).shape == (0,)
