"""Bit error rates of Reed-Solomon codes after decoding, including miscorrection.

A decoder that corrects t symbols decodes a word with more errors to another codeword if one is within t
symbols. The remaining error is then a codeword. Two methods count these:

- `exact_ber`, for two parity symbols: over a BSC, the bit errors follow from the binary weights of the
  dual code (MacWilliams, BSTJ 42, 1963), which has 65,536 words.
- `expected_bits`, for more: the weight distribution is that of any maximum-distance-separable code
  (MacWilliams and Sloane 1977, ch. 11), and the symbols are assumed to be random.
"""

from __future__ import annotations

import math
from decimal import Decimal, localcontext
from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from netchat.coding.galois_field import field

__all__ = ["exact_ber", "expected_bits", "log_weights", "uncertainty"]

Floats = NDArray[np.float64]

#: Largest t for which miscorrection is counted; beyond it, fewer than one in t! failures is one.
_MAX_T = 6

#: Number of terms of the weight formula; further ones are below the rounding error.
_TERMS = 60

#: Mean number of ones in a nonzero byte.
_BITS = 8 * 128 / 255


def log_weights(n: int, k: int) -> Floats:
    """Return the logarithm of the number of codewords of each weight, 0 to n, of any MDS code.

    A_w = C(n, w) (q - 1) sum over j <= w - d of (-1)^j C(w - 1, j) q^(w - d - j), with q = 256.

    >>> np.exp(log_weights(3, 1)).round().tolist()
    [1.0, 0.0, 0.0, 255.0]
    """
    from scipy.special import gammaln  # type: ignore[import-untyped]

    d = n - k + 1
    logs = np.full(n + 1, -np.inf)
    logs[0] = 0.0
    weight = np.arange(d, n + 1)
    j = np.arange(1, min(k, _TERMS))
    # Terms without q^(w - d): each is the previous one times -(w - j) / (j q).
    terms = np.cumprod(np.maximum(weight[:, None] - j, 0) / (-256 * j), axis=1)
    terms[j > (weight - d)[:, None]] = 0.0
    choose = gammaln(n + 1) - gammaln(weight + 1) - gammaln(n - weight + 1)
    logs[d:] = choose + math.log(255) + (weight - d) * math.log(256) + np.log1p(terms.sum(axis=1))
    return logs


@lru_cache(maxsize=64)
def _changes(n: int, k: int) -> tuple[Floats, Floats, Floats]:
    """Return the effect of miscorrection on a word with w wrong symbols, for each w.

    Returns:
        (n + 1,) Probability of miscorrection.
        (n + 1,) Expected number of wrong symbols that it leaves unchanged.
        (n + 1,) Expected number of symbols to which it adds an arbitrary error.
    """
    t = (n - k) // 2
    from scipy.special import gammaln

    weights = log_weights(n, k)
    factorial = gammaln(np.arange(n + 1) + 1.0)
    w = np.arange(n + 1)
    total = factorial[n] - factorial[w] - factorial[n - w] + w * math.log(255)
    mistaken, kept, made = np.zeros((3, n + 1))
    # Compared with the word, the codeword has the same error in `same` symbols, another error in
    # `other`, no error in `gone`, and an additional error in `new`.
    for new, other, gone in product(range(t + 1), repeat=3):
        if new + other + gone > t:
            continue
        same = w - other - gone
        weight = same + other + new
        fits = (w > t) & (same >= 0) & (weight <= n) & (n - weight >= gone)
        ww, s, h = w[fits], same[fits], weight[fits]
        ways = (
            weights[h]
            + factorial[h] - factorial[s] - factorial[other] - factorial[new]
            + other * math.log(254)
            + factorial[n - h] - factorial[gone] - factorial[n - h - gone]
            + gone * math.log(255)
        )  # fmt: skip
        chance = np.exp(ways - total[ww])
        mistaken[ww] += chance
        kept[ww] += chance * s
        made[ww] += chance * (new + other)
    return mistaken, kept, made


def expected_bits(n: int, k: int, probability: Floats, bits: Floats) -> float:
    """Return the expected number of wrong bits in a decoded message.

    Args:
        n: Number of symbols in a codeword.
        k: Number of symbols in a message.
        probability: (n + 1,) Probability that w symbols are wrong.
        bits: (n + 1,) Expected wrong bits of the message in these cases, before decoding.
    """
    t = (n - k) // 2
    if t > _MAX_T:
        return float(bits[t + 1 :].sum())
    mistaken, kept, made = _changes(n, k)
    w = np.arange(n + 1)
    left = bits * (1 - mistaken + kept / np.maximum(w, 1)) + probability * made * (_BITS * k / n)
    return float(left[t + 1 :].sum())


def uncertainty(parity: int) -> float:
    """Return the largest relative error of `expected_bits`, by the number of parity symbols.

    `tests/bench/theory/test_miscorrection.py` checks it. With two parity symbols, nearly every received
    word is within one symbol of a codeword, and the error that the decoder adds is correlated with those
    of the channel. With one parity symbol, nothing is corrected.
    """
    t = parity // 2
    if t == 0:
        return 0.0
    if t > _MAX_T:
        return 4 / math.factorial(t)
    return 0.6 if parity == 2 else 0.03


def exact_ber(n: int, p: float, field_and_roots: tuple[int, int, int]) -> float:
    """Return the bit error rate of an (n, n - 2) code over a BSC, exactly.

    Let s be the syndrome of the errors of all symbols except i. The decoder leaves the error g in symbol
    i if s is g times column i of the parity-check matrix, whatever the error of symbol i was; otherwise it
    does not change symbol i. Both probabilities are alternating sums over the dual code, computed with as
    many additional digits as cancel.

    Args:
        n: Number of symbols in a codeword.
        p: Bit error probability.
        field_and_roots: First consecutive root, primitive polynomial and generator.
    """
    if not p:
        return 0.0
    none, one = _dual_weights(n, *field_and_roots)
    with localcontext() as context:
        context.prec = 60 + math.ceil(-2 * math.log10(p))
        exact = Decimal(p)
        x = 1 - 2 * exact
        untouched = all_of_one = Decimal(0)
        for weight in range(len(none) - 1, -1, -1):  # Horner's rule
            untouched = untouched * x + none[weight]
            all_of_one = all_of_one * x + one[weight]
        data = n - 2
        left = (1024 * untouched - 128 * all_of_one) / 65536
        wrong = left + 8 * exact * (data - untouched / 256)
        return float(wrong / (8 * data))


@lru_cache(maxsize=64)
def _dual_weights(
    n: int, fcr: int, prim: int, generator: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Count the words of the dual code by their weight in bits.

    Returns:
        For each weight, the number of cases in which a message symbol is zero.
        For each weight of the other symbols, the number of cases in which a message symbol is 1.
    """
    tables = field(prim, generator)
    # A nondegenerate bilinear form on GF(256) pairs the bits of y with those of an error byte.
    meets = sum((tables.product[1 << bit] & 1).astype(np.float64) for bit in range(8))
    # A word (u, v) of the dual code is u (1 + r x) x^fcr at the position of x, with r = v / u, or
    # v x^(fcr + 1) if u is 0. The positions are counted by the factor of u, or of v.
    place = np.arange(n)
    x = tables.exp[n - 1 - place]
    power = tables.exp[(n - 1 - place) * fcr % 255]
    factors = tables.product[tables.product[np.arange(256)[:, None], x] ^ 1, power]
    factors = np.concatenate([factors, tables.product[x, power][None]])
    row = np.arange(257)[:, None] * 256
    every, data = (
        np.bincount((row + factors[:, :count]).ravel(), minlength=257 * 256).reshape(257, 256)
        for count in (n, n - 2)
    )
    bits = meets[tables.product[:, 1:]]  # of a factor, for each u or v
    weight = np.append(0, every @ bits).astype(int)
    zeros = np.append(n - 2, data @ (bits == 0))
    ones = np.append(0, data @ (bits == 1))
    size = 8 * n + 1
    none = np.bincount(weight, zeros, size).astype(int).tolist()
    single = np.bincount(weight, ones, size).astype(int).tolist()
    return tuple(none), (*single[1:], 0)
