"""Golay codes: the generator matrix of P25, all errors of weight up to 4, and all codewords."""

import itertools
import math

import numpy as np
import pytest

from netchat.coding import Golay
from tests.coding.likelihood import likeliest, received

#: TIA-102.BAAA: the rows of the generator matrix (24,12) in octal.
P25 = (
    0o40006165, 0o20003073, 0o10007550, 0o04003664, 0o02001732, 0o01006631,
    0o00403315, 0o00201547, 0o00106706, 0o00045227, 0o00024476, 0o00014353,
)  # fmt: skip


def test_generator_matrix_of_p25():
    rows = [[row >> (23 - i) & 1 for i in range(24)] for row in P25]
    assert Golay(24).G.tolist() == rows
    assert Golay(23).G.tolist() == [row[:23] for row in rows]


@pytest.mark.parametrize("n", [23, 24])
def test_every_pattern_of_up_to_four_errors(n):
    code = Golay(n)
    message = np.random.default_rng(1).integers(0, 2, 12, dtype=np.uint8)
    word = code.encode(message)
    for weight in range(5):
        places = np.array(list(itertools.combinations(range(n), weight)), np.intp)
        error = np.zeros((len(places), n), np.uint8)
        np.put_along_axis(error, places, 1, axis=1)
        result = code.decode(word ^ error)
        if weight <= 3:
            assert (result.corrected == weight).all()
            assert (result.message == message).all()
        elif n == 24:
            assert (result.corrected == -1).all()
        else:  # the code is perfect: the word is within three errors of another codeword
            assert (result.corrected == 3).all()
            assert (result.message != message).any(axis=1).all()


def test_frame_error_rates_of_hard_decisions():
    from netchat import bench

    for n in (23, 24):
        (point,) = bench.run(f"golay:{n}", "bsc:0.05", errors=3000, workers=1).points
        exact = 1 - sum(math.comb(n, e) * 0.05**e * 0.95 ** (n - e) for e in range(4))
        assert point.fer_interval.low < exact < point.fer_interval.high


@pytest.mark.parametrize("n", [23, 24])
@pytest.mark.parametrize("ebn0_db", [0, 2])
def test_soft_decisions_find_the_likeliest_codeword(n, ebn0_db):
    code = Golay(n)
    message, out = received(code, ebn0_db, 1500)
    result = code.decode(out.block, soft=out.soft)
    assert (result.message == likeliest(code, out.soft)).all()
    changed = (code.encode(result.message) != out.block).sum(axis=1)
    assert (result.corrected == changed).all()
    wrong = (result.message != message).any(axis=1).mean()
    assert 0.02 < wrong < 0.35
    # Soft decisions gain about 2 dB.
    assert wrong < 0.7 * (code.decode(out.block).message != message).any(axis=1).mean()


def test_broken_soft_decoders_are_not_the_likeliest():
    """Ratios without their magnitudes, or with the wrong sign, find other codewords."""
    code = Golay(24)
    _, out = received(code, 1, 500)
    right = likeliest(code, out.soft)
    for wrong in (-out.soft, np.sign(out.soft), np.roll(out.soft, 1, axis=1)):
        result = code.decode((wrong < 0).astype(np.uint8), soft=wrong)
        assert (result.message != right).any(axis=1).mean() > 0.03


def test_erasures_and_certain_bits():
    code = Golay(24)
    message, _ = received(code, 3, 200)
    word = code.encode(message)
    lost = np.random.default_rng(1).permuted(np.arange(24 * 200).reshape(200, 24) % 24, axis=1) < 7
    assert (code.decode(word ^ lost, lost).message == message).all()
    ratios = np.where(lost, np.float32(0), np.where(word, -np.inf, np.inf)).astype(np.float32)
    result = code.decode(word & ~lost, lost, ratios)
    assert (result.message == message).all()
    assert (result.corrected == 7).all()
    everything = code.decode(word[:1], np.ones((1, 24), np.bool_), ratios[:1])
    assert everything.corrected.tolist() == [-1]


@pytest.mark.parametrize(("n", "k"), [(22, None), (24, 11), (12, 6)])
def test_invalid_arguments(n, k):
    with pytest.raises(ValueError, match=r"Argument '[nk]' must be"):
        Golay(n, k)
