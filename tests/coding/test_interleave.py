import numpy as np
import pytest

import netchat.coding
from netchat.coding.interleave import Interleaved


def test_rows_are_sent_by_columns():
    code = netchat.coding.get("rs:6,4+interleave:3")
    message = np.arange(12, dtype=np.uint8)[None]
    table = netchat.coding.get("rs:6,4").encode(message.reshape(3, 4))
    assert (code.encode(message)[0].reshape(6, 3) == table.T).all()


def test_a_burst_is_spread():
    code = netchat.coding.get("rs:255,223+interleave:5")
    rng = np.random.default_rng(1)
    message = rng.integers(0, 256, (1, code.k), dtype=np.uint8)
    for start in range(0, code.n - 80, 97):
        received = code.encode(message)
        received[0, start : start + 80] ^= 0xFF  # 16 in each of 5 codewords
        result = code.decode(received)
        assert (result.message == message).all()
        assert result.corrected.tolist() == [80]
    received[0, :85] ^= 0xFF
    assert code.decode(received).corrected.tolist() == [-1]


def test_a_ragged_tail_keeps_every_symbol():
    code = netchat.coding.get("rs:20,10+interleave:3").shortened(24)
    assert (code.k, code.n) == (24, 54)
    message = np.arange(24, dtype=np.uint8)[None]
    word = code.encode(message)
    assert (word[:, code.data_positions] == message).all()
    assert code.decode(word).message.tolist() == message.tolist()


def test_erasures_go_to_their_rows():
    code = netchat.coding.get("rs:20,10+interleave:2")
    word = code.encode(np.ones((1, 20), np.uint8))
    lost = np.zeros((1, 40), np.bool_)
    lost[0, 5:25] = True  # ten a row
    assert code.decode(np.where(lost, 0, word), lost).corrected.tolist() == [20]


@pytest.mark.parametrize("spec", ["interleave", "interleave:0", "interleave:2,3", "interleave:x"])
def test_invalid_interleavers(spec):
    with pytest.raises(ValueError, match="depth"):
        netchat.coding.get(spec)


def test_invalid_arguments():
    with pytest.raises(ValueError, match="Argument 'depth' must be at least 1, got 0"):
        Interleaved("hamming:7,4", 0)
    with pytest.raises(ValueError, match="'tail' must be a code over bits, got rs:6,4"):
        Interleaved("hamming:7,4", 2, netchat.coding.get("rs:6,4"))


def test_soft_values_go_to_their_rows():
    code = Interleaved("repetition:3", 2)
    word = code.encode([[0, 1]])
    assert word.tolist() == [[0, 1, 0, 1, 0, 1]]
    soft = np.array([[9.0, -1.0, -0.1, -1.0, -0.1, -1.0]])  # row 0: two weak errors
    received = (soft < 0).astype(np.uint8)
    assert code.decode(received).message.tolist() == [[1, 1]]
    assert code.decode(received, soft=soft).message.tolist() == [[0, 1]]
