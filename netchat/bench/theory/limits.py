"""Shannon limits of a code rate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from netchat.channels import Channel
from netchat.channels import get as get_channel
from netchat.channels.awgn import AWGN
from netchat.channels.channel import bsc_capacity, entropy

__all__ = ["capacity", "lowest_ber", "worst_bsc", "worst_ebn0"]


def capacity(channel: Channel | str) -> float | None:
    """Return the capacity with hard decisions, in bits per channel use; None if unknown."""
    channel = get_channel(channel)
    return channel.hard_capacity if isinstance(channel, AWGN) else channel.capacity


def lowest_ber(rate: float, capacity: float) -> float:
    """Return the lowest possible bit error rate at a code rate: 1 - h(BER) = capacity / rate.

    >>> lowest_ber(0.5, 0.6)
    0.0
    >>> round(lowest_ber(1, 1 - entropy(0.11)), 6)
    0.11
    """
    if capacity >= rate:
        return 0.0
    share = capacity / rate
    if share < 0.5:  # each form is accurate where the other one cancels
        return _zero(lambda p: bsc_capacity(p) - share, 0.0, 0.5)
    return _zero(lambda p: 1 - share - entropy(p), 0.0, 0.5)


def worst_bsc(rate: float) -> float:
    """Return the p of the BSC whose capacity equals a code rate.

    >>> round(worst_bsc(0.500084), 4)
    0.11
    """
    return _zero(lambda p: bsc_capacity(p) - rate, 0.0, 0.5)


def worst_ebn0(rate: float, decisions: Literal["soft", "hard"]) -> float:
    """Return the Eb/N0 in dB at which the capacity of BPSK equals a code rate.

    >>> [round(worst_ebn0(rate, "soft"), 4) for rate in (1 / 3, 1 / 2, 3 / 4)]
    [-0.4954, 0.1871, 1.6264]
    """

    def missing(ebn0_db: float) -> float:
        channel = AWGN(ebn0_db, rate)
        found = channel.capacity if decisions == "soft" else capacity(channel)
        assert found is not None
        return rate - found

    return _zero(missing, -2.0, 30.0)


def _zero(function: Callable[[float], float], low: float, high: float) -> float:
    """Return the zero of a function to a relative accuracy of 1e-12, even near 0."""
    from scipy.optimize import brentq  # type: ignore[import-untyped]

    # `xtol` is absolute, and limits the accuracy of the probabilities near 0.
    return float(brentq(function, low, high, xtol=1e-320, rtol=1e-12, maxiter=3000))
