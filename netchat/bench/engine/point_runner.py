"""A point under way: which batches it wants next, what it has counted, and when it is done."""

from __future__ import annotations

from dataclasses import replace

from netchat.bench.engine.trial import Batch, Trial
from netchat.bench.engine.workers import Task
from netchat.bench.results import Point, StoppedBy
from netchat.bench.suite import Experiment
from netchat.bench.theory.rates import theory

__all__ = ["Work"]

#: Seconds that a task should last: long against its way to the worker and back, short for Ctrl-C.
_TASK = 0.05
_MOST_BATCHES = 256


class Work:
    """A point under way.

    Args:
        experiment: what it is a point of.
        seed: where chance comes from.
        errors: frame errors that end it; of those that a channel's memory ties together, one.
        frames: frames that end it.
        seconds: seconds of work that end it.

    Attributes:
        point: what it has counted so far.
        done: whether that is all.
        tasks: how many tasks are handed out and have not come back.
    """

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
        self._handed_out = 0
        self._early: dict[int, list[Batch]] = {}

    def take_up(self, before: Point) -> None:
        """Go on from where another run was, if what it counted is a beginning of this one.

        It is none if its last batch was cut short by fewer frames than are wanted now, if it has
        more than are wanted, or if the code had another size then; the point then begins anew.
        """
        frames, limit, code = before.tally.frames, self._frames, self._trial.code
        whole = frames == self._trial.start(before.batches)
        same_code = (
            before.rate == code.rate and before.tally.bits == frames * code.k * code.bits_per_symbol
        )
        if same_code and (limit is None or frames <= limit) and (whole or frames == limit):
            self.point = replace(before, theory=self.point.theory, stopped_by="interrupted")
            self._handed_out = before.batches
            self._judge()

    @property
    def wants_more(self) -> bool:
        """Whether there is something to hand out."""
        start = self._trial.start(self._handed_out)
        return not self.done and (self._frames is None or start < self._frames)

    def next_task(self) -> Task:
        """The next batches: as many as make a task of a good length."""
        point, count = self.point, 1
        if point.batches:
            count = int(_TASK * point.batches / max(point.seconds, 1e-9))
            count = max(1, min(count, _MOST_BATCHES, 2 * point.batches))
        first = self._handed_out
        if self._frames is not None:
            while count > 1 and self._trial.start(first + count - 1) >= self._frames:
                count -= 1
        self._handed_out += count
        self.tasks += 1
        return Task(point.code, point.channel, self._seed, first, count, self._frames)

    def take(self, task: Task, batches: list[Batch]) -> None:
        """Count what came back, as far as everything before it has been counted."""
        self.tasks -= 1
        self._early[task.first] = batches
        while not self.done and self.point.batches in self._early:
            for batch in self._early.pop(self.point.batches):
                point = self.point
                self.point = replace(
                    point,
                    tally=point.tally + batch.tally,
                    batches=point.batches + 1,
                    seconds=point.seconds + batch.seconds,
                    speed=point.speed | batch.speed,
                )
                if self._judge():
                    break

    def _judge(self) -> bool:
        tally, seconds = self.point.tally, self.point.seconds
        stopped_by: StoppedBy
        if tally.touched >= self._errors:  # frame errors, but of a burst's only one
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
        """How much of it is done, 0 to 1."""
        if self.done:
            return 1.0
        tally = self.point.tally
        return max(
            tally.touched / self._errors,
            tally.frames / self._frames if self._frames else 0.0,
            self.point.seconds / self._seconds,
        )
