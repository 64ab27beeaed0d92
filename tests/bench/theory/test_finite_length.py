"""Limits for the length: closed forms, brute force, perfect codes, and published figures."""

import math

import numpy as np
import pytest

from netchat import bench
from netchat.bench.theory.finite_length import lower_bound, normal_approximation
from netchat.bench.theory.information_density import density, moments
from netchat.channels import get


def q(x):
    return math.erfc(x / math.sqrt(2)) / 2


@pytest.mark.parametrize(("spec", "p"), [("hamming:7,4", 0.01), ("hamming:31,26", 0.03)])
def test_perfect_codes_meet_the_bound(spec, p):
    """The decoding regions of a Hamming code are spheres, and those of odd repetition codes too."""
    n, k = map(int, spec.partition(":")[2].split(","))
    exact = bench.theory(spec, f"bsc:{p}").fer
    assert lower_bound(n, k, f"bsc:{p}") == pytest.approx(exact, rel=1e-9)
    assert lower_bound(5, 1, f"bsc:{p}") == pytest.approx(
        bench.theory("repetition:5", f"bsc:{p}").fer, rel=1e-9
    )


def test_the_sphere_packing_bound_by_whole_numbers():
    """Count words in integers, with a part of the last sphere."""
    n, k, p = 200, 100, 0.08
    size, error, chance = 2 ** (n - k), 0.0, []
    for e in range(n + 1):
        words = math.comb(n, e)
        taken = min(size, words)
        size -= taken
        chance.append(words * p**e * (1 - p) ** (n - e))
        error += chance[-1] * (1 - taken / words)
    assert lower_bound(n, k, "bsc:0.08") == pytest.approx(error, rel=1e-9)
    assert lower_bound(n, k, "bsc:0.92") == pytest.approx(error, rel=1e-9)


def test_a_parity_check_meets_the_bound_over_erasures():
    """With e of n bits lost, one parity check leaves 2^(e-1) candidates."""
    n, p = 12, 0.1
    exact = sum(
        math.comb(n, e) * p**e * (1 - p) ** (n - e) * (1 - 2.0 ** (1 - e)) for e in range(1, n + 1)
    )
    assert lower_bound(n, n - 1, "bec:0.1") == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize("es_n0_db", [-5.0, 0.0, 6.0])
def test_one_bit_in_noise(es_n0_db):
    es_n0 = 10 ** (es_n0_db / 10)
    assert lower_bound(1, 1, f"awgn:{es_n0_db}dB") == pytest.approx(
        q(math.sqrt(2 * es_n0)), rel=1e-4
    )


@pytest.mark.parametrize(("n", "k", "es_n0"), [(20, 5, 0.5), (200, 100, 0.55)])
def test_the_meta_converse_by_simulation(n, k, es_n0):
    """Sort simulated sums s of the information density: E[exp(-s); s > t] = 2^-k gives P(s <= t)."""
    rng = np.random.default_rng(1)
    ratio = 4 * es_n0 + math.sqrt(8 * es_n0) * rng.standard_normal((100_000, n))
    s = np.sort((math.log(2) - np.logaddexp(0, -ratio)).sum(axis=1))
    accepted = np.cumsum(np.exp(-s[::-1]))[::-1] / len(s)
    found = np.searchsorted(-accepted, -(2.0**-k)) / len(s)
    ebn0_db = 10 * math.log10(es_n0 * n / k)
    assert lower_bound(n, k, f"awgn:{ebn0_db!r}dB") == pytest.approx(
        found, abs=5 * math.sqrt(found / len(s))
    )


def test_published_figures():
    """Polyanskiy, Poor and Verdu (2010): 90 % of the capacity of BSC(0.11) needs about 3,000 bits at a
    FER of 1e-3; its dispersion is that of equation (52)."""
    found = moments(get("bsc:0.11"))
    assert found.dispersion == pytest.approx(0.11 * 0.89 * math.log2(0.89 / 0.11) ** 2)
    for n, side in ((2900, 1), (3150, -1)):
        rate = lower_bound(n, math.ceil(0.9 * found.capacity * n), "bsc:0.11")
        assert (rate > 1e-3) == (side > 0)


def test_bounds_and_approximation_agree_for_long_codes():
    for channel in ("awgn:0.8dB", "bsc:0.1", "bec:0.47", "rayleigh:2.5dB", "awgn:0.8dB,qpsk"):
        low = lower_bound(2000, 1000, channel)
        assert low <= normal_approximation(2000, 1000, channel) < 1.6 * low
    qpsk, bpsk = (lower_bound(500, 250, f"awgn:1dB{modulation}") for modulation in (",qpsk", ""))
    assert qpsk == pytest.approx(bpsk, rel=1e-9)


def test_hard_decisions_are_those_of_a_bsc():
    p = get("awgn:4dB").at_rate(0.5).p
    assert lower_bound(200, 100, "awgn:4dB", "hard") == lower_bound(200, 100, f"bsc:{p!r}")
    assert normal_approximation(200, 100, "rayleigh:9dB", "hard") is not None


def test_where_nothing_is_known():
    assert lower_bound(100, 50, "awgn:4dB,qam16") is None
    assert lower_bound(100, 50, "gilbert-elliott:0.01,0.1,0,0.5") is None
    assert normal_approximation(100, 50, "gilbert-elliott:0.01,0.1,0,0.5") is None
    assert normal_approximation(100, 50, "rayleigh:4dB,unknown") is None
    assert lower_bound(2000, 1000, "awgn:9dB") == 0  # below what the transform resolves
    assert density(get("rayleigh:4dB,qpsk")) is None
    assert normal_approximation(100, 50, "bsc:0") == 0
    assert lower_bound(10, 10, "bsc:0") == 0
    for n, k in ((10, 0), (10, 11)):
        with pytest.raises(ValueError, match="'k' must be from 1 to n = 10"):
            lower_bound(n, k, "bsc:0.1")


@pytest.mark.parametrize(
    "channel", ["awgn:3dB", "awgn:6dB,qam16", "awgn:9dB,qam64", "rayleigh:5dB", "rayleigh:8dB,qam16,block=3"]
)  # fmt: skip
def test_the_mean_is_the_capacity(channel):
    assert moments(get(channel)).capacity == pytest.approx(get(channel).capacity, abs=1e-7)


def test_the_dispersion_of_fading_by_simulation():
    """The variance of the mean information density of long frames, times their length."""
    channel = get("rayleigh:6dB,qpsk,block=4")
    rng = np.random.default_rng(2)
    energy = np.repeat(rng.standard_exponential((4000, 100)), 8, axis=1)  # 8 bits with each gain
    each = energy * channel.es_n0 / 2
    ratio = 4 * each + np.sqrt(8 * each) * rng.standard_normal(energy.shape)
    s = (1 - np.logaddexp(0, -ratio) / math.log(2)).mean(axis=1)
    assert s.mean() == pytest.approx(moments(channel).capacity, abs=0.002)
    assert s.var() * 800 == pytest.approx(moments(channel).dispersion, rel=0.1)


def test_no_measured_code_beats_the_bound():
    """Exact rates of codes, and the union bound of a good one, stay above it."""
    for spec in ("hamming:15,11", "repetition:3", "secded:39,32", "rs:31,21"):
        code = bench.theory(spec, "bsc:0.02")
        n, k = {"h": (15, 11), "r": (3, 1), "s": (39, 32)}.get(spec[0], (0, 0))
        if spec.startswith("rs"):
            n, k = 248, 168
        assert lower_bound(n, k, "bsc:0.02") <= code.fer * (1 + 1e-9)
