"""Operations between lanes against NumPy, for processors with and without special instructions."""

import os
import subprocess
import sys

import numba
import numpy as np
import pytest

from netchat.coding import lane_kernels as lanes
from netchat.coding import vector_kernels as vectors

PROGRAM = "from tests.coding.test_lane_kernels import compare; compare()"


@numba.njit
def move(values, order, word, out):
    by = vectors.load(order, 0)
    vectors.store(out, 0, lanes.permute(vectors.load(values, 0), by))
    return lanes.permute_bits(word, by)


@numba.njit
def select(values, others, word, out):
    vectors.store(out, 0, lanes.choose_bits(word, vectors.load(values, 0), vectors.load(others, 0)))


def compare():
    rng = np.random.default_rng(1)
    for kind in (np.int8, np.uint8):
        for _ in range(20):
            limits = np.iinfo(kind)
            values, others = rng.integers(limits.min, limits.max, (2, 64), kind, endpoint=True)
            order = rng.integers(0, 64, 64, dtype=np.uint8)
            word = rng.integers(0, 1 << 64, dtype=np.uint64)
            bits = (int(word) >> np.arange(64).astype(object)) & 1
            out = np.zeros(64, kind)
            moved = move(values, order, word, out)
            assert (out == values[order]).all()
            assert int(moved) == sum(int(bits[place]) << lane for lane, place in enumerate(order))
            select(values, others, word, out)
            assert (out == np.where(bits.astype(bool), values, others)).all()


def test_on_this_processor():
    compare()


@pytest.mark.thorough
@pytest.mark.parametrize("features", ["+avx2,+bmi,+bmi2,+fma,+popcnt", "+sse2"])
def test_on_other_processors(features):
    """The same without the instruction that permutes 64 bytes, and without AVX2."""
    environment = {
        **os.environ, "NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": features, "NUMBA_DISABLE_JIT": "0",
    }  # fmt: skip
    subprocess.run([sys.executable, "-c", PROGRAM], env=environment, check=True, timeout=300)


@pytest.mark.slow
def test_without_a_compiler():
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    subprocess.run([sys.executable, "-c", PROGRAM], env=environment, check=True, timeout=300)
