"""Reed-Muller codes: their definition, majority logic, and the likeliest codeword."""

import itertools

import numpy as np
import pytest

import netchat.coding
from netchat.coding import ReedMuller
from tests.coding.likelihood import likeliest, received


@pytest.mark.parametrize(("r", "m"), [(0, 3), (1, 4), (2, 4), (2, 5), (3, 6), (5, 6)])
def test_codewords_are_values_of_polynomials(r, m):
    code = ReedMuller(r, m)
    rows = [
        [int(all(x >> i & 1 for i in variables)) for x in range(1 << m)]
        for degree in range(r + 1)
        for variables in sorted(
            itertools.combinations(range(m), degree), key=lambda v: sum(1 << i for i in v)
        )
    ]
    assert code.G.tolist() == rows
    assert (code.n, code.k, code.minimum_distance) == (1 << m, len(rows), 1 << (m - r))


@pytest.mark.parametrize(("r", "m"), [(1, 3), (1, 4), (2, 4)])
def test_the_dual_is_a_reed_muller_code(r, m):
    """The dual of RM(r, m) is RM(m - r - 1, m)."""
    dual = ReedMuller(m - r - 1, m)
    assert not (ReedMuller(r, m).G.astype(int) @ dual.G.T % 2).any()


@pytest.mark.parametrize("spec", ["rm:2,5", "rm:3,5", "rm:2,6", "rm:3,7", "rm:4,6"])
def test_majority_logic_up_to_half_the_distance(spec):
    """Fewer errors than d / 2 are corrected, and d / 2 errors are corrected or detected."""
    code, rng = netchat.coding.get(spec), np.random.default_rng(1)
    message = rng.integers(0, 2, (300, code.k), dtype=np.uint8)
    word = code.encode(message)
    for weight in {0, 1, code.corrects, code.minimum_distance // 2}:
        error = rng.permuted(np.tile(np.arange(code.n), (300, 1)), axis=1) < weight
        result = code.decode(word ^ error)
        if weight <= code.corrects:
            assert (result.message == message).all()
            assert (result.corrected == weight).all()
        else:
            silent = ~result.failed & (result.message != message).any(axis=1)
            assert not silent.any()
            assert result.failed.any()


@pytest.mark.parametrize("spec", ["rm:1,3", "rm:1,5", "rm:2,4", "rm:0,4"])
def test_small_codes_find_the_likeliest_codeword(spec):
    code = netchat.coding.get(spec)
    message, out = received(code, 0, 800)
    result = code.decode(out.block, soft=out.soft)
    assert (result.message == likeliest(code, out.soft)).all()
    assert 0 < (result.message != message).any(axis=1).mean() < 0.5
    # Hard decisions: the nearest codeword, and a failure if there are two.
    hard = code.decode(out.block)
    every = ((np.arange(1 << code.k)[:, None] >> np.arange(code.k)) & 1).astype(np.uint8)
    far = (out.block[:, None] != code.encode(every)).sum(axis=2)
    tie = (far == far.min(axis=1, keepdims=True)).sum(axis=1) > 1
    assert (hard.failed == tie).all()
    assert (hard.corrected[~tie] == far.min(axis=1)[~tie]).all()


def test_ordered_statistics_decode_larger_codes_nearly_as_well():
    code = ReedMuller(2, 5)
    _, out = received(code, 1, 1000)
    result = code.decode(out.block, soft=out.soft)
    best = likeliest(code, out.soft)
    assert (result.message != best).any(axis=1).mean() < 0.01
    majority = code.decode(out.block).message
    assert (majority != best).any(axis=1).mean() > 0.1


@pytest.mark.parametrize("spec", ["rm:1,4", "rm:2,5"])
def test_erasures_below_the_distance(spec):
    code, rng = netchat.coding.get(spec), np.random.default_rng(2)
    message = rng.integers(0, 2, (200, code.k), dtype=np.uint8)
    lost = rng.permuted(np.tile(np.arange(code.n), (200, 1)), axis=1) < code.minimum_distance - 1
    assert (code.decode(code.encode(message) ^ lost, lost).message == message).all()


@pytest.mark.parametrize(("r", "m"), [(2, 2), (-1, 3), (1, 11), (0, 0)])
def test_invalid_arguments(r, m):
    with pytest.raises(ValueError, match=r"Argument '[rm]' must be from"):
        ReedMuller(r, m)
