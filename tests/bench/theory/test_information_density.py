"""See `test_finite_length`, which tests moments and densities with the limits that use them."""

import math

import numpy as np
import pytest

from netchat.bench.theory.information_density import density, moments
from netchat.channels import get


def test_erasures_and_flips():
    assert moments(get("bec:0.3")).dispersion == pytest.approx(0.21)
    assert moments(get("bsc:0")).dispersion == 0
    assert moments(get("gilbert-elliott:0.1,0.1,0,0.5")) is None


@pytest.mark.parametrize("channel", ["awgn:1dB", "awgn:1dB,qpsk", "rayleigh:4dB"])
def test_a_density_has_the_moments(channel):
    value, weight = density(get(channel))
    found = moments(get(channel))
    mean = float(value @ weight) / math.log(2)
    assert weight.sum() == pytest.approx(1)
    assert mean == pytest.approx(found.capacity, abs=1e-6)
    spread = float((value / math.log(2) - mean) ** 2 @ weight)
    assert spread == pytest.approx(found.dispersion, abs=1e-5)
    # Independent outputs: E[exp(-i)] is 1, except for strong signals, beyond 9 standard deviations.
    assert float(np.exp(-value) @ weight) == pytest.approx(1, abs=0.02)
