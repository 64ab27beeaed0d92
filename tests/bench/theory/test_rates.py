"""Theory agrees with published figures, exhaustive counts and limits."""

from itertools import product

import numpy as np
import pytest

import netchat.channels
import netchat.coding
from netchat.bench.theory.error_counts import binomial, wrong_symbols
from netchat.bench.theory.limits import capacity, lowest_ber, worst_bsc, worst_ebn0
from netchat.bench.theory.rates import theory
from netchat.channels.awgn import AWGN

BURSTS = "gilbert-elliott:0.05,0.2,0.01,0.4"


def of(code, channel):
    return theory(netchat.coding.get(code), netchat.channels.get(channel))


@pytest.mark.parametrize(
    ("code", "channel", "fer", "ber"),
    [
        ("repetition:3", "bsc:0.01", 2.98e-4, 2.98e-4),
        ("repetition:5", "bsc:0.01", 9.8506e-6, 9.8506e-6),
        ("hamming:7,4", "bsc:0.01", 2.031042e-3, 8.742988e-4),
        ("hamming:15,11", "bsc:0.01", 9.629773e-3, 1.951879e-3),
        ("rs:255,223", "bsc:0.002", 9.746428e-7, None),
        ("rs:255,223", "bsc:0.005", 2.497210e-2, None),
        ("rs:255,223", "bec:0.1", 7.572977e-2, None),
        ("uncoded:64", "awgn:4dB", None, 1.250082e-2),
        ("uncoded:64", "awgn:8dB", None, 1.909078e-4),
        ("repetition:3", "awgn:4dB", 1.250082e-2, 1.250082e-2),
        ("repetition:5", "awgn:8dB", 1.909078e-4, 1.909078e-4),
        ("uncoded:64", "awgn:9.5879dB", None, 1e-5),
    ],
)
def test_reference_points(code, channel, fer, ber):
    found = of(code, channel)
    assert fer is None or found.fer == pytest.approx(fer, rel=5e-6)
    assert ber is None or found.ber == pytest.approx(ber, rel=2e-4)


def test_symbol_errors_of_reed_solomon():
    for p, fer in ((0.03, 2.016077e-3), (0.04, 2.881813e-2)):
        assert binomial(255, p)[17:].sum() == pytest.approx(fer, rel=1e-6)


def every_pattern(n, channel):
    """Yield all patterns of n bits with their probabilities, by following the states."""
    chain = netchat.channels.get(channel).markov_chain()
    patterns = np.array(list(product((0, 1), repeat=n)), np.uint8)
    probability = []
    for pattern in patterns:
        state = chain.start
        for bit in pattern:
            state = (state * (chain.error if bit else 1 - chain.error)) @ chain.transitions
        probability.append(state.sum())
    return patterns, np.array(probability)


@pytest.mark.parametrize("channel", ["bsc:0.07", BURSTS])
@pytest.mark.parametrize(
    "spec",
    ["hamming:7,4", "hamming:8,4", "repetition:3", "repetition:4", "secded:9,4", "uncoded:6"],
)
def test_small_codes_exhaustively(spec, channel):
    """Sum over every error pattern of a codeword, weighted by its probability."""
    code = netchat.coding.get(spec)
    patterns, weight = every_pattern(code.n, channel)
    assert weight.sum() == pytest.approx(1, abs=1e-12)
    fer, ber, tries = 0.0, 0.0, ([0] * code.k, [1] * code.k)
    for message in np.array(tries, np.uint8):
        result = code.decode(code.encode([message]) ^ patterns)
        wrong = result.message != message
        fer += weight @ (wrong.any(axis=1) | result.failed) / 2
        ber += weight @ wrong.mean(axis=1) / 2
    found = of(spec, channel)
    assert found.fer == pytest.approx(fer, rel=1e-9)
    if found.ber_kind == "exact":
        assert found.ber == pytest.approx(ber, rel=1e-9)


def test_symbols_over_a_channel_with_memory():
    """Four symbols of two bits, alone and interleaved with symbols of another codeword."""
    for apart in (0, 1):
        patterns, weight = every_pattern(2 * (4 + 3 * apart), BURSTS)
        mine = patterns.reshape(len(patterns), -1, 2)[:, :: 1 + apart]
        wrong = mine.any(axis=2).sum(axis=1)
        found = wrong_symbols(netchat.channels.get(BURSTS).markov_chain(), 4, 2, apart=apart)
        for j in range(5):
            assert found.probability[j] == pytest.approx(weight[wrong == j].sum(), rel=1e-9)
            bits = (weight * mine.sum(axis=(1, 2)))[wrong == j].sum()
            assert found.bits[j] == pytest.approx(bits, rel=1e-9)


def test_a_chain_of_two_equal_states_is_a_bsc():
    for spec in (
        "rs:40,30",
        "hamming:15,11",
        "repetition:4",
        "uncoded:10",
        "rs:40,30+interleave:3",
    ):
        one, two = of(spec, "bsc:0.02"), of(spec, "gilbert-elliott:0.3,0.4,0.02,0.02")
        if two.fer_kind == "exact":
            assert two.fer == pytest.approx(one.fer, rel=1e-9)
        assert two.ber == pytest.approx(one.ber, rel=1e-9)


def test_bounds_are_marked():
    assert of("experiments/my_code.py:Grid", "bsc:0.01").fer_kind == "bound"
    assert of("rs:255,223+interleave:4", BURSTS).fer_kind == "bound"
    assert of("rs:255,223+interleave:5+hamming:7,4", BURSTS).fer is None


def test_shannon():
    assert capacity(netchat.channels.get("bsc:0.11")) == pytest.approx(0.500084, abs=1e-6)
    assert worst_bsc(0.919207) == pytest.approx(0.01, rel=1e-4)
    for rate, limit in ((1 / 3, -0.4954), (1 / 2, 0.1871), (3 / 4, 1.6264)):
        assert worst_ebn0(rate, "soft") == pytest.approx(limit, abs=1e-4)
        hard = AWGN(worst_ebn0(rate, "hard"), rate)
        assert capacity(hard) == pytest.approx(rate, abs=1e-9)
    # A rate of 1 over a BSC cannot be better than no code.
    assert lowest_ber(1, capacity(netchat.channels.get("bsc:0.05"))) == pytest.approx(0.05)
