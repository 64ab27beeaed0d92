import numpy as np
import pytest

import netchat.coding
from netchat.coding import Code, Decoded
from netchat.coding.framing import coded_length, data_length

SPECS = [
    "uncoded:64", "repetition:3", "hamming:7,4", "hamming:31,26", "secded:72,64", "crc:32",
    "rs:255,223", "rs:20,10", "rs:20,10+interleave:3", "rs:20,10+interleave:3+hamming:7,4",
    "hamming:7,4+rs:20,10",
]  # fmt: skip
each = pytest.mark.parametrize("spec", SPECS)


class Scrambled(Code):
    """Not systematic: the codeword is the message plus itself, shifted by one."""

    def __init__(self, alphabet="bit"):
        super().__init__("scrambled", k=5, n=5, alphabet=alphabet, systematic=False, citation="me")

    def _encode(self, message):
        return np.bitwise_xor.accumulate(message, axis=1)

    def _decode(self, received):
        message = received.copy()
        message[:, 1:] ^= received[:, :-1]
        return Decoded(message, np.zeros(len(received), np.int64))


@each
def test_every_length_is_restored(spec):
    code = netchat.coding.get(spec)
    lengths = set()
    for length in range(120):
        data = np.random.default_rng(length).bytes(length)
        coded = code.encode_bytes(data)
        assert len(coded) == coded_length(code, length)
        assert data_length(code, len(coded)) == length
        lengths.add(len(coded))
        result = code.decode_bytes(coded)
        assert (result.data, result.corrected, result.failed) == (data, 0, 0)
    assert len(lengths) == 120


@each
def test_an_impossible_length_is_an_error(spec):
    code = netchat.coding.get(spec)
    good = {coded_length(code, length) for length in range(60)}
    for length in set(range(max(good))) - good:
        with pytest.raises(ValueError, match="no data encodes"):
            code.decode_bytes(bytes(length))


def test_a_partial_block_is_shortened_not_padded():
    assert len(netchat.coding.get("rs:255,223").encode_bytes(b"five!")) == 5 + 32
    assert len(netchat.coding.get("rs:255,223").encode_bytes(bytes(228))) == 255 + 5 + 32
    chain = netchat.coding.get("rs:255,223+interleave:5+hamming:7,4")
    assert len(chain.encode_bytes(b"five!")) == (5 + 32) * 14 // 8 + 1


def test_failures_are_counted_by_block():
    code = netchat.coding.get("rs:20,10")
    coded = bytearray(code.encode_bytes(bytes(25)))
    coded[0] ^= 1
    coded[30:36] = b"broken"
    result = code.decode_bytes(bytes(coded))
    assert (result.blocks, result.failed, result.corrected) == (3, 1, 1)
    assert result.data[:10] == bytes(10)
    assert result.data[10:20] == b"broken".rjust(16, b"\0")[:10] or result.data[10:20] == bytes(10)


@pytest.mark.parametrize("alphabet", ["bit", "byte"])
def test_a_nonsystematic_code_is_padded(alphabet):
    code = Scrambled(alphabet)
    for length in range(30):
        data = bytes(length)
        assert code.decode_bytes(code.encode_bytes(data)).data == data
        data = bytes(range(length))
        assert code.decode_bytes(code.encode_bytes(data)).data == data
    assert code.decode_bytes(bytes(5)).failed == 1  # the marker at the end of the data is missing
