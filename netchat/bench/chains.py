"""How many symbols a channel makes wrong, exactly: the channel as a hidden Markov chain.

With A = diag(1 - e + e z) P for a bit, the coefficient of z^j in start * A^n * 1 is the probability
of j errors among n bits; P(m, n) in the words of Elliott (BSTJ 42, 1963). A channel without a memory
is a chain of one state, and the sum is the binomial one. All terms are positive: nothing cancels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netchat.channels.channel import Chain

__all__ = ["WrongSymbols", "binomial", "dual_sums", "wrong_symbols"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class WrongSymbols:
    """What is to be expected of n symbols."""

    probability: Floats
    """(n + 1,) That j of them are wrong."""
    bits: Floats
    """(n + 1,) The wrong bits to be expected of those cases: their sum is all wrong bits."""


def binomial(n: int, p: float) -> Floats:
    """(n + 1,) The probability of j among n, each by itself with probability p.

    >>> binomial(2, 0.25).round(6).tolist()
    [0.5625, 0.375, 0.0625]
    """
    from scipy.special import betaln, xlog1py, xlogy  # type: ignore[import-untyped]

    j = np.arange(n + 1)
    choose = -betaln(n - j + 1, j + 1) - np.log(n + 1)
    return np.asarray(np.exp(choose + xlogy(j, p) + xlog1py(n - j, -p)))


def wrong_symbols(chain: Chain, n: int, bits: int, apart: int = 0) -> WrongSymbols:
    """What is to be expected of n symbols.

    Args:
        chain: the channel.
        n: symbols.
        bits: bits in a symbol, sent one after the other.
        apart: symbols of others that are sent between two of these, as an interleaver does it.
    """
    if len(chain.error) == 1:
        p = float(chain.error[0])
        wrong = -np.expm1(bits * np.log1p(-p)) if p < 1 else 1.0
        probability = binomial(n, wrong)
        each = bits * p / wrong if wrong else 0.0
        return WrongSymbols(probability, probability * np.arange(n + 1) * each)
    right, error = (1 - chain.error)[:, None] * chain.moves, chain.error[:, None] * chain.moves
    power = np.linalg.matrix_power
    pause = power(chain.moves, bits * apart)
    good = power(right, bits) @ pause
    # The first error of a symbol stands at bit i, and the rest of it is whatever it is.
    bad = sum(power(right, i) @ error @ power(chain.moves, bits - 1 - i) for i in range(bits))
    bad = bad @ pause
    count = sum(
        power(chain.moves, i) @ error @ power(chain.moves, bits - 1 - i) for i in range(bits)
    )
    count = count @ pause
    states = len(chain.error)
    at, wrong_bits = np.zeros((n + 1, states)), np.zeros((n + 1, states))
    at[0] = chain.start
    for _ in range(n):
        before, bits_before = at, wrong_bits
        at, wrong_bits = before @ good, bits_before @ good
        at[1:] += before[:-1] @ bad
        wrong_bits[1:] += bits_before[:-1] @ bad + before[:-1] @ count
    return WrongSymbols(at.sum(axis=1), wrong_bits.sum(axis=1))


def dual_sums(chain: Chain, check: NDArray[np.bool_], data: int) -> tuple[Floats, Floats]:
    """For a code that corrects one error: what its decoder makes of each of the first bits.

    A sum over the codewords u H of the dual code gives the probability of a syndrome (MacWilliams,
    BSTJ 42, 1963). With the bits before bit i and those behind it multiplied up on their own, it
    also gives the probability of bit i together with the syndrome of all others.

    Args:
        chain: the channel.
        check: (r, n) the check matrix; its columns are different, and none is zero.
        data: how many bits.

    Returns:
        (data,) P(bit i is wrong, and nothing else is seen), so that it is put right.
        (data,) P(bit i is right, and the syndrome is that of it being wrong).
    """
    r, n = check.shape
    words = np.arange(1 << r)[:, None] >> np.arange(r) & 1
    sign = 1.0 - 2.0 * (words @ check % 2).T  # (n, 2^r)
    states = len(chain.error)
    before = np.empty((data, len(words), states))
    after = np.ones((len(words), states))
    running = np.tile(chain.start, (len(words), 1))
    for i in range(n):
        if i < data:
            before[i] = running
        running = (running * (1 - chain.error + sign[i][:, None] * chain.error)) @ chain.moves
    put_right, put_wrong = np.empty(data), np.empty(data)
    for i in range(n - 1, -1, -1):
        then = after @ chain.moves.T
        if i < data:
            both = before[i] * then
            put_right[i] = (both @ chain.error).mean()
            put_wrong[i] = (sign[i] * (both @ (1 - chain.error))).mean()
        after = then * (1 - chain.error + sign[i][:, None] * chain.error)
    return put_right, put_wrong
