"""Union bounds of codes with maximum-likelihood decoding.

A block code with A codewords of weight w has a FER of at most the sum of A times the probability that the
decoder prefers one of them to the sent word.

For a convolutional code, an error event is a path that leaves the sent one and returns to it. The
probability of events up to a weight is summed by their exact number; the sum of all heavier ones follows
from the generating function (Viterbi 1971; Lin and Costello, "Error Control Coding", 2004, section 12.2).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from netchat.coding.convolutional.code import Convolutional

__all__ = ["confused_by_errors", "confused_by_noise", "of_weights", "over_errors", "over_noise"]

#: Weights above the free distance whose events are counted.
_COUNTED = 16


def over_noise(code: Convolutional, es_n0: float) -> tuple[float, float] | None:
    """Return upper bounds of FER and BER with soft decisions over AWGN; None if unknown.

    Args:
        code: Terminated code.
        es_n0: Energy per sent bit over noise density.
    """
    return _union(code, confused_by_noise(es_n0), math.exp(-es_n0))


def over_errors(code: Convolutional, p: float) -> tuple[float, float] | None:
    """Return upper bounds of FER and BER with hard decisions and independent errors; None if unknown."""
    return _union(code, confused_by_errors(p), 2 * math.sqrt(p * (1 - p)))


def of_weights(
    counts: Sequence[int], k: int, confused: Callable[[int], float]
) -> tuple[float, float]:
    """Return upper bounds of FER and BER of a linear code by its weight distribution.

    Args:
        counts: Number of codewords of each weight.
        k: Number of message bits. A codeword of weight w has at most min(w, k) of them wrong in a
            systematic code.
        confused: Probability that the decoder prefers a codeword of a weight to the sent one.
    """
    fer = ber = 0.0
    for weight, count in enumerate(counts):
        if weight and count:
            term = float(count) * confused(weight)
            fer += term
            ber += term * min(weight, k) / k
    return min(1.0, fer), min(1.0, ber)


def confused_by_noise(es_n0: float) -> Callable[[int], float]:
    """Return the probability of the wrong decision between two words, by their distance, over AWGN."""
    return lambda weight: math.erfc(math.sqrt(weight * es_n0)) / 2


def confused_by_errors(p: float) -> Callable[[int], float]:
    """Return that probability over a BSC: at least half of the bits are wrong; a tie counts half."""

    def confused(weight: int) -> float:
        total = 0.0
        for wrong in range((weight + 1) // 2, weight + 1):
            tie = 0.5 if 2 * wrong == weight else 1.0
            total += tie * math.comb(weight, wrong) * p**wrong * (1 - p) ** (weight - wrong)
        return total

    return confused


def _union(
    code: Convolutional, confused: Callable[[int], float], factor: float
) -> tuple[float, float] | None:
    """Sum the events; `factor` bounds the ratio of the probabilities of consecutive weights."""
    spectrum = code.spectrum(_COUNTED)
    if code.end != "terminated" or spectrum is None:
        return None
    most = len(spectrum[0]) - 1
    every = code.generating_function(factor)
    if every is None:
        return 1.0, 1.0
    chances = np.array([confused(weight) for weight in range(most + 1)])
    powers = factor ** np.arange(most + 1.0)
    # Beyond `most`, the probability decreases at least by the factor with each unit of weight.
    scale = chances[most] / powers[most] if powers[most] else 0.0
    fer, ber = (
        float(counts @ chances + scale * max(0.0, total - float(counts @ powers)))
        for counts, total in zip(spectrum, every, strict=True)
    )
    return min(1.0, code.k * fer), min(1.0, ber)
