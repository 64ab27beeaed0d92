"""The code of CCSDS: the matrix of its annex, a codeword by hand, and libfec."""

import ctypes

import numpy as np
import pytest

import netchat.coding
from netchat.coding import CCSDSReedSolomon, ReedSolomon
from netchat.coding.galois_field import field
from netchat.coding.laws import check
from netchat.coding.reed_solomon.ccsds import dual_basis
from tests.coding.convolutional.libfec import LIBRARY

#: CCSDS 131.0-B, annex F: [z_0 … z_7] = [u_7 … u_0] times this matrix.
MATRIX = [
    "10001101", "11101111", "11101100", "10000110", "11111010", "10011001", "10101111", "01111011",
]  # fmt: skip


def test_dual_basis_is_that_of_the_annex():
    to_dual, from_dual = dual_basis()
    for element in range(256):
        z = 0
        for row, bits in enumerate(MATRIX):
            if element >> (7 - row) & 1:
                z ^= int(bits, 2)
        assert to_dual[element] == z
        assert from_dual[z] == element


def test_dual_basis_by_its_definition():
    """An element is the sum of z_i l_i, where the trace of l_i x^(117 j) is 1 for i = j and else 0."""
    tables = field(0x187)
    _, from_dual = dual_basis()
    for i in range(8):
        for j in range(8):
            product = int(tables.product[from_dual[128 >> i], tables.exp[117 * j % 255]])
            trace = 0
            for _ in range(8):
                trace ^= product
                product = int(tables.product[product, product])
            assert trace == (i == j)


@pytest.mark.parametrize("k", [223, 239])
def test_codewords_have_the_roots_of_the_standard(k):
    """g(x) has the roots a^(11 j) for j from 128 - E to 127 + E; the symbols are in the dual basis."""
    code = CCSDSReedSolomon(k)
    word = code.encode(np.random.default_rng(1).integers(0, 256, k, dtype=np.uint8))
    element = dual_basis()[1][word]
    tables, errors = field(0x187), (255 - k) // 2
    for j in range(128 - errors, 128 + errors):
        powers = tables.exp[11 * j * np.arange(254, -1, -1) % 255]
        assert not np.bitwise_xor.reduce(tables.product[element, powers])
    conventional = ReedSolomon(255, k, fcr=128 - errors, prim=0x187, generator=0xAD)
    assert (conventional.encode(element[:k]) == element).all()
    assert (conventional.encode(word[:k]) != word).any()


@pytest.mark.skipif(LIBRARY is None, reason="needs libfec: apt-get install libfec-dev")
@pytest.mark.parametrize("omitted", [0, 33, 200])
def test_agrees_with_libfec(omitted):
    code, rng = CCSDSReedSolomon(223, omitted), np.random.default_rng(2)
    message = rng.integers(0, 256, (20, code.k), dtype=np.uint8)
    word = code.encode(message)
    for row, right in zip(message, word, strict=True):
        parity = ctypes.create_string_buffer(32)
        LIBRARY.encode_rs_ccsds(row.tobytes(), parity, omitted)
        assert parity.raw == right[code.k :].tobytes()
    received = word.copy()
    received[:, :16] ^= rng.integers(1, 256, (20, 16), dtype=np.uint8)
    result = code.decode(received)
    for row, decoded in zip(received, result.message, strict=True):
        block = ctypes.create_string_buffer(row.tobytes(), code.n)
        assert LIBRARY.decode_rs_ccsds(block, None, 0, omitted) == 16
        assert block.raw[: code.k] == decoded.tobytes()
    assert (result.message == message).all()


def test_shortened_and_interleaved():
    code = netchat.coding.get("rs:ccsds,239")
    short = code.shortened(100)
    assert (short.n, short.k, short.corrects) == (116, 100, 8)
    message = np.arange(100, dtype=np.uint8)
    assert (short.encode(message) == code.encode(np.pad(message, (139, 0)))[139:]).all()
    for each in ("rs:ccsds+interleave:2", short):
        assert not [law for law in check(each) if law.counterexample]
    lost = np.zeros((1, 116), np.bool_)
    lost[0, :16] = True
    damaged = short.encode(message)[None] ^ np.where(lost, np.uint8(77), np.uint8(0))
    assert short.decode(damaged, lost).message.tolist() == [message.tolist()]


def test_invalid_k():
    with pytest.raises(ValueError, match="'k' must be 223 or 239 for ccsds, got 200"):
        netchat.coding.get("rs:ccsds,200")
