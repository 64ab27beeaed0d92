import itertools
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
import reedsolo

import netchat.coding
from netchat.coding.reed_solomon.code import ReedSolomon
from netchat.coding.reed_solomon.kernels import _AGREEING
from tests.coding.rs_textbook import TextbookReedSolomon

#: CCSDS 131.0-B: its polynomial, its first root, and its primitive element (the 11th power of x).
CCSDS = {"fcr": 112, "prim": 0x187, "generator": 0xAD}

SHAPES = [
    ((255, 223), {}),
    ((255, 239), {"fcr": 1}),
    ((255, 223), CCSDS),
    ((204, 188), {}),
    ((32, 16), {"fcr": 120}),
    ((20, 13), {"prim": 0x12D}),
    ((12, 11), {}),
    ((40, 7), {"fcr": 254}),
    ((255, 1), {}),
    ((5, 2), {"generator": 3, "prim": 0x11B}),
]
each_shape = pytest.mark.parametrize(("shape", "options"), SHAPES, ids=str)


def damage(words, errors, erased, rng, *, burst=False):
    """Return words with wrong and erased symbols; an erased symbol may be right by chance."""
    received, lost = words.copy(), np.zeros(words.shape, np.bool_)
    n = words.shape[1]
    for row, gone in zip(received, lost, strict=True):
        if burst:
            places = (int(rng.integers(n)) + np.arange(errors + erased)) % n
        else:
            places = rng.choice(n, errors + erased, replace=False)
        row[places[:errors]] ^= rng.integers(1, 256, errors, dtype=np.uint8)
        row[places[errors:]] = rng.integers(0, 256, erased, dtype=np.uint8)
        gone[places[errors:]] = True
    return received, lost


def mixtures(parity):
    """Return numbers of errors and erasures up to the limit 2e + s <= parity."""
    pairs = {(0, parity), (parity // 2, parity % 2), (1, 1), (parity // 4, parity // 3)}
    return sorted((e, s) for e, s in pairs if 2 * e + s <= parity)


@each_shape
def test_codewords_agree_with_the_textbook_encoder(shape, options):
    code, book = ReedSolomon(*shape, **options), TextbookReedSolomon(*shape, **options)
    message = np.random.default_rng(1).integers(0, 256, (5, code.k), dtype=np.uint8)
    message[0], message[1] = 0, 255
    word = code.encode(message)
    assert word.tolist() == [book.encode(row) for row in message.tolist()]
    assert not any(book.syndromes(word[-1].tolist()))


@each_shape
@pytest.mark.slow
def test_decoder_agrees_with_the_textbook_decoder(shape, options):
    code, book = ReedSolomon(*shape, **options), TextbookReedSolomon(*shape, **options)
    rng = np.random.default_rng(2)
    message = rng.integers(0, 256, (3, code.k), dtype=np.uint8)
    word = code.encode(message)
    parity = code.n - code.k
    beyond = (parity // 2 + 1, 0), (parity // 3 + 1, parity // 3 + 1)
    for errors, erased in (*mixtures(parity), *beyond):
        if errors + erased > code.n or parity > 64:
            continue
        received, lost = damage(word, errors, erased, rng)
        result = code.decode(received, lost)
        for row in range(len(word)):
            expected = book.decode(received[row].tolist(), np.flatnonzero(lost[row]).tolist())
            if expected is None:
                assert result.corrected[row] == -1
                assert (result.message[row] == received[row, : code.k]).all()
            else:
                assert (result.message[row].tolist(), result.corrected[row]) == expected


@each_shape
@pytest.mark.parametrize("burst", [False, True])
@pytest.mark.slow
def test_errors_and_erasures_within_the_limit_are_corrected(shape, options, burst):
    code = ReedSolomon(*shape, **options)
    rng = np.random.default_rng(3)
    message = rng.integers(0, 256, (200, code.k), dtype=np.uint8)
    word = code.encode(message)
    parity = code.n - code.k
    every = [(e, s) for e in range(parity // 2 + 1) for s in {0, 1, parity - 2 * e}]
    for errors, erased in every if parity <= 32 else mixtures(parity):
        if 2 * errors + erased > parity:
            continue
        received, lost = damage(word, errors, erased, rng, burst=burst)
        result = code.decode(received, lost)
        assert (result.message == message).all()
        assert (result.corrected == errors + erased).all()


def test_every_pattern_of_one_and_two_errors():
    code = ReedSolomon(255, 251)
    places = np.array(list(itertools.combinations(range(255), 2)))
    rng = np.random.default_rng(4)
    received = np.zeros((len(places), 255), np.uint8)
    np.put_along_axis(received, places, rng.integers(1, 256, places.shape, dtype=np.uint8), 1)
    result = code.decode(received)
    assert not result.message.any()
    assert (result.corrected == 2).all()
    single = np.zeros((255 * 255, 255), np.uint8)
    single[np.arange(255 * 255), np.repeat(np.arange(255), 255)] = np.tile(np.arange(1, 256), 255)
    result = code.decode(single)
    assert not result.message.any()
    assert (result.corrected == 1).all()


def test_an_early_stop_with_a_wrong_locator_is_continued():
    """Syndromes that first agree with a short locator, and later do not."""
    code = ReedSolomon(255, 223)
    # S_0 ... are all zero up to S_j: the polynomial of the errors is divisible by the first roots.
    shorter = ReedSolomon(20, 20 - 2 * _AGREEING)
    error = np.zeros((1, 255), np.uint8)
    error[0, 100:120] = shorter.encode([[1] + 11 * [0]])[0]
    weight = int((error != 0).sum())
    assert _AGREEING < weight <= code.corrects
    result = code.decode(error)
    assert result.corrected.tolist() == [weight]
    assert not result.message.any()


def test_beyond_the_limit_it_fails_or_finds_another_codeword_within_it():
    code = ReedSolomon(15, 11)
    rng = np.random.default_rng(5)
    message = rng.integers(0, 256, (20_000, 11), dtype=np.uint8)
    received, _ = damage(code.encode(message), 4, 0, rng)
    result = code.decode(received)
    found = ~result.failed
    assert 0 < found.sum() < 2000
    distance = (code.encode(result.message) != received).sum(axis=1)
    assert (distance[found] == result.corrected[found]).all()
    assert (distance[found] <= 2).all()
    assert (result.message[~found] == received[~found, :11]).all()


def test_more_erasures_than_parity_fail():
    code = ReedSolomon(20, 12)
    lost = np.zeros((1, 20), np.bool_)
    lost[0, :9] = True
    assert code.decode(np.zeros((1, 20), np.uint8), lost).corrected.tolist() == [-1]


@pytest.mark.parametrize(("shape", "options"), SHAPES[:7], ids=str)
def test_agrees_with_reedsolo(shape, options):
    fast = ReedSolomon(*shape, **options)
    spec = f"rs:{shape[0]},{shape[1]}" + "".join(f",{k}={v}" for k, v in options.items())
    slow = netchat.coding.get(spec + "@reedsolo")
    rng = np.random.default_rng(6)
    message = rng.integers(0, 256, (4, fast.k), dtype=np.uint8)
    word = fast.encode(message)
    assert (word == slow.encode(message)).all()
    parity = fast.n - fast.k
    for errors, erased in [*mixtures(parity), (parity // 2 + 1, 0)]:
        for burst in (False, True):
            received, lost = damage(word, errors, erased, rng, burst=burst)
            one, two = fast.decode(received, lost), slow.decode(received, lost)
            assert (one.corrected == two.corrected).all()
            assert (one.message == two.message).all()


@pytest.mark.slow
@pytest.mark.thorough
def test_agrees_with_galois(tmp_path):
    """Compare a code and a shortened one with galois, which is faster here without Numba."""
    cases = [(255, 223, (0, 1, 8, 16, 17)), (60, 40, (10, 10))]
    given, paths = [], []
    for n, k, weights in cases:
        code, rng = ReedSolomon(n, k, fcr=1), np.random.default_rng(7)
        message = rng.integers(0, 256, (len(weights), k), dtype=np.uint8)
        word = code.encode(message)
        received = np.concatenate(
            [damage(row[None], each, 0, rng)[0] for row, each in zip(word, weights, strict=True)]
        )
        paths += [tmp_path / f"given_{n}.npz", tmp_path / f"peer_{n}.npz"]
        np.savez(paths[-2], message=message, received=received)
        given.append((word, code.decode(received), [e if 2 * e <= n - k else -1 for e in weights]))
    subprocess.run(
        [sys.executable, "-m", "tests.coding.galois_rs", *paths],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"}, check=True,
    )  # fmt: skip
    for (word, result, corrected), path in zip(given, paths[1::2], strict=True):
        peer = np.load(path)
        assert (peer["word"] == word).all()
        assert (peer["corrected"] == result.corrected).all()
        assert (peer["decoded"] == result.message).all()
        assert result.corrected.tolist() == corrected


@pytest.mark.parametrize("length", [1, 5, 222, 223, 224, 1000])
def test_encoded_bytes_agree_with_reedsolo(length):
    data = np.random.default_rng(9).bytes(length)
    assert netchat.coding.get("rs:255,223").encode_bytes(data) == bytes(
        reedsolo.RSCodec(32).encode(data)
    )


@pytest.mark.parametrize(("n", "k"), [(256, 200), (10, 10), (10, 0), (10, 11)])
def test_invalid_n_and_k(n, k):
    with pytest.raises(ValueError, match=r"Argument '[nk]' must be from"):
        ReedSolomon(n, k)


@pytest.mark.parametrize(
    "options", [{"prim": 0x100}, {"prim": 0x11B}, {"generator": 1}, {"prim": 7}]
)
def test_invalid_fields(options):
    with pytest.raises(ValueError, match=r"Argument '(prim|generator)' must be"):
        ReedSolomon(20, 10, **options)


def test_a_code_is_pickled_without_its_tables():
    code = ReedSolomon(20, 10)
    word = code.encode(np.ones((1, 10), np.uint8))
    pickled = pickle.dumps(code)
    assert len(pickled) < 1000
    assert (pickle.loads(pickled).encode(np.ones((1, 10), np.uint8)) == word).all()


def test_the_reference_is_shortened_in_the_same_way():
    message = np.arange(1, 5, dtype=np.uint8)[None]
    fast, slow = (
        netchat.coding.get(f"rs:20,10{implementation}").shortened(4)
        for implementation in ("", "@reedsolo")
    )
    assert (slow.n, slow.k) == (14, 4)
    assert (slow.encode(message) == fast.encode(message)).all()
