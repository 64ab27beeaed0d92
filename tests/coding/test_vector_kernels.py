"""Vector operations of kernels against NumPy, compiled and without a compiler."""

import hashlib
import os
import subprocess
import sys

import numba
import numpy as np
import pytest

from netchat.coding import vector_kernels as vectors
from netchat.coding.vector_kernels import LANES


def compiled(function):
    """Return a function of arrays that applies a vector operation, compiled in this process."""
    return numba.njit(function)


@compiled
def combine(which, one, two, out):
    a, b = vectors.load(one, 0), vectors.load(two, 0)
    if which == 0:
        vectors.store(out, 0, vectors.minimum(a, b))
    elif which == 1:
        vectors.store(out, 0, vectors.maximum(a, b))
    elif which == 2:
        vectors.store(out, 0, vectors.add_saturated(a, b))
    elif which == 3:
        vectors.store(out, 0, vectors.subtract_saturated(a, b))
    elif which == 4:
        vectors.store(out, 0, vectors.negative(a))
    elif which == 5:
        vectors.store(out, 0, vectors.both(a, b))
    elif which == 6:
        vectors.store(out, 0, vectors.either(a, b))
    else:
        vectors.store(out, 0, vectors.choose(a, b, b, a))


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int16, np.uint16])
def test_operations(kind):
    rng = np.random.default_rng(1)
    limits = np.iinfo(kind)
    one, two = rng.integers(limits.min, limits.max, (2, LANES), kind, endpoint=True)
    wide, other = one.astype(int), two.astype(int)
    saturated = [np.clip(each, limits.min, limits.max) for each in (wide + other, wide - other)]
    expected = [
        np.minimum(one, two), np.maximum(one, two), *saturated, np.negative(one), one & two, one | two,
        np.maximum(one, two),
    ]  # fmt: skip
    for which, right in enumerate(expected):
        out = np.zeros(LANES, kind)
        combine(which, one, two, out)
        assert (out == right).all(), which
    assert (vectors._numpy_saturated(np.add)(one, two) == saturated[0]).all()


@compiled
def bits(one, two, place):
    a, b = vectors.load(one, 0), vectors.load(two, 0)
    return vectors.bits_below(a, b), vectors.bits_at(a, place)


@compiled
def shifted(one, out):
    vectors.store(out, 0, vectors.shift_right(vectors.load(one, 0), 3))


@compiled
def widened(one, out):
    vectors.store(out, 0, vectors.widen_like(vectors.load(one, 0), out))


def test_bits_and_shifts():
    one, two = np.random.default_rng(2).integers(0, 256, (2, LANES), np.uint8)
    below, at = bits(one, two, 5)
    weights = 1 << np.arange(LANES, dtype=np.uint64)
    assert below == weights[one < two].sum()
    assert at == weights[one >> 5 & 1 == 1].sum()
    assert vectors._bits(one < two) == below
    out = np.zeros(LANES, np.uint8)
    shifted(one, out)
    assert (out == one >> 3).all()
    for kind in (np.uint8, np.uint16):
        wide = np.zeros(LANES, kind)
        widened(one, wide)
        assert (wide == one).all()


@compiled
def quantised(ratios, scale, limit, out):
    vectors.store(out, 0, vectors.load_quantised(ratios, 2, scale, limit))


def test_quantised_ratios_keep_their_signs():
    """Rounding is to the nearest integer, but away from 0: a sign is never lost."""
    ratios = np.zeros(LANES + 2, np.float32)
    ratios[2:14] = 0.0, -0.0, 1e-9, -1e-9, 1.4, 1.6, -1.4, -1.6, 1e9, -1e9, np.inf, -np.inf
    expected = [0, 0, 1, -1, 1, 2, -1, -2, 9, -9, 9, -9]
    out = np.full(LANES, 99, np.int8)
    quantised(ratios, np.float32(1), np.float32(9), out)
    assert out[:12].tolist() == expected
    assert vectors._numpy_quantised(ratios, 2, 1.0, 9.0)[:12].tolist() == expected


@compiled
def transposed(square, spare):
    vectors.transpose(square, spare)


def test_transpose():
    square = np.random.default_rng(3).integers(-128, 128, LANES * LANES, np.int8)
    right = square.reshape(LANES, LANES).T.ravel().copy()
    again = square.copy()
    vectors._numpy_transpose(again, again)
    assert (again == right).all()
    transposed(square, np.zeros_like(square))
    assert (square == right).all()


def test_store_of_numpy():
    out = np.zeros(LANES + 1, np.uint8)
    vectors._numpy_store(out, 1, np.full(LANES, 7, np.uint8))
    assert out.tolist() == [0, *[7] * LANES]


@compiled
def of_register(one, two, out):
    a, b = vectors.load_register(one, 0), vectors.load_register(two, 0)
    vectors.store(out, 0, vectors.minimum(a, b))
    return vectors.bits_below(a, b)


def test_operations_on_the_entries_of_a_register():
    one, two = np.random.default_rng(4).integers(0, 256, (2, LANES), np.uint8)
    out, width = np.zeros(LANES, np.uint8), vectors.REGISTER
    weights = 1 << np.arange(width, dtype=np.uint64)
    assert of_register(one, two, out) == weights[one[:width] < two[:width]].sum()
    assert (out[:width] == np.minimum(one, two)[:width]).all()
    assert not out[width:].any()
    assert vectors._bits(one[:width] < two[:width]) == of_register(one, two, out)
    assert width * vectors.REGISTERS == LANES


DECODED = """
import hashlib, sys
import numpy as np
from netchat.coding import vector_kernels as vectors
width = int(sys.argv[1])
vectors.REGISTER, vectors.REGISTERS = width, 64 // width
vectors.REGISTER_WORD = np.dtype(f"u{width // 8}").type
vectors.load_register = vectors._loading(width)
import netchat.coding
digest = hashlib.sha256()
for spec, noise in (("turbo:600", 1.0), ("ldpc:ccsds", 0.8), ("ldpc:nr,100,200", 0.8)):
    code = netchat.coding.get(spec)
    rng = np.random.default_rng(5)
    word = code.encode(rng.integers(0, 2, (70, code.k), dtype=np.uint8))
    received = (1 - 2.0 * word + noise * rng.standard_normal(word.shape)).astype(np.float32)
    out = code.decode((received < 0).astype(np.uint8), soft=received)
    digest.update(out.message.tobytes() + out.corrected.tobytes())
print(digest.hexdigest())
"""


@pytest.mark.thorough
def test_the_size_of_a_register_changes_no_result(tmp_path):
    """Decoders agree bit by bit on processors with registers of 256 and of 512 bits."""
    found = {
        subprocess.run(
            [sys.executable, "-c", DECODED, str(width)],
            env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / str(width))},
            capture_output=True, text=True, encoding="utf-8", check=True, timeout=300,
        ).stdout
        for width in (32, 64)
    }  # fmt: skip
    assert len(found) == 1
    assert found != {hashlib.sha256().hexdigest() + "\n"}
