"""Merging of points: counts of one point with different seeds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from netchat.bench.point import Point
from netchat.errors import BenchError

__all__ = ["merged_point", "merged_settings"]


def merged_point(point: Point, more: Point, versions: tuple[str, str]) -> Point:
    """Return the point of two runs.

    Args:
        point: Point with its seeds.
        more: Point of the same code and channel.
        versions: Versions of netchat that measured them.

    Raises:
        BenchError: Adding the points would count a run twice, or versions with different random numbers
            measured them with the same seed.
    """
    name = f"{point.code} over {point.channel}"
    seeds, new = set(point.seeds), set(more.seeds)
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
    if seeds != new or (len(seeds) > 1 and point.tally != more.tally):
        twice = ", ".join(map(str, sorted(seeds & new)))
        raise BenchError(
            f"{name}: the results cannot be merged, because runs with seed {twice} would count twice. "
            "Merge the files of single runs instead."
        )
    if versions[0] != versions[1]:
        raise BenchError(
            f"{name} was measured with seed {min(seeds)} by netchat {' and '.join(versions)}, whose "
            "random numbers may differ: use another seed."
        )
    return more if more.tally.frames > point.tally.frames else point


def merged_settings(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of two runs: the union of codes and channels, and limits that are equal."""
    found: dict[str, Any] = {}
    for name in dict.fromkeys([*one, *other]):
        first, second = one.get(name), other.get(name)
        if name in ("codes", "channels") and first is not None and second is not None:
            found[name] = list(dict.fromkeys([*first, *second]))
        else:
            found[name] = first if first == second else None
    return found
