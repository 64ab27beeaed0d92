"""The whole bench against theory, at hundreds of points: intervals have their stated coverage.
The tests also detect codes with deliberate bugs that occur only now and then."""

import math

import numpy as np
import pytest

import netchat.channels
import netchat.coding
from netchat import bench
from netchat.bench.theory.rates import theory
from netchat.coding.arrays import DecodedBitSlices
from netchat.coding.block.hamming import Hamming
from netchat.coding.laws import check

#: Codes, with the number of frames per point.
CODES = {
    "uncoded:8": 20_000, "uncoded:64": 6_000, "crc:8": 6_000, "repetition:3": 60_000,
    "repetition:4": 60_000, "repetition:5": 60_000, "repetition:9": 60_000,
    "hamming:3,1": 60_000, "hamming:7,4": 40_000, "hamming:15,11": 20_000,
    "hamming:31,26": 10_000, "hamming:8,4": 40_000, "hamming:16,11": 20_000,
    "secded:22,16": 10_000, "secded:72,64": 6_000, "rs:15,7": 6_000, "rs:60,40": 3_000,
    "rs:255,223": 1_500, "rs:30,14,fcr=3+interleave:3": 1_500,
    "rs:60,40+hamming:7,4": 400, "rs:30,14+repetition:3@hard": 1_000,
    "repetition:3@hard": 60_000,
}  # fmt: skip
CHANNELS = (
    "bsc:0.2", "bsc:0.08", "bsc:0.04", "bsc:0.02", "bsc:0.01", "bsc:0.005",
    "awgn:2dB", "awgn:4dB", "awgn:5.5dB", "awgn:6dB", "bec:0.4", "bec:0.15", "bec:0.03",
    "gilbert-elliott:0.01,0.2,0,0.5", "gilbert-elliott:0.002,0.1,0.001,0.4",
    "gilbert-elliott:0.1,0.3,0.01,0.2", "gilbert-elliott:0.003,0.03,0,0.3",
)  # fmt: skip

#: Minimum number of expected errors for a point to be judged by its standard error.
ENOUGH = 30


def exact(code, channel):
    """Return the exactly known rates, and those that miscorrection hardly affects (t >= 8)."""
    known = theory(code, channel)
    hardly = known.ber_kind == "approximation" and ("rs:60" in code.spec or "rs:255" in code.spec)
    return (
        known.fer if known.fer_kind == "exact" else None,
        known.ber if known.ber_kind == "exact" or hardly else None,
    )


def deviation(count, interval, truth):
    """Return the deviation of a rate in standard errors, as used for its interval."""
    rate = count.hits / count.trials
    if count.clusters == count.trials:
        error = math.sqrt(truth * (1 - truth) / count.trials)
    else:
        between = count.squares - count.hits**2 / count.clusters
        error = math.sqrt(between * count.clusters / (count.clusters - 1)) / count.trials
    return abs(rate - truth) / error


@pytest.fixture(scope="module")
def judged():
    """(point, rate, whether the interval covers it, standard errors it is off)"""
    verdicts = []
    for spec, frames in CODES.items():
        code = netchat.coding.get(spec)
        worth = [
            channel for channel in CHANNELS
            if (fer := theory(code, netchat.channels.get(channel)).fer)
            and ENOUGH < fer * frames < 0.999 * frames
        ]  # fmt: skip
        results = bench.run([spec], worth, frames=frames, errors=frames, seed=4, workers=1)
        for point in results.points:
            rates = exact(code, netchat.channels.get(point.channel))
            counts = (point.tally.by_frame, point.fer_interval), (
                point.tally.by_bit, point.ber_interval
            )  # fmt: skip
            for name, truth, (count, interval) in zip(("FER", "BER"), rates, counts, strict=True):
                if truth is not None and count.touched >= ENOUGH:
                    covers = interval.low <= truth <= interval.high
                    off = deviation(count, interval, truth)
                    verdicts.append((point.code, point.channel, name, covers, off))
    return verdicts


@pytest.mark.thorough
def test_enough_points(judged):
    assert len({(code, channel) for code, channel, *_ in judged}) >= 200
    kinds = {channel.partition(":")[0] for _, channel, *_ in judged}
    assert kinds == {"bsc", "awgn", "bec", "gilbert-elliott"}
    assert {code for code, *_ in judged} == set(CODES)


@pytest.mark.parametrize("rate", ["FER", "BER"])
@pytest.mark.thorough
def test_intervals_cover_the_true_rates(judged, rate):
    covered = [covers for *_, name, covers, _ in judged if name == rate]
    assert len(covered) >= 150
    assert np.mean(covered) >= 0.93


@pytest.mark.thorough
def test_no_point_deviates_far_from_theory(judged):
    far = [verdict for verdict in judged if verdict[-1] > 4.5]
    assert far == []


@pytest.mark.thorough
def test_intervals_are_not_too_wide(judged):
    """About a third of the points deviate by more than one standard error, as expected."""
    off = np.array([off for *_, off in judged])
    assert 0.22 < np.mean(off > 1) < 0.42


class BiasedNowAndThen(Hamming):
    """Obeys every law, but is wrong for one error-free block in a thousand of a large batch."""

    def __init__(self):
        super().__init__(31)
        self.spec = "planted"

    def _decode_bit_sliced(self, received):
        result = super()._decode_bit_sliced(received)
        message = result.message.copy()
        if message.shape[1] > 100:
            message[3, ::15] ^= np.uint64(1)
        return DecodedBitSlices(message, result.corrected, result.failed)


class DropsTheLastBlocks(Hamming):
    """Does not decode the last words of a large batch."""

    def __init__(self):
        super().__init__(7)
        self.spec = "planted"

    def _decode_bit_sliced(self, received):
        result = super()._decode_bit_sliced(received)
        if received.shape[1] > 100:
            result.message[:, -1] = 0
        return result


class SilentlyMiscorrects(Hamming):
    """Extended code that mistakes two errors for one, and reports one correction."""

    def __init__(self):
        super().__init__(8)
        self.spec = "planted"

    def _decode_bit_sliced(self, received):
        result = super()._decode_bit_sliced(received)
        nothing = np.zeros_like(result.failed)
        message = result.message.copy()
        message[0] ^= result.failed
        return DecodedBitSlices(message, result.corrected, nothing)


def off(code, channel, frames):
    """Return the deviation of its rates from theory, in standard errors."""
    (point,) = bench.run([code], [channel], frames=frames, errors=frames).points
    counts = (point.tally.by_frame, point.tally.by_bit)
    truths = (point.theory.fer, point.theory.ber)
    return [deviation(count, None, truth) for count, truth in zip(counts, truths, strict=True)]


@pytest.mark.slow
def test_a_bias_that_no_law_detects():
    assert all(verdict.counterexample is None for verdict in check(BiasedNowAndThen()))
    assert max(off(BiasedNowAndThen(), "bsc:0.001", 500_000)) > 4.5
    assert max(off(Hamming(31), "bsc:0.001", 500_000)) < 4.5


@pytest.mark.slow
def test_blocks_that_are_dropped():
    assert max(off(DropsTheLastBlocks(), "bsc:0.001", 500_000)) > 4.5
    assert max(off(Hamming(7), "bsc:0.001", 500_000)) < 4.5


@pytest.mark.slow
def test_silent_miscorrection_is_found_by_the_laws_and_has_a_column():
    code = SilentlyMiscorrects()
    broken = [verdict for verdict in check(code) if verdict.counterexample]
    assert any("the decoder must detect 2 errors" in verdict.counterexample for verdict in broken)
    wrong, right = (
        bench.run([each], ["bsc:0.02"], frames=100_000, errors=100_000).points[0].tally
        for each in (code, Hamming(8))
    )
    assert wrong.undetected > 10 * right.undetected > 0
    assert (
        max(off(code, "bsc:0.02", 100_000)) > 4.5
    )  # of the bits; the frame error rate is unchanged
