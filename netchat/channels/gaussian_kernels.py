"""Kernel that draws Gaussian numbers in single precision, many at a time.

Each of 32 lanes is a generator SFC64 (Doty-Humphrey, PractRand); a word of it gives two numbers (Box and
Muller 1958). The loops have no branches, so that they run in SIMD registers. Logarithm, sine and cosine
are polynomials with a relative error near 1e-7 (Moshier, Cephes).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from netchat.jit import kernel, part

__all__ = ["LANES", "normal", "receive"]

#: Number of generators.
LANES = 32
#: Words of a generator at a time.
_DRAWS = 16
#: Ratios that stay in the cache.
_CACHED = 4 * 2 * _DRAWS * LANES

_11, _3, _24, _40, _32, _1 = (np.uint64(bits) for bits in (11, 3, 24, 40, 32, 1))
_16, _LOW, _65536 = np.int32(16), np.int32(0xFFFF), np.float32(65536)
_F = np.float32
_HALF, _ONE, _TWO, _FOUR = _F(0.5), _F(1), _F(2), _F(4)
_SCALE = _F(2.0**-32)
_LN2, _SQRT2, _QUARTER_TURN = _F(0.6931471805599453), _F(1.4142135623730951), _F(1.5707963267948966)
_L0, _L1, _L2, _L3, _L4, _L5, _L6, _L7, _L8 = (
    _F(each) for each in (
        7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1,
        -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
    )
)  # fmt: skip
_S0, _S1, _S2 = (_F(each) for each in (-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1))
_C0, _C1, _C2 = (
    _F(each) for each in (2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2)
)
_MANTISSA, _ONE_BITS, _23 = np.int32(0x007FFFFF), np.int32(0x3F800000), np.int32(23)


@part
def _draw(
    draws: Any, state: Any, words: Any, high: Any, low: Any, uniform: Any, bits: Any, exponents: Any,
    mantissas: Any, mantissa_bits: Any, radii: Any, pairs: Any,
) -> None:  # fmt: skip
    """Draw 2 * LANES numbers `draws` times; arrays of bits are views of the floats before them.

    LLVM uses full SIMD registers if all numbers of a loop have the same size, if the arrays that it reads
    and writes do not overlap, and if the loop is not so short that it is unrolled.
    """
    for start in range(0, draws * LANES, LANES):
        for lane in range(LANES):
            a, b, c, counter = state[0, lane], state[1, lane], state[2, lane], state[3, lane]
            word = a + b + counter
            words[start + lane] = word
            state[0, lane] = b ^ (b >> _11)
            state[1, lane] = c + (c << _3)
            state[2, lane] = ((c << _24) | (c >> _40)) + word
            state[3, lane] = counter + _1
    for at in range(draws * LANES):
        high[at] = np.int32(np.uint32(words[at] >> _32))
        low[at] = np.int32(np.uint32(words[at]))
    for at in range(draws * LANES):
        # Processors convert only signed integers in vectors, so there are two of 16 bits.
        upper, lower = np.int32((high[at] >> _16) & _LOW), np.int32(high[at] & _LOW)
        # Above 0 and at most 1; the smallest value corresponds to 6.8 standard deviations.
        uniform[at] = (_F(upper) * _65536 + _F(lower)) * _SCALE + _HALF * _SCALE
    for at in range(draws * LANES):
        exponents[at] = _F(np.int32((bits[at] >> _23) - np.int32(127)))
        mantissa_bits[at] = (bits[at] & _MANTISSA) | _ONE_BITS
    for at in range(draws * LANES):
        mantissa, exponent = mantissas[at], exponents[at]
        large = mantissa > _SQRT2
        x = (mantissa * _HALF if large else mantissa) - _ONE
        exponent = exponent + _ONE if large else exponent
        z = x * x
        y = _L0
        y = y * x + _L1
        y = y * x + _L2
        y = y * x + _L3
        y = y * x + _L4
        y = y * x + _L5
        y = y * x + _L6
        y = y * x + _L7
        y = y * x + _L8
        logarithm = x - _HALF * z + x * z * y + exponent * _LN2
        radii[at] = np.sqrt(max(-_TWO * logarithm, _F(0)))
    for at in range(draws * LANES):
        turn = _F(low[at]) * _SCALE * _FOUR
        quarter = np.floor(turn + _HALF)
        angle = (turn - quarter) * _QUARTER_TURN
        square = angle * angle
        sine = ((_S0 * square + _S1) * square + _S2) * square * angle + angle
        cosine = ((_C0 * square + _C1) * square + _C2) * square * square
        cosine = cosine - _HALF * square + _ONE
        index = np.int32(quarter)
        swap = (index & np.int32(1)) != 0
        one = cosine if swap else sine
        two = sine if swap else cosine
        one = -one if (index & np.int32(2)) != 0 else one
        two = -two if ((index + np.int32(1)) & np.int32(2)) != 0 else two
        pairs[0, at], pairs[1, at] = radii[at] * one, radii[at] * two


@kernel
def normal(state: Any, out: Any) -> None:
    """Fill an array with standard normal numbers.

    Args:
        state: (4, LANES) State of the generators: three words and a counter.
        out: (count,) float32 array.
    """
    words, uniform = np.empty(_DRAWS * LANES, np.uint64), np.empty(_DRAWS * LANES, np.float32)
    high, low = np.empty(_DRAWS * LANES, np.int32), np.empty(_DRAWS * LANES, np.int32)
    exponents, mantissas = np.empty_like(uniform), np.empty_like(uniform)
    radii = np.empty_like(uniform)
    bits, mantissa_bits = uniform.view(np.int32), mantissas.view(np.int32)
    pairs = np.empty((2, _DRAWS * LANES), np.float32)
    for begin in range(0, len(out), 2 * _DRAWS * LANES):
        draws = min(_DRAWS, (len(out) - begin + 2 * LANES - 1) // (2 * LANES))
        _draw(
            draws, state, words, high, low, uniform, bits, exponents, mantissas, mantissa_bits, radii, pairs
        )  # fmt: skip
        for half in range(2 * draws):
            start, drawn = begin + half * LANES, (half >> 1) * LANES
            # The indices of a slice need no check for being negative.
            few, pair = out[start : start + LANES], pairs[half & 1, drawn : drawn + LANES]
            for at in range(len(few)):
                few[at] = pair[at]


@kernel
def receive(state: Any, sent: Any, mean: Any, deviation: Any, ratios: Any, decisions: Any) -> None:
    """Transmit bits by BPSK: draw their log-likelihood ratios, and decide by the signs.

    Args:
        state: (4, LANES) State of the generators.
        sent: (count,) Bits.
        mean: Mean ratio of a zero.
        deviation: Standard deviation of the ratios.
        ratios: (count,) float32 array, to be filled.
        decisions: (count,) Array of bits, to be filled.
    """
    for begin in range(0, len(sent), _CACHED):
        few, bits = ratios[begin : begin + _CACHED], sent[begin : begin + _CACHED]
        decided = decisions[begin : begin + _CACHED]
        normal(state, few)
        for at in range(len(few)):
            few[at] = few[at] * deviation + (mean if bits[at] == 0 else -mean)
        for at in range(len(few)):
            decided[at] = np.uint8(few[at] < 0)
