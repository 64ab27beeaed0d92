"""What to expect of each code of the table, if the channel turns bits over one by one.

No channel is that simple. It is what a policy begins with, before it has seen how the code fares.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from functools import cache

from netchat.link.block_size import MAX_CODED
from netchat.link.code_table import CODES, table
from netchat.link.header import HEAD_SIZE

__all__ = ["CANDIDATES", "nominal_rate", "success_probability"]

#: The codes that a policy chooses from, by number, the weakest first.
CANDIDATES = (0, 2, 3, 4, 5, 6, 1, 7)

#: Bit error rates for which the chances are computed; in between the next higher one counts.
_GRID = tuple(10 ** (exponent / 16) for exponent in range(-112, -11))


@cache
def nominal_rate(number: int) -> float:
    """Bytes of payload for a byte sent, heads included, in the longest block of a stream."""
    return table()[number].payload_within(MAX_CODED) / (MAX_CODED + HEAD_SIZE)


def success_probability(number: int, ber: float) -> float:
    """How likely the longest block of a stream can be decoded.

    Args:
        number: the code's.
        ber: the bit error rate.
    """
    return _chances(number)[min(len(_GRID) - 1, bisect_left(_GRID, ber))]


@cache
def _chances(number: int) -> tuple[float, ...]:
    return tuple(_block(CODES[number], ber) for ber in _GRID)


def _block(spec: str, ber: float) -> float:
    outer, _, inner = spec.partition("+")
    if outer == "uncoded":
        return (1 - ber) ** (8 * MAX_CODED)
    n, k = (int(number) for number in outer.removeprefix("rs:").split(","))
    right = (1 - ber) ** 8
    if inner:  # hamming:7,4: a byte is two words, and each stands one wrong bit
        right = ((1 - ber) ** 7 + 7 * ber * (1 - ber) ** 6) ** 2
    rate = 4 / 7 if inner else 1.0
    words = MAX_CODED * rate / n
    return float(_at_most((n - k) // 2, n, 1 - right) ** words)


def _at_most(t: int, n: int, p: float) -> float:
    """The probability of at most t among n."""
    if p <= 0:
        return 1.0
    p = min(p, 1 - 1e-15)
    logs = (
        math.lgamma(n + 1) - math.lgamma(j + 1) - math.lgamma(n - j + 1)
        + j * math.log(p) + (n - j) * math.log1p(-p)
        for j in range(t + 1)
    )  # fmt: skip
    return float(min(1.0, math.fsum(map(math.exp, logs))))
