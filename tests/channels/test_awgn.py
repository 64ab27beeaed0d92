import math

import numpy as np
import pytest

import netchat.channels
import netchat.coding
from netchat.channels.awgn import AWGN


def generator(seed=1):
    return np.random.Generator(np.random.SFC64(seed))


@pytest.mark.parametrize(("db", "p"), [(4, 1.250082e-2), (8, 1.909078e-4), (9.5879, 1.0e-5)])
def test_rate_of_hard_decisions(db, p):
    assert AWGN(db).p == pytest.approx(p, rel=1e-4)


@pytest.mark.parametrize(("rate", "db"), [(1 / 3, -0.4954), (1 / 2, 0.1871), (3 / 4, 1.6264)])
def test_capacity_equals_the_rate_at_the_shannon_limit(rate, db):
    assert AWGN(db).at_rate(rate).capacity == pytest.approx(rate, abs=2e-5)


def test_drawn_hard_decisions_have_that_rate():
    channel = AWGN(4)
    received = channel.transmit(np.zeros(2_000_000, np.uint8), generator())
    scatter = math.sqrt(channel.p * (1 - channel.p) / 2_000_000)
    assert abs(received.block.mean() - channel.p) < 5 * scatter
    assert ((received.soft < 0) == received.block).all()


def test_soft_values_are_log_likelihood_ratios():
    """Of the bits whose ratio is near L, a share of 1 / (1 + e^L) is wrong."""
    received = AWGN(2).transmit(np.zeros(2_000_000, np.uint8), generator(2))
    for ratio in (0.5, 1.5, 3.0):
        near = np.abs(np.abs(received.soft) - ratio) < 0.05
        wrong = received.block[near].mean()
        exact = 1 / (1 + math.exp(ratio))
        assert abs(wrong - exact) < 5 * math.sqrt(exact * (1 - exact) / near.sum()) + 0.002


def test_energy_per_information_bit_is_divided_by_the_rate():
    assert AWGN(4).at_rate(0.5).p == pytest.approx(AWGN(4 - 10 * math.log10(2)).p)
    assert AWGN(4).at_rate(0.5).spec == "awgn:4dB"


def test_soft_repetition_gains_what_hard_repetition_loses():
    """Repetition with soft decisions is as good as no code; with hard decisions it is worse."""
    code, channel = netchat.coding.get("repetition:3"), AWGN(4).at_rate(1 / 3)
    message = np.zeros((400_000, 1), np.uint8)
    received = channel.transmit(code.encode(message), generator(3))
    soft = code.decode(received.block, soft=received.soft).message.mean()
    hard = code.decode(received.block).message.mean()
    exact = AWGN(4).p
    assert abs(soft - exact) < 5 * math.sqrt(exact / 400_000)
    assert hard > 1.5 * exact
    assert hard == pytest.approx(3 * channel.p**2 - 2 * channel.p**3, rel=0.05)
