"""Merging of results: points of different runs, or counts of one point with different seeds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import reduce
from typing import Any

from netchat.bench.point import Point
from netchat.bench.results import Results
from netchat.errors import BenchError

__all__ = ["merge"]


def merge(results: Iterable[Results]) -> Results:
    """Merge the results of several runs.

    Counts of a point that was measured with different seeds are added. Of two runs of a point with the
    same seed, the shorter one is the beginning of the longer one, which is kept.

    Args:
        results: At least one result.

    Raises:
        ValueError: There are no results.
        BenchError: Adding two points would count a run twice, or versions with different random numbers
            measured a point with the same seed.
    """
    every = list(results)
    if not every:
        raise ValueError("There are no results to merge.")
    return reduce(_merged, every)


def _merged(one: Results, other: Results) -> Results:
    points = {(point.code, point.channel): (point, one) for point in one.points}
    for point in other.points:
        place = point.code, point.channel
        if place not in points:
            points[place] = point, other
            continue
        before, source = points[place]
        points[place] = _both(before, source, point, other), one
    found = []
    for point, source in points.values():
        elsewhere = source.seed != one.seed and not point.seeds
        found.append(replace(point, seeds=(source.seed,)) if elsewhere else point)
    return Results(
        found, one.seed, one.version, one.machine, _settings(one, other), targets=[
            *one.targets, *(target for target in other.targets if target not in one.targets),
        ],
    )  # fmt: skip


def _both(point: Point, results: Results, more: Point, others: Results) -> Point:
    """Return the point of two runs."""
    name = f"{point.code} over {point.channel}"
    seeds, new = (
        set(one.seeds or (source.seed,)) for one, source in ((point, results), (more, others))
    )
    if point.rate != more.rate:
        raise BenchError(f"{name} has different rates in the results, so they cannot be merged.")
    if seeds.isdisjoint(new):
        interrupted = "interrupted" in (point.stopped_by, more.stopped_by)
        return replace(
            point,
            tally=point.tally + more.tally,
            batches=point.batches + more.batches,
            seconds=point.seconds + more.seconds,
            speed=point.speed | more.speed,
            stopped_by="interrupted" if interrupted else point.stopped_by,
            seeds=tuple(sorted(seeds | new)),
        )
    if seeds != new or len(seeds) > 1 and point.tally != more.tally:
        twice = ", ".join(map(str, sorted(seeds & new)))
        raise BenchError(
            f"{name}: the results cannot be merged, because runs with seed {twice} would count twice. "
            "Merge the files of single runs instead."
        )
    if results.version != others.version:
        raise BenchError(
            f"{name} was measured with seed {min(seeds)} by netchat {results.version} and "
            f"{others.version}, whose random numbers may differ: use another seed."
        )
    return more if more.batches > point.batches else point


def _settings(one: Results, other: Results) -> dict[str, Any]:
    """Return the settings of both runs: the union of codes and channels, and limits that are equal."""
    found: dict[str, Any] = {}
    for name in dict.fromkeys([*one.settings, *other.settings]):
        first, second = one.settings.get(name), other.settings.get(name)
        if name in ("codes", "channels") and first is not None and second is not None:
            found[name] = list(dict.fromkeys([*first, *second]))
        else:
            found[name] = first if first == second else None
    return found
