import numpy as np
import pytest

import netchat.coding


def test_parameters_of_a_chain():
    code = netchat.coding.get("rs:255,223+interleave:5+hamming:7,4")
    assert (code.k, code.n) == (5 * 223 * 8, 5 * 255 * 8 // 4 * 7)
    # Each of 17 bytes of one row needs an inner block with two errors.
    assert (code.corrects, code.minimum_distance) == (17 * 2 - 1, 33 * 3)
    assert code.alphabet == "bit"
    assert netchat.coding.get("rs:255,223+rs:250,240").alphabet == "byte"


@pytest.mark.parametrize(
    ("spec", "corrects"),
    [
        ("repetition:3+repetition:3", 3),
        ("rs:20,10+hamming:15,11", 3),  # an inner block can touch three bytes: two break it
        ("rs:20,10+secded:72,64", 1),
        ("rs:20,10+interleave:8+secded:72,64", 11),
        ("hamming:7,4+rs:20,10", 5),  # 80 bits of outer words in one inner block
    ],
)
def test_the_declared_bound_holds(spec, corrects):
    code = netchat.coding.get(spec)
    assert code.corrects == corrects


def test_worst_case_at_the_bound_and_just_above():
    code = netchat.coding.get("rs:20,10+hamming:7,4")
    assert code.corrects == 11
    word = code.encode(np.zeros((1, code.k), np.uint8))
    worst = word.copy()
    for byte in range(6):
        worst[0, 14 * byte : 14 * byte + 2] ^= 1  # two errors in one block of each byte
    assert code.decode(worst).corrected.tolist() != [12] or code.decode(worst).message.any()
    worst[0, 0] ^= 1
    result = code.decode(worst)
    assert result.corrected.tolist() == [11]
    assert not result.message.any()


def test_failed_inner_blocks_become_erasures():
    code = netchat.coding.get("rs:20,10+hamming:8,4")
    word = code.encode(np.zeros((1, code.k), np.uint8))
    received = word.copy()
    for byte in range(9):  # nine bytes lost: too many errors, but not too many erasures
        received[0, 16 * byte : 16 * byte + 2] ^= 1
    result = code.decode(received)
    assert result.corrected.tolist() == [18]
    assert not result.message.any()


def test_erasures_reach_the_inner_code():
    code = netchat.coding.get("hamming:7,4+hamming:7,4")
    word = code.encode([[1, 0, 1, 1]])
    lost = np.zeros(word.shape, np.bool_)
    lost[0, :2] = True
    result = code.decode(word ^ lost, lost)
    assert (result.message.tolist(), result.corrected.tolist()) == ([[1, 0, 1, 1]], [2])


def test_an_outer_crc_detects_miscorrections():
    plain = netchat.coding.get("uncoded:64+hamming:7,4")
    checked = netchat.coding.get("crc:32,64+hamming:7,4")
    rng = np.random.default_rng(1)
    for code, silent in ((plain, True), (checked, False)):
        message = rng.integers(0, 2, (500, 64), dtype=np.uint8)
        received = code.encode(message)
        received ^= (rng.random(received.shape) < 0.05).astype(np.uint8)
        result = code.decode(received)
        wrong = (result.message != message).any(axis=1)
        assert (wrong & ~result.failed).any() == silent


def test_soft_values_reach_the_inner_code():
    code = netchat.coding.get("uncoded:2+repetition:3")
    soft = np.array([[-0.1, -0.1, 9.0, -1.0, -1.0, -1.0]])  # two weak votes against a strong one
    received = (soft < 0).astype(np.uint8)
    assert code.decode(received).message.tolist() == [[1, 1]]
    assert code.decode(received, soft=soft).message.tolist() == [[0, 1]]
