"""Miscorrection by Reed-Solomon decoders: theory counts the wrong bits that it adds."""

from itertools import combinations
from math import comb

import numpy as np
import pytest

import netchat.channels
import netchat.coding
from netchat import bench
from netchat.bench.theory.miscorrection import expected_bits, log_weights, uncertainty
from netchat.bench.theory.rates import theory


def test_weights_of_a_code_by_all_of_its_words():
    code = netchat.coding.get("rs:6,2")
    messages = np.stack(np.divmod(np.arange(65536), 256), axis=1).astype(np.uint8)
    weights = np.count_nonzero(code.encode(messages), axis=1)
    assert np.exp(log_weights(6, 2)) == pytest.approx(np.bincount(weights, minlength=7), rel=1e-12)
    for k in (1, 2, 3, 100, 251, 253):
        assert np.logaddexp.reduce(log_weights(255, k)) == pytest.approx(k * np.log(256), abs=1e-9)


@pytest.mark.parametrize("options", ["", ",fcr=1", ",fcr=7,prim=0x187,generator=0xad"])
@pytest.mark.parametrize("size", ["3,1", "6,4"])
def test_two_parity_bytes_by_every_pattern_of_up_to_four_wrong_bits(size, options):
    code = netchat.coding.get(f"rs:{size}{options}")
    bits, wrong_bits = 8 * code.n, [0, 0]
    for weight in (2, 3, 4):
        places = np.array(list(combinations(range(bits), weight)))
        errors = np.zeros((len(places), bits), np.uint8)
        np.put_along_axis(errors, places, 1, axis=1)
        left = code.decode(np.packbits(errors, axis=1)).message
        wrong_bits.append(int(np.unpackbits(left).sum()))
    for p in (1e-130, 1e-60, 1e-12, 1e-5):
        few = sum(
            count * p**weight * (1 - p) ** (bits - weight)
            for weight, count in enumerate(wrong_bits)
        ) / (8 * code.k)
        # Five and more wrong bits are omitted: they contribute less than 1e-9 at these rates.
        assert comb(bits, 5) * p**5 < 1e-9 * few
        found = theory(code, f"bsc:{p!r}")
        assert (found.ber_kind, found.ber) == ("exact", pytest.approx(few, rel=1e-9))
    assert theory(code, "bsc:0").ber == 0
    assert theory(code, "bsc:1").ber == pytest.approx(wrong_when_all_bits_are(code), rel=1e-9)


def wrong_when_all_bits_are(code):
    left = code.decode(np.full((1, code.n), 255, np.uint8)).message
    return np.unpackbits(left).mean()


#: Codes with t = 1, 2, 3 and more, channels, and the stated accuracy of their theory.
MEASURED = {
    ("rs:255,253", "awgn:8.4dB"): "exact",
    ("rs:255,253,fcr=1", "awgn:8.4dB"): "exact",
    ("rs:40,38,fcr=254+interleave:3", "bsc:0.002"): "exact",
    ("rs:255,252,fcr=1", "bsc:0.0006"): "approximation",
    ("rs:255,251,fcr=1", "bsc:0.0008"): "approximation",
    ("rs:255,250", "bsc:0.0008"): "approximation",
    ("rs:60,54", "bsc:0.004"): "approximation",
    ("rs:255,249", "gilbert-elliott:0.001,0.2,0.0001,0.1"): "approximation",
    ("rs:255,251", "gilbert-elliott:0.001,0.2,0.0001,0.1"): "approximation",
    ("rs:255,253", "gilbert-elliott:0.001,0.2,0.0001,0.1"): "approximation",
    ("rs:60,56+hamming:7,4", "bsc:0.02"): "approximation",
    ("rs:60,58+repetition:3", "bsc:0.02"): "approximation",
}  # fmt: skip


@pytest.mark.parametrize(("spec", "channel"), MEASURED)
@pytest.mark.slow
def test_measured_rates_agree_with_theory(spec, channel):
    (point,) = bench.run([spec], [channel], errors=4000, seconds=4, workers=1).points
    known, (low, high) = point.theory, point.ber_interval
    assert known.ber_kind == MEASURED[spec, channel]
    assert point.tally.frame_errors > 1000
    assert known.ber * (1 - known.ber_error) < high
    assert low < known.ber * (1 + known.ber_error)
    if known.ber_error < 0.1:
        assert low * 0.99 < known.ber < high * 1.01


def test_miscorrection_has_a_large_effect():
    """Without miscorrection, the rate of a code with two parity bytes is off by half or more."""
    code, channel = netchat.coding.get("rs:255,251"), netchat.channels.get("bsc:0.0008")
    (point,) = bench.run([code], [channel], errors=4000, workers=1).points
    p = 1 - (1 - 0.0008) ** 8
    count = np.array([float(comb(255, w)) for w in range(256)])
    chance = count * p ** np.arange(256) * (1 - p) ** np.arange(255, -1, -1)
    bits = chance * np.arange(256) * 8 * 0.0008 / p * 251 / 255
    assert expected_bits(255, 251, chance, bits) / 2008 == pytest.approx(point.theory.ber)
    assert bits[3:].sum() / 2008 < 0.7 * point.ber_interval.low


def test_every_approximation_has_an_error_bound():
    assert [uncertainty(parity) for parity in (1, 2, 3, 4, 7, 13)] == [
        0,
        0.6,
        0.03,
        0.03,
        0.03,
        0.03,
    ]
    assert uncertainty(14) < 1e-3
    assert uncertainty(32) < 1e-12
    results = bench.run(["rs:255,251"], ["bsc:0.001"], frames=100, workers=1)
    assert "~1.24e-3 ±3%" in results.table()
    assert results.as_dict()["points"][0]["theory_ber_error"] == 0.03
