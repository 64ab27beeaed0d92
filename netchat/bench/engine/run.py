"""Measurement of the error rates of codes over channels.

Batches are counted in the order of their index, up to the first that ends the point. The counts
therefore do not depend on the number of workers, and an interrupted point can be resumed.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from netchat.bench.axis import Axis
from netchat.bench.engine.cluster import DaskExecutor
from netchat.bench.engine.driver import Executor, drive
from netchat.bench.engine.executor import InProcess, ProcessPool, executor
from netchat.bench.engine.interrupt import Interrupt
from netchat.bench.engine.measurement import Measurement
from netchat.bench.engine.resume import ResumeFile
from netchat.bench.engine.search import TargetSearch
from netchat.bench.engine.simulation import Simulation
from netchat.bench.point import Point
from netchat.bench.results import Results
from netchat.bench.suite import created_codes, each, simulations
from netchat.channels import Channel
from netchat.coding import Code
from netchat.errors import BenchError
from netchat.version import __version__
from netchat.wording import cut, many

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
    workers: int = 0
    """Number of workers of a cluster; 0 without one."""


def run(
    codes: str | Code | Sequence[str | Code] | None = None,
    channels: str | Channel | Sequence[str | Channel] | None = None,
    *,
    errors: int | None = None,
    frames: int | None = None,
    seconds: float | None = None,
    seed: int | None = None,
    workers: int | None = None,
    cluster: str | None = None,
    resume: str | os.PathLike[str] | None = None,
    part: str | None = None,
    floor: float | None = None,
    target_fer: float | None = None,
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
        channels: Channel, specification, or a list of them. `awgn:0:8:0.5` stands for a range from 0 to
            8 dB in steps of 0.5, and a name alone, such as `bsc`, for a range of its own. The default is
            `bsc`, or the standard suite if `codes` is omitted too.
        errors: Number of frame errors that end a point, 100 by default. Errors of one burst of a
            channel with memory count as one.
        frames: Number of frames that end a point; the standard suite has a limit for each code.
        seconds: Seconds of computation that end a point, 5 by default; unlimited if there is a limit
            of frames.
        seed: Random seed; 1 by default, or that of the resumed run.
        workers: Number of processes; 2 by default, but at most one per core. With 1, the calling
            process does all the work, as it does for an object that cannot be pickled. Other
            processes run a copy of an object, even if its class is defined in a notebook.
        cluster: Address of a Dask scheduler, such as `tcp://10.0.0.1:8786`, or `local:N` for N processes.
        resume: File that keeps the state of the run. If it exists, the run continues from it, with its
            settings for the arguments that are omitted. If it cannot be written, the run continues in
            memory, and `Results.unsaved` gives the reason.
        part: `2/10` measures the second of ten parts of the points; `netchat.bench.merge` joins the results.
        floor: FER below which a code is not measured over the better channels that follow; nor is it after
            a point that its limit of frames or seconds ended.
        target_fer: FER to search for: measure each code over the channels of a kind until those with a
            higher and a lower FER are close. `Results.targets` has the values.
        progress: Function to call whenever there are new counts.

    Raises:
        ValueError: A specification is invalid, or a number is out of range.
        BenchError: A code raises an error, the cluster cannot be used, or the file cannot be used: it is
            missing and no codes or channels are given; it is not a results file; it is in use by another
            run; it has another version or seed; or it contains points that are not part of this run.

    >>> results = run(["hamming:7,4"], ["bsc:0.01"], workers=1)
    >>> low, high = results.points[0].ber_interval
    >>> low < results.points[0].theory.ber < high
    True
    """
    for name, value in (
        ("errors", errors), ("frames", frames), ("seconds", seconds), ("workers", workers),
        ("floor", floor), ("target_fer", target_fer),
    ):  # fmt: skip
        if value is not None and not value > 0:  # nor nan
            raise ValueError(f"Argument {name!r} must be above 0, got {value}.")
    for name, rate in (("floor", floor), ("target_fer", target_fer)):
        if rate is not None and rate >= 1:
            raise ValueError(f"Argument {name!r} must be below 1, got {rate}.")
    if seed is not None and seed < 0:
        raise ValueError(f"Argument 'seed' must be at least 0, got {seed}.")
    if cluster is not None and workers is not None:
        raise ValueError("Arguments 'workers' and 'cluster' cannot be combined.")
    if part is not None:
        _part(part)
    wanted = None if codes is None else each(codes)
    over = None if channels is None else each(channels)
    asked: dict[str, Any] = {
        "codes": _specs(wanted), "channels": _specs(over),
        "errors": errors, "frames": frames, "seconds": seconds,
        "part": part, "floor": floor, "target_fer": target_fer,
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
        asked["errors"] = asked["errors"] or ERRORS
        chosen: list[Simulation] = []
        searches: list[TargetSearch] = []
        try:
            if asked["target_fer"] is None:
                chosen = simulations(
                    wanted or asked["codes"], over or asked["channels"], seed=seed,
                    frames=asked["frames"],
                )  # fmt: skip
            else:
                searches = _searches(wanted or asked["codes"], over or asked["channels"], asked)
        except ValueError as error:
            if wanted is over is None:  # the specifications come from the file
                raise BenchError(f"{resume}: {error}") from error
            raise
        if asked["part"] is not None:
            number, of = _part(asked["part"])
            chosen, searches = chosen[number - 1 :: of], searches[number - 1 :: of]
        if before is not None and not searches:
            _check_points_kept(before, str(resume), chosen)
        # Start the workers first, because the theory of all points takes as long as their start.
        first = chosen or [one.simulation(one.first_channel, seed, None) for one in searches]
        pool = _executor(first, workers, cluster)
        stack.enter_context(pool)
        pool.start(len(first))
        points = _Points(asked, seed, before, is_remote=cluster is not None)
        points.add(chosen)
        results = Results([], seed, settings=asked)
        return _run(points, searches, pool, results, file, progress)


def _searches(
    codes: Sequence[str | Code] | None,
    channels: Sequence[str | Channel] | None,
    asked: dict[str, Any],
) -> list[TargetSearch]:
    """Return a search for each code and kind of channel."""
    kinds = [one if isinstance(one, str) else one.spec for one in channels or ["awgn"]]
    axes = dict.fromkeys(Axis.of(kind) for kind in kinds)
    if codes is None:
        raise ValueError("Argument 'codes' must be given to search for a FER.")
    return [
        TargetSearch(code, axis, asked["target_fer"], from_specs=from_spec)
        for code, from_spec in created_codes(codes)
        for axis in axes
    ]


def _part(part: str) -> tuple[int, int]:
    """Parse a part such as 2/10.

    Raises:
        ValueError: It is not valid.
    """
    match = re.fullmatch(r"([1-9]\d{0,5})/([1-9]\d{0,5})", part, re.ASCII)
    if match is None or int(match[1]) > int(match[2]):
        raise ValueError(f"Argument 'part' must be I/N with I from 1 to N, got {cut(part)!r}.")
    return int(match[1]), int(match[2])


class _Points:
    """Measurements of a run.

    Args:
        settings: Limits of the points.
        seed: Random seed.
        before: Results of the resumed run.
        is_remote: Whether the workers may not have the files of this machine.
    """

    def __init__(
        self, settings: dict[str, Any], seed: int, before: Results | None, *, is_remote: bool
    ) -> None:
        self.all: list[Measurement] = []
        self._settings, self._seed, self._is_remote = settings, seed, is_remote
        self._before = {
            (point.code, point.channel): point for point in (before.points if before else ())
        }
        self._waiting: list[tuple[TargetSearch, Measurement]] = []

    def add(self, simulations: Sequence[Simulation]) -> list[Measurement]:
        """Add points, and return them."""
        asked, latest, added = self._settings, dict[str, Measurement](), []
        for simulation in simulations:
            if self._is_remote:
                simulation.carry_files()
            is_limited = simulation.frames is not None and asked["target_fer"] is None
            most = float("inf") if is_limited or asked["frames"] is not None else SECONDS
            one = Measurement(
                simulation,
                errors=asked["errors"],
                seconds=most if asked["seconds"] is None else asked["seconds"],
                after=None if asked["floor"] is None else latest.get(simulation.code.spec),
                floor=asked["floor"],
            )
            latest[simulation.code.spec] = one
            before = self._before.pop((one.point.code, one.point.channel), None)
            if before is not None:
                one.resume(before)
            added.append(one)
        self.all += added
        return added

    def search(self, searches: Sequence[TargetSearch]) -> bool:
        """Measure the next points of all searches; return whether there are any."""
        frames, errors = self._settings["frames"], self._settings["errors"]
        self._waiting = [
            (one, self.add([one.simulation(channel, self._seed, frames, errors)])[0])
            for one in searches
            if (channel := one.next_channel()) is not None
        ]
        return bool(self._waiting)

    def searched(self) -> None:
        """Pass the points on to their searches."""
        for one, measurement in self._waiting:
            one.add(measurement.point)

    @property
    def points(self) -> list[Point]:
        """Points that are not skipped, and those of the resumed run that are not measured again."""
        found = [one.point for one in self.all if not one.is_skipped] + list(self._before.values())
        codes = list(dict.fromkeys(point.code for point in found))
        return sorted(found, key=lambda point: codes.index(point.code))


def _check_resumable(before: Results, file: str, seed: int | None) -> None:
    if before.version != __version__:
        raise BenchError(
            f"{file} was written by netchat {before.version}, whose random numbers may differ from "
            f"those of {__version__}: start a new run in another file."
        )
    if any(point.seeds not in ((), (before.seed,)) for point in before.points):
        raise BenchError(
            f"{file} contains merged runs with several seeds, which cannot be resumed."
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
    points: _Points,
    searches: Sequence[TargetSearch],
    pool: Executor,
    results: Results,
    file: ResumeFile | None,
    progress: Callable[[Progress], None] | None,
) -> Results:
    def save() -> None:
        results.points = points.points
        if file is not None:
            file.save(results)
            results.unsaved = file.unsaved

    with Interrupt() as interrupt:
        save()
        saved = time.monotonic()
        try:
            while not searches or points.search(searches):
                for latest in drive(points.all, pool, interrupt):
                    if progress is not None:
                        progress(_progress(points.all, latest, pool))
                    if time.monotonic() - saved > _SAVING:
                        save()
                        saved = time.monotonic()
                if not searches:
                    break
                points.searched()
            results.targets = [one.target() for one in searches]
        except KeyboardInterrupt:
            pass  # the results so far are returned; unfinished points are marked as interrupted
        except BenchError:
            save()  # what was measured before the cluster was lost, for example
            raise
        save()
    return results


def _executor(
    chosen: list[Simulation], workers: int | None, cluster: str | None
) -> InProcess | ProcessPool | DaskExecutor:
    if cluster is not None:
        return DaskExecutor(cluster)
    if workers is None:
        workers = min(2, os.cpu_count() or 1)
    if workers > 1 and not all(one.portable for one in chosen):
        workers = 1
    return executor(workers)


def _progress(measurements: list[Measurement], latest: Measurement, pool: Executor) -> Progress:
    done = sum(one.is_over for one in measurements)
    return Progress(
        sum(one.share for one in measurements) / len(measurements),
        done,
        len(measurements),
        f"{latest.point.code} over {latest.point.channel}",
        pool.processes if isinstance(pool, DaskExecutor) else 0,
    )
