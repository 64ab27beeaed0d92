"""Exhaustive tests: every codeword with every error pattern."""

import numpy as np
import pytest

from netchat.coding import bit_slicing
from netchat.coding.block.hamming import Hamming


def all_words(n):
    return ((np.arange(1 << n)[:, None] >> np.arange(n)) & 1).astype(np.uint8)


def nearest(code):
    """Return, for every word, the message and distance of the nearest codeword; -1 for a tie."""
    messages, words = all_words(code.k), all_words(code.n)
    codewords = code.encode(messages)
    message = np.zeros((len(words), code.k), np.uint8)
    distance = np.full(len(words), -1)
    for at in range(0, len(words), 1024):
        far = (words[at : at + 1024, None, :] != codewords[None, :, :]).sum(axis=2)
        best = far.min(axis=1)
        single = (far == best[:, None]).sum(axis=1) == 1
        message[at : at + 1024] = messages[far.argmin(axis=1)]
        distance[at : at + 1024] = np.where(single, best, -1)
    return words, message, distance


@pytest.mark.parametrize("n", [7, 8, 15])
@pytest.mark.slow
def test_every_codeword_with_every_pattern_of_errors(n):
    code = Hamming(n)
    words, message, distance = nearest(code)
    patterns, right = bit_slicing.from_rows(words), bit_slicing.from_rows(message)
    for data in all_words(code.k):
        codeword = code.encode(data[None])[0]
        mask = np.where(codeword, np.uint64(0xFFFFFFFFFFFFFFFF), np.uint64(0))
        result = code.decode_bit_sliced(patterns ^ mask[:, None])
        failed = bit_slicing.to_rows(result.failed[None])[:, 0] == 1
        counts = bit_slicing.to_counts(result.corrected)
        assert (failed == (distance == -1)).all()
        assert (counts[~failed] == distance[~failed]).all()
        wrong = (result.message ^ right) ^ np.where(data, np.uint64(2**64 - 1), np.uint64(0))[
            :, None
        ]
        assert not (np.bitwise_or.reduce(wrong, axis=0) & ~result.failed).any()


@pytest.mark.parametrize("n", [3, 7, 8, 15, 16, 31, 32, 63, 127, 255, 1023, 1024])
def test_minimum_distance(n):
    code = Hamming(n)
    columns = code.check.T @ (1 << np.arange(code.n - code.k))
    assert len(set(columns.tolist())) == n
    assert 0 not in columns
    if code.minimum_distance == 4:
        # All columns odd: no three of them add up to zero.
        assert (code.check.sum(axis=0) % 2 == 1).all()


def test_hamming_7_4_is_the_textbook_code():
    # p1 covers d1 d2 d4, p2 covers d1 d3 d4, p4 covers d2 d3 d4.
    assert Hamming(7).encode([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]).tolist() == [
        [1, 0, 0, 0, 1, 1, 0],
        [0, 1, 0, 0, 1, 0, 1],
        [0, 0, 1, 0, 0, 1, 1],
        [0, 0, 0, 1, 1, 1, 1],
    ]


@pytest.mark.parametrize(
    ("n", "k"), [(6, None), (7, 3), (9, None), (8, 3), (2, None), (2047, None)]
)
def test_invalid_arguments(n, k):
    with pytest.raises(ValueError, match=r"Argument '[nk]' must be"):
        Hamming(n, k)
