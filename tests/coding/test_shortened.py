import numpy as np
import pytest

import netchat.coding
from netchat.coding import Code, Decoded
from netchat.coding.laws import check
from netchat.coding.shortened import Shortened


class Twice(Code):
    """Sends every byte twice, and declares that it is not systematic."""

    def __init__(self):
        super().__init__(
            "twice", k=2, n=4, minimum_distance=2, alphabet="byte", systematic=False, citation="me"
        )

    def _encode(self, message):
        return np.concatenate([message, message], axis=1)

    def _decode(self, received):
        same = (received[:, :2] == received[:, 2:]).all(axis=1)
        return Decoded(received[:, :2].copy(), np.where(same, 0, -1))


def test_invalid_k():
    with pytest.raises(ValueError, match="Argument 'k' must be from 1 to 4 for hamming:7,4, got 5"):
        Shortened(netchat.coding.get("hamming:7,4"), 5)


def test_a_code_that_is_not_systematic_sends_all_symbols_when_shortened():
    short = Shortened(Twice(), 1)
    assert (short.k, short.n) == (1, 4)
    word = short.encode([[7]])
    assert word.tolist() == [[0, 7, 0, 7]]
    assert short.decode(word).message.tolist() == [[7]]
    assert short.decode(word ^ [[1, 0, 1, 0]]).corrected.tolist() == [
        -1
    ]  # the omitted one is not 0


@pytest.mark.parametrize("spec", ["hamming:7,4", "secded:72,64", "repetition:3+hamming:7,4"])
def test_shortened_codes_obey_the_laws(spec):
    full = netchat.coding.get(spec)
    for k in {1, full.k // 2, full.k} - {0}:
        assert not [v for v in check(Shortened(full, k)) if v.counterexample]


@pytest.mark.parametrize(
    "spec", ["rs:20,10", "crc:16,64", "rs:20,10+interleave:3", "rs:9,4+hamming:7,4"]
)
def test_codes_that_shorten_themselves_obey_the_laws(spec):
    full = netchat.coding.get(spec)
    for k in {8, 9, 16, full.k - 1, full.k} & set(range(1, full.k + 1)):
        short = full.shortened(k)
        assert short.k == k
        assert short.n < full.n or k == full.k
        assert not [v for v in check(short) if v.counterexample], (spec, k)
        assert full.shortened(k) is short


def test_a_shortened_code_reports_a_changed_zero_as_a_failure():
    code = Shortened(netchat.coding.get("hamming:7,4"), 1)
    received = code.encode([[0]])
    received[0, 1:3] ^= (
        1  # two errors, which the full code mistakes for one in a symbol that was not sent
    )
    assert code.decode(received).corrected.tolist() == [-1]


def test_a_shortened_code_passes_erasures_and_soft_values_on():
    code = Shortened(netchat.coding.get("hamming:7,4"), 2)
    word = code.encode([[1, 0]])
    lost = np.array([[True, True, False, False, False]])
    assert code.decode(word ^ lost, lost).corrected.tolist() == [2]
    soft = 10 * (1.0 - 2.0 * word)
    assert code.decode(word, None, soft).message.tolist() == [[1, 0]]
