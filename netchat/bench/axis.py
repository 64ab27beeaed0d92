"""Main parameter of a kind of channel: Eb/N0 in dB, or a probability."""

from __future__ import annotations

import math
from dataclasses import dataclass

from netchat.bench.theory.finite_length import Decisions
from netchat.bench.theory.limits import worst_bsc, worst_ebn0, worst_level
from netchat.channels import AWGN, BEC, BSC, Channel, ModulatedChannel
from netchat.channels import get as get_channel
from netchat.channels.registry import split
from netchat.wording import cut

__all__ = ["Axis", "limit_of"]

#: Probabilities are rounded to this number of digits, and Eb/N0 to hundredths.
_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Axis:
    """Channels of one kind, by a coordinate that increases as they get better.

    The coordinate is Eb/N0 in dB, or -log10 of a probability.
    """

    name: str
    """Name of the channel: awgn, rayleigh, bsc or bec."""
    others: tuple[str, ...] = ()
    """Arguments after the main parameter."""

    @classmethod
    def of(cls, spec: str) -> Axis:
        """Return the axis of a kind of channel.

        Args:
            spec: Name, specification or range, such as awgn; awgn,qam16; bsc:0.01 or awgn:0:8:0.5,qam16.

        Raises:
            ValueError: The channel has no such parameter.
        """
        name, arguments = split(spec.strip())
        if not arguments:  # such as awgn,qam16
            name, _, rest = name.partition(",")
            arguments = f",{rest}" if rest else ""
        _, *others = arguments.split(",")
        if name not in ("awgn", "rayleigh", "bsc", "bec"):
            raise ValueError(
                f"{cut(spec)!r}: the channel must be awgn, rayleigh, bsc or bec to search for a FER."
            )
        axis = cls(name, tuple(other.strip() for other in others))
        axis.channel(axis.start)  # checks the other arguments
        return axis

    @property
    def is_level(self) -> bool:
        """Whether the parameter is Eb/N0 in dB."""
        return self.name in ("awgn", "rayleigh")

    @property
    def label(self) -> str:
        """Name of the parameter."""
        kind = {"bsc": "p of the BSC", "bec": "p of the BEC"}.get(self.name, "Eb/N0 in dB")
        return f"{kind}, {', '.join([self.name, *self.others])}" if self.is_level else kind

    @property
    def start(self) -> float:
        """Coordinate at which a search starts if nothing better is known."""
        return 4.0 if self.is_level else 2.0

    @property
    def ends(self) -> tuple[float, float]:
        """Smallest and largest coordinate of a search."""
        return (-5.0, 60.0) if self.is_level else (0.31, 9.0)

    @property
    def resolution(self) -> float:
        """Distance of two channels between which a search interpolates."""
        return 0.1 if self.is_level else 0.04

    def value(self, place: float) -> float:
        """Return the parameter at a coordinate."""
        return place if self.is_level else 10**-place

    def place(self, value: float) -> float:
        """Return the coordinate of a parameter."""
        return value if self.is_level else -math.log10(value)

    def spec(self, place: float) -> str:
        """Return the specification of the channel at a coordinate, with a rounded parameter."""
        value = self.value(place)
        number = f"{round(value, 2) + 0.0:g}dB" if self.is_level else f"{value:.{_DIGITS}g}"
        return f"{self.name}:{','.join([number, *self.others])}"

    def rounded(self, place: float) -> float:
        """Return the coordinate of the rounded parameter."""
        if self.is_level:
            return round(place, 2)
        return -math.log10(float(f"{10**-place:.{_DIGITS}g}"))

    def channel(self, place: float) -> Channel:
        """Return the channel at a coordinate."""
        return get_channel(self.spec(place))


def limit_of(channel: Channel, rate: float, decisions: Decisions) -> float | None:
    """Return the main parameter at which the capacity of a kind of channel equals a code rate.

    Args:
        channel: Channel; its own parameter does not matter.
        rate: Code rate.
        decisions: Decisions that the decoder gets.

    Returns:
        Eb/N0 in dB, or a probability; None if no formula is known, or the rate is 1.
    """
    if rate >= 1:
        return None
    if isinstance(channel, AWGN):
        return worst_ebn0(rate, decisions)
    if isinstance(channel, ModulatedChannel):
        return worst_level(channel, rate, decisions)
    if isinstance(channel, BEC):
        return 1 - rate
    return worst_bsc(rate) if type(channel) is BSC else None
