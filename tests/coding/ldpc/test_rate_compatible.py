"""5G LDPC code with incremental redundancy: the standard's codewords, in any number of pieces."""

from __future__ import annotations

import numpy as np
import pytest

from netchat.coding.ldpc.code import LDPC
from netchat.coding.ldpc.rate_compatible import RateCompatible

pytestmark = pytest.mark.slow  # compiles the decoder


@pytest.mark.parametrize(
    ("k", "n"),
    [(4, 9), (23, 40), (528, 900), (1632, 1700), (1632, 4000), (4098, 4700), (8448, 9000)],
)
def test_codewords_and_decisions_are_those_of_the_standard(k: int, n: int) -> None:
    rng = np.random.default_rng(k)
    code, standard = RateCompatible(k), LDPC("nr", k, n, 0, 1)
    message = rng.integers(0, 2, (20, k), dtype=np.uint8)
    words = code.encode(message, n)
    assert np.array_equal(words, standard.encode(message))
    received = words ^ (rng.random(words.shape) < 0.01).astype(np.uint8)

    found = code.decode(1 - 2 * received.astype(np.float32))

    wanted = standard.decode(received)
    assert np.array_equal(found.message, wanted.message)
    assert np.array_equal(found.corrected, wanted.corrected)


def test_a_prefix_is_continued_by_more_parity() -> None:
    rng = np.random.default_rng(1)
    code = RateCompatible(1000)
    message = rng.integers(0, 2, (64, 1000), dtype=np.uint8)
    longest = code.encode(message, code.longest)
    assert np.array_equal(longest[:, :1200], code.encode(message, 1200))
    received = 1 - 2 * (longest ^ (rng.random(longest.shape) < 0.05)).astype(np.float32)

    weak, strong = code.decode(received[:, :1200]), code.decode(received[:, :2000])

    assert weak.failed.all()
    assert np.array_equal(strong.message, message)


def test_missing_bits_and_copies_of_bits_are_combined() -> None:
    rng = np.random.default_rng(2)
    code = RateCompatible(1000)
    message = rng.integers(0, 2, (64, 1000), dtype=np.uint8)
    words = code.encode(message, 1600)
    ratios = 1 - 2 * (words ^ (rng.random(words.shape) < 0.06)).astype(np.float32)
    copies = ratios + 1 - 2 * (words ^ (rng.random(words.shape) < 0.06)).astype(np.float32)
    ratios[:, 1100:1300] = 0

    assert code.decode(ratios).failed.any()
    assert np.array_equal(code.decode(copies).message, message)


@pytest.mark.parametrize("k", [3, 8449])
def test_other_lengths_are_refused(k: int) -> None:
    with pytest.raises(ValueError, match=f"Argument 'k' must be from 4 to 8448, got {k}"):
        RateCompatible(k)
