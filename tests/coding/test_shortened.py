import numpy as np
import pytest

import netchat.coding
from netchat.coding.laws import check
from netchat.coding.shortened import Shortened


@pytest.mark.parametrize("spec", ["hamming:7,4", "secded:72,64", "repetition:3+hamming:7,4"])
def test_obeys_the_laws(spec):
    full = netchat.coding.get(spec)
    for k in {1, full.k // 2, full.k} - {0}:
        assert not [v for v in check(Shortened(full, k)) if v.counterexample]


@pytest.mark.parametrize(
    "spec", ["rs:20,10", "crc:16,64", "rs:20,10+interleave:3", "rs:9,4+hamming:7,4"]
)
def test_what_a_code_makes_of_itself_obeys_them_too(spec):
    full = netchat.coding.get(spec)
    for k in {8, 9, 16, full.k - 1, full.k} & set(range(1, full.k + 1)):
        short = full.shortened(k)
        assert short.k == k
        assert short.n < full.n or k == full.k
        assert not [v for v in check(short) if v.counterexample], (spec, k)
        assert full.shortened(k) is short


def test_a_changed_zero_is_a_failure():
    code = Shortened(netchat.coding.get("hamming:7,4"), 1)
    received = code.encode([[0]])
    received[0, 1:3] ^= 1  # two errors, which the full code takes for one in a symbol not sent
    assert code.decode(received).corrected.tolist() == [-1]


def test_erasures_and_soft_values_pass_through():
    code = Shortened(netchat.coding.get("hamming:7,4"), 2)
    word = code.encode([[1, 0]])
    lost = np.array([[True, True, False, False, False]])
    assert code.decode(word ^ lost, lost).corrected.tolist() == [2]
    soft = 10 * (1.0 - 2.0 * word)
    assert code.decode(word, None, soft).message.tolist() == [[1, 0]]
