"""Two signal levels in white Gaussian noise."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from netchat.channels.channel import ErrorChannel, Received, capacity_of_difference

__all__ = ["AWGN"]

#: Beyond it a channel is perfect or useless, and its numbers leave what a float holds.
_MOST_DB = 100

#: Es/N0 below which the capacity is summed up in another way.
_WEAK = 0.1


class AWGN(ErrorChannel):
    """BPSK over white Gaussian noise: bit 0 is sent as +1, bit 1 as -1.

    `transmit` draws the noise, and gives the hard decisions and their log-likelihood ratios. The
    other faces give hard decisions only, which are those of a BSC with p = Q(sqrt(2 Es/N0)).

    Args:
        ebn0_db: energy per bit of information over noise density, in dB. A code of rate R spreads
            that energy over 1 / R bits: `at_rate(R)` is what it sees. Without a code R is 1.
        rate: that R.

    >>> f"{Awgn(4).p:.6e}"
    '1.250082e-02'
    """

    sweep: ClassVar = (
        "0dB", "2dB", "3dB", "4dB", "5dB", "5.5dB", "6dB", "6.5dB", "7dB", "8dB", "9dB"
    )  # fmt: skip

    def __init__(self, ebn0_db: float, rate: float = 1.0) -> None:
        if not abs(ebn0_db) <= _MOST_DB:
            raise ValueError(
                f"awgn has an Eb/N0 from -{_MOST_DB} to {_MOST_DB} dB, not {ebn0_db:g}."
            )
        if not 0 < rate <= 1:
            raise ValueError(f"awgn has a rate in (0, 1], not {rate:g}.")
        self.ebn0_db, self.rate = ebn0_db, rate
        self._snr = 10 ** (ebn0_db / 10) * rate
        p = math.erfc(math.sqrt(self._snr)) / 2
        super().__init__(f"AWGN, Eb/N0 = {ebn0_db:g} dB", _capacity(self._snr), p)
        self.spec = f"awgn:{ebn0_db:g}dB"

    def at_rate(self, rate: float) -> AWGN:
        """The channel that a code of this rate sees."""
        return AWGN(self.ebn0_db, rate)

    @property
    def hard_capacity(self) -> float:
        """Bits of information in a use of the channel, by hard decisions only."""
        return capacity_of_difference(math.erf(math.sqrt(self._snr)))

    def _transmit(self, bits: NDArray[np.uint8], rng: np.random.Generator) -> Received:
        sent = 1.0 - 2.0 * bits
        received = sent + rng.standard_normal(sent.shape) / math.sqrt(2 * self._snr)
        # ln P(y|0)/P(y|1) = 2 y / sigma^2, and sigma^2 = N0 / (2 Es)
        return Received((received < 0).astype(np.uint8), soft=4 * self._snr * received)


def _capacity(snr: float) -> float:
    """Bits in a use of the channel with two levels, soft decisions allowed.

    1 - E[log2(1 + exp(-L))] over the log-likelihood ratio L of a bit 0, which is Gaussian with
    mean 4 Es/N0 and twice that as its variance. Where that is nearly 0, it is summed up as
    E[L / 2 - ln cosh(L / 2)] / ln 2, which is the same.
    """
    mean, deviation = 4 * snr, math.sqrt(8 * snr)
    x = np.linspace(-12, 12, 4801)
    weight = np.exp(-x * x / 2)
    weight /= weight.sum()
    if snr > _WEAK:
        return float(1 - (weight * np.logaddexp(0, -(mean + deviation * x))).sum() / math.log(2))
    ln_cosh = np.log1p(2 * np.sinh((mean + deviation * x) / 4) ** 2)
    return float((mean / 2 - (weight * ln_cosh).sum()) / math.log(2))
