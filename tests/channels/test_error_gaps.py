"""Distributions of drawn numbers; seeds are fixed, tolerances are five sigma."""

import math

import numpy as np
import pytest

from netchat.channels import error_gaps as gaps


def generator(seed=1):
    return np.random.Generator(np.random.SFC64(seed))


def test_ziggurat_has_layers_of_one_area():
    x = gaps._LAYERS[:, 0] * 2.0**53
    heights = gaps._LAYERS[:, 2]
    areas = x[1:256] * (heights[2:257] - heights[1:256])
    assert np.allclose(areas, gaps._AREA, rtol=1e-9)
    base = x[1] * heights[1] + math.exp(-x[1])
    assert base == pytest.approx(gaps._AREA)


@pytest.mark.parametrize("p", [0.5, 0.1, 0.01, 1e-4])
def test_gaps_are_geometric(p):
    total = int(2e5 / p)
    positions = gaps.independent(p, total, generator())
    count = len(positions)
    assert abs(count - total * p) < 5 * math.sqrt(total * p * (1 - p))
    gap = np.diff(positions) - 1
    assert gap.min() >= 0
    # Kolmogorov-Smirnov statistic: the maximum distance between the two distribution functions.
    values = np.arange(gap.max() + 1)
    drawn = np.searchsorted(np.sort(gap), values, side="right") / len(gap)
    exact = 1 - (1 - p) ** (values + 1.0)
    assert np.abs(drawn - exact).max() < 1.95 / math.sqrt(len(gap))  # one in a thousand
    # Successive gaps are independent.
    correlation = np.corrcoef(gap[:-1], gap[1:])[0, 1]
    assert abs(correlation) < 5 / math.sqrt(len(gap))


def test_the_tail_of_the_exponential_distribution_is_drawn():
    """About one number in two thousand comes from the tail of the ziggurat."""
    p = 1e-3
    positions = gaps.independent(p, 10**9, generator(2))
    gap = np.diff(positions) - 1
    far = gap * -math.log1p(-p) > gaps._EDGE + 1
    expected = len(gap) * math.exp(-gaps._EDGE - 1)
    assert abs(far.sum() - expected) < 5 * math.sqrt(expected)


def test_errors_are_uniform_over_positions():
    hits = np.zeros(70)
    rng = generator(3)
    for _ in range(20_000):
        hits[gaps.independent(0.05, 70, rng)] += 1
    assert np.abs(hits - 1000).max() < 5 * math.sqrt(950)


@pytest.mark.parametrize(("p", "count"), [(0, 0), (1, 1000), (1e-300, 0)])
def test_probabilities_zero_and_one(p, count):
    positions = gaps.independent(p, 1000, generator())
    assert positions.tolist() == list(range(count))


def test_no_bits_have_no_errors():
    assert gaps.independent(0.5, 0, generator()).size == 0
    assert gaps.bursts((0.1, 0.1), (0.1, 0.5), 0, generator()).size == 0


def test_a_full_array_is_drawn_again():
    seeds = []

    def draw(seed, out):
        seeds.append((seed.tolist(), out.size))
        return -1 if out.size < 300 else 7

    assert gaps._drawn(draw, 0.0, 10_000, generator()).size == 7
    assert [size for _, size in seeds] == [64, 256, 1024]
    assert len({tuple(seed) for seed, _ in seeds}) == 1


@pytest.mark.parametrize("p", [0, 0.01, 0.4, 1])
def test_flipped_bits_are_the_drawn_positions(p):
    octets = np.zeros(500, np.uint8)
    gaps.flip_independent(p, octets, generator(4))
    positions = gaps.independent(p, 4000, generator(4))
    assert np.flatnonzero(np.unpackbits(octets)).tolist() == positions.tolist()
