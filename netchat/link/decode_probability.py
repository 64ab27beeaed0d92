"""Probability that a block can be decoded, for each code and bit error rate.

The model assumes independent bit errors. Real channels are not that simple, but a policy needs an
expectation before it has outcomes.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from functools import cache, lru_cache

from netchat.link.block_size import MAX_CODED
from netchat.link.code_table import CODES, table
from netchat.link.header import HEAD_SIZE

__all__ = ["CANDIDATES", "block_size", "nominal_rate", "success_probability"]

#: Numbers of the codes that a policy chooses from, the weakest first.
CANDIDATES = (0, 2, 3, 4, 5, 6, 1, 7)

#: Bit error rates of the precomputed probabilities; rates in between are rounded up.
_GRID = tuple(10 ** (exponent / 16) for exponent in range(-112, -11))


@cache
def nominal_rate(number: int) -> float:
    """Return the payload bytes per byte sent, in the longest block of a stream.

    Args:
        number: Number of the code.
    """
    return table()[number].payload_within(MAX_CODED) / (MAX_CODED + HEAD_SIZE)


@lru_cache(maxsize=1 << 12)
def block_size(number: int, payload: int) -> int:
    """Return the size of a block in bytes, with its marker and header.

    Args:
        number: Number of the code.
        payload: Length of its payload in bytes.
    """
    return table()[number].coded_length(payload) + HEAD_SIZE


def success_probability(number: int, ber: float) -> float:
    """Return the probability that the longest block of a stream can be decoded.

    Args:
        number: Number of the code.
        ber: Bit error rate.
    """
    return _probabilities(number)[min(len(_GRID) - 1, bisect_left(_GRID, ber))]


@cache
def _probabilities(number: int) -> tuple[float, ...]:
    return tuple(_block(CODES[number], ber) for ber in _GRID)


def _block(spec: str, ber: float) -> float:
    outer, _, inner = spec.partition("+")
    if outer == "uncoded":
        return (1 - ber) ** (8 * MAX_CODED)
    n, k = (int(number) for number in outer.removeprefix("rs:").split(","))
    byte_ok = (1 - ber) ** 8
    if inner:  # hamming:7,4: a byte is two codewords, and each corrects one bit error
        byte_ok = ((1 - ber) ** 7 + 7 * ber * (1 - ber) ** 6) ** 2
    rate = 4 / 7 if inner else 1.0
    words = MAX_CODED * rate / n
    return float(_at_most((n - k) // 2, n, 1 - byte_ok) ** words)


def _at_most(t: int, n: int, p: float) -> float:
    """Return the probability of at most t errors among n symbols with error probability p."""
    p = min(p, 1 - 1e-15)
    logs = (
        math.lgamma(n + 1) - math.lgamma(j + 1) - math.lgamma(n - j + 1)
        + j * math.log(p) + (n - j) * math.log1p(-p)
        for j in range(t + 1)
    )  # fmt: skip
    return float(min(1.0, math.fsum(map(math.exp, logs))))
