import numpy as np
import pytest

import netchat.coding
from netchat.coding import Code, Decoded
from netchat.coding.block.hamming import Hamming
from netchat.coding.block.secded import SECDED
from netchat.coding.code import LONGEST, Shortened
from netchat.coding.laws import check


class Doubled(Code):
    """Sends every byte twice; differing copies are a failure. The smallest possible plug-in."""

    def __init__(self, **options):
        super().__init__(
            "doubled", k=2, n=4, minimum_distance=2, alphabet="byte", citation="me", **options
        )

    def _encode(self, message):
        return np.concatenate([message, message], axis=1)

    def _decode(self, received):
        same = (received[:, :2] == received[:, 2:]).all(axis=1)
        return Decoded(received[:, :2].copy(), np.where(same, 0, -1))


def test_defaults_of_the_parameters():
    code = Doubled()
    assert (
        code.rate,
        code.bits_per_symbol,
        code.corrects,
        code.detects,
        code.erasure_capability,
    ) == (0.5, 8, 0, 1, 0)
    assert code.data_positions.tolist() == [0, 1]
    assert repr(code) == "<Code doubled>"


@pytest.mark.parametrize(
    ("message", "says"),
    [
        ([[[1, 0, 1, 1]]], r"shape \(batch, 4\)"),
        ([[1, 0, 1]], r"shape \(batch, 4\)"),
        ([[1, 0, 1, 2]], "from 0 to 1"),
        ([[1, 0, 1, -1]], "from 0 to 1"),
        ([[1.0, 0, 1, 1]], "integers"),
        (np.array([[1, 0, 1, 2]], np.uint8), "from 0 to 1, got 2"),
    ],
)
def test_invalid_messages(message, says):
    with pytest.raises(ValueError, match=says):
        Hamming(7).encode(message)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (([[0] * 7], [[False] * 6]), "erasures"),
        (([[0] * 7], [[0] * 7]), "erasures"),
        (([[0] * 7], None, [[0.5] * 6]), "soft"),
    ],
)
def test_invalid_erasures_and_soft_values(arguments, says):
    with pytest.raises(ValueError, match=says):
        Hamming(7).decode(*arguments)


def test_invalid_bit_slices():
    for bit_slices in (
        np.zeros((3, 1), np.uint64),
        np.zeros((4, 1), np.int64),
        np.zeros(4, np.uint64),
    ):
        with pytest.raises(ValueError, match=r"uint64 array of shape \(4, words\)"):
            Hamming(7).encode_bit_sliced(bit_slices)


def test_soft_values_need_a_code_over_bits():
    with pytest.raises(ValueError, match="only codes over bits"):
        netchat.coding.get("rs:20,10").decode([[0] * 20], soft=[[0.0] * 20])


def test_a_hard_decision_decoder_ignores_soft_values():
    code = Hamming(7)
    received = code.encode([[1, 0, 1, 1]])
    received[0, 0] ^= 1
    assert code.decode(received, soft=1.0 - 2.0 * received).corrected.tolist() == [1]
    lost = np.zeros((1, 7), np.bool_)
    lost[0, 0] = True
    assert code.decode(received, lost, 1.0 - 2.0 * received).corrected.tolist() == [1]


@pytest.mark.parametrize("code", [Hamming(7), Hamming(8), Hamming(15)], ids=lambda c: c.spec)
def test_every_pattern_of_erasures_within_the_minimum_distance(code):
    rng = np.random.default_rng(1)
    words = code.encode(rng.integers(0, 2, (1 << code.n, code.k), dtype=np.uint8))
    lost = ((np.arange(1 << code.n)[:, None] >> np.arange(code.n)) & 1).astype(np.bool_)
    received = np.where(lost, rng.integers(0, 2, lost.shape, dtype=np.uint8), words)
    result = code.decode(received, lost)
    count = lost.sum(axis=1)
    few = count <= code.erasure_capability
    assert (result.message[few] == words[few, : code.k]).all()
    assert (result.corrected[few] == count[few]).all()
    assert result.failed[count >= code.minimum_distance].all()


def test_an_ambiguous_error_among_erasures_is_a_failure():
    code = SECDED(8, 4)
    received = code.encode([[0, 0, 0, 0]])
    received[0, 0] ^= 1
    lost = np.zeros((1, 8), np.bool_)
    lost[0, 1:3] = True
    assert code.decode(received, lost).corrected.tolist() == [-1]
    lost[0, 2] = False
    assert code.decode(received, lost).corrected.tolist() == [2]


def test_a_code_over_bytes_treats_erased_bytes_as_received_by_default():
    lost = np.array([[True, False, False, False]])
    assert Doubled().decode([[1, 2, 1, 2]], lost).corrected.tolist() == [0]
    assert Doubled().decode([[0, 2, 1, 2]], lost).corrected.tolist() == [-1]


def test_invalid_parameters():
    class Wrong(Doubled):
        def __init__(self):
            Code.__init__(self, "wrong", k=4, n=2)

    with pytest.raises(ValueError, match="Argument 'k' must be from 1 to n = 2, got 4"):
        Wrong()
    with pytest.raises(ValueError, match=f"Argument 'n' must be from 1 to {LONGEST}, got 0"):
        Code.__init__(Doubled(), "wrong", k=1, n=0)


def test_hard_decisions_by_specification():
    """With @hard, a decoder ignores ratios; so does the shortened code, and the code in a chain."""
    soft, hard = netchat.coding.get("repetition:3"), netchat.coding.get("repetition:3@hard")
    assert (soft.soft, hard.soft, hard.spec) == (True, False, "repetition:3@hard")
    assert hard.with_hard_decisions() is hard
    received, ratios = np.array([[1, 1, 0]], np.uint8), np.array([[-0.1, -0.1, 5.0]])
    assert soft.decode(received, soft=ratios).message.tolist() == [[0]]
    assert hard.decode(received, soft=ratios).message.tolist() == [[1]]
    lost = np.array([[False, True, True]])
    assert hard.decode(received, lost, ratios).message.tolist() == [[1]]
    for spec in ("uncoded:1+repetition:3@hard", "repetition:3@hard+interleave:1"):
        chain = netchat.coding.get(spec)
        assert (chain.soft, chain.spec) == (False, spec)
        assert chain.decode(received, soft=ratios).message.tolist() == [[1]]
    assert hard.shortened(1) is hard
    chain = netchat.coding.get("uncoded:2+repetition:3").with_hard_decisions()
    assert chain.shortened(1).decode(received, soft=ratios).message.tolist() == [[1]]
    with pytest.raises(ValueError, match="Unknown code 'nothing'"):
        netchat.coding.get("nothing@hard")


def test_invalid_k_of_a_shortened_code():
    with pytest.raises(ValueError, match="Argument 'k' must be from 1 to 4 for hamming:7,4, got 5"):
        Shortened(netchat.coding.get("hamming:7,4"), 5)


def test_a_code_that_is_not_systematic_sends_all_symbols_when_shortened():
    short = Shortened(Doubled(systematic=False), 1)
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
