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
from pathlib import Path
from typing import Any

from netchat import __version__
from netchat.bench.results import Results
from netchat.bench.suite import Experiment, experiments
from netchat.bench.work import Work
from netchat.bench.workers import Here, Processes, Runner, Task
from netchat.channels import Channel
from netchat.coding import Code
from netchat.errors import BenchError
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
    codes: Sequence[str | Code] | None = None,
    channels: Sequence[str | Channel] | None = None,
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
        codes: specs of codes, or codes; those of the standard suite unless given.
        channels: specs of channels, or channels; a kind alone, such as `bsc`, stands for a range
            of them. Unless given, `bsc`, or the standard suite if no codes are given either.
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
            and what is not given here is as it was there.
        progress: called every now and then.

    Raises:
        ValueError: if there is no such code or channel, or a number is out of its range.
        BenchError: if a code raises an error, or the file cannot be used: it is no such file, of
            another version or seed, or it holds points that are not asked for.

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
    before = Results.read(resume) if resume is not None and Path(resume).exists() else None
    if before is not None:
        _can_go_on(before, str(resume), seed)
    if seed is None:
        seed = 1 if before is None else before.seed
    if seed < 0:
        raise ValueError(f"seed is 0 or more, not {seed}.")
    asked: dict[str, Any] = {
        "codes": _specs(codes), "channels": _specs(channels),
        "errors": errors, "frames": frames, "seconds": seconds,
    }  # fmt: skip
    if before is not None:
        asked = {name: before.settings.get(name) if v is None else v for name, v in asked.items()}
        codes, channels = codes or asked["codes"], channels or asked["channels"]
        frames, seconds = asked["frames"], asked["seconds"]
    errors = asked["errors"] = asked["errors"] or ERRORS
    chosen = experiments(codes, channels)
    if before is not None:
        _loses_nothing(before, str(resume), chosen)
    # First of all, because workers need as long to start as the theory of all points takes.
    with contextlib.closing(_runner(chosen, workers)) as runner:
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
        return _run(works, runner, Results([], seed, settings=asked), resume, progress)


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
    wanted = {(each.code.spec, each.channel.spec) for each in chosen}
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
    return [each if isinstance(each, str) else each.spec for each in asked]


def _run(
    works: list[Work],
    runner: Runner,
    results: Results,
    resume: str | os.PathLike[str] | None,
    progress: Callable[[Progress], None] | None,
) -> Results:
    saved = time.monotonic()
    try:
        for work in _drive(works, runner):
            if progress is not None:
                progress(_progress(works, work))
            if resume is not None and time.monotonic() - saved > _SAVING:
                results.points = [each.point for each in works]
                results.to_json(resume)
                saved = time.monotonic()
    except KeyboardInterrupt:
        pass  # what there is is kept; its points say that they were interrupted
    results.points = [work.point for work in works]
    if resume is not None:
        results.to_json(resume)
    return results


def _runner(chosen: list[Experiment], workers: int | None) -> Runner:
    if workers is None:
        workers = min(2, os.cpu_count() or 1)
    if workers == 1 or not all(each.from_specs for each in chosen):
        return Here(
            {each.code.spec: each.code for each in chosen},
            {each.channel.spec: each.channel for each in chosen},
        )
    return Processes(workers, at_once=len(chosen))


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
