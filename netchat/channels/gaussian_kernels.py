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

_11, _3, _24, _40, _32, _1 = (np.uint64(bits) for bits in (11, 3, 24, 40, 32, 1))
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
def _draw(state: Any, words: Any, uniform: Any, bits: Any, pair: Any) -> None:
    """Draw 2 * LANES numbers; `bits` is a view of `uniform` as integers."""
    for lane in range(LANES):
        a, b, c, counter = state[0, lane], state[1, lane], state[2, lane], state[3, lane]
        word = a + b + counter
        words[lane] = word
        state[0, lane] = b ^ (b >> _11)
        state[1, lane] = c + (c << _3)
        state[2, lane] = ((c << _24) | (c >> _40)) + word
        state[3, lane] = counter + _1
    for lane in range(LANES):
        # Above 0 and at most 1; the smallest value corresponds to 6.8 standard deviations.
        uniform[lane] = _F(words[lane] >> _32) * _SCALE + _HALF * _SCALE
    for lane in range(LANES):
        exponent = _F((bits[lane] >> _23) - np.int32(127))
        words[lane] = np.uint64(np.uint32(words[lane]))
        bits[lane] = (bits[lane] & _MANTISSA) | _ONE_BITS
        pair[lane] = exponent
    for lane in range(LANES):
        mantissa, exponent = uniform[lane], pair[lane]
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
        radius = np.sqrt(max(-_TWO * logarithm, _F(0)))
        turn = _F(np.int32(np.uint32(words[lane]))) * _SCALE * _FOUR
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
        pair[lane] = radius * one
        pair[lane + LANES] = radius * two


@kernel
def normal(state: Any, out: Any) -> None:
    """Fill an array with standard normal numbers.

    Args:
        state: (4, LANES) State of the generators: three words and a counter.
        out: (count,) float32 array.
    """
    words, uniform = np.empty(LANES, np.uint64), np.empty(LANES, np.float32)
    bits, pair = uniform.view(np.int32), np.empty(2 * LANES, np.float32)
    for start in range(0, len(out), 2 * LANES):
        _draw(state, words, uniform, bits, pair)
        # The indices of a slice need no check for being negative.
        few = out[start : start + 2 * LANES]
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
    words, uniform = np.empty(LANES, np.uint64), np.empty(LANES, np.float32)
    bits, pair = uniform.view(np.int32), np.empty(2 * LANES, np.float32)
    for start in range(0, len(sent), 2 * LANES):
        _draw(state, words, uniform, bits, pair)
        few, zeros_and_ones = ratios[start : start + 2 * LANES], sent[start : start + 2 * LANES]
        decided = decisions[start : start + 2 * LANES]
        for at in range(len(few)):
            few[at] = pair[at] * deviation + (mean if zeros_and_ones[at] == 0 else -mean)
        for at in range(len(few)):
            decided[at] = np.uint8(few[at] < 0)
