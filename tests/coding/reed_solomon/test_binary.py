"""Reed-Solomon codes over GF(2^m): the codec over bytes, textbook properties, and exact rates."""

import math

import numpy as np
import pytest

import netchat.coding
from netchat.coding import BinaryReedSolomon, ReedSolomon
from netchat.coding.binary_field import binary_field


def symbols(bits, m):
    return bits.reshape(len(bits), -1, m) @ (1 << np.arange(m)[::-1])


@pytest.mark.parametrize(("fcr", "prim"), [(0, 0), (1, 0), (112, 0x187)])
def test_over_bytes_it_is_the_fast_codec(fcr, prim):
    """The same codewords, corrections and failures, with errors and erasures."""
    slow = BinaryReedSolomon(60, 44, 8, fcr, prim)
    fast = ReedSolomon(60, 44, fcr, prim or 0x11D)
    rng = np.random.default_rng(1)
    message = rng.integers(0, 256, (150, 44), dtype=np.uint8)
    word = fast.encode(message)
    assert (slow.encode(np.unpackbits(message, axis=1)) == np.unpackbits(word, axis=1)).all()
    for errors, erased in ((0, 0), (8, 0), (9, 0), (0, 16), (5, 6), (4, 9), (0, 17), (3, 3)):
        place = rng.permuted(np.tile(np.arange(60), (150, 1)), axis=1)
        lost = (place >= errors) & (place < errors + erased)
        error = rng.integers(1, 256, word.shape, dtype=np.uint8) * (place < errors + erased)
        received = word ^ error.astype(np.uint8)
        result = slow.decode(np.unpackbits(received, axis=1), np.repeat(lost, 8, axis=1))
        right = fast.decode(received, lost)
        assert (result.failed == right.failed).all()
        assert (np.packbits(result.message, axis=1) == right.message).all()


@pytest.mark.parametrize(("n", "k", "m"), [(7, 3, 3), (15, 11, 4), (31, 19, 5), (63, 55, 6),
                                           (127, 101, 7), (511, 469, 9), (100, 80, 10)])  # fmt: skip
def test_codewords_have_the_roots(n, k, m):
    code, tables = BinaryReedSolomon(n, k, m, fcr=1), binary_field(m)
    word = symbols(code.encode(np.random.default_rng(1).integers(0, 2, (3, m * k), np.uint8)), m)
    size = (1 << m) - 1
    for root in range(1, n - k + 1):
        for row in word:
            logs = tables.log[row] + root * np.arange(n - 1, -1, -1)
            assert not np.bitwise_xor.reduce(np.where(row, tables.exp[logs % size], 0))


@pytest.mark.parametrize(("n", "k", "m"), [(7, 3, 3), (31, 19, 5), (127, 101, 7), (511, 469, 9)])
def test_errors_and_erasures_up_to_the_limit(n, k, m):
    code, rng = BinaryReedSolomon(n, k, m), np.random.default_rng(2)
    message = rng.integers(0, 2, (60, m * k), dtype=np.uint8)
    word = code.encode(message)
    parity = n - k
    for errors in {0, 1, parity // 4, parity // 2}:
        erased = parity - 2 * errors
        place = np.repeat(rng.permuted(np.tile(np.arange(n), (60, 1)), axis=1), m, axis=1)
        lost = (place >= errors) & (place < errors + erased)
        error = rng.integers(0, 2, word.shape, dtype=np.uint8)
        error[:, ::m] = 1  # no symbol is right
        received = word ^ np.where(place < errors + erased, error, 0).astype(np.uint8)
        result = code.decode(received, lost)
        assert (result.message == message).all()
        assert (result.corrected == ((received != word) | lost).sum(axis=1)).all()


def test_the_frame_error_rate_is_that_of_more_than_t_symbols():
    from netchat import bench

    (point,) = bench.run("rs:31,19,m=5", "bsc:0.025", errors=1000, workers=1).points
    q = 1 - (1 - 0.025) ** 5
    exact = 1 - sum(math.comb(31, e) * q**e * (1 - q) ** (31 - e) for e in range(7))
    assert point.fer_interval.low < exact < point.fer_interval.high


def test_shortened_codes_and_windows():
    code = BinaryReedSolomon(31, 19, 5, fcr=2, prim=0x3D)
    assert code.spec == "rs:31,19,m=5,fcr=2,prim=0x3d"
    assert code.shortened(50).spec == "rs:22,10,m=5,fcr=2,prim=0x3d"
    odd = code.shortened(52)
    assert (odd.k, odd.n) == (52, 155 - 43)
    assert [code.spread(width) for width in (1, 2, 4, 5, 6, 10, 11)] == [1, 2, 2, 1, 2, 2, 3]


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("rs:7,3,m=2", "'m' must be from 3 to 10, got 2"),
        ("rs:8,3,m=3", "'n' must be from 2 to 7 over GF(8), got 8"),
        ("rs:7,7,m=3", "'k' must be from 1 to n - 1 = 6, got 7"),
        ("rs:7,3,m=3,prim=0x11d", "'prim' must be a primitive polynomial of degree 3"),
        ("rs:7,3,m=3,generator=3", "'generator' must be omitted with 'm'"),
        ("rs:cd", "one of the presets ccsds, ccsds,239 and dvb without options, got 'cd'"),
        ("rs:dvb,100", "without options, got 'dvb'"),
        ("rs:ccsds,fcr=1", "without options, got 'ccsds'"),
    ],
)
def test_invalid_specifications(spec, says):
    with pytest.raises(ValueError) as raised:
        netchat.coding.get(spec)
    assert says in str(raised.value)


def test_the_preset_of_dvb():
    code = netchat.coding.get("rs:dvb")
    assert (code.n, code.k, code.spec) == (204, 188, "rs:dvb")
    assert "television" in code.citation
    message = np.arange(188, dtype=np.uint8)
    assert (code.encode(message) == ReedSolomon(204, 188).encode(message)).all()
    with pytest.raises(ValueError, match="'n' must be from 2 to 255 over GF"):
        netchat.coding.get("rs:300,200")
