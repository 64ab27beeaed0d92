"""Ordered statistics against a textbook version, and against all codewords."""

import itertools

import numpy as np
import pytest

import netchat.coding
from netchat.coding import OrderedStatistics
from netchat.coding.laws import check
from tests.coding.likelihood import likeliest, received


def textbook(code, ratios, order):
    """Decode one word by all changes of up to `order` bits of the most reliable basis."""
    matrix = code.G.astype(int)
    basis = []
    for position in np.lexsort((np.arange(code.n), -np.abs(ratios))):
        row = next((r for r in range(len(basis), code.k) if matrix[r, position]), None)
        if row is None:
            continue
        matrix[[len(basis), row]] = matrix[[row, len(basis)]]
        others = np.flatnonzero(matrix[:, position])
        matrix[others[others != len(basis)]] ^= matrix[len(basis)]
        basis.append(position)
        if len(basis) == code.k:
            break
    hard = (ratios < 0).astype(int)
    best, least = None, np.inf
    for changes in range(order + 1):
        for flipped in itertools.combinations(range(code.k), changes):
            bits = hard[basis].copy()
            bits[list(flipped)] ^= 1
            word = bits @ matrix % 2
            cost = np.abs(ratios)[word != hard].sum()
            if cost < least - 1e-4:
                best, least = word, cost
    return best, least


@pytest.mark.parametrize(
    ("spec", "order"),
    [("bch:31,16", 0), ("bch:31,16", 1), ("bch:31,16", 2), ("golay:24", 3), ("bch:63,45", 2),
     ("rm:2,5", 2), ("conv:5,7,k=10", 2), ("bch:127,106", 1), ("ldpc:ccsds", 1)],
)  # fmt: skip
def test_the_textbook_finds_the_same(spec, order):
    plain = netchat.coding.get(spec)
    code = OrderedStatistics(plain, order)
    _, out = received(plain, 1.5, 40)
    result = code.decode(out.block, soft=out.soft)
    word = code.encode(result.message)
    assert (result.corrected == (word != out.block).sum(axis=1)).all()
    for row, found in zip(out.soft.astype(float), word, strict=True):
        _, least = textbook(plain, row, order)
        cost = np.abs(row)[found != (row < 0)].sum()
        assert cost == pytest.approx(least, abs=1e-3)


@pytest.mark.parametrize(("spec", "order"), [("golay:24", 2), ("bch:31,16", 2), ("rm:2,4", 1)])
def test_nearly_the_likeliest_codeword(spec, order):
    code = netchat.coding.get(f"{spec}@osd{order}")
    _, out = received(code, 1, 2000)
    best = likeliest(code, out.soft)
    assert (code.decode(out.block, soft=out.soft).message != best).any(axis=1).mean() < 0.005
    # Broken decoders: the wrong sign, and the least reliable positions first.
    for wrong in (-out.soft, np.sign(out.soft) / np.maximum(np.abs(out.soft), 1e-3)):
        found = code.decode((wrong < 0).astype(np.uint8), soft=wrong.astype(np.float32)).message
        assert (found != best).any(axis=1).mean() > 0.1


def test_equal_reliabilities_are_left_to_the_code():
    code = netchat.coding.get("bch:63,45@osd2")
    rng = np.random.default_rng(1)
    message = rng.integers(0, 2, (100, 45), dtype=np.uint8)
    received = code.encode(message)
    received[:, [3, 20, 60]] ^= 1
    result = code.decode(received, soft=np.where(received, -2.0, 2.0))
    assert (result.corrected == 3).all()
    assert code.decode(np.zeros((0, 63), np.uint8), soft=np.zeros((0, 63))).message.shape == (0, 45)
    lost = np.zeros((1, 63), np.bool_)
    lost[0, :6] = True
    assert code.decode(code.encode(message[:1]) ^ lost, lost).message.tolist() == [
        message[0].tolist()
    ]


def test_lost_bits_that_leave_several_codewords_are_a_failure():
    code = netchat.coding.get("hamming:7,4@osd1")
    word = code.encode([[1, 0, 1, 1]])
    ratios = np.where(word, -np.inf, np.inf).astype(np.float32)
    for count, corrected in ((2, 2), (3, 3), (4, -1)):
        lost = np.arange(7)[None] >= 7 - count
        result = code.decode(word, lost, ratios)
        assert result.corrected.tolist() == [corrected]


def test_specifications():
    code = netchat.coding.get("golay:24@osd")
    assert (code.spec, code.order, code.code.spec) == ("golay:24@osd", 2, "golay:24")
    assert OrderedStatistics("golay:24", 3).spec == "golay:24@osd3"
    chain = netchat.coding.get("rs:20,10+bch:63,45@osd1")
    assert chain.inner.order == 1
    assert chain.soft
    assert code.shortened(5).spec == "golay:24, shortened to 5@osd2"
    assert not [law for law in check("rm:1,3@osd1") if law.counterexample]
    assert netchat.coding.get("golay:24@osd3@hard").soft is False


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("rs:20,10@osd2", "need a linear code over bits"),
        ("crc:32@osd2", "need a linear code over bits"),
        ("conv:wifi@osd2", "with n up to 1024"),
        ("golay:24@osd6", "'order' must be from 0 to 5, got 6"),
    ],
)
def test_invalid_specifications(spec, says):
    with pytest.raises(ValueError) as raised:
        netchat.coding.get(spec)
    assert says in str(raised.value)
