"""Sampling of error positions by the gaps between them, so that the cost is per error, not per bit.

The number of correct bits before an error is geometrically distributed, as is the integer part of an
exponential variate. Exponential variates come from a ziggurat (Marsaglia and Tsang, J. Statistical
Software 5, 2000), with random words from SFC64 (Doty-Humphrey, PractRand) seeded by the caller's
generator.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netchat.jit import kernel, part

__all__ = ["bursts", "flip_independent", "independent", "scale_of"]

#: Right edge of the ziggurat of 256 layers, and the area of a layer (from the paper's equations).
_EDGE, _AREA = 7.69711747013104972, 3.9496598225815571993e-3


def _ziggurat() -> NDArray[np.float64]:
    """Return the layers (257, 4): width / 2^53, width accepted without a test, lower and upper height."""
    x = np.empty(257)
    x[0], x[1] = _AREA * math.exp(_EDGE), _EDGE
    for i in range(2, 256):
        x[i] = -math.log(math.exp(-x[i - 1]) + _AREA / x[i - 1])
    x[256] = 0.0
    inner = np.append(x[1:], 0.0)
    return np.stack([x / 2.0**53, inner, np.exp(-x), np.exp(-inner)], axis=1)


_LAYERS = _ziggurat()
_11, _3, _24, _40, _1 = (np.uint64(bits) for bits in (11, 3, 24, 40, 1))
_LAYER = np.uint64(0xFF)


def scale_of(probability: float) -> float:
    """Return the factor that turns an exponential variate into a gap.

    For probability zero it is so large that the gap exceeds every block.
    """
    if probability <= 0:
        return 1e300
    return -1 / math.log1p(-probability) if probability < 1 else 0.0


@part
def _word(a: Any, b: Any, c: Any, counter: Any) -> Any:
    """Return the next 64 random bits of SFC64 and its new state."""
    word = a + b + counter
    return word, b ^ (b >> _11), c + (c << _3), ((c << _24) | (c >> _40)) + word, counter + _1


@part
def _uniform(word: Any) -> Any:
    return np.float64(word >> _11) * 2.0**-53


@part
def _exponential(layers: Any, a: Any, b: Any, c: Any, counter: Any) -> Any:
    """Return the next exponential variate of mean 1 and the new state."""
    beyond = 0.0
    while True:
        word, a, b, c, counter = _word(a, b, c, counter)
        layer = word & _LAYER  # the lowest bits; the variate uses the highest 53
        x = np.float64(word >> _11) * layers[layer, 0]
        if x < layers[layer, 1]:
            return beyond + x, a, b, c, counter
        if layer == 0:
            beyond += _EDGE  # the tail of an exponential distribution is exponential again
            continue
        low, high = layers[layer, 2], layers[layer, 3]
        word, a, b, c, counter = _word(a, b, c, counter)
        if low + _uniform(word) * (high - low) < math.exp(-x):
            return beyond + x, a, b, c, counter


@part
def _errors(
    start: Any, stop: Any, scale: Any, layers: Any, out: Any, count: Any, a: Any, b: Any, c: Any,
    counter: Any,
) -> Any:  # fmt: skip
    """Append the errors in [start, stop) to `out`; return count -1 if it is full."""
    at = start
    while True:
        x, a, b, c, counter = _exponential(layers, a, b, c, counter)
        gap = x * scale
        if gap >= stop - at:
            return count, a, b, c, counter
        at += np.int64(gap)
        if count == out.size:
            return -1, a, b, c, counter
        out[count] = at
        count += 1
        at += 1


@kernel
def _independent(seed: Any, scale: float, total: int, layers: Any, out: Any) -> Any:
    count, _, _, _, _ = _errors(0, total, scale, layers, out, 0, seed[0], seed[1], seed[2], _1)
    return count


@kernel
def _flip_independent(seed: Any, scale: float, total: int, layers: Any, octets: Any) -> None:
    a, b, c, counter = seed[0], seed[1], seed[2], _1
    at: Any = 0
    while True:
        x, a, b, c, counter = _exponential(layers, a, b, c, counter)
        gap = x * scale
        if gap >= total - at:
            return
        at += np.int64(gap)
        octets[at >> 3] ^= np.uint8(0x80 >> (at & 7))
        at += 1


@kernel
def _bursts(
    seed: Any, stays: Any, scales: Any, bad_at_first: float, total: Any, layers: Any, out: Any
) -> Any:
    word, a, b, c, counter = _word(seed[0], seed[1], seed[2], _1)
    bad = 1 if _uniform(word) < bad_at_first else 0
    at: Any = np.int64(0)
    count = 0
    while at < total and count >= 0:
        x, a, b, c, counter = _exponential(layers, a, b, c, counter)
        stay = x * stays[bad]
        stop = total if stay >= total - at else min(at + np.int64(stay) + 1, total)
        count, a, b, c, counter = _errors(
            at, stop, scales[bad], layers, out, count, a, b, c, counter
        )
        at, bad = stop, 1 - bad
    return count


def independent(probability: float, total: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw the sorted positions of independent errors among `total` bits."""

    def draw(seed: NDArray[np.uint64], out: NDArray[np.int64]) -> Any:
        return _independent(seed, scale_of(probability), total, _LAYERS, out)

    return _drawn(draw, probability * total, total, rng)


def flip_independent(
    probability: float, octets: NDArray[np.uint8], rng: np.random.Generator
) -> None:
    """Flip the bits that `independent` draws, most significant bit of each byte first.

    The result is that of drawing the positions and flipping them, without storing the positions.
    """
    _flip_independent(_seed(rng), scale_of(probability), 8 * octets.size, _LAYERS, octets)


def bursts(
    leave: tuple[float, float],
    error: tuple[float, float],
    total: int,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Draw the sorted positions of the errors of a channel with a good and a bad state.

    Args:
        leave: Probabilities of leaving the good and the bad state, per bit.
        error: Bit error probabilities in the good and in the bad state.
        total: Number of bits.
        rng: Random generator.
    """
    bad = leave[0] / (leave[0] + leave[1])
    stays = np.array([scale_of(p) for p in leave])
    scales = np.array([scale_of(p) for p in error])

    def draw(seed: NDArray[np.uint64], out: NDArray[np.int64]) -> Any:
        return _bursts(seed, stays, scales, bad, total, _LAYERS, out)

    return _drawn(draw, total * (error[0] + bad * (error[1] - error[0])), total, rng)


def _seed(rng: np.random.Generator) -> Any:
    return rng.bit_generator.random_raw(3)  # rng.integers takes twenty times as long for three


def _drawn(draw: Any, expected: float, total: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw into an array larger than the expected count; repeat with a larger one if it overflows."""
    seed = _seed(rng)
    room = int(expected + 10 * math.sqrt(expected)) + 64
    while True:
        out = np.empty(min(room, total), np.int64)
        count = draw(seed, out)
        if count >= 0:
            return out[:count]
        room *= 4
