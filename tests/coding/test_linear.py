"""Matrices and weight distributions of linear codes, and single blocks."""

import itertools

import numpy as np
import pytest

import netchat.coding
from netchat.coding import Code
from netchat.coding.linear import weights_of_dual, weights_of_mds

SPECS = [
    "repetition:5", "hamming:7,4", "hamming:16,11", "secded:22,16", "bch:15,7", "bch:31,16", "golay:23",
    "golay:24", "rm:1,4", "rm:2,4", "conv:5,7,k=10", "conv:lte,k=12", "ldpc:ccsds", "uncoded:3",
    "hamming:7,4+interleave:2", "hamming:15,11+hamming:7,4", "bch:63,45@osd2",
]  # fmt: skip


@pytest.mark.parametrize("spec", SPECS)
def test_the_rows_of_h_check_those_of_g(spec):
    code = netchat.coding.get(spec)
    assert code.G.shape == (code.k, code.n)
    assert code.H.shape == (code.n - code.k, code.n)
    assert not (code.G.astype(int) @ code.H.T % 2).any()
    message = np.random.default_rng(1).integers(0, 2, (20, code.k), dtype=np.uint8)
    assert (message.astype(int) @ code.G % 2 == code.encode(message)).all()
    rows = {int("".join(map(str, row)), 2) for row in code.H}
    assert len(rows) == code.n - code.k
    assert 0 not in rows


@pytest.mark.parametrize("spec", ["rs:20,10", "rs:9,5+interleave:2"])
def test_matrices_over_bytes(spec):
    """Over GF(256) too, the rows of H are orthogonal to every codeword."""
    from netchat.coding.galois_field import field

    code = netchat.coding.get(spec)
    word = code.encode(np.random.default_rng(1).integers(0, 256, (5, code.k), dtype=np.uint8))
    products = field().product[word[:, None, :], code.H[None]]
    assert not np.bitwise_xor.reduce(products, axis=2).any()
    with pytest.raises(ValueError, match="known for codes over bits"):
        netchat.coding.get("rs:9,5+interleave:2").weight_distribution()


def test_a_punctured_matrix_of_a_standard():
    code = netchat.coding.get("ldpc:nr,20,60")
    assert code.H.shape == (40, 60)
    assert not (code.G.astype(int) @ code.H.T % 2).any()


@pytest.mark.parametrize("spec", ["hamming:7,4", "hamming:15,11", "bch:15,7", "bch:15,5", "rm:1,4"])
def test_weights_are_those_of_all_codewords(spec):
    code = netchat.coding.get(spec)
    every = ((np.arange(1 << code.k)[:, None] >> np.arange(code.k)) & 1).astype(np.uint8)
    counts = np.bincount(code.encode(every).sum(axis=1), minlength=code.n + 1)
    assert code.weight_distribution() == counts.tolist()


@pytest.mark.parametrize(
    ("spec", "weights"),
    [
        # MacWilliams and Sloane, chapter 2, section 6, and chapter 15, section 3; Lin and Costello, 6.2
        ("golay:23", {0: 1, 7: 253, 8: 506, 11: 1288, 12: 1288, 15: 506, 16: 253, 23: 1}),
        ("golay:24", {0: 1, 8: 759, 12: 2576, 16: 759, 24: 1}),
        ("rm:1,5", {0: 1, 16: 62, 32: 1}),
        ("rm:2,5", {0: 1, 8: 620, 12: 13888, 16: 36518, 20: 13888, 24: 620, 32: 1}),
        ("rm:2,6", {0: 1, 16: 2604, 24: 291648, 28: 888832, 32: 1828134,
                    36: 888832, 40: 291648, 48: 2604, 64: 1}),
    ],
)  # fmt: skip
def test_published_weight_distributions(spec, weights):
    found = netchat.coding.get(spec).weight_distribution()
    assert {weight: count for weight, count in enumerate(found) if count} == weights


def test_weights_from_the_dual_code():
    """The number of codewords of weight 3 of a Hamming code is n (n - 1) / 6."""
    code = netchat.coding.get("hamming:1023,1013")
    found = code.weight_distribution()
    assert found[:4] == [1, 0, 0, 1023 * 1022 // 6]
    assert sum(found) == 2**1013
    assert weights_of_dual(weights_of_dual([1, 0, 0, 7, 7, 0, 0, 1])) == [1, 0, 0, 7, 7, 0, 0, 1]


def test_weights_of_reed_solomon_codes():
    found = weights_of_mds(4, 2, 8)
    assert found == [1, 0, 0, 28, 35]
    code = netchat.coding.get("rs:4,1")
    assert code.weight_distribution() == weights_of_mds(4, 1, 256) == [1, 0, 0, 0, 255]


def test_codes_without_matrices():
    with pytest.raises(ValueError, match="only a linear code"):
        netchat.coding.get("crc:32").weight_distribution()
    with pytest.raises(ValueError, match="must have at most"):
        netchat.coding.get("uncoded:20000").G  # noqa: B018
    with pytest.raises(ValueError, match="k or n - k up to 28, got k = 64 and n - k = 64"):
        netchat.coding.get("ldpc:ccsds").weight_distribution()

    class Mixed(Code):
        """A linear code over bytes that does not contain its message."""

        def __init__(self):
            super().__init__("mixed", k=2, n=2, alphabet="byte", systematic=False, citation="me")

        def _encode(self, message):
            return np.stack([message[:, 0], message[:, 0] ^ message[:, 1]], axis=1)

        def _decode(self, received):
            raise NotImplementedError

    assert Mixed().G.tolist() == [[1, 1], [0, 1]]
    with pytest.raises(ValueError, match="only if it is systematic"):
        Mixed().H  # noqa: B018


def test_a_subclass_can_have_its_own_matrix():
    class Own(netchat.coding.Hamming):
        def __init__(self):
            super().__init__(7)
            self.H = np.eye(3)

    assert Own().H.shape == (3, 3)


@pytest.mark.parametrize("spec", ["hamming:7,4", "rs:20,10", "conv:5,7,k=8", "golay:24"])
def test_a_single_block_is_a_row_of_a_batch(spec):
    code, rng = netchat.coding.get(spec), np.random.default_rng(3)
    message = rng.integers(0, 2, (1, code.k), dtype=np.uint8)
    word = code.encode(message)
    assert (code.encode(message[0]) == word[0]).all()
    assert code.encode(message[0].tolist()).shape == (code.n,)
    word[0, 1] ^= 1
    result = code.decode(word[0])
    assert (result.message == message[0]).all()
    assert (result.corrected, bool(result.failed)) == (1, False)
    lost = np.arange(code.n) == 1
    assert (code.decode(word[0], lost).message == message[0]).all()
    if code.alphabet == "bit":
        ratios = np.where(word[0], -4.0, 4.0)
        ratios[1] *= 0.01
        assert (code.decode(word[0], soft=ratios).message == message[0]).all()
        assert (code.decode(word[0].tolist(), lost.tolist(), ratios.tolist()).corrected) == 1
    with pytest.raises(ValueError, match=rf"must have shape \(batch, {code.k}\) or \({code.k},\)"):
        code.encode(np.zeros(code.k + 1, np.uint8))


def test_every_pair_of_golay_codewords_differs_in_eight_positions():
    """By the definition: no codeword but zero has a weight below 8."""
    generator = netchat.coding.get("golay:24").G
    for weight in (1, 2, 3):
        for rows in itertools.combinations(generator, weight):
            assert np.bitwise_xor.reduce(rows).sum() >= 8
