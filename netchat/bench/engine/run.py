"""The engine: hands batches out, takes their counts in order, and stops at enough of them.

Batches are counted in the order of their numbers and up to the first that ends the point, whoever
ran them and whatever else was run meanwhile. That is why the number of workers makes no difference,
and why an interrupted point can be taken up where it was.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from netchat.bench.engine.point_runner import Work
from netchat.bench.engine.resume import ResumeFile
from netchat.bench.engine.workers import InProcess, ProcessPool, Runner, Task
from netchat.bench.results import Results
from netchat.bench.suite import Experiment, each, experiments
from netchat.channels import Channel
from netchat.coding import Code
from netchat.errors import BenchError
from netchat.version import __version__
from netchat.wording import many

__all__ = ["ERRORS", "SECONDS", "Progress", "run"]

#: Frame errors that end a point, unless told otherwise: its rate is then known to about 20 %.
ERRORS = 100

#: Seconds of work that a point may take at most, unless it has a limit of frames.
SECONDS = 5.0

#: Seconds between two savings of the file that a run can be resumed from.
_SAVING = 2.0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is."""

    done: float
    """The share of the work that is done, 0 to 1, as far as it can be told."""
    points: int
    """Points that are done."""
    of: int
    """Points in all."""
    working_on: str
    """The code and the channel that the last counts are of."""


def run(
    codes: str | Code | Sequence[str | Code] | None = None,
    channels: str | Channel | Sequence[str | Channel] | None = None,
    *,
    errors: int | None = None,
    frames: int | None = None,
    seconds: float | None = None,
    seed: int | None = None,
    workers: int | None = None,
    resume: str | os.PathLike[str] | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Results:
    """Measure the error rates of codes over channels.

    Every code is run over every channel. A point ends at so many frame errors, frames or seconds,
    whichever comes first. With the same arguments the counts are the same for any number of
    workers, and however often the run was interrupted; only a point that its seconds ended depends
    on how fast the machine was.

    An interrupt (Ctrl-C, or the notebook's button) ends the run and returns what there is, its
    unfinished points marked as interrupted.

    Args:
        codes: specs of codes, or codes, or one of them; the standard suite's unless given.
        channels: the same of channels; a kind alone, such as `bsc`, stands for a range of them.
            Unless given, `bsc`, or the standard suite if no codes are given either.
        errors: frame errors that end a point; 100 unless given. Of errors that a channel with a
            memory ties together one counts.
        frames: frames that end a point; the standard suite has a limit for each code.
        seconds: seconds of work that end a point; 5 unless given, and none where there is a limit
            of frames.
        seed: where chance comes from; 1 unless given, or what the resumed run had.
        workers: processes that work; two unless given, or one for each core if there are fewer.
            With 1 the calling process does all the work itself, as it does for codes that cannot
            be made from a spec, such as a class of a notebook.
        resume: a file that keeps the state of the run. If it is there, what it holds is taken up,
            and what is not given here is as it was there. If it cannot be written, the run goes on
            all the same, and `Results.unsaved` says why.
        progress: called every now and then.

    Raises:
        ValueError: if there is no such code or channel, or a number is out of its range.
        BenchError: if a code raises an error, or the file cannot be used: it is missing and no
            codes and channels are given, it is no such file or in use by another run, of another
            version or seed, or it holds points that are not asked for.

    >>> results = run(["hamming:7,4"], ["bsc:0.01"], workers=1)
    >>> low, high = results.points[0].ber_interval
    >>> low < results.points[0].theory.ber < high
    True
    """
    for name, value in (
        ("errors", errors), ("frames", frames), ("seconds", seconds), ("workers", workers)
    ):  # fmt: skip
        if value is not None and not value > 0:  # nor nan
            raise ValueError(f"{name} is a number above 0, not {value}.")
    if seed is not None and seed < 0:
        raise ValueError(f"seed is 0 or more, not {seed}.")
    wanted = None if codes is None else each(codes)
    over = None if channels is None else each(channels)
    asked: dict[str, Any] = {
        "codes": _specs(wanted), "channels": _specs(over),
        "errors": errors, "frames": frames, "seconds": seconds,
    }  # fmt: skip
    with contextlib.ExitStack() as stack:
        file, before = None, None
        if resume is not None:
            file = stack.enter_context(contextlib.closing(ResumeFile(resume)))
            before = file.before
            if before is None and wanted is over is None:
                raise BenchError(
                    f"There is no file {resume} to resume from. "
                    "To begin a run that is kept there, name its codes or channels."
                )
        if before is not None:
            _can_go_on(before, str(resume), seed)
            seed = before.seed
            asked = {
                name: before.settings.get(name) if value is None else value
                for name, value in asked.items()
            }
        seed = 1 if seed is None else seed
        frames, seconds = asked["frames"], asked["seconds"]
        errors = asked["errors"] = asked["errors"] or ERRORS
        try:
            chosen = experiments(wanted or asked["codes"], over or asked["channels"])
        except ValueError as error:
            if wanted is over is None:  # then it is the file that names them
                raise BenchError(f"{resume}: {error}") from error
            raise
        if before is not None:
            _loses_nothing(before, str(resume), chosen)
        # First of all, because workers need as long to start as the theory of all points takes.
        runner = stack.enter_context(contextlib.closing(_runner(chosen, workers)))
        works = []
        for experiment in chosen:
            limit = experiment.frames if frames is None else frames
            most = seconds if seconds is not None else SECONDS if limit is None else float("inf")
            works.append(Work(experiment, seed, errors=errors, frames=limit, seconds=most))
        if before is not None:
            known = {(point.code, point.channel): point for point in before.points}
            for work in works:
                if (work.point.code, work.point.channel) in known:
                    work.take_up(known[work.point.code, work.point.channel])
        return _run(works, runner, Results([], seed, settings=asked), file, progress)


def _can_go_on(before: Results, file: str, seed: int | None) -> None:
    if before.version != __version__:
        raise BenchError(
            f"{file} was made by netchat {before.version}, whose chance may be another than that of "
            f"{__version__}: begin anew, in another file."
        )
    if seed not in (None, before.seed):
        raise BenchError(f"{file} was begun with seed {before.seed}, and cannot go on with {seed}.")


def _loses_nothing(before: Results, file: str, chosen: list[Experiment]) -> None:
    """A run writes its own points to its file: what is in there must be among them."""
    wanted = {(one.code.spec, one.channel.spec) for one in chosen}
    others = [point for point in before.points if (point.code, point.channel) not in wanted]
    if others:
        more = f", and {many(len(others) - 1, 'point')} more" if len(others) > 1 else ""
        raise BenchError(
            f"{file} also holds {others[0].code} over {others[0].channel}, which would be lost{more}: "
            "ask for all of its codes and channels and for more, or take another file."
        )


def _specs(asked: Sequence[str | Code] | Sequence[str | Channel] | None) -> list[str] | None:
    if asked is None:
        return None
    return [one if isinstance(one, str) else one.spec for one in asked]


def _run(
    works: list[Work],
    runner: Runner,
    results: Results,
    file: ResumeFile | None,
    progress: Callable[[Progress], None] | None,
) -> Results:
    def save() -> None:
        results.points = [work.point for work in works]
        if file is not None:
            file.save(results)
            results.unsaved = file.unsaved

    try:
        save()
        saved = time.monotonic()
        for work in _drive(works, runner):
            if progress is not None:
                progress(_progress(works, work))
            if time.monotonic() - saved > _SAVING:
                save()
                saved = time.monotonic()
    except KeyboardInterrupt:
        pass  # what there is is kept; its points say that they were interrupted
    save()
    return results


def _runner(chosen: list[Experiment], workers: int | None) -> Runner:
    if workers is None:
        workers = min(2, os.cpu_count() or 1)
    if workers == 1 or not all(one.from_specs for one in chosen):
        return InProcess(
            {one.code.spec: one.code for one in chosen},
            {one.channel.spec: one.channel for one in chosen},
        )
    return ProcessPool(workers, at_once=len(chosen))


def _drive(works: list[Work], runner: Runner) -> Iterator[Work]:
    """Keep everybody at work until everything is done; yields what was just counted."""
    under_way: dict[int, tuple[Work, Task]] = {}
    number = 0
    while True:
        while len(under_way) < runner.places:
            work = _next(works)
            if work is None:
                break
            task = work.next_task()
            runner.submit(number, task)
            under_way[number] = work, task
            number += 1
        if not under_way:
            return
        finished, batches = runner.next()
        work, task = under_way.pop(finished)
        work.take(task, batches)
        yield work


def _next(works: list[Work]) -> Work | None:
    """The first point that nobody works on; if there is none, the one that fewest work on.

    Nobody joins in on the first batches of a point: many a point needs no more.
    """
    wanting = [work for work in works if work.wants_more and (work.point.batches or not work.tasks)]
    return min(wanting, key=lambda work: work.tasks, default=None)


def _progress(works: list[Work], work: Work) -> Progress:
    return Progress(
        sum(each.share for each in works) / len(works),
        sum(each.done for each in works),
        len(works),
        f"{work.point.code} over {work.point.channel}",
    )
