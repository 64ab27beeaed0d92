"""Measurement of one point: its next batches, its counts, and when it ends."""

from __future__ import annotations

from dataclasses import replace

from netchat.bench.engine.trial import Batch, Trial
from netchat.bench.engine.workers import Task
from netchat.bench.point import Point, StoppedBy
from netchat.bench.suite import Experiment
from netchat.bench.theory.rates import theory

__all__ = ["PointRunner"]

#: Target duration of a task in seconds: long compared with the transfer, short for Ctrl-C.
_TASK_SECONDS = 0.05
_MAX_BATCHES = 256


class PointRunner:
    """Measurement of one point.

    Args:
        experiment: Code and channel.
        seed: Random seed.
        errors: Number of frame errors that end the point; errors of one burst count as one.
        frames: Number of frames that end the point.
        seconds: Seconds of computation that end the point.
    """

    point: Point
    """Counts so far."""
    done: bool
    """Whether the point has ended."""
    tasks: int
    """Number of tasks in progress."""

    def __init__(
        self,
        experiment: Experiment,
        seed: int,
        *,
        errors: int,
        frames: int | None,
        seconds: float,
    ) -> None:
        code, channel = experiment.code, experiment.channel
        self._trial = Trial(code, channel, seed)
        self._seed, self._errors, self._frames, self._seconds = seed, errors, frames, seconds
        self.point = Point(code.spec, channel.spec, code.rate, theory=theory(code, channel))
        self.done = False
        self.tasks = 0
        self._next_batch = 0
        self._out_of_order: dict[int, list[Batch]] = {}

    def resume(self, before: Point) -> None:
        """Continue from the counts of an earlier run, if they are the start of this one.

        They are not if a limit of frames cut their last batch short, if they exceed this point's limit,
        or if the size of the code has changed; the point then starts from scratch.
        """
        frames, limit, code = before.tally.frames, self._frames, self._trial.code
        whole = frames == self._trial.start(before.batches)
        same_code = (
            before.rate == code.rate and before.tally.bits == frames * code.k * code.bits_per_symbol
        )
        if same_code and (limit is None or frames <= limit) and (whole or frames == limit):
            self.point = replace(before, theory=self.point.theory, stopped_by="interrupted")
            self._next_batch = before.batches
            self._check_limits()

    @property
    def wants_more(self) -> bool:
        """Whether there are more batches to run."""
        start = self._trial.start(self._next_batch)
        return not self.done and (self._frames is None or start < self._frames)

    def next_task(self) -> Task:
        """Return the next batches as a task of suitable duration."""
        point, count = self.point, 1
        if point.batches:
            count = int(_TASK_SECONDS * point.batches / max(point.seconds, 1e-9))
            count = max(1, min(count, _MAX_BATCHES, 2 * point.batches))
        first = self._next_batch
        if self._frames is not None:
            while count > 1 and self._trial.start(first + count - 1) >= self._frames:
                count -= 1
        self._next_batch += count
        self.tasks += 1
        return Task(point.code, point.channel, self._seed, first, count, self._frames)

    def add(self, task: Task, batches: list[Batch]) -> None:
        """Add the results of a task, in order; later ones wait for those before them."""
        self.tasks -= 1
        self._out_of_order[task.first] = batches
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
        tally, seconds = self.point.tally, self.point.seconds
        stopped_by: StoppedBy
        if tally.touched >= self._errors:  # clusters with frame errors: a burst counts as one
            stopped_by = "errors"
        elif self._frames is not None and tally.frames >= self._frames:
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
        if self.done:
            return 1.0
        tally = self.point.tally
        return max(
            tally.touched / self._errors,
            tally.frames / self._frames if self._frames else 0.0,
            self.point.seconds / self._seconds,
        )
