"""Bit errors of Reed-Solomon codes after decoding, miscorrection included.

A decoder that corrects t symbols takes a received word with more wrong ones for another codeword if
that lies within t symbols. What is wrong afterwards is then a codeword. Two ways to count these:

- `exact_ber` for two parity symbols: over a BSC the wrong bits follow from the binary weights of the
  dual code (MacWilliams, BSTJ 42, 1963), which has 65,536 words.
- `expected_bits` for more: codewords of each weight are as many as those of any maximum distance
  separable code (MacWilliams and Sloane 1977, ch. 11), and their symbols are taken as random.
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

#: Miscorrection is counted up to this t. Beyond, less than one failure in t! is one.
_COUNTED = 6

#: Terms of the number of codewords of a weight, beyond which they are below any rounding.
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
    # The terms without q^(w - d): each is the one before times -(w - j) / (j q).
    terms = np.cumprod(np.maximum(weight[:, None] - j, 0) / (-256 * j), axis=1)
    terms[j > (weight - d)[:, None]] = 0.0
    choose = gammaln(n + 1) - gammaln(weight + 1) - gammaln(n - weight + 1)
    logs[d:] = choose + math.log(255) + (weight - d) * math.log(256) + np.log1p(terms.sum(axis=1))
    return logs


@lru_cache(maxsize=64)
def _changes(n: int, k: int) -> tuple[Floats, Floats, Floats]:
    """Return what miscorrection does to a word with w wrong symbols, for each w.

    Returns:
        (n + 1,) Probability that there is a codeword to mistake it for.
        (n + 1,) Expected number of wrong symbols that this leaves as they are.
        (n + 1,) Expected number of symbols with an arbitrary error that it makes.
    """
    t = (n - k) // 2
    from scipy.special import gammaln

    weights = log_weights(n, k)
    factorial = gammaln(np.arange(n + 1) + 1.0)
    w = np.arange(n + 1)
    total = factorial[n] - factorial[w] - factorial[n - w] + w * math.log(255)
    mistaken, kept, made = np.zeros((3, n + 1))
    # The codeword has the same error in `same` symbols, another one in `other`, none in `gone`, and
    # one where there was none in `new`.
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
        n: symbols in a codeword.
        k: symbols in a message.
        probability: (n + 1,) Probability that w symbols are wrong.
        bits: (n + 1,) Expected wrong bits of the message in these cases, before decoding.
    """
    t = (n - k) // 2
    if t > _COUNTED:
        return float(bits[t + 1 :].sum())
    mistaken, kept, made = _changes(n, k)
    w = np.arange(n + 1)
    left = bits * (1 - mistaken + kept / np.maximum(w, 1)) + probability * made * (_BITS * k / n)
    return float(left[t + 1 :].sum())


def uncertainty(parity: int) -> float:
    """Return the largest relative error of `expected_bits`, by the number of parity symbols.

    `tests/bench/theory/test_miscorrection.py` holds the formula to it. With two parity symbols every
    received word is within one symbol of a codeword or nearly so, and the error that the decoder
    adds is tied to those of the channel. With one, nothing is corrected.
    """
    t = parity // 2
    if t == 0:
        return 0.0
    if t > _COUNTED:
        return 4 / math.factorial(t)
    return 0.6 if parity == 2 else 0.03


def exact_ber(n: int, p: float, field_and_roots: tuple[int, int, int]) -> float:
    """Return the bit error rate of an (n, n - 2) code over a BSC, exactly.

    Let the errors of all symbols but i have the syndrome s. The decoder leaves the error g in symbol
    i if s is g times column i of the check matrix, whatever the error of symbol i was; else it does
    not touch symbol i. Both probabilities are sums over the dual code, of terms of both signs: the
    sums are done with as many digits as they lose.

    Args:
        n: symbols in a codeword.
        p: probability of a bit error.
        field_and_roots: exponent of the first root, polynomial of the field, its generator.
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
        For each weight, how often a symbol of the message is zero in such a word.
        For each weight of the other symbols, how often a symbol of the message has a single one.
    """
    tables = field(prim, generator)
    # The bits of y that a bit of an error byte meets: a nondegenerate form on GF(256).
    meets = sum((tables.product[1 << bit] & 1).astype(np.float64) for bit in range(8))
    # A word (u, v) of the dual code is u (1 + r x) x^fcr at the place of x, with r = v / u; or v x^(fcr + 1)
    # where u is 0. So the places are counted by what u, or v, is multiplied with.
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
