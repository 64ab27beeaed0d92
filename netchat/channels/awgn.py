"""Additive white Gaussian noise channel with BPSK."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from netchat.arguments import real_number
from netchat.channels.channel import ErrorChannel, Received, capacity_of_difference
from netchat.channels.gaussian import receive

__all__ = ["AWGN", "checked_ebn0"]

#: Largest magnitude of Eb/N0 in dB: beyond it the channel is perfect or useless, and floats overflow.
_MAX_DB = 100

#: Es/N0 below which the capacity is computed by the formula for weak signals.
_WEAK = 0.1


class AWGN(ErrorChannel):
    """AWGN channel with BPSK: bit 0 is sent as +1, bit 1 as -1.

    `transmit` draws the noise and returns hard decisions and log-likelihood ratios. The other methods
    return hard decisions only, those of a BSC with p = Q(sqrt(2 Es/N0)).

    Args:
        ebn0_db: Energy per information bit over noise density, Eb/N0, in dB. A code of rate R spreads
            this energy over 1 / R channel bits; `at_rate(R)` returns that channel.
        rate: Code rate R.

    Raises:
        TypeError: An argument is not a number.
        ValueError: An argument is out of range.

    >>> f"{AWGN(4).p:.6e}"
    '1.250082e-02'
    """

    ebn0_db: float
    """Eb/N0 in dB."""
    rate: float
    """Code rate."""
    is_soft = True

    sweep: ClassVar[Sequence[str]] = (
        "0dB", "2dB", "3dB", "4dB", "5dB", "5.5dB", "6dB", "6.5dB", "7dB", "8dB", "9dB"
    )  # fmt: skip

    def __init__(self, ebn0_db: float, rate: float = 1.0) -> None:
        self.ebn0_db, self.rate = ebn0_db, rate = checked_ebn0(ebn0_db, rate)
        self._snr = 10 ** (ebn0_db / 10) * rate
        p = math.erfc(math.sqrt(self._snr)) / 2
        super().__init__(f"AWGN, Eb/N0 = {ebn0_db:g} dB", _capacity(self._snr), p)
        self.spec: str = f"awgn:{ebn0_db:g}dB"

    @property
    def es_n0(self) -> float:
        """Energy per channel bit over noise density, Es/N0."""
        return self._snr

    def at_rate(self, rate: float) -> AWGN:
        """Return the channel with the same Eb/N0 for a code of this rate."""
        return AWGN(self.ebn0_db, rate)

    @property
    def hard_capacity(self) -> float:
        """Capacity with hard decisions, in bits per channel use."""
        return capacity_of_difference(math.erf(math.sqrt(self._snr)))

    def _transmit(self, bits: NDArray[np.uint8], rng: np.random.Generator) -> Received:
        # ln P(y|0)/P(y|1) = 2 y / sigma^2, where y has the mean 1 or -1 and sigma^2 = N0 / (2 Es)
        mean = 4 * self._snr
        ratios, decisions = receive(bits, mean, math.sqrt(2 * mean), rng)
        return Received(decisions, soft=ratios)


def checked_ebn0(ebn0_db: float, rate: float) -> tuple[float, float]:
    """Check Eb/N0 in dB and a code rate, and return them.

    Raises:
        TypeError: An argument is not a number.
        ValueError: An argument is out of range.
    """
    ebn0_db, rate = real_number("ebn0_db", ebn0_db), real_number("rate", rate)
    if not abs(ebn0_db) <= _MAX_DB:
        raise ValueError(
            f"Argument 'ebn0_db' must be from -{_MAX_DB} to {_MAX_DB} dB, got {ebn0_db:g}."
        )
    if not 0 < rate <= 1:
        raise ValueError(f"Argument 'rate' must be above 0 and at most 1, got {rate:g}.")
    return ebn0_db, rate


def _capacity(snr: float) -> float:
    """Return the capacity of BPSK with soft decisions, in bits per channel use.

    It is 1 - E[log2(1 + exp(-L))]. The log-likelihood ratio L of a bit 0 is Gaussian with mean
    4 Es/N0 and twice that as variance. For weak signals, the equal E[L / 2 - ln cosh(L / 2)] / ln 2
    is more accurate.
    """
    mean, deviation = 4 * snr, math.sqrt(8 * snr)
    x = np.linspace(-12, 12, 4801)
    weight = np.exp(-x * x / 2)
    weight /= weight.sum()
    if snr > _WEAK:
        return float(1 - (weight * np.logaddexp(0, -(mean + deviation * x))).sum() / math.log(2))
    ln_cosh = np.log1p(2 * np.sinh((mean + deviation * x) / 4) ** 2)
    return float((mean / 2 - (weight * ln_cosh).sum()) / math.log(2))
