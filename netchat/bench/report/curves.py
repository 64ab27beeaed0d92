"""Curves of a plot that are not measured: theory, limits of the length, and published rates."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from netchat.bench.report.panels import Panel
from netchat.bench.theory.finite_length import Decisions, lower_bound, normal_approximation
from netchat.bench.theory.rates import theory
from netchat.channels import Channel
from netchat.coding import Code

__all__ = ["Curve", "Size", "finite_length_curves", "sizes", "theory_curve"]

#: Number of points of a curve, and of a lower bound, which takes longer to compute.
_FINE, _COARSE = 81, 49

#: Codes whose rates and lengths differ by less share their limits.
_ALIKE = 0.06


@dataclass(frozen=True, slots=True)
class Curve:
    """Curve of a plot."""

    x: list[float]
    """Positions on the axis."""
    y: list[float]
    """Rates."""
    is_bound: bool = False
    """Whether it is an upper bound."""


@dataclass(frozen=True, slots=True)
class Size:
    """Length and rate of one or several codes, which have the same limits."""

    n: int
    """Bits of a codeword."""
    k: int
    """Bits of a message."""
    decisions: Decisions
    """Decisions that the decoders get."""
    codes: tuple[str, ...]
    """Specifications of the codes."""

    @property
    def rate(self) -> float:
        """Code rate."""
        return self.k / self.n


def sizes(codes: dict[str, Code]) -> list[Size]:
    """Group codes that are nearly of the same length and rate, and get the same decisions."""
    groups: list[Size] = []
    for spec, code in codes.items():
        n, k = code.n * code.bits_per_symbol, code.k * code.bits_per_symbol
        if n == k:
            continue
        decisions: Decisions = "soft" if code.soft else "hard"
        for place, group in enumerate(groups):
            same = math.isclose(group.n, n, rel_tol=_ALIKE) and group.decisions == decisions
            if same and math.isclose(group.rate, k / n, rel_tol=_ALIKE):
                # Termination and CRC bits change a length by little: the roundest describes all.
                size = max((group.n, group.k), (n, k), key=lambda size: _roundness(*size))
                groups[place] = Size(*size, decisions, (*group.codes, spec))
                break
        else:
            groups.append(Size(n, k, decisions, (spec,)))
    return groups


def _roundness(n: int, k: int) -> int:
    """Return how often 2 divides two numbers."""
    return (n & -n).bit_length() + (k & -k).bit_length()


def theory_curve(
    code: Code, panel: Panel, ends: tuple[float, float], rate: Literal["ber", "fer"]
) -> Curve | None:
    """Return the theoretical rates of a code between two positions, or None."""
    kinds = []

    def value(channel: Channel) -> float | None:
        found = theory(code, channel)
        kinds.append(found.ber_kind if rate == "ber" else found.fer_kind)
        return found.ber if rate == "ber" else found.fer

    line = _curve(value, panel, ends, _FINE)
    return None if line is None else Curve(line.x, line.y, is_bound=kinds[0] == "bound")


def finite_length_curves(
    size: Size, panel: Panel, ends: tuple[float, float], lowest: float
) -> tuple[Curve | None, Curve | None]:
    """Return the normal approximation and the lower bound of the FER; None where unknown.

    They end below the lowest rate of the plot.
    """
    n, k, decisions = size.n, size.k, size.decisions
    return (
        _curve(lambda at: normal_approximation(n, k, at, decisions), panel, ends, _FINE, lowest),
        _curve(lambda at: lower_bound(n, k, at, decisions), panel, ends, _COARSE, lowest),
    )


def _curve(
    value: Callable[[Channel], float | None],
    panel: Panel,
    ends: tuple[float, float],
    points: int,
    lowest: float = 0.0,
) -> Curve | None:
    if panel.at is None:
        return None
    low, high = sorted(ends)
    places: Sequence[float] = (
        np.geomspace(low, high, points) if panel.log else np.linspace(low, high, points)
    ).tolist()
    x, y = [], []
    for place in reversed(places) if panel.inverted else places:
        try:
            found = value(panel.at(place))
        except ValueError:  # in the margin, such as a probability above 1
            continue
        if found:
            x.append(place)
            y.append(found)
            if found < lowest / 10:
                break
    if panel.inverted:
        x.reverse()
        y.reverse()
    return Curve(x, y) if x else None
