"""`python -m tests.bench.link_codes`: how well the codes with incremental redundancy correct.

Prints for each prefix the bit error rate at which half of the codewords fail, with messages of 4,098 bits,
and how much wider the transition is than the spread of the number of errors. `decode_probability` has both.
"""

from __future__ import annotations

import argparse
import math

import numpy as np
from scipy.stats import norm

from netchat.coding.ldpc.rate_compatible import RateCompatible
from netchat.link.incremental_redundancy import LEVELS, sent_bits

__all__ = ["main", "transition"]

#: Decoded batches of 64 codewords per point at most, and the failures that suffice.
_BATCHES, _FAILURES = 40, 40


def failing(code: RateCompatible, n: int, ber: float, rng: np.random.Generator) -> float:
    """Return the share of codewords of n bits that fail at a bit error rate."""
    wrong = total = 0
    while total < 64 * _BATCHES and wrong < _FAILURES:
        message = rng.integers(0, 2, (64, code.k), dtype=np.uint8)
        word = code.encode(message, n)
        flipped = rng.random(word.shape, dtype=np.float32) < ber
        found = code.decode(1 - 2 * (word ^ flipped).astype(np.float32))
        wrong += int((found.message != message).any(axis=1).sum())
        total += 64
    return wrong / total


def transition(code: RateCompatible, level: int, rng: np.random.Generator) -> tuple[float, float]:
    """Return the bit error rate at which half of the codewords fail, and the spread.

    The spread is that of the logarithm of the rate at which a codeword fails, in units of the relative
    standard deviation of its number of errors.
    """
    n = sent_bits(code.k, level)
    ber, points = 0.14, []
    while not points or points[-1][1] > 0.01:
        share = failing(code, n, ber, rng)
        if 0.01 < share < 0.97:
            points.append((ber, share))
        elif share <= 0.01:
            break
        ber *= 0.93 if share > 0.999 else 0.98
    rates, shares = np.array(points).T
    slope, offset = np.polyfit(np.log(rates), norm.isf(shares), 1)
    half = math.exp(-offset / slope)
    return half, -1 / slope * math.sqrt(half * n / (1 - half))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bits", type=int, default=4098, help="Message bits of a codeword.")
    code, rng = RateCompatible(parser.parse_args().bits), np.random.default_rng(1)
    for level, parity in enumerate(LEVELS):
        half, spread = transition(code, level, rng)
        print(f"nr:{parity:<5} half fail at {half:.3g}; spread {spread:.2f}", flush=True)


if __name__ == "__main__":
    main()
