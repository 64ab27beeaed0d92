"""BCH codes: published polynomials and codewords, exhaustive decoding, and the package galois."""

import math
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest

import netchat.coding
from netchat.coding import BCH, bit_slicing
from netchat.coding.laws import check


def damaged(word, weights, rng):
    error = np.zeros_like(word)
    for row, weight in zip(error, weights, strict=True):
        row[rng.choice(word.shape[1], weight, replace=False)] = 1
    return word ^ error


@pytest.mark.parametrize(
    ("n", "k", "t", "octal"),
    [
        # Lin and Costello, Error Control Coding, 2nd edition, appendix C
        (7, 4, 1, 0o13),
        (15, 11, 1, 0o23),
        (15, 7, 2, 0o721),
        (15, 5, 3, 0o2467),
        (31, 21, 2, 0o3551),
        (31, 16, 3, 0o107657),
        (31, 11, 5, 0o5423325),
        (63, 51, 2, 0o12471),
        (63, 45, 3, 0o1701317),
        (127, 113, 2, 0o41567),
        (127, 106, 3, 0o11554743),
        (255, 239, 2, 0o267543),
        (255, 231, 3, 0o156720665),
    ],
)
def test_published_generator_polynomials(n, k, t, octal):
    code = BCH(n, k)
    assert (code.corrects, code.generator_polynomial) == (t, octal)
    assert BCH(n, t=t).k == k


def test_codewords_of_pagers():
    """The sync and idle codewords of POCSAG (ITU-R M.584): BCH (31,21) and a parity bit."""
    code = BCH(31, 21)
    for word in (0x7CD215D8, 0x7A89C197):
        bits = [word >> (31 - i) & 1 for i in range(32)]
        assert code.encode(bits[:21]).tolist() == bits[:31]
        assert sum(bits) % 2 == 0


@pytest.mark.parametrize(("n", "k"), [(15, 11), (15, 7), (15, 5), (15, 1), (12, 4), (7, 4)])
def test_every_word(n, k):
    """A word is decoded if a codeword is within t errors, and is a failure otherwise."""
    code = BCH(n, k)
    every = ((np.arange(1 << n)[:, None] >> np.arange(n)) & 1).astype(np.uint8)
    codewords = code.encode(every[: 1 << k, :k])
    numbers = codewords @ (1 << np.arange(n, dtype=np.uint16))
    distance = np.bitwise_count(np.arange(1 << n, dtype=np.uint16)[:, None] ^ numbers)
    nearest = distance.min(axis=1).astype(int)
    result = code.decode(every)
    near = nearest <= code.corrects
    assert (result.corrected == np.where(near, nearest, -1)).all()
    assert (result.message[near] == codewords[distance.argmin(axis=1)[near], :k]).all()
    assert (result.message[~near] == every[~near, :k]).all()


@pytest.mark.parametrize(
    "spec",
    ["bch:31,11", "bch:63,t=5", "bch:100,t=4", "bch:127,64", "bch:255,131", "bch:1023,t=30",
     "bch:60,t=3,prim=0x1002d", "bch:31,1"],
)  # fmt: skip
def test_errors_up_to_t_are_corrected_and_others_consistent(spec):
    code, rng = netchat.coding.get(spec), np.random.default_rng(1)
    message = rng.integers(0, 2, (600, code.k), dtype=np.uint8)
    weights = rng.integers(0, code.corrects + 4, 600).clip(0, code.n)
    received = damaged(code.encode(message), weights, rng)
    result = code.decode(received)
    right = weights <= code.corrects
    assert (result.message[right] == message[right]).all()
    assert (result.corrected[right] == weights[right]).all()
    found = ~result.failed
    changed = (code.encode(result.message) != received).sum(axis=1)
    assert (changed[found] == result.corrected[found]).all()
    assert changed[found].max() <= code.corrects
    assert (result.message[~found] == received[~found, : code.k]).all()


def test_a_batch_without_errors_and_one_with():
    """A group of 512 blocks without an error takes a shorter path."""
    code, rng = BCH(127, 106), np.random.default_rng(2)
    message = rng.integers(0, 2, (1500, 106), dtype=np.uint8)
    word = code.encode(message)
    result = code.decode(word)
    assert (result.message == message).all()
    assert not result.corrected.any()
    word[700, 3] ^= 1
    slices = code.decode_bit_sliced(bit_slicing.from_rows(word))
    assert (bit_slicing.to_rows(slices.message, 1500) == message).all()
    assert bit_slicing.to_counts(slices.corrected, 1500).nonzero()[0].tolist() == [700]


@pytest.mark.thorough
def test_agrees_with_galois(tmp_path):
    cases = [(15, 7), (31, 16), (63, 1), (127, 106)]
    paths, given = [], []
    for n, k in cases:
        message = np.random.default_rng(3).integers(0, 2, (2, k), dtype=np.uint8)
        path = tmp_path / f"{n}_{k}.npz"
        np.savez(path, n=n, message=message)
        paths += [path, tmp_path / f"peer_{n}_{k}.npz"]
        given.append((BCH(n, k), message))
    subprocess.run(
        [sys.executable, "-m", "tests.coding.galois_bch", *paths],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"}, check=True,
    )  # fmt: skip
    for (code, message), path in zip(given, paths[1::2], strict=True):
        peer = np.load(path)
        assert (peer["word"] == code.encode(message)).all()
        assert peer["corrects"] == code.corrects


def test_the_frame_error_rate_is_that_of_more_than_t_errors():
    from netchat import bench

    (point,) = bench.run("bch:63,45", "bsc:0.02", errors=2000, workers=1).points
    exact = 1 - sum(math.comb(63, e) * 0.02**e * 0.98 ** (63 - e) for e in range(4))
    assert point.fer_interval.low < exact < point.fer_interval.high


def test_shortened_codes():
    code = BCH(127, 106)
    short = code.shortened(50)
    assert (short.spec, short.corrects) == ("bch:71,50", 3)
    message = np.random.default_rng(1).integers(0, 2, (3, 50), dtype=np.uint8)
    padded = np.pad(message, ((0, 0), (56, 0)))
    assert (short.encode(message) == code.encode(padded)[:, 56:]).all()
    assert code.shortened(30).spec == "bch:51,30,prim=0x89"
    assert netchat.coding.get("bch:51,30,prim=0x89").corrects == 3
    tiny = BCH(7, 4).shortened(1)
    assert (tiny.n, tiny.k) == (4, 1)
    assert not [law for law in check(tiny) if law.counterexample]


def test_a_code_is_pickled_without_its_tables():
    code = BCH(255, 131)
    message = np.ones((1, 131), np.uint8)
    word = code.encode(message)
    pickled = pickle.dumps(code)
    assert len(pickled) < 10_000
    assert (pickle.loads(pickled).encode(message) == word).all()


def test_a_code_can_correct_more_than_was_asked_for():
    """Of (127, 29), the generator polynomial has 42 consecutive roots, not 40 (Lin and Costello)."""
    assert BCH(15, t=4).corrects == 7
    code = BCH(127, 29)
    assert code.corrects == 21
    assert BCH(127, t=20).k == 29
    assert BCH(127, t=20).corrects == 21
    fewer = BCH(127, 29, 20)
    assert (fewer.corrects, fewer.detects, fewer.spec) == (20, 22, "bch:127,29,t=20")
    assert fewer.generator_polynomial == code.generator_polynomial
    rng = np.random.default_rng(1)
    message = rng.integers(0, 2, (2, 29), dtype=np.uint8)
    received = damaged(code.encode(message), [20, 21], rng)
    assert fewer.decode(received).corrected.tolist() == [20, -1]
    assert code.decode(received).corrected.tolist() == [20, 21]
    assert fewer.shortened(20).spec == "bch:118,20,t=20"


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("bch:127", "'k' or 't' must be given"),
        ("bch:6,3", "'n' must be from 7 to 65535, got 6"),
        ("bch:70000,3", "'n' must be from 7 to 65535, got 70000"),
        ("bch:127,105", "such as 99, 106, 113, 120, got 105"),
        ("bch:15,t=8", "'t' must be from 1 to 7 for n = 15, got 8"),
        ("bch:15,t=0", "'t' must be at least 1, got 0"),
        ("bch:15,7,3", "'t' must be at most 2 for (15,7), got 3"),
        ("bch:127,106,prim=0x43", "'prim' must be of degree 7 to 16 for n = 127, got 0x43"),
        ("bch:15,7,prim=0x1f", "'prim' must be a primitive polynomial of degree 4"),
    ],
)
def test_invalid_arguments(spec, says):
    with pytest.raises(ValueError) as raised:
        netchat.coding.get(spec)
    assert says in str(raised.value)
