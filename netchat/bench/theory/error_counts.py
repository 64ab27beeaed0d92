"""Exact distributions of the number of wrong symbols over a hidden Markov channel.

With A = diag(1 - e + e z) P for a bit, the coefficient of z^j in start * A^n * 1 is the probability
of j errors among n bits (P(m, n) of Elliott, BSTJ 42, 1963). A memoryless channel is a chain of one
state, and its distribution is binomial. All terms of the sums are positive, so that nothing cancels and
a rate of 1e-300 is as accurate as one of 0.1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netchat.channels.channel import MarkovChain

__all__ = ["WrongSymbols", "binomial", "wrong_after_syndrome", "wrong_symbols"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class WrongSymbols:
    """Distribution of the number of wrong symbols among n."""

    probability: Floats
    """(n + 1,) Probability that j symbols are wrong."""
    bits: Floats
    """(n + 1,) Expected number of wrong bits in the symbols of the message, from the cases with j
    wrong symbols."""


def binomial(n: int, p: float) -> Floats:
    """Return the probability of j successes in n independent trials, for each j (n + 1,).

    >>> binomial(2, 0.25).round(6).tolist()
    [0.5625, 0.375, 0.0625]
    """
    from scipy.special import betaln, xlog1py, xlogy  # type: ignore[import-untyped]

    j = np.arange(n + 1)
    choose = -betaln(n - j + 1, j + 1) - np.log(n + 1)
    return np.asarray(np.exp(choose + xlogy(j, p) + xlog1py(n - j, -p)))


def wrong_symbols(
    chain: MarkovChain, n: int, bits: int, *, data: int | None = None, apart: int = 0
) -> WrongSymbols:
    """Return the distribution of the number of wrong symbols among n.

    Args:
        chain: Hidden Markov model of the channel.
        n: Number of symbols.
        bits: Number of bits in a symbol, sent consecutively.
        data: Number of message symbols, which come first; n by default.
        apart: Number of symbols of other codewords that an interleaver sends between two symbols.
    """
    data = n if data is None else data
    if len(chain.error) == 1:
        p = float(chain.error[0])
        wrong = -np.expm1(bits * np.log1p(-p)) if p < 1 else 1.0
        probability = binomial(n, wrong)
        each = bits * p / wrong if wrong else 0.0
        return WrongSymbols(probability, probability * np.arange(n + 1) * (each * data / n))
    right, error = (
        (1 - chain.error)[:, None] * chain.transitions,
        chain.error[:, None] * chain.transitions,
    )
    power = np.linalg.matrix_power
    pause = power(chain.transitions, bits * apart)
    good = power(right, bits) @ pause
    # The first error of a symbol is at bit i; the bits after it are arbitrary.
    bad = sum(power(right, i) @ error @ power(chain.transitions, bits - 1 - i) for i in range(bits))
    bad = bad @ pause
    count = sum(
        power(chain.transitions, i) @ error @ power(chain.transitions, bits - 1 - i)
        for i in range(bits)
    )
    count = count @ pause
    states = len(chain.error)
    at, wrong_bits = np.zeros((n + 1, states)), np.zeros((n + 1, states))
    at[0] = chain.start
    for symbol in range(n):
        before, bits_before = at, wrong_bits
        at, wrong_bits = before @ good, bits_before @ good
        at[1:] += before[:-1] @ bad
        wrong_bits[1:] += bits_before[:-1] @ bad
        if symbol < data:
            wrong_bits[1:] += before[:-1] @ count
    return WrongSymbols(at.sum(axis=1), wrong_bits.sum(axis=1))


def wrong_after_syndrome(chain: MarkovChain, check: NDArray[np.bool_], data: int) -> Floats:
    """Return the bit error rate of each of the first bits after syndrome decoding.

    The decoder corrects the bit whose column of the parity-check matrix equals the syndrome. Bit i is wrong
    after decoding if it was wrong and the other bits have a nonzero syndrome, or if it was right and the
    other bits have the syndrome of bit i. The syndromes of the bits before and after bit i
    come from the trellis of the code (Wolf, IEEE Trans. Inform. Theory 24, 1978).

    Args:
        chain: Hidden Markov model of the channel.
        check: (r, n) Parity-check matrix with different, nonzero columns.
        data: Number of message bits, which come first.

    Returns:
        (data,) Probability that the bit is wrong.
    """
    r, n = check.shape
    columns = (1 << np.arange(r)) @ check
    index = np.arange(1 << r)
    right, wrong = 1 - chain.error, chain.error
    before = np.zeros((data, 1 << r, len(wrong)))
    running = np.zeros((1 << r, len(wrong)))
    running[0] = chain.start
    for i in range(data):
        before[i] = running
        running = (running * right + running[index ^ columns[i]] * wrong) @ chain.transitions
    after = np.zeros((1 << r, len(wrong)))
    after[0] = 1.0
    left_wrong = np.empty(data)
    for i in range(n - 1, -1, -1):
        then = after @ chain.transitions.T
        if i < data:
            others = before[i] * _all_but_itself(then)  # their syndrome is not zero
            fooled = before[i] * then[index ^ columns[i]]  # it is that of bit i
            left_wrong[i] = (others @ wrong + fooled @ right).sum()
        after = then * right + then[index ^ columns[i]] * wrong
    return left_wrong


def _all_but_itself(terms: Floats) -> Floats:
    """Return, for each row, the sum of all other rows, without subtracting anything."""
    total = np.zeros_like(terms)
    total[1:] += np.cumsum(terms, axis=0)[:-1]
    total[:-1] += np.cumsum(terms[::-1], axis=0)[-2::-1]
    return total
