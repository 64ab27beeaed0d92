"""Exact laws of the two-state chain; seeds are fixed, tolerances are five sigma."""

import math

import numpy as np
import pytest

import netchat.channels
from netchat.channels.gilbert_elliott import GilbertElliott


def sent(channel, bits, seed=1):
    """Return an array that is True where a bit was wrong."""
    errors = np.zeros(bits, np.bool_)
    errors[channel.positions(bits, np.random.Generator(np.random.SFC64(seed)))] = True
    return errors


@pytest.mark.parametrize(
    "numbers", [(1e-3, 0.1, 0, 0.5), (0.02, 0.3, 0.01, 0.2), (0.5, 0.5, 0.3, 0.1), (1, 1, 0, 1)]
)
def test_stationary_rate(numbers):
    channel = GilbertElliott(*numbers)
    p_gb, p_bg, e_good, e_bad = numbers
    bits = 4_000_000
    errors = sent(channel, bits)
    # Variance of a mean over a Markov chain: that of independent bits plus the covariances.
    memory = 1 - p_gb - p_bg
    bad = p_gb / (p_gb + p_bg)
    state = bad * (1 - bad) * (e_bad - e_good) ** 2
    variance = channel.p * (1 - channel.p) + 2 * state * memory / (1 - memory)
    assert abs(errors.mean() - channel.p) <= 5 * math.sqrt(max(variance, 0) / bits) + 1 / bits


def test_correlation_of_errors_decays_geometrically():
    p_gb, p_bg, e_good, e_bad = 0.01, 0.05, 0.0, 0.5
    channel = GilbertElliott(p_gb, p_bg, e_good, e_bad)
    errors = sent(channel, 20_000_000).astype(np.float64)
    spread = channel.bad * (1 - channel.bad) * (e_bad - e_good) ** 2
    for lag in (1, 2, 5, 20, 100):
        exact = channel.p**2 + spread * (1 - p_gb - p_bg) ** lag
        found = (errors[:-lag] * errors[lag:]).mean()
        assert found == pytest.approx(exact, rel=0.02)


def test_lengths_of_bursts_and_gaps_are_geometric():
    p_gb, p_bg = 0.01, 0.2
    errors = sent(GilbertElliott(p_gb, p_bg, 0, 1), 20_000_000)
    edges = np.flatnonzero(np.diff(errors.astype(np.int8)))
    lengths = np.diff(edges)
    first_is_burst = errors[edges[0] + 1]
    bursts, between = (
        (lengths[0::2], lengths[1::2]) if first_is_burst else (lengths[1::2], lengths[0::2])
    )
    for drawn, p in ((bursts, p_bg), (between, p_gb)):
        assert abs(drawn.mean() - 1 / p) < 5 * math.sqrt((1 - p) / p**2 / len(drawn))
        values = np.arange(1, drawn.max() + 1)
        found = np.searchsorted(np.sort(drawn), values, side="right") / len(drawn)
        assert np.abs(found - (1 - (1 - p) ** values)).max() < 1.95 / math.sqrt(len(drawn))


def test_every_call_starts_in_the_stationary_distribution():
    channel = GilbertElliott(0.001, 0.01, 0, 1)
    rng = np.random.Generator(np.random.SFC64(2))
    firsts = sum(int((channel.positions(3, rng) == 0).any()) for _ in range(20_000))
    assert abs(firsts / 20_000 - channel.bad) < 5 * math.sqrt(channel.bad / 20_000)


def test_equal_states_are_a_bsc():
    channel = netchat.channels.get("gilbert-elliott:0.1,0.2,0.05,0.05")
    assert channel.p == pytest.approx(0.05)
    assert channel.capacity == pytest.approx(netchat.channels.get("bsc:0.05").capacity)
    assert sent(channel, 10**6).mean() == pytest.approx(0.05, rel=0.03)


def test_absorbing_and_unreachable_states():
    assert sent(GilbertElliott(1, 0, 0, 1), 1000).all()
    assert not sent(GilbertElliott(0, 1, 0, 1), 1000).any()


def test_memory_increases_the_capacity():
    channel = GilbertElliott(0.001, 0.1, 0.001, 0.4)
    assert channel.capacity is None
    average = netchat.channels.get(f"bsc:{channel.p}").capacity
    assert average < channel.capacity_known_state < 1
