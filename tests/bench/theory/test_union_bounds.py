"""Union bounds of convolutional codes: spectra of the literature, sums, and measured rates."""

import math

import numpy as np
import pytest

import netchat.channels
import netchat.coding
from netchat import bench
from netchat.bench.theory.union_bounds import over_errors, over_noise
from netchat.coding.convolutional.trellis import Trellis


@pytest.mark.parametrize(
    ("spec", "period", "paths", "bits"),
    [
        # Lin and Costello (2004), section 12.1; Frenger, Orten and Ottosson (1999)
        ("conv:5,7", 1, [1, 2, 4, 8, 16], [1, 4, 12, 32, 80]),
        ("conv:133,171", 1, [11, 0, 38, 0, 193, 0, 1331], [36, 0, 211, 0, 1404, 0, 11633]),
        # Haccoun and Begin (1989): sums over the phases of the puncturing pattern
        ("conv:wifi,rate=3/4", 3, [8, 31, 160, 892], [42, 201, 1492, 10469]),
    ],
)
def test_distance_spectra(spec, period, paths, bits):
    code = netchat.coding.get(spec)
    found = code.spectrum(len(paths) - 1)
    assert (found[0][code.minimum_distance :] * period).round(6).tolist() == paths
    assert (found[1][code.minimum_distance :] * period).round(6).tolist() == bits
    assert not found[0][: code.minimum_distance].any()


def test_generating_function_of_the_textbook():
    """T(D, N) = D^5 N / (1 - 2 D N) for generators 5 and 7 (Viterbi 1971)."""
    code = netchat.coding.get("conv:5,7,k=50")
    paths, bits = code.generating_function(0.3)
    assert paths == pytest.approx(0.3**5 / 0.4)
    assert bits == pytest.approx(0.3**5 / 0.4**2)
    assert code.generating_function(0.5) is None
    assert code.generating_function(0.9) is None


def test_bounds_of_the_textbook():
    code = netchat.coding.get("conv:5,7,k=50")
    snr = 1.2

    def q(d):
        return math.erfc(math.sqrt(d * snr)) / 2

    exact = sum(2 ** (d - 5) * q(d) for d in range(5, 200))
    bits = sum((d - 4) * 2 ** (d - 5) * q(d) for d in range(5, 200))
    fer, ber = over_noise(code, snr)
    assert exact * 50 <= fer < 1.0001 * exact * 50
    assert bits <= ber < 1.0001 * bits


def test_heavier_events_are_bounded_not_omitted():
    """Near the point where the sum diverges, the bound is 1."""
    code = netchat.coding.get("conv:133,171,k=50")
    assert over_noise(code, 0.05) == (1.0, 1.0)
    assert over_errors(code, 0.3) == (1.0, 1.0)
    assert over_errors(code, 0.0) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("spec", "channel"),
    [
        ("conv:133,171,k=200", "awgn:4dB"), ("conv:133,171,k=200@hard", "awgn:6dB"),
        ("conv:5,7,k=100", "bsc:0.01"), ("conv:voyager,k=300,rate=3/4", "awgn:5dB"),
    ],
)  # fmt: skip
@pytest.mark.slow
def test_measured_rates_are_near_the_bound(spec, channel):
    (point,) = bench.run(spec, channel, errors=150, seconds=60, workers=1).points
    assert point.tally.frame_errors >= 100
    assert point.theory.fer_kind == point.theory.ber_kind == "bound"
    assert point.fer_interval.low < point.theory.fer < 2 * point.fer
    assert point.ber_interval.low < point.theory.ber < 2.2 * point.ber


def test_unknown_bounds():
    for spec in (
        "conv:5,7,k=20,end=tailbiting",
        "conv:5,7,k=20,end=truncated",
        "conv:4001,6001,k=20",
    ):
        assert bench.theory(spec, "awgn:3dB").fer is None
        assert bench.theory(f"{spec}@hard", "awgn:3dB").fer is None
    assert netchat.coding.get("conv:4001,6001,k=20").generating_function(0.1) is None
    long = netchat.coding.get("conv:40001,77777,k=20,puncture=11111.11110")
    assert long.spectrum() is None
    assert long.minimum_distance == 1
    assert bench.theory("conv:5,7,k=20", "rayleigh:3dB").fer is None
    assert bench.theory("conv:5,7,k=20@hard", "gilbert-elliott:0.01,0.1,0,0.5").fer is None
    large = Trellis((0o100001, 0o77777), 15, np.ones((1, 2), bool))
    large.kept = np.ones((4, 2), bool)
    large.period = 4
    assert large.free_distance is None
    assert large.tail_biting_distance(10) is None


def test_events_without_weight():
    """A catastrophic trellis has endless events of finite weight."""
    trellis = Trellis((0b11, 0b11), 1, np.array([[True, False]]))
    assert trellis.is_catastrophic
    assert trellis.paths(4) is None or trellis.transfer(0.5) is None


class EveryWord(netchat.coding.Hamming):
    """The Hamming code (7,4) with a soft decoder that compares all 16 codewords."""

    def weight_distribution(self):
        return [1, 0, 0, 7, 7, 0, 0, 1]

    def _decode_soft(self, received, soft, erasures):
        messages = (np.arange(16)[:, None] >> np.arange(4)[::-1] & 1).astype(np.uint8)
        signs = 1 - 2.0 * self.encode(messages)
        best = (soft @ signs.T).argmax(axis=1)
        return netchat.coding.Decoded(messages[best], np.zeros(len(soft), np.int64))


def test_the_bound_by_a_weight_distribution():
    code = EveryWord(7, 4)
    code.soft, code.fast = True, "rows"
    es_n0 = 10**0.5 * 4 / 7
    exact = sum(a * math.erfc(math.sqrt(w * es_n0)) / 2 for a, w in ((7, 3), (7, 4), (1, 7)))
    found = bench.theory(code, "awgn:5dB")
    assert (found.fer_kind, found.fer) == ("bound", pytest.approx(exact))
    (point,) = bench.run(code, "awgn:5dB", errors=400, workers=1).points
    assert point.fer_interval.low < found.fer < 1.3 * point.fer
    assert point.ber < found.ber < 2.2 * point.ber
    p = 0.01
    pairs = [math.comb(w, e) * p**e * (1 - p) ** (w - e) for w, e in ((3, 2), (3, 3))]
    assert bench.theory(code, "bsc:0.01").fer > 7 * sum(pairs)


def test_codes_without_a_weight_distribution():
    class Unknown(EveryWord):
        def weight_distribution(self):
            raise ValueError("too long")

    code = Unknown(7, 4)
    code.soft, code.fast, code.spec = True, "rows", "unknown"
    assert bench.theory(code, "awgn:5dB").fer is None
    assert bench.theory("ldpc:ccsds,128", "awgn:5dB").fer is None
