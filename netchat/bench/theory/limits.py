"""Shannon limits of a code rate."""

from __future__ import annotations

from collections.abc import Callable

from netchat.bench.theory.finite_length import Decisions
from netchat.channels import Channel
from netchat.channels import get as get_channel
from netchat.channels.awgn import AWGN
from netchat.channels.channel import bsc_capacity, entropy
from netchat.channels.modulated import ModulatedChannel

__all__ = ["capacity", "lowest_ber", "worst_bsc", "worst_ebn0", "worst_level"]


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


def worst_ebn0(rate: float, decisions: Decisions) -> float:
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


def worst_level(channel: ModulatedChannel, rate: float, decisions: Decisions) -> float | None:
    """Return the Eb/N0 in dB at which the capacity of a modulation equals a code rate.

    Soft decisions: the capacity for equally likely symbols, averaged over the gains of a fading channel.
    Hard decisions: that of a BSC with the modulation's bit error rate.

    Args:
        channel: Channel with the modulation and the fading; its Eb/N0 does not matter.
        rate: Code rate, below 1.
        decisions: Decisions that the decoder gets.

    Returns:
        The limit; None if no formula for the capacity is known.

    >>> from netchat.channels import ModulatedAWGN, Rayleigh
    >>> round(worst_level(ModulatedAWGN(0, "qpsk"), 1 / 2, "soft"), 4)
    0.1871
    >>> round(worst_level(Rayleigh(0), 1 / 2, "soft"), 2)
    1.83
    """
    form = channel.spec.partition(":")[0] + ":{!r}," + ",".join(channel.spec.split(",")[1:])

    def missing(ebn0_db: float) -> float:
        there = get_channel(form.format(ebn0_db).rstrip(",")).at_rate(rate)
        assert isinstance(there, ModulatedChannel)
        if decisions == "hard":
            return rate - bsc_capacity(there.p)
        assert there.capacity is not None
        return rate - there.capacity

    if decisions == "soft" and channel.capacity is None:
        return None
    return _zero(missing, -2.0, 80.0, 1e-9)


def _zero(
    function: Callable[[float], float], low: float, high: float, accuracy: float = 1e-12
) -> float:
    """Return the zero of a function to a relative accuracy, even near 0."""
    from scipy.optimize import brentq  # type: ignore[import-untyped]

    # `xtol` is absolute, and limits the accuracy of the probabilities near 0.
    return float(brentq(function, low, high, xtol=1e-320, rtol=accuracy, maxiter=3000))
