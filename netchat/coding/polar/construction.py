"""Choice of the free bits of a polar code, and rate matching as in 5G NR."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Mother",
    "erasure_reliabilities",
    "gaussian_reliabilities",
    "mother",
    "nr_reliabilities",
]

_DATA = Path(__file__).with_name("data")

#: Sub-block interleaver (3GPP TS 38.212, table 5.4.1.1-1).
_BLOCKS = (
    0, 1, 2, 4, 3, 5, 6, 7, 8, 16, 9, 17, 10, 18, 11, 19,
    12, 20, 13, 21, 14, 22, 15, 23, 24, 25, 26, 28, 27, 29, 30, 31,
)  # fmt: skip
#: Smallest exponent of the length of a mother code, and reciprocal of its lowest rate.
_SMALLEST, _LOWEST_RATE = 5, 8

#: Gaussian approximation of Chung, Richardson and Urbanke, with the constants of Ha, Kim and McLaughlin
#: for small means: phi(x) is exp(_A x^_C + _B), or exp(_D x^2 - _E x) below the pivot.
_A, _B, _C, _D, _E = -0.4527, 0.0218, 0.86, 0.0564, 0.4856
_PIVOT = 0.867861
#: Mean of a ratio that is known for certain.
_CERTAIN = 1e6


@dataclass(frozen=True, slots=True)
class Mother:
    """Mother code of a rate-matched polar code, and what is sent of it."""

    size: int
    """Length, a power of two."""
    sent: NDArray[np.intp]
    """(n,) Place in the mother codeword of each bit; one can occur several times."""
    missing: NDArray[np.int8]
    """(size,) -1 where a bit is shortened (always zero, not sent), 1 where it is punctured."""
    barred: NDArray[np.bool_]
    """(size,) Whether a bit of the message must not be placed here."""


def mother(n: int, free: int, largest: int) -> Mother:
    """Choose the mother code for n bits, as in 3GPP TS 38.212, sections 5.3.1 and 5.4.1.

    At least `free` places are not barred.

    Args:
        n: Number of bits to send.
        free: Number of free bits: message and check.
        largest: Largest exponent of the length.
    """
    power = math.ceil(math.log2(n))
    if n <= 9 * 2 ** (power - 1) / 8 and free / n < 9 / 16:
        power -= 1
    wanted = math.ceil(math.log2(_LOWEST_RATE * free))
    size = 1 << max(min(power, wanted, largest), _SMALLEST)
    if size < free:
        size <<= 1
    block = size // len(_BLOCKS)
    order = (np.array(_BLOCKS)[:, None] * block + np.arange(block)).reshape(-1)
    missing = np.zeros(size, np.int8)
    barred = np.zeros(size, np.bool_)
    if n >= size:
        return Mother(size, np.resize(order, n), missing, barred)
    if 16 * free <= 7 * n:  # puncture
        missing[order[: size - n]] = 1
        barred[order[: size - n]] = True
        more = 3 * size / 4 - n / 2 if 4 * n >= 3 * size else 9 * size / 16 - n / 4
        barred[: math.ceil(more)] = True
        return Mother(size, order[size - n :], missing, barred)
    missing[order[n:]] = -1
    barred[order[n:]] = True
    return Mother(size, order[:n], missing, barred)


@cache
def _sequence() -> NDArray[np.int64]:
    """Return the places of a code of 1024 bits, the least reliable first (table 5.3.1.2-1)."""
    text = (_DATA / "nr_sequence.txt").read_text("utf-8")
    return np.array(text.split(), np.int64)


def nr_reliabilities(size: int) -> NDArray[np.float64]:
    """Return numbers that are the larger the more reliable a bit is, for up to 1024 bits."""
    order = _sequence()
    rank = np.empty(size)
    rank[order[order < size]] = np.arange(size)
    return rank


def gaussian_reliabilities(received: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean ratios of the bits of a code, by the Gaussian approximation.

    P. Trifonov, "Efficient design and decoding of polar codes" (2012).

    Args:
        received: (size,) Mean ratios of the received bits.
    """
    means = received.astype(np.float64)
    size = len(means)
    while size > 1:
        pairs = means.reshape(-1, 2, size // 2)
        one, two = pairs[:, 0], pairs[:, 1]
        p, q = _phi(one), _phi(two)
        left = _inverse(p + q - p * q)
        # A difference that the approximation cannot resolve: the smaller mean bounds it.
        left = np.minimum(left, np.minimum(one, two))
        means = np.stack([left, np.minimum(one + two, _CERTAIN)], axis=1).reshape(-1)
        size //= 2
    return means


def _phi(mean: NDArray[np.float64]) -> NDArray[np.float64]:
    small = np.minimum(mean, _PIVOT)
    return np.where(mean < _PIVOT, np.exp(_D * small**2 - _E * small), np.exp(_A * mean**_C + _B))


def _inverse(value: NDArray[np.float64]) -> NDArray[np.float64]:
    logarithm = np.log(np.maximum(value, 1e-300))
    small = (_E - np.sqrt(np.maximum(_E**2 + 4 * _D * logarithm, 0))) / (2 * _D)
    large = ((np.minimum(logarithm, _B) - _B) / _A) ** (1 / _C)
    return np.where(logarithm > _A * _PIVOT**_C + _B, np.maximum(small, 0), large)


def erasure_reliabilities(received: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return minus the logarithms of the erasure probabilities of the bits of a code (exact).

    E. Arikan, "Channel polarization" (2009), equation 34.

    Args:
        received: (size,) Erasure probabilities of the received bits.
    """
    p = received.astype(np.float64)
    size = len(p)
    while size > 1:
        pairs = p.reshape(-1, 2, size // 2)
        one, two = pairs[:, 0], pairs[:, 1]
        p = np.stack([one + two - one * two, one * two], axis=1).reshape(-1)
        size //= 2
    with np.errstate(divide="ignore"):
        found: NDArray[np.float64] = -np.log(p)
    return found
