"""Shannon's limits: what no code of a rate can do better, however long it is."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

from netchat.channels import Channel
from netchat.channels import get as get_channel
from netchat.channels.awgn import AWGN
from netchat.channels.channel import bsc_capacity, entropy

__all__ = ["capacity", "lowest_ber", "worst_bsc", "worst_ebn0"]


def capacity(channel: Channel | str) -> float | None:
    """Return the information that a bit sent can carry, with hard decisions; None if not known."""
    channel = get_channel(channel)
    return channel.hard_capacity if isinstance(channel, AWGN) else channel.capacity


def lowest_ber(rate: float, capacity: float) -> float:
    """The bit error rate that no code of that rate gets below: 1 - h(BER) = capacity / rate.

    >>> lowest_ber(0.5, 0.6)
    0.0
    >>> round(lowest_ber(1, 1 - entropy(0.11)), 6)
    0.11
    """
    if capacity >= rate:
        return 0.0
    share = capacity / rate
    if share < 0.5:  # each form keeps its digits where the other one cancels
        return _where(lambda p: bsc_capacity(p) - share, 0.0, 0.5)
    return _where(lambda p: 1 - share - entropy(p), 0.0, 0.5)


def worst_bsc(rate: float) -> float:
    """The p of a BSC whose capacity is that rate: above it no code of that rate is reliable.

    >>> round(worst_bsc(0.500084), 4)
    0.11
    """
    return _where(lambda p: bsc_capacity(p) - rate, 0.0, 0.5)


def worst_ebn0(rate: float, decisions: Literal["soft", "hard"]) -> float:
    """The Eb/N0 in dB below which no code of that rate is reliable over two signal levels.

    >>> [round(worst_ebn0(rate, "soft"), 4) for rate in (1 / 3, 1 / 2, 3 / 4)]
    [-0.4954, 0.1871, 1.6264]
    """

    def missing(ebn0_db: float) -> float:
        channel = AWGN(ebn0_db, rate)
        found = channel.capacity if decisions == "soft" else capacity(channel)
        assert found is not None
        return rate - found

    return _where(missing, -2.0, 30.0)


def _where(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a falling function is zero, by halving."""
    for _ in range(1100):  # halvings of 0.5 that a float can tell apart
        middle = (low + high) / 2
        if high - low <= 1e-12 * math.fabs(high) or not low < middle < high:
            break
        if function(middle) > 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2
