"""Rates described as exact are exact to nine digits, however small: compared with mpmath."""

import math
from functools import cache

import mpmath
import numpy as np
import pytest
from mpmath import mpf

import netchat.channels
import netchat.coding
from netchat.bench.theory.limits import capacity, lowest_ber, worst_bsc
from netchat.bench.theory.rates import theory
from netchat.channels.channel import bsc_capacity, entropy
from netchat.channels.gilbert_elliott import GilbertElliott

#: Digits of precision of the references, whose terms cancel.
mpmath.mp.dps = 800

RATES = (
    0.0, 1e-150, 3e-101, 1e-75, 1e-30, 1e-16, 1e-12, 1e-9, 1e-7, 3e-5, 1e-3, 0.02, 0.3, 0.5, 0.7, 0.999,
    1 - 1e-12, 1.0,
)  # fmt: skip
BURSTS = (
    "1e-30,0.1,1e-40,0.5", "1e-9,0.25,0,0.5", "0.003,0.03,1e-12,0.3", "0.9,1e-9,0.4,1e-13",
    "1,1e-20,1,0", "0.05,0.2,0.01,0.4", "1e-3,1e-3,0,1",
)  # fmt: skip


def agree(found, exact):
    """Check nine digits down to 1e-300; below that, only that a rate is tiny and not negative."""
    assert found is not None
    assert 0 <= found <= 1
    if exact < mpf("1e-300"):
        assert found < 1.01e-300
    else:
        assert abs(mpf(found) / exact - 1) < 1e-9, (found, mpmath.nstr(exact, 12))


def chain_of(channel):
    """Return (initial states, transitions, error rates) of a spec, without rounding."""
    if isinstance(channel, GilbertElliott):
        gb, bg, good, bad = (mpf(float(x)) for x in channel.spec.partition(":")[2].split(","))
        start = [bg / (gb + bg), gb / (gb + bg)]
        return start, [[1 - gb, gb], [bg, 1 - bg]], [good, bad]
    return [mpf(1)], [[mpf(1)]], [mpf(channel.p)]


def step(vector, weights, moves):
    """Advance the chain by one bit: weight the states, then apply the transitions."""
    weighted = [v * w for v, w in zip(vector, weights, strict=True)]
    return [sum(weighted[s] * moves[s][to] for s in range(len(moves))) for to in range(len(moves))]


def wrong_bits(channel, n, most):
    """Return the probability of more than `most` wrong bits among n."""
    start, moves, error = chain_of(channel)
    at = [start] + [[mpf(0)] * len(start)] * (most + 1)  # the last entry: more than that
    for _ in range(n):
        good = [step(v, [1 - e for e in error], moves) for v in at]
        bad = [step(v, error, moves) for v in at]
        last = [sum(x) for x in zip(good[-1], bad[-1], bad[-2], strict=True)]
        inner = [
            [a + b for a, b in zip(good[j], bad[j - 1], strict=True)] for j in range(1, most + 1)
        ]
        at = [good[0], *inner, last]
    return sum(at[-1])


@cache
def dual_words(spec):
    """Return the words of the dual code, each with its signs (+1, -1)."""
    check = netchat.coding.get(spec).check
    words = np.arange(1 << len(check))[:, None] >> np.arange(len(check)) & 1
    return 1 - 2 * (words @ check % 2)


def syndrome_ber(spec, channel):
    """Compute a rate by the dual code (MacWilliams 1963), with 800 digits, as its terms cancel."""
    code = netchat.coding.get(spec)
    signs = dual_words(spec)
    p = mpf(channel.p)
    x = 1 - 2 * p
    # Dual codewords with the same number of ones in all positions and in the data positions.
    ones = (signs == -1).sum(axis=1)
    ones_in_data = (signs == -1)[:, : code.k].sum(axis=1)
    kinds, counts = np.unique(np.stack([ones, ones_in_data], 1), axis=0, return_counts=True)
    put_right = put_wrong = mpf(0)
    for (weight, data), count in zip(kinds.tolist(), counts.tolist(), strict=True):
        zero_there, one_there = x**weight, x ** (weight - 1) if weight else mpf(0)
        put_right += count * ((code.k - data) * zero_there + data * one_there)
        put_wrong += count * ((code.k - data) * zero_there - data * one_there)
    size = mpf(len(signs)) * code.k
    return p - p * put_right / size + (1 - p) * put_wrong / size


def of(spec, channel):
    return theory(netchat.coding.get(spec), channel)


@pytest.mark.parametrize("p", RATES)
@pytest.mark.parametrize(
    "spec",
    [
        "hamming:3,1", "hamming:7,4", "hamming:15,11", "hamming:127,120", "hamming:1023,1013",
        "hamming:8,4", "hamming:64,57", "secded:22,16", "secded:72,64", "secded:9,4",
    ],
)  # fmt: skip
@pytest.mark.slow
def test_codes_that_correct_one_error(spec, p):
    channel = netchat.channels.get(f"bsc:{p!r}")
    found = of(spec, channel)
    assert (found.fer_kind, found.ber_kind) == ("exact", "exact")
    n = netchat.coding.get(spec).n
    q = mpf(p)
    agree(found.fer, 1 - (1 - q) ** n - n * q * (1 - q) ** (n - 1))
    agree(found.ber, syndrome_ber(spec, channel))


def test_the_figures_of_the_textbook():
    assert theory("hamming:7,4", "bsc:1e-9").ber == pytest.approx(8.999999974e-18, rel=1e-9)
    assert theory("hamming:127,120", "bsc:1e-12").ber == pytest.approx(1.88999999987e-22, rel=1e-9)


@pytest.mark.parametrize("p", RATES)
def test_repetition_and_no_code(p):
    channel, q = netchat.channels.get(f"bsc:{p!r}"), mpf(p)
    for n in (2, 3, 4, 9, 10, 255):
        found = of(f"repetition:{n}", channel)
        more = sum(
            mpmath.binomial(n, j) * q**j * (1 - q) ** (n - j) for j in range(n // 2 + 1, n + 1)
        )
        tie = mpmath.binomial(n, n // 2) * (q * (1 - q)) ** (n // 2) if n % 2 == 0 else mpf(0)
        agree(found.fer, more + tie)
        agree(found.ber, more + tie / 2)
    for spec, n in (("uncoded:64", 64), ("uncoded:1000", 1000), ("crc:16,8000", 8016)):
        agree(of(spec, channel).fer, 1 - (1 - q) ** n)
        agree(of(spec, channel).ber, q)
    agree(of("hamming:7,4+interleave:9", channel).fer,
          1 - ((1 - q) ** 7 + 7 * q * (1 - q) ** 6) ** 9)  # fmt: skip
    agree(of("hamming:7,4+interleave:9", channel).ber, syndrome_ber("hamming:7,4", channel))


def reed_solomon_fer(n, t, q):
    return sum(mpmath.binomial(n, j) * q**j * (1 - q) ** (n - j) for j in range(t + 1, n + 1))


@pytest.mark.parametrize("p", RATES)
@pytest.mark.slow
def test_reed_solomon_frames(p):
    channel, q = netchat.channels.get(f"bsc:{p!r}"), mpf(p)
    byte = 1 - (1 - q) ** 8
    for n, k in ((255, 253), (255, 239), (255, 223), (20, 10), (2, 1), (255, 1)):
        fer = reed_solomon_fer(n, (n - k) // 2, byte)
        agree(of(f"rs:{n},{k}", channel).fer, fer)
        agree(of(f"rs:{n},{k}+interleave:5", channel).fer, 1 - (1 - fer) ** 5)
    agree(of("rs:255,254", channel).ber, q if byte else mpf(0))
    # Hamming (7,4) inside: a byte is wrong if one of two blocks is.
    inner = 1 - (1 - q) ** 7 - 7 * q * (1 - q) ** 6
    fer = reed_solomon_fer(60, 10, 1 - (1 - inner) ** 2)
    agree(of("rs:60,40+hamming:7,4", channel).fer, fer)


@pytest.mark.parametrize("p", RATES)
@pytest.mark.slow
def test_erasures(p):
    channel, q = netchat.channels.get(f"bec:{p!r}"), mpf(p)
    agree(of("uncoded:64", channel).fer, 1 - (1 - q) ** 64)
    agree(of("repetition:5", channel).fer, q**5)
    agree(of("repetition:5", channel).ber, q**5 / 2)
    agree(of("hamming:31,26", channel).fer, reed_solomon_fer(31, 2, q))
    agree(of("secded:72,64", channel).fer, reed_solomon_fer(72, 3, q))
    agree(of("rs:255,223", channel).fer, reed_solomon_fer(255, 32, q))
    ber = sum(
        mpmath.binomial(255, j) * q**j * (1 - q) ** (255 - j) * j for j in range(33, 256)
    ) / 510  # fmt: skip
    agree(of("rs:255,223", channel).ber, ber)


@pytest.mark.parametrize("numbers", BURSTS)
def test_channels_with_a_memory(numbers):
    channel = netchat.channels.get(f"gilbert-elliott:{numbers}")
    start, moves, error = chain_of(channel)
    p = sum(s * e for s, e in zip(start, error, strict=True))
    agree(channel.p, p)
    agree(of("uncoded:24", channel).fer, wrong_bits(channel, 24, 0))
    agree(of("uncoded:24", channel).ber, p)
    agree(of("repetition:5", channel).fer, wrong_bits(channel, 5, 2))
    agree(of("hamming:15,11", channel).fer, wrong_bits(channel, 15, 1))
    for spec in ("hamming:7,4", "hamming:8,4", "secded:9,4", "repetition:6", "repetition:5"):
        agree(of(spec, channel).ber, ber_by_every_pattern(spec, start, moves, error))


def ber_by_every_pattern(spec, start, moves, error):
    """Yield every decoded error pattern with its probability."""
    code = netchat.coding.get(spec)
    patterns = np.arange(1 << code.n)[:, None] >> np.arange(code.n) & 1
    left = code.decode(patterns.astype(np.uint8)).message.mean(axis=1)  # of a message of zeros
    if code.n % 2 == 0 and spec.startswith("repetition"):
        tie = patterns.sum(axis=1) == code.n // 2
        left[tie] = patterns[tie, 0]
    # Probabilities of all patterns, bit by bit: each step doubles their number.
    weights = [start]
    for _ in range(code.n):
        weights = [
            step(vector, [e if bit else 1 - e for e in error], moves)
            for bit in (0, 1) for vector in weights
        ]  # fmt: skip
    return sum(mpf(float(x)) * sum(vector) for x, vector in zip(left, weights, strict=True) if x)


def mp_entropy(p):
    return -sum(q * mpmath.log(q, 2) for q in (p, 1 - p) if q > 0)


@pytest.mark.parametrize("p", [*RATES, 0.5 + 1e-9, 0.5 - 1e-7, 0.4501, 0.4499, 0.55, 1e-300])
def test_capacity_and_entropy_of_the_bsc(p):
    agree(entropy(p), mp_entropy(mpf(p)))
    agree(bsc_capacity(p), 1 - mp_entropy(mpf(p)))
    agree(netchat.channels.get(f"bsc:{p!r}").capacity, 1 - mp_entropy(mpf(p)))
    agree(capacity(f"gilbert-elliott:0.1,0.2,{p!r},{p!r}"), 1 - mp_entropy(mpf(p)))
    agree(capacity(f"bec:{p!r}"), 1 - mpf(p))


@pytest.mark.parametrize("ebn0", [-100, -60, -30, -10.5, -10, -9.5, 0, 4, 9.6, 13, 20, 28])
@pytest.mark.slow
def test_gaussian_noise(ebn0):
    channel = netchat.channels.get(f"awgn:{ebn0}dB")
    with mpmath.workdps(40):
        snr = mpf(10) ** (mpf(ebn0) / 10)
        p = mpmath.erfc(mpmath.sqrt(snr)) / 2
        agree(channel.p, p)
        if ebn0 <= 10:
            agree(capacity(channel), 1 - mp_entropy(p))
            mean, deviation = 4 * snr, mpmath.sqrt(8 * snr)

            def missing(x):  # of ln 2, without cancelling terms
                half = (mean + deviation * x) / 2
                return (half - mpmath.log(mpmath.cosh(half))) * mpmath.npdf(x)

            soft = mpmath.quad(missing, mpmath.linspace(-14, 14, 15)) / mpmath.log(2)
            agree(channel.capacity, soft)
        for spec in ("repetition:3@hard", "hamming:7,4"):
            code = netchat.coding.get(spec)
            q = mpmath.erfc(mpmath.sqrt(snr * code.k / mpf(code.n))) / 2
            agree(of(spec, channel).fer, reed_solomon_fer(code.n, 1, q))


def test_limits_near_their_ends():
    for p in (1e-12, 1e-6, 0.3, 0.499999, 0.5 - 1e-9):
        assert worst_bsc(bsc_capacity(p)) == pytest.approx(p, rel=1e-3 if p < 1e-9 else 1e-9)
        assert lowest_ber(1, bsc_capacity(p)) == pytest.approx(p, rel=1e-3 if p < 1e-9 else 1e-9)
    assert lowest_ber(1, 1) == 0
    assert worst_bsc(1) == pytest.approx(0, abs=1e-15)
    assert math.isclose(worst_bsc(1e-300), 0.5)
