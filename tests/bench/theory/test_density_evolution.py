"""Thresholds of ensembles of the literature, and the edge types of codes."""

import math

import numpy as np
import pytest

import netchat.coding
from netchat.bench.theory.density_evolution import Ensemble, _reciprocal, thresholds
from netchat.bench.theory.limits import worst_ebn0
from netchat.channels import AWGN
from netchat.coding import LDPC, Hamming


@pytest.mark.parametrize(
    ("degrees", "bec", "sigma"),
    [  # Richardson and Urbanke (2001), table II; Modern Coding Theory, example 3.59
        ((3, 6), 0.4294, 0.88), ((4, 8), 0.3834, 0.83), ((5, 10), 0.3416, 0.79),
        ((3, 5), 0.5176, 1.00), ((4, 6), 0.5061, 1.01), ((3, 4), 0.6474, 1.26),
    ],
)  # fmt: skip
def test_regular_codes(degrees, bec, sigma):
    found = Ensemble.regular(*degrees).thresholds()
    assert found.bec == pytest.approx(bec, abs=1e-4)
    rate = 1 - degrees[0] / degrees[1]
    assert 10 ** (-found.awgn / 20) / math.sqrt(2 * rate) == pytest.approx(sigma, abs=0.01)


def test_the_erasure_threshold_by_its_formula():
    """The largest p with p (1 - (1 - x)^5)^2 < x for all x (Modern Coding Theory, section 3.10)."""
    x = np.linspace(1e-3, 1, 100_000)
    exact = float((x / (1 - (1 - x) ** 5) ** 2).min())
    assert Ensemble.regular(3, 6).thresholds().bec == pytest.approx(exact, abs=3e-5)


def test_ar4ja():
    """Divsalar, Dolinar, Jones and Andrews, "Capacity-approaching protograph codes" (2009): 0.628 dB."""
    found = thresholds("ldpc:ar4ja,8192")
    assert found.awgn == pytest.approx(0.628, abs=0.02)
    assert found.bec < 0.5


@pytest.mark.parametrize("spec", ["ldpc:wifi,648,1/2", "ldpc:wifi,1944,5/6", "ldpc:nr,416,1248"])
def test_no_code_passes_the_shannon_limit(spec):
    found, rate = thresholds(spec), netchat.coding.get(spec).rate
    limit = worst_ebn0(rate, "soft")
    assert limit < found.awgn < limit + 1.2
    assert 0.8 * (1 - rate) < found.bec < 1 - rate


def test_types_of_edges(tmp_path):
    """A lifted code has those of its base matrix or fewer, a regular one has one type."""
    assert len(Ensemble.of(LDPC("ar4ja")).variable) == 8
    rng = np.random.default_rng(3)
    matrix = np.zeros((12, 24), np.uint8)
    for shift in range(3):
        matrix[np.arange(24) * (shift + 1) // 2 % 12, np.arange(24)] = 1
    np.save(tmp_path / "random.npy", rng.permutation(matrix, axis=1))
    found = Ensemble.of(LDPC(str(tmp_path / "random.npy")))
    variables = np.bincount(found.variable, found.of_variable)
    assert sorted(set(variables.astype(int))) == sorted(set(matrix.sum(axis=0).tolist()))
    large = rng.random((1000, 2000)) < 0.003
    large[np.arange(1000), np.arange(1000)] = True
    np.save(tmp_path / "irregular.npy", large.astype(np.uint8))
    assert thresholds(f"ldpc:{tmp_path}/irregular.npy") is None
    assert thresholds(Hamming(7, 4)) is None


def test_the_reciprocal_channel_has_the_complementary_capacity():
    for ebn0_db in (-8.0, -2.0, 1.0, 6.0):
        channel = AWGN(ebn0_db)
        dual = float(_reciprocal(np.array([4 * channel.es_n0]))[0]) / 4
        other = AWGN(10 * math.log10(dual))
        assert channel.capacity + other.capacity == pytest.approx(1, abs=3e-5)
    mean = np.array([1e-4, 0.1, 4.0, 50.0, 300.0])
    assert _reciprocal(_reciprocal(mean)) == pytest.approx(mean, rel=1e-6)


@pytest.mark.slow
def test_long_codes_decode_above_the_threshold():
    """At 0.5 dB above it, an AR4JA code of 8192 bits corrects nearly all frames; 0.3 dB below, none."""
    from netchat import bench

    code = "ldpc:ar4ja,8192,iterations=100,algorithm=sum-product"
    level = thresholds("ldpc:ar4ja,8192").awgn
    good, bad = bench.run(
        code, [f"awgn:{level + 0.5:.2f}dB", f"awgn:{level - 0.3:.2f}dB"], frames=64, workers=1
    )
    assert good.fer < 0.1
    assert bad.fer > 0.9
