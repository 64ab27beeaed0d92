"""The model of decoding that the policies use, against the decoder."""

from __future__ import annotations

import numpy as np
import pytest

from netchat.coding.ldpc.rate_compatible import RateCompatible
from netchat.link.decode_probability import (
    _HALF,
    _SPREAD,
    CANDIDATES,
    REDUNDANCY_CANDIDATES,
    block_size,
    expected_cost,
    longest_payload,
    nominal_rate,
    success_probability,
)
from tests.bench.link_codes import transition


@pytest.mark.thorough
@pytest.mark.parametrize("level", [0, 5, 12, 18])
def test_the_constants_are_those_of_the_decoder(level: int) -> None:
    half, spread = transition(RateCompatible(4098), level, np.random.default_rng(level))
    assert half == pytest.approx(_HALF[level], rel=0.08)
    assert spread == pytest.approx(_SPREAD, rel=0.4)


def test_more_parity_corrects_more_and_costs_more() -> None:
    prefixes = REDUNDANCY_CANDIDATES[2:-1]
    for ber in np.geomspace(1e-5, 0.1, 40):
        chances = [success_probability(number, float(ber)) for number in prefixes]
        assert np.diff(chances).min() > -1e-6
    worth = [nominal_rate(number) for number in prefixes]
    assert worth == sorted(worth, reverse=True)
    assert 0.95 < worth[0] < 1 / 1.03


@pytest.mark.parametrize("number", [*CANDIDATES, *REDUNDANCY_CANDIDATES])
def test_a_short_block_succeeds_more_often_than_a_long_one(number: int) -> None:
    longest = longest_payload(number)
    for ber in (1e-4, 1e-3, 1e-2):
        short = success_probability(number, ber, 100)
        assert short >= success_probability(number, ber, longest) - 0.1
    assert success_probability(number, 0.0) > 0.99


def test_the_cost_of_a_block_by_hand() -> None:
    """A block in nr:3 that fails surely and needs one increment, and one that is retransmitted."""
    sure = dict.fromkeys(REDUNDANCY_CANDIDATES, 1.0)
    assert expected_cost(16, 5000, sure) == block_size(16, 5000)
    fails = sure | {16: 0.0}
    assert expected_cost(16, 5000, fails) == block_size(16, 5000) + 1000 + block_size(48, 5000)
    # Short blocks are retransmitted: with a probability of 1/2, twice on average.
    half = sure | {16: 0.5}
    assert expected_cost(16, 200, half) == pytest.approx(2 * block_size(16, 200) + 500)
    # With another code, there are no increments.
    assert expected_cost(0, 5000, {0: 0.5}) == pytest.approx(2 * block_size(0, 5000) + 500)
