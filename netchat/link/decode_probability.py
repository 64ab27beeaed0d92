"""Probability that a block can be decoded, for each code and bit error rate.

The model assumes independent bit errors. Real channels are not that simple, but a policy needs an
expectation before it has outcomes.
"""

from __future__ import annotations

import math
from functools import cache, lru_cache

from netchat.link.block_size import MAX_CODED, MAX_REDUNDANCY_CODED
from netchat.link.code_table import CODES, table
from netchat.link.header import HEAD_SIZE
from netchat.link.incremental_redundancy import (
    MAX_INCREMENTS,
    MIN_INCREMENTAL,
    PREFIXES,
    increment_after,
    is_redundancy,
    layout,
)
from netchat.link.payload_decoder import MAX_PAYLOAD

__all__ = [
    "CANDIDATES",
    "REDUNDANCY_CANDIDATES",
    "block_size",
    "expected_cost",
    "longest_payload",
    "nominal_rate",
    "success_probability",
]

#: Numbers of the codes that a policy chooses from, the weakest first.
CANDIDATES = (0, 2, 3, 4, 5, 6, 1, 7)

#: The same if the peer can decode incremental redundancy.
REDUNDANCY_CANDIDATES = (0, 2, *PREFIXES, 7)

#: Bit error rate at which half of the codewords of each prefix fail, as measured with messages of 4,098
#: bits (`python -m tests.bench.link_codes`). It depends little on their length.
_HALF = (
    0.00150, 0.00319, 0.00396, 0.00587, 0.00788, 0.00966, 0.0127, 0.0152, 0.0190, 0.0226, 0.0268,
    0.0320, 0.0380, 0.0440, 0.0498, 0.0575, 0.0640, 0.0731, 0.0820, 0.0911, 0.1001, 0.1100,
)  # fmt: skip

#: Spread of the bit error rate at which a codeword fails, in relation to the spread of the number of
#: errors in it, as measured.
_SPREAD = 1.25

#: Cost of a failed block in bytes, besides those that repair it: it delays what follows by a round trip.
_DELAY = 1000

#: Steps of the bit error rate per power of ten; rates in between are rounded up.
_STEPS = 64


@cache
def nominal_rate(number: int) -> float:
    """Return the payload bytes per byte sent, in the longest block of a stream.

    Args:
        number: Number of the code.
    """
    payload = longest_payload(number)
    return payload / block_size(number, payload)


@cache
def longest_payload(number: int) -> int:
    """Return the payload of the longest block of a stream, in bytes.

    Args:
        number: Number of the code.
    """
    coded = MAX_REDUNDANCY_CODED if is_redundancy(number) else MAX_CODED
    return min(MAX_PAYLOAD, table()[number].payload_within(coded))


@lru_cache(maxsize=1 << 12)
def block_size(number: int, payload: int) -> int:
    """Return the size of a block in bytes, with its marker and header.

    Args:
        number: Number of the code.
        payload: Length of its payload in bytes.
    """
    return table()[number].coded_length(payload) + HEAD_SIZE


def success_probability(number: int, ber: float, payload: int | None = None) -> float:
    """Return the probability that a block can be decoded by itself.

    Args:
        number: Number of the code.
        ber: Bit error rate.
        payload: Length of its payload in bytes; the longest by default.
    """
    step = math.ceil(_STEPS * math.log10(min(max(ber, 1e-7), 0.5)))
    return _success(number, step, longest_payload(number) if payload is None else payload)


@lru_cache(maxsize=1 << 14)
def _success(number: int, step: int, payload: int) -> float:
    ber = min(0.5, 10 ** (step / _STEPS))
    level = PREFIXES.get(number)
    if level is None:
        return _of_symbols(CODES[number], ber, payload)
    blocks, _ = layout(payload)
    code = table()[number]
    n = 8 * code.coded_length(payload) / blocks
    half = _HALF[level]
    spread = _SPREAD * math.sqrt((1 - half) / (half * n))
    failing = 0.5 * math.erfc(math.log(half / ber) / spread / math.sqrt(2))
    return float((1 - failing) ** blocks)


def expected_cost(number: int, payload: int, success: dict[int, float]) -> float:
    """Return the expected number of bytes until a block can be decoded, with the cost of its delay.

    With incremental redundancy, these are the bytes of the block and of the increments that it needs; the
    next prefix tells whether one suffices. Otherwise, and after some increments, the block is
    retransmitted until it arrives.

    Args:
        number: Number of the code.
        payload: Length of the payload in bytes.
        success: Probability, by number of the code, that the block can be decoded.
    """
    size = block_size(number, payload)
    failing = 1 - success[number]
    cost = size + _DELAY * failing
    if number in PREFIXES and payload >= MIN_INCREMENTAL:
        last = min(max(PREFIXES), number + MAX_INCREMENTS)
        for prefix in range(number, last):
            if failing < 1e-4:
                return cost
            more = increment_after(prefix)
            assert more is not None
            cost += failing * block_size(more, payload)
            failing = min(failing, 1 - success[prefix + 1])
    return cost + failing / max(1 - failing, 1e-9) * size


def _of_symbols(spec: str, ber: float, payload: int) -> float:
    """Return the probability of success of an uncoded block, or of Reed-Solomon codes."""
    outer, _, inner = spec.partition("+")
    if outer == "uncoded":
        return float((1 - ber) ** (8 * payload))
    n, k = (int(number) for number in outer.removeprefix("rs:").split(","))
    byte_ok = (1 - ber) ** 8
    if inner:  # hamming:7,4: a byte is two codewords, and each corrects one bit error
        byte_ok = ((1 - ber) ** 7 + 7 * ber * (1 - ber) ** 6) ** 2
    return float(_at_most((n - k) // 2, n, 1 - byte_ok) ** (payload / k))


def _at_most(t: int, n: int, p: float) -> float:
    """Return the probability of at most t errors among n symbols with error probability p."""
    p = min(p, 1 - 1e-15)
    logs = (
        math.lgamma(n + 1) - math.lgamma(j + 1) - math.lgamma(n - j + 1)
        + j * math.log(p) + (n - j) * math.log1p(-p)
        for j in range(t + 1)
    )  # fmt: skip
    return float(min(1.0, math.fsum(map(math.exp, logs))))
