"""Product codes: their definition, guarantees, and iterations."""

import itertools

import numpy as np
import pytest

import netchat.coding
from netchat.coding import Product


@pytest.mark.parametrize(
    ("rows", "columns"),
    [("hamming:7,4", "hamming:7,4"), ("rm:1,3", "bch:15,7"), ("golay:24", "repetition:3")],
)
def test_rows_and_columns_are_codewords(rows, columns):
    code = netchat.coding.get(f"{rows}+product:{columns}")
    one, two = netchat.coding.get(rows), netchat.coding.get(columns)
    assert (code.n, code.k) == (one.n * two.n, one.k * two.k)
    word = code.encode(np.random.default_rng(1).integers(0, 2, (4, code.k), dtype=np.uint8))
    tables = word.reshape(4, two.n, one.n).astype(int)
    assert not (tables @ one.H.T % 2).any()
    assert not (two.H.astype(int) @ tables % 2).any()
    assert (np.kron(two.G, one.G) == code.G).all()


def test_weights_of_a_product():
    """The lightest codewords are products of lightest codewords: 7 x 7 of weight 9."""
    weights = netchat.coding.get("hamming:7,4+product").weight_distribution()
    assert weights[1:10] == [0] * 8 + [49]


def test_every_pattern_of_three_errors():
    code = netchat.coding.get("hamming:7,4+product")
    places = np.array(list(itertools.combinations(range(49), 3)))
    error = np.zeros((len(places), 49), np.uint8)
    np.put_along_axis(error, places, 1, axis=1)
    result = code.decode(error)
    assert not result.message.any()
    assert (result.corrected == 3).all()


def test_iterations_correct_more_errors():
    rng = np.random.default_rng(2)
    failures = []
    for iterations in (1, 2, 20):
        code = Product("bch:31,21", iterations=iterations)
        message = rng.integers(0, 2, (200, code.k), dtype=np.uint8)
        word = code.encode(message)
        result = code.decode(word ^ (rng.random(word.shape) < 0.05))
        good = ~result.failed
        failures.append(200 - good.sum())
        assert (good & (result.message != message).any(axis=1)).mean() < 0.02
    assert failures[0] > 150
    assert failures[2] < failures[1] / 2


def test_erasures_help():
    code, rng = netchat.coding.get("hamming:15,11+product"), np.random.default_rng(3)
    message = rng.integers(0, 2, (50, code.k), dtype=np.uint8)
    word = code.encode(message)
    lost = rng.random(word.shape) < 0.12
    result = code.decode(np.where(lost, 0, word), lost)
    good = ~result.failed
    assert good.mean() > 0.8
    assert (result.message[good] == message[good]).all()
    assert (result.corrected[good] == lost[good].sum(axis=1)).all()


def test_a_dead_end_is_a_failure():
    """Rows and columns that cannot be decoded: two errors in two rows of an extended Hamming code."""
    code = netchat.coding.get("hamming:8,4+product")
    error = np.zeros((1, 8, 8), np.uint8)
    error[0, :2, :2] = 1
    result = code.decode(error.reshape(1, 64))
    assert result.corrected.tolist() == [-1]


def test_specifications():
    assert netchat.coding.get("rs:20,14+product:rs:12,8").spread(12) == 12
    code = netchat.coding.get("hamming:15,11 + product:bch:15,7")
    assert (code.columns.spec, Product("hamming:15,11", "bch:15,7").spec) == (
        "bch:15,7", "hamming:15,11+product:bch:15,7",
    )  # fmt: skip
    assert netchat.coding.get("rs:20,10+hamming:7,4+product:hamming:7,4").n == 7 * 280


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("product", "product follows the code of the rows"),
        ("rs:20,10+product:hamming:7,4", "two linear codes over bits, or two over bytes"),
        ("crc:32,8+product", "A product needs two linear codes"),
        ("hamming:7,4+product:nothing", "Unknown code 'nothing'"),
    ],
)
def test_invalid_specifications(spec, says):
    with pytest.raises(ValueError) as raised:
        netchat.coding.get(spec)
    assert says in str(raised.value)


@pytest.mark.parametrize("iterations", [0, 1001])
def test_invalid_iterations(iterations):
    with pytest.raises(ValueError, match="'iterations' must be from 1 to 1000"):
        Product("hamming:7,4", iterations=iterations)
