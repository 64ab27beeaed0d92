import numpy as np
import pytest

from netchat.coding import bit_slicing
from netchat.coding.block.repetition import Repetition
from netchat.coding.block.uncoded import Uncoded


@pytest.mark.parametrize("n", range(2, 13))
def test_every_word_agrees_with_a_majority_vote(n):
    words = ((np.arange(1 << n)[:, None] >> np.arange(n)) & 1).astype(np.uint8)
    ones = words.sum(axis=1, dtype=np.int64)
    tie = 2 * ones == n
    result = Repetition(n).decode(words)
    assert (result.message[~tie, 0] == (2 * ones > n)[~tie]).all()
    assert (result.message[tie, 0] == words[tie, 0]).all()
    assert (result.corrected == np.where(tie, -1, np.minimum(ones, n - ones))).all()


@pytest.mark.parametrize("n", [31, 64, 255])
def test_long_codes_near_the_majority_threshold(n):
    code = Repetition(n)
    words = np.zeros((n + 1, n), np.uint8)
    for ones in range(n + 1):
        words[ones, :ones] = 1
    ones = np.arange(n + 1)
    corrected = np.where(2 * ones == n, -1, np.minimum(ones, n - ones))
    assert (code.decode(words).corrected == corrected).all()


def test_many_words_of_bit_slices():
    code, rng = Repetition(3), np.random.default_rng(1)
    words = rng.integers(0, 1 << 64, (3, 1000), dtype=np.uint64)
    a, b, c = words
    result = code.decode_bit_sliced(words)
    assert (result.message[0] == (a & b | b & c | a & c)).all()
    assert (bit_slicing.to_counts(result.corrected) <= 1).all()
    assert (result.corrected[0] == (a ^ b | b ^ c)).all()


def test_the_remaining_bits_vote_after_erasures():
    lost = np.array([[True, True, True, True, False], [True, False, False, False, False]])
    result = Repetition(5).decode([[1, 1, 1, 1, 0], [0, 1, 1, 0, 0]], lost)
    assert result.corrected.tolist() == [4, -1]
    assert result.message[0].tolist() == [0]


def test_soft_values_weight_the_votes():
    code = Repetition(3)
    soft = [[-0.1, -0.2, 5.0], [1.0, -0.5, -0.5], [-3.0, 1.0, 1.0]]
    received = (np.array(soft) < 0).astype(np.uint8)
    result = code.decode(received, soft=soft)
    assert result.message[0].tolist() == [0]  # one confident zero outweighs two uncertain ones
    assert result.corrected.tolist() == [2, -1, 2]
    lost = np.array([[False] * 3, [False] * 3, [True, False, False]])
    assert code.decode(received, lost, soft).message[2].tolist() == [0]


def test_uncoded_reports_an_erased_bit_as_a_failure():
    code = Uncoded(2)
    lost = np.array([[False, True], [False, False]])
    assert code.decode([[1, 0], [1, 1]], lost).corrected.tolist() == [-1, 0]
    assert code.decode([[1, 0]], soft=[[-1.0, 0.0]]).corrected.tolist() == [-1]


@pytest.mark.parametrize("n", [1, 0, 256])
def test_invalid_arguments(n):
    with pytest.raises(ValueError, match="from 2 to 255"):
        Repetition(n)
