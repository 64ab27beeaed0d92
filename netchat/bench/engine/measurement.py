"""Measurement of one point: its next batches, its counts, and when it ends."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

from netchat.bench.engine.batch import BatchResult
from netchat.bench.engine.simulation import Simulation
from netchat.bench.point import Point, StoppedBy
from netchat.bench.theory.rates import theory

__all__ = ["Measurement"]

#: Largest number of batches in one call: 256, or more if calls are long.
_MAX_BATCHES = 256
_MAX_BATCHES_PER_SECOND = 5000


class Measurement:
    """Measurement of one point.

    Args:
        simulation: Code and channel; its limit of frames ends the point.
        errors: Number of frame errors that end the point; errors of one burst count as one.
        seconds: Seconds of computation that end the point.
        after: Measurement that must end first.
        floor: FER below which the measurements after this one are skipped, if their channels are no worse;
            they are also skipped if frames or seconds end this one. None to skip nothing.
    """

    simulation: Simulation
    """Code and channel."""
    point: Point
    """Counts so far."""
    done: bool
    """Whether the point has ended."""
    running: int
    """Number of executor calls in progress."""

    def __init__(
        self,
        simulation: Simulation,
        *,
        errors: int,
        seconds: float,
        after: Measurement | None = None,
        floor: float | None = None,
    ) -> None:
        code, channel = simulation.code, simulation.channel
        self.simulation = simulation
        self.point = Point(code.spec, channel.spec, code.rate, theory=theory(code, channel))
        self.done = False
        self.running = 0
        self._errors, self._seconds = errors, seconds
        self._next_batch = 0
        self._after, self._floor = after, floor
        self._skipped: bool | None = None
        self._out_of_order: dict[int, list[BatchResult]] = {}

    def resume(self, before: Point) -> None:
        """Continue from the counts of an earlier run, if they are the start of this one.

        They are not if a limit of frames cut their last batch short, if they exceed this point's limit,
        or if the size of the code has changed; the point then starts from scratch.
        """
        frames, limit, code = before.tally.frames, self.simulation.frames, self.simulation.code
        whole = frames == self.simulation.start(before.batches)
        same_code = (
            before.rate == code.rate and before.tally.bits == frames * code.k * code.bits_per_symbol
        )
        if same_code and (limit is None or frames <= limit) and (whole or frames == limit):
            self.point = replace(before, theory=self.point.theory, stopped_by="interrupted")
            self._next_batch = before.batches
            self._check_limits()

    @property
    def is_skipped(self) -> bool:
        """Whether the point is not measured, because the FER before it is below the floor."""
        before = self._after
        if before is None or self._floor is None or self.point.batches:
            return False  # a resumed run has measured a part of the point
        if self._skipped is None and before.is_over:  # kept: chains of points are long
            found, missed = before.point, before.point.stopped_by != "errors"
            self._skipped = not self._is_worse and (
                before.is_skipped or missed or (found.fer or 0.0) < self._floor
            )
        return bool(self._skipped)

    @cached_property
    def _is_worse(self) -> bool:
        """Whether the channel may be worse than the one before."""
        assert self._after is not None
        rate = self.simulation.code.rate
        now, before = (one.simulation.channel.at_rate(rate).capacity for one in (self, self._after))
        return now is None or before is None or now < before

    @property
    def wants_more(self) -> bool:
        """Whether there are more batches to run."""
        if self._after is not None and not self._after.is_over:
            return False
        if self.is_skipped:
            return False
        limit = self.simulation.frames
        start = self.simulation.start(self._next_batch)
        return not self.done and (limit is None or start < limit)

    @property
    def is_over(self) -> bool:
        """Whether the point has ended, or is skipped."""
        return self.done or self.is_skipped

    def next_batches(self, seconds: float) -> range:
        """Return the numbers of the next batches, which take about this time together."""
        point, limit, count = self.point, self.simulation.frames, 1
        if point.batches:
            count = int(seconds * point.batches / max(point.seconds, 1e-9))
            most = max(_MAX_BATCHES, int(seconds * _MAX_BATCHES_PER_SECOND))
            count = max(1, min(count, most, 2 * point.batches))
        first = self._next_batch
        if limit is not None:
            while count > 1 and self.simulation.start(first + count - 1) >= limit:
                count -= 1
        self._next_batch += count
        self.running += 1
        return range(first, self._next_batch)

    def add(self, first: int, batches: list[BatchResult]) -> None:
        """Add consecutive batches in their order; later ones wait for those before them."""
        self.running -= 1
        self._out_of_order[first] = batches
        while not self.done and self.point.batches in self._out_of_order:
            for batch in self._out_of_order.pop(self.point.batches):
                point = self.point
                self.point = replace(
                    point,
                    tally=point.tally + batch.tally,
                    batches=point.batches + 1,
                    seconds=point.seconds + batch.seconds,
                    speed=point.speed | batch.speed,
                )
                if self._check_limits():
                    break

    def _check_limits(self) -> bool:
        tally, seconds, limit = self.point.tally, self.point.seconds, self.simulation.frames
        stopped_by: StoppedBy
        if tally.touched >= self._errors:  # clusters with frame errors: a burst counts as one
            stopped_by = "errors"
        elif limit is not None and tally.frames >= limit:
            stopped_by = "frames"
        elif seconds >= self._seconds:
            stopped_by = "seconds"
        else:
            return False
        self.done = True
        self.point = replace(self.point, stopped_by=stopped_by)
        return True

    @property
    def share(self) -> float:
        """Fraction of the point that is done, 0 to 1."""
        if self.is_over:
            return 1.0
        tally, limit = self.point.tally, self.simulation.frames
        return max(
            tally.touched / self._errors,
            tally.frames / limit if limit else 0.0,
            self.point.seconds / self._seconds,
        )
