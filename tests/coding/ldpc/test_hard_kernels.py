"""Decoders of LDPC codes for hard decisions, against textbook versions, and .mtx files."""

import re

import numpy as np
import pytest
from scipy import io, sparse

import netchat.coding
from netchat.coding import LDPC
from tests.coding.likelihood import received


def gallager(matrix, word, iterations, unanimous):
    """Decode one word by Gallager's algorithm A or B, edge by edge."""
    edges = [tuple(edge) for edge in np.argwhere(matrix)]
    to_check = {(c, v): word[v] for c, v in edges}
    bits = word.copy()
    for _ in range(iterations):
        if not (matrix @ bits % 2).any():
            break
        to_bit = {}
        for c, v in edges:
            others = [to_check[c, u] for u in np.flatnonzero(matrix[c]) if u != v]
            to_bit[c, v] = sum(others) % 2
        for v in range(len(word)):
            checks = np.flatnonzero(matrix[:, v])
            for c in checks:
                against = sum(to_bit[d, v] != word[v] for d in checks if d != c)
                needed = len(checks) - 1 if unanimous else (len(checks) - 1) // 2 + 1
                to_check[c, v] = word[v] ^ (against >= max(needed, 1))
            against = sum(to_bit[c, v] != word[v] for c in checks)
            bits[v] = word[v] ^ (against > len(checks) + 1 - against)
    return bits, (matrix @ bits % 2).any()


def flip(matrix, word, sizes, iterations):
    """Decode one word by weighted bit flipping (Kou, Lin and Fossorier 2001)."""
    bits = word.copy()
    weights = np.array([sizes[row == 1].min() for row in matrix])
    for _ in range(iterations):
        syndrome = matrix @ bits % 2
        if not syndrome.any():
            break
        bits[np.argmax(((2 * syndrome - 1) * weights) @ matrix)] ^= 1
    return bits, (matrix @ bits % 2).any()


@pytest.mark.parametrize("algorithm", ["gallager-a", "gallager-b"])
@pytest.mark.parametrize("spec", ["ccsds", "wimax"])
def test_gallager_against_the_textbook(algorithm, spec):
    code = netchat.coding.get(f"ldpc:{spec},iterations=4,algorithm={algorithm}")
    assert not code.soft
    rng = np.random.default_rng(1)
    word = code.encode(rng.integers(0, 2, (40, code.k), dtype=np.uint8))
    given = word ^ (rng.random(word.shape) < 0.02).astype(np.uint8)
    matrix = code.H.astype(int)
    result = code.decode(given)
    ratios = np.where(given, -1.0, 1.0) * rng.random(given.shape)  # only their signs count
    assert (code.decode(given, soft=ratios).message == result.message).all()
    for row in range(12):
        bits, wrong = gallager(matrix, given[row].astype(int), 4, algorithm == "gallager-a")
        assert (result.message[row] == bits[: code.k]).all()
        assert result.corrected[row] == (-1 if wrong else (bits != given[row]).sum())
    assert 0 < result.failed.mean() < 1


@pytest.mark.parametrize("hard", [False, True])
def test_bit_flipping_against_the_textbook(hard):
    code = netchat.coding.get("ldpc:ccsds,iterations=12,algorithm=bit-flipping")
    assert code.soft
    _, out = received(code, 4, 60)
    result = code.decode(out.block, soft=None if hard else out.soft)
    matrix = code.H.astype(int)
    for row in range(60):
        sizes = np.ones(128) if hard else np.abs(out.soft[row]).astype(float)
        bits, wrong = flip(matrix, out.block[row].astype(int), sizes, 12)
        assert (result.message[row] == bits[:64]).all()
        assert result.corrected[row] == (-1 if wrong else (bits != out.block[row]).sum())
    assert 0 < result.failed.mean() < 1


def test_weights_help_bit_flipping():
    code = netchat.coding.get("ldpc:ccsds,iterations=50,algorithm=bit-flipping")
    message, out = received(code, 4, 1000)
    rates = [
        (code.decode(out.block, soft=ratios).message != message).any(axis=1).mean()
        for ratios in (out.soft, None)
    ]
    assert rates[0] < 0.85 * rates[1]


@pytest.mark.parametrize("algorithm", ["gallager-b", "bit-flipping"])
def test_erased_bits_are_received_ones(algorithm):
    code = netchat.coding.get(f"ldpc:ccsds,algorithm={algorithm}")
    word = code.encode(np.zeros((20, 64), np.uint8))
    lost = np.random.default_rng(1).random(word.shape) < 0.03
    assert not code.decode(word, lost).message.any()
    assert (code.decode(word | lost, lost).message == code.decode(word | lost).message).all()


def test_the_threshold_of_a_regular_code(tmp_path):
    """Gallager's algorithm A decodes regular (3,6) codes up to p = 0.039 (Richardson and Urbanke 2001)."""
    rng = np.random.default_rng(3)
    n = 6000
    sockets = rng.permutation(np.repeat(np.arange(n), 3)).reshape(-1, 6)
    matrix = np.zeros((n // 2, n), np.uint8)
    for check, members in enumerate(sockets):
        matrix[check, members] ^= 1  # a double edge cancels
    path = tmp_path / "h.npz"
    sparse.save_npz(path, sparse.csr_matrix(matrix))
    code = LDPC(str(path), iterations=200, algorithm="gallager-a")
    zeros = np.zeros((64, n), np.uint8)
    for p, few in ((0.030, True), (0.048, False)):
        decoded = code.decode(zeros | (rng.random(zeros.shape) < p))
        left = decoded.message.mean()
        assert (left < 2e-3) == few


def test_codes_that_omit_bits_need_ratios():
    with pytest.raises(
        ValueError, match="must be min-sum, offset, sum-product for a code that omits"
    ):
        netchat.coding.get("ldpc:nr,20,60,algorithm=gallager-b")


def test_matrix_market_files(tmp_path):
    matrix = LDPC("ccsds").H
    for name, values in (("values.mtx", matrix), ("pattern.mtx", matrix.astype(bool))):
        path = tmp_path / name
        field = "pattern" if name.startswith("pattern") else None
        io.mmwrite(path, sparse.coo_matrix(values), field=field)
        code = LDPC(str(path))
        assert (code.n, code.k) == (128, 64)
        assert (matrix == code.H).all()
    io.mmwrite(tmp_path / "twos.mtx", sparse.coo_matrix(2 * matrix))
    with pytest.raises(ValueError, match="must contain a matrix of zeros and ones"):
        LDPC(str(tmp_path / "twos.mtx"))
    (tmp_path / "empty.mtx").write_text("nothing")
    with pytest.raises(ValueError, match=re.escape("is not a valid .mtx file")):
        LDPC(str(tmp_path / "empty.mtx"))
