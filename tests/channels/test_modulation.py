"""Modulations: labels, error rates, ratios and information, against formulas and quadrature."""

import math

import numpy as np
import pytest
from scipy.integrate import quad

from netchat.channels.awgn import AWGN
from netchat.channels.modulation import MODULATIONS, modulation

QAM = [each for each in MODULATIONS.values() if each.depth > 1]


def by_cho_and_yoon(levels, es_n0, dimensions=2):
    """Return the bit error rate of amplitudes with Gray labels (Cho and Yoon 2002, equation 9)."""
    depth = levels.bit_length() - 1
    scale = math.sqrt(3 * es_n0 / (dimensions * (levels**2 - 1)))
    total = 0.0
    for bit in range(1, depth + 1):
        for step in range(int((1 - 2.0**-bit) * levels)):
            place = step * 2 ** (bit - 1) / levels
            weight = (-1) ** math.floor(place) * (2 ** (bit - 1) - math.floor(place + 0.5))
            total += weight * math.erfc((2 * step + 1) * scale) / levels
    return total / depth


def q(x):
    return math.erfc(x / math.sqrt(2)) / 2


@pytest.mark.parametrize("each", QAM, ids=lambda each: each.name)
@pytest.mark.parametrize("es_n0_db", [-3, 5, 15, 22])
def test_bit_error_rate_of_gray_labels(each, es_n0_db):
    es_n0 = 10 ** (es_n0_db / 10)
    exact = by_cho_and_yoon(1 << each.depth, es_n0)
    assert each.bit_error_rate(es_n0) == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize("name", ["bpsk", "qpsk"])
def test_one_bit_per_dimension_is_bpsk(name):
    each = modulation(name)
    for ebn0_db in (0, 4, 8):
        es_n0 = 10 ** (ebn0_db / 10) * each.bits
        assert each.bit_error_rate(es_n0) == pytest.approx(AWGN(ebn0_db).p, rel=1e-12)


@pytest.mark.parametrize("each", MODULATIONS.values(), ids=lambda each: each.name)
def test_rayleigh_error_rate_is_the_mean_over_the_gain(each):
    mean, _ = quad(lambda x: math.exp(-x) * each.bit_error_rate(20.0 * x), 0, np.inf, epsabs=1e-12)
    assert each.rayleigh_error_rate(20.0) == pytest.approx(mean, rel=1e-7)


@pytest.mark.parametrize("each", MODULATIONS.values(), ids=lambda each: each.name)
def test_labels_are_gray_and_of_unit_energy(each):
    order = np.argsort(each.levels)
    assert (np.abs(np.diff(each.labels[order].astype(int), axis=0)).sum(axis=1) == 1).all()
    assert np.allclose(np.diff(each.levels[order]), each.levels[order][1] - each.levels[order][0])
    assert each.dimensions * (each.levels**2).mean() == pytest.approx(1)


def test_amplitudes_of_the_standard():
    """3GPP TS 38.211, 5.1.4 and 5.1.5, for labels that tell the bits apart."""
    bits = np.array([[1, 0, 0, 1]], np.uint8)
    assert modulation("qam16").modulate(bits)[0, 0] * math.sqrt(10) == pytest.approx([-1, 3])
    bits = np.array([[0, 1, 1, 0, 1, 0]], np.uint8)
    assert modulation("qam64").modulate(bits)[0, 0] * math.sqrt(42) == pytest.approx([7, -3])
    assert modulation("qpsk").modulate(bits[:, :2])[0, 0] == pytest.approx(
        [math.sqrt(0.5), -math.sqrt(0.5)]
    )


@pytest.mark.parametrize("each", MODULATIONS.values(), ids=lambda each: each.name)
@pytest.mark.parametrize("maxlog", [False, True])
def test_ratios_follow_from_the_densities(each, maxlog):
    """The ratios equal those of the definition, over all symbols of two dimensions."""
    rng = np.random.default_rng(1)
    es_n0, symbols = 6.0, 50
    received = rng.normal(0, 1, (1, symbols, each.dimensions)).astype(np.float32)
    gain = rng.uniform(0.2, 2, (1, symbols)).astype(np.float32)
    labels = np.arange(1 << each.bits)
    bits = ((labels[:, None] >> np.arange(each.bits)[::-1]) & 1).astype(np.uint8)
    points = each.modulate(bits)[:, 0]
    found = each.ratios(received, es_n0, gain, maxlog=maxlog).reshape(symbols, each.bits)
    for symbol in range(symbols):
        apart = received[0, symbol] - gain[0, symbol] * points
        metric = -es_n0 * (apart.astype(float) ** 2).sum(axis=1)
        for bit in range(each.bits):
            join = max if maxlog else np.logaddexp.reduce
            zero, one = (join(metric[bits[:, bit] == value]) for value in (0, 1))
            assert found[symbol, bit] == pytest.approx(zero - one, rel=1e-4, abs=1e-4)


def test_information_of_bpsk_is_the_capacity():
    for ebn0_db in (-5, 0, 5):
        es_n0 = np.array([10 ** (ebn0_db / 10)])
        found = modulation("bpsk").information(es_n0)[0]
        assert found == pytest.approx(AWGN(ebn0_db).capacity, abs=1e-6)


def test_information_of_qam16_by_integration():
    each = modulation("qam16")
    es_n0 = 10.0

    def density(y):
        return np.exp(-es_n0 * (y - each.levels) ** 2) * math.sqrt(es_n0 / math.pi)

    def entropy(y):
        p = density(y).mean()
        return -p * math.log2(p)

    exact, _ = quad(entropy, -6, 6, limit=400)
    exact -= 0.5 * math.log2(math.pi * math.e / es_n0)
    assert each.information(np.array([es_n0]))[0] == pytest.approx(exact / each.depth, abs=1e-6)


def test_an_unknown_modulation():
    with pytest.raises(ValueError, match=r"must be bpsk, qpsk, qam16, qam64, got 'psk8'\."):
        modulation("psk8")
