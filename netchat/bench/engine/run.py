"""Measurement of the error rates of codes over channels.

Batches are counted in the order of their index, up to the first that ends the point. The counts
therefore do not depend on the number of workers, and an interrupted point can be resumed.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from typing import Any

from netchat.bench.engine.batch import BatchResult
from netchat.bench.engine.executor import InProcess, ProcessPool, executor
from netchat.bench.engine.interrupt import Interrupt
from netchat.bench.engine.measurement import Measurement
from netchat.bench.engine.resume import ResumeFile
from netchat.bench.engine.simulation import Simulation
from netchat.bench.results import Results
from netchat.bench.suite import each, simulations
from netchat.channels import Channel
from netchat.coding import Code
from netchat.errors import BenchError
from netchat.version import __version__
from netchat.wording import many

__all__ = ["ERRORS", "SECONDS", "Progress", "run"]

#: Default number of frame errors that end a point, which determine its rate to about 20 %.
ERRORS = 100

#: Default limit of the computing time of a point in seconds, if it has no limit of frames.
SECONDS = 5.0

#: Interval between saves of the resume file, in seconds.
_SAVING = 2.0


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress of a run."""

    done: float
    """Estimated fraction of the work that is done, 0 to 1."""
    points: int
    """Number of finished points."""
    of: int
    """Total number of points."""
    working_on: str
    """Code and channel of the latest counts."""


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

    Every code is measured over every channel. A point ends at a number of frame errors, frames or
    seconds, whichever comes first. With the same arguments, the counts are the same for any number of
    workers and interruptions; only a point that ended by its seconds depends on the machine.

    An interrupt (Ctrl-C, or the notebook's button) ends the run and returns the results so far, with
    the unfinished points marked as interrupted.

    Args:
        codes: Code, specification, or a list of them; by default those of the standard suite.
        channels: Channel, specification, or a list of them. A name alone, such as `bsc`, stands for a
            range. The default is `bsc`, or the standard suite if `codes` is omitted too.
        errors: Number of frame errors that end a point, 100 by default. Errors of one burst of a
            channel with memory count as one.
        frames: Number of frames that end a point; the standard suite has a limit for each code.
        seconds: Seconds of computation that end a point, 5 by default; unlimited if there is a limit
            of frames.
        seed: Random seed; 1 by default, or that of the resumed run.
        workers: Number of processes; 2 by default, but at most one per core. With 1, the calling
            process does all the work, as it does for an object that cannot be pickled. Other
            processes run a copy of an object, even if its class is defined in a notebook.
        resume: File that keeps the state of the run. If it exists, the run continues from it, with its
            settings for the arguments that are omitted. If it cannot be written, the run continues in
            memory, and `Results.unsaved` gives the reason.
        progress: Function to call whenever there are new counts.

    Raises:
        ValueError: A specification is invalid, or a number is out of range.
        BenchError: A code raises an error, or the file cannot be used: it is missing and no codes or
            channels are given; it is not a results file; it is in use by another run; it has another
            version or seed; or it contains points that are not part of this run.

    >>> results = run(["hamming:7,4"], ["bsc:0.01"], workers=1)
    >>> low, high = results.points[0].ber_interval
    >>> low < results.points[0].theory.ber < high
    True
    """
    for name, value in (
        ("errors", errors), ("frames", frames), ("seconds", seconds), ("workers", workers)
    ):  # fmt: skip
        if value is not None and not value > 0:  # nor nan
            raise ValueError(f"Argument {name!r} must be above 0, got {value}.")
    if seed is not None and seed < 0:
        raise ValueError(f"Argument 'seed' must be at least 0, got {seed}.")
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
                    f"The file {resume} does not exist. "
                    "To start a run that is saved there, specify its codes or channels."
                )
        if before is not None:
            _check_resumable(before, str(resume), seed)
            seed = before.seed
            asked = {
                name: before.settings.get(name) if value is None else value
                for name, value in asked.items()
            }
        seed = 1 if seed is None else seed
        frames, seconds = asked["frames"], asked["seconds"]
        errors = asked["errors"] = asked["errors"] or ERRORS
        try:
            chosen = simulations(
                wanted or asked["codes"], over or asked["channels"], seed=seed, frames=frames
            )
        except ValueError as error:
            if wanted is over is None:  # the specifications come from the file
                raise BenchError(f"{resume}: {error}") from error
            raise
        if before is not None:
            _check_points_kept(before, str(resume), chosen)
        # Start the workers first, because the theory of all points takes as long as their start.
        pool = _executor(chosen, workers)
        stack.enter_context(pool)
        measurements = []
        for simulation in chosen:
            most = SECONDS if simulation.frames is None else float("inf")
            most = most if seconds is None else seconds
            measurements.append(Measurement(simulation, errors=errors, seconds=most))
        if before is not None:
            known = {(point.code, point.channel): point for point in before.points}
            for one in measurements:
                if (one.point.code, one.point.channel) in known:
                    one.resume(known[one.point.code, one.point.channel])
        return _run(measurements, pool, Results([], seed, settings=asked), file, progress)


def _check_resumable(before: Results, file: str, seed: int | None) -> None:
    if before.version != __version__:
        raise BenchError(
            f"{file} was written by netchat {before.version}, whose random numbers may differ from "
            f"those of {__version__}: start a new run in another file."
        )
    if seed not in (None, before.seed):
        raise BenchError(f"{file} was started with seed {before.seed}; it cannot use seed {seed}.")


def _check_points_kept(before: Results, file: str, chosen: list[Simulation]) -> None:
    """Check that a run, which replaces the file, includes all points of the file."""
    wanted = {(one.code.spec, one.channel.spec) for one in chosen}
    others = [point for point in before.points if (point.code, point.channel) not in wanted]
    if others:
        more = f", and {many(len(others) - 1, 'point')} more" if len(others) > 1 else ""
        raise BenchError(
            f"{file} also contains {others[0].code} over {others[0].channel}{more}, which would be "
            "lost: include all of its codes and channels, or use another file."
        )


def _specs(asked: Sequence[str | Code] | Sequence[str | Channel] | None) -> list[str] | None:
    if asked is None:
        return None
    return [one if isinstance(one, str) else one.spec for one in asked]


def _run(
    measurements: list[Measurement],
    pool: InProcess | ProcessPool,
    results: Results,
    file: ResumeFile | None,
    progress: Callable[[Progress], None] | None,
) -> Results:
    def save() -> None:
        results.points = [one.point for one in measurements]
        if file is not None:
            file.save(results)
            results.unsaved = file.unsaved

    with Interrupt() as interrupt:
        save()
        saved = time.monotonic()
        try:
            for latest in _drive(measurements, pool, interrupt):
                if progress is not None:
                    progress(_progress(measurements, latest))
                if time.monotonic() - saved > _SAVING:
                    save()
                    saved = time.monotonic()
        except KeyboardInterrupt:
            pass  # the results so far are returned; unfinished points are marked as interrupted
        save()
    return results


def _executor(chosen: list[Simulation], workers: int | None) -> InProcess | ProcessPool:
    if workers is None:
        workers = min(2, os.cpu_count() or 1)
    if workers > 1 and not all(one.portable for one in chosen):
        workers = 1
    pool = executor(workers)
    pool.start(len(chosen))
    return pool


def _drive(
    measurements: list[Measurement], pool: InProcess | ProcessPool, interrupt: Interrupt
) -> Iterator[Measurement]:
    """Keep the executor busy until all points are done; yield each one that got new counts."""
    running: dict[Future[list[BatchResult]], tuple[Measurement, int]] = {}
    while True:
        while len(running) < pool.workers and (one := _next(measurements)) is not None:
            numbers = one.next_batches()
            with interrupt.allowed():
                future = pool.submit(one.simulation.run_all, numbers)
            running[future] = one, numbers.start
        if not running:
            return
        # Wake up once a second so that Ctrl-C is handled on every system.
        with interrupt.allowed():
            done = wait(running, timeout=1, return_when=FIRST_COMPLETED).done
        for future in done:
            one, first = running.pop(future)
            one.add(first, future.result())
            yield one


def _next(measurements: list[Measurement]) -> Measurement | None:
    """Return the measurement with the fewest calls in progress.

    The first batch of a point runs alone, because many points need no more.
    """
    waiting = [
        one for one in measurements if one.wants_more and (one.point.batches or not one.running)
    ]
    return min(waiting, key=lambda one: one.running, default=None)


def _progress(measurements: list[Measurement], latest: Measurement) -> Progress:
    return Progress(
        sum(one.share for one in measurements) / len(measurements),
        sum(one.done for one in measurements),
        len(measurements),
        f"{latest.point.code} over {latest.point.channel}",
    )
