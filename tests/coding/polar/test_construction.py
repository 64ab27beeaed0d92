"""Constructions of polar codes against published values, exact recursions and each other."""

import itertools

import numpy as np
import pytest

from netchat.coding.polar.construction import (
    _inverse,
    _phi,
    erasure_reliabilities,
    gaussian_reliabilities,
    mother,
    nr_reliabilities,
)


def test_erasure_probabilities_of_8_bits():
    """The values of figure 4 in Arikan's paper are those of its recursion from 0.5."""
    found = np.exp(-erasure_reliabilities(np.full(8, 0.5)))
    known = [0.9961, 0.8789, 0.8086, 0.3164, 0.6836, 0.1914, 0.1211, 0.0039]
    assert np.abs(found - known).max() < 6e-5


def test_erasure_probabilities_by_enumeration():
    """A bit is erased if the received bits and the bits before it do not determine it."""
    p, size = np.array([0.1, 0.3, 0.2, 0.5]), 4
    matrix = np.kron([[1, 0], [1, 1]], [[1, 0], [1, 1]])
    words = {u: np.array(u) @ matrix % 2 for u in itertools.product((0, 1), repeat=size)}
    expected = np.zeros(size)
    for lost in itertools.product((0, 1), repeat=size):
        weight = np.prod(np.where(lost, p, 1 - p))
        known = np.flatnonzero(np.array(lost) == 0)
        for place in range(size):
            # By linearity: is there a word that is zero where received, with u_place = 1 and zeros before?
            expected[place] += weight * any(
                u[place] and not any(u[:place]) and not word[known].any()
                for u, word in words.items()
            )
    found = np.exp(-erasure_reliabilities(p))
    assert np.abs(found - expected).max() < 1e-12


def test_gaussian_approximation_of_a_check():
    """For two ratios, compare with the mean of 2 atanh(tanh tanh), measured by its phi."""
    rng = np.random.default_rng(1)
    for mean in (0.5, 2.0, 6.0):
        ratios = mean + np.sqrt(2 * mean) * rng.normal(size=(2, 400_000))
        joined = np.tanh(ratios / 2).prod(axis=0)
        phi = 1 - joined.mean()
        measured = float(_inverse(np.array([phi]))[0])
        found = gaussian_reliabilities(np.full(2, mean))
        assert found[0] == pytest.approx(measured, rel=0.05, abs=0.02)
        assert found[1] == 2 * mean


def test_phi_and_its_inverse():
    mean = np.array([0.01, 0.1, 0.5, 0.86, 0.9, 2, 10, 100, 400])
    assert _inverse(_phi(mean)) == pytest.approx(mean, rel=2e-3, abs=1e-4)
    assert (np.diff(_phi(mean)) < 0).all()


def test_the_sequence_of_the_standard():
    """Table 5.3.1.2-1 begins with 0, 1, 2, 4, 8, 16, 32, 3 and ends with 1019, 1021, 1022, 1023."""
    order = np.argsort(nr_reliabilities(1024))
    assert order[:8].tolist() == [0, 1, 2, 4, 8, 16, 32, 3]
    assert order[-4:].tolist() == [1015, 1019, 1021, 1022, 1023][1:]
    assert sorted(order.tolist()) == list(range(1024))
    assert np.argsort(nr_reliabilities(8)).tolist() == [0, 1, 2, 4, 3, 5, 6, 7]


@pytest.mark.parametrize("size", [64, 256, 1024])
def test_constructions_agree(size):
    """The Gaussian approximation at 2 dB chooses nearly the same bits as the standard."""
    chosen = [
        set(np.argsort(each)[size // 2 :].tolist())
        for each in (
            nr_reliabilities(size), gaussian_reliabilities(np.full(size, 4 * 10**0.2 / 2)),
        )
    ]  # fmt: skip
    assert len(chosen[0] & chosen[1]) > 0.93 * size / 2


@pytest.mark.parametrize(
    ("n", "free"), [(100, 31), (70, 51), (24, 9), (600, 60), (1100, 40), (33, 30)]
)
def test_mother_codes_have_room(n, free):
    found = mother(n, free, 10)
    assert len(found.sent) == n
    assert found.size - found.barred.sum() >= free
    sent = np.zeros(found.size, bool)
    sent[found.sent] = True
    assert (sent == (found.missing == 0)).all()


def test_a_mother_code_is_long_enough():
    assert mother(40, 36, 5).size == 64
