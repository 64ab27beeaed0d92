"""Search for the channel at which a code reaches a frame error rate."""

from __future__ import annotations

import math

from netchat.bench.axis import Axis, limit_of
from netchat.bench.engine.simulation import Simulation
from netchat.bench.point import Point
from netchat.bench.target import Target
from netchat.bench.theory.finite_length import Decisions, lower_bound, normal_approximation
from netchat.coding import Code

__all__ = ["TargetSearch"]

#: First step of the search in coordinates of the axis; it doubles until the rate is enclosed.
_STEP = {True: 0.5, False: 0.15}
#: Length below which the normal approximation is not accurate.
_SHORT = 100
#: Frames of a point, in those that the errors need at the target.
_ENOUGH = 4
#: Largest number of points of a search.
_MOST = 30


class TargetSearch:
    """Bisection of the channels of one kind, guided by interpolation of the logarithm of the FER.

    Args:
        code: Code.
        axis: Channels.
        fer: Frame error rate to find.
        from_specs: Whether the specification of the code creates an equal one in another process.
    """

    code: Code
    """Code."""

    def __init__(self, code: Code, axis: Axis, fer: float, *, from_specs: bool) -> None:
        self.code, self._axis, self._fer, self._from_specs = code, axis, fer, from_specs
        self._points: dict[float, Point] = {}
        self._decisions: Decisions = "soft" if code.soft else "hard"
        self._best = self._best_place()
        self._step = _STEP[axis.is_level]

    @property
    def first_channel(self) -> str:
        """Channel at which the search starts."""
        return self._axis.spec(self._first_place)

    def simulation(
        self, channel: str, seed: int, frames: int | None, errors: int = 1
    ) -> Simulation:
        """Return the simulation of the code over a channel.

        Without a limit of frames, four times as many as the errors need at the target show that a FER is
        below it.
        """
        most = math.ceil(_ENOUGH * errors / self._fer)
        return Simulation(
            self.code,
            channel,
            seed,
            most if frames is None else frames,
            from_specs=self._from_specs,
        )

    def next_channel(self) -> str | None:
        """Return the channel to measure next; None if the search is over."""
        place = self._next_place()
        return None if place is None else self._axis.spec(place)

    def add(self, point: Point) -> None:
        """Add the measured point of the channel that `next_channel` returned."""
        place = self._next_place()
        assert place is not None
        self._points[self._axis.rounded(place)] = point

    def target(self) -> Target:
        """Return the result, by interpolation between the two nearest channels."""
        axis = self._axis
        limit = limit_of(axis.channel(axis.start), self.code.rate, self._decisions)
        ends: list[float | None] = [None, None, None]
        if (found := self._bracket()) is not None and found[1] - found[0] <= 2 * axis.resolution:
            rates = [self._rates(place) for place in found]
            ends = [
                axis.value(self._crossing(found, worse, better))
                for worse, better in zip(*rates, strict=True)
            ]
            ends[1:] = sorted(ends[1:])  # type: ignore[type-var] # they are numbers
        return Target(
            self.code.spec, ",".join([axis.name, *axis.others]), self._fer, ends[0], ends[1], ends[2],
            limit,
            None if self._best is None else axis.value(self._best),
        )  # fmt: skip

    def _next_place(self) -> float | None:
        axis, (least, most) = self._axis, self._axis.ends
        if len(self._points) >= _MOST:
            return None
        if not self._points:
            return self._first_place
        found = self._bracket()
        if found is None:
            places = sorted(self._points)
            # The step doubles with each point on the same side of the rate.
            far = self._step * 2 ** (len(places) - 1)
            missed = self._rates(places[-1])[0] > self._fer
            place = places[-1] + far if missed else places[0] - far
            place = axis.rounded(min(max(place, least), most))
            return None if place in self._points else place
        worse, better = found
        if better - worse <= axis.resolution:
            return None
        rates = self._rates(worse)[0], self._rates(better)[0]
        guess = self._crossing(found, *rates)
        fifth = (better - worse) / 5
        place = axis.rounded(min(max(guess, worse + fifth), better - fifth))
        return None if place in self._points else place

    @property
    def _first_place(self) -> float:
        least, most = self._axis.ends
        axis = self._axis
        limit = limit_of(axis.channel(axis.start), self.code.rate, self._decisions)
        start = axis.start if limit is None else axis.place(limit)
        start = (start if self._best is None else self._best) + self._step
        return self._axis.rounded(min(max(start, least), most))

    def _bracket(self) -> tuple[float, float] | None:
        """Return the nearest channels with a higher and a lower rate; None without both."""
        above = [place for place in self._points if self._rates(place)[0] > self._fer]
        below = [place for place in self._points if self._rates(place)[0] <= self._fer]
        if not above or not below:
            return None
        worse = max(above)
        better = [place for place in below if place > worse]
        return (worse, min(better)) if better else None

    def _rates(self, place: float) -> tuple[float, float, float]:
        """Return the FER of a measured channel and its interval; half the upper end without errors."""
        point = self._points[place]
        low, high = point.fer_interval
        rate = point.fer or high / 2
        return rate, max(low, rate / 100), high

    def _crossing(self, places: tuple[float, float], worse: float, better: float) -> float:
        """Return where the logarithm of the rate, as a straight line, crosses the target."""
        fall = math.log(worse / better)
        share = math.log(worse / self._fer) / fall if fall > 1e-9 else 0.5
        return places[0] + min(max(share, -1.0), 2.0) * (places[1] - places[0])

    def _best_place(self) -> float | None:
        """Return where the lower bound for the length reaches the rate, or the normal approximation."""
        code, axis = self.code, self._axis
        bits = code.bits_per_symbol
        if axis.name == "bec" and bits > 1:
            return None
        low, high = axis.ends

        size = code.n * bits, code.k * bits

        def rate(place: float) -> float:
            channel = axis.channel(place)
            if has_bound:
                found = lower_bound(*size, channel, self._decisions)
            else:
                found = normal_approximation(*size, channel, self._decisions)
            assert found is not None
            return found

        worst = axis.channel(low)
        has_bound = lower_bound(*size, worst, self._decisions) is not None
        if not has_bound and (
            normal_approximation(*size, worst, self._decisions) is None or size[0] < _SHORT
        ):
            return None
        if rate(high) > self._fer or code.rate == 1:
            return None
        while high - low > axis.resolution / 20:
            middle = (low + high) / 2
            low, high = (middle, high) if rate(middle) > self._fer else (low, middle)
        return high
