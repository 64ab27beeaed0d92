"""Links over channels, in simulated time: which code and which policy brings how much, how fast.

    from netchat.bench.link.run import link_bench

    results = link_bench(["rs:255,223", "adaptive", "oracle"], ["beach"], repeats=3)
    print(results.table())
    results.plot()

A link is written as for `--link`: a code, or `adaptive`; with `/arq` behind it what fails is sent
again but not combined with its copies, with `/fec` nothing is sent again. `oracle` is the policy that
knows the channel.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context

import numpy as np

from netchat.bench.link.point import LinkPoint, point_of
from netchat.bench.link.results import LinkResults
from netchat.bench.link.simulation import Run, Setting, run_link
from netchat.bench.link.suite import (
    BEACH,
    CODES,
    ORACLE,
    SWEEP,
    Contestant,
    contestant,
    weather,
)
from netchat.bench.link.time_varying_channel import TimeVaryingChannel
from netchat.link.code_table import warm_up
from netchat.link.open_request import Mode
from netchat.link.policies.bandit import Bandit
from netchat.link.policies.policy import Oracle, Policy
from netchat.link.policy_registry import ADAPTIVE, number_of, policy

__all__ = ["link_bench"]

#: Seconds between two messages, where their latency is measured.
_EVERY = 0.05

#: Seconds of each of two runs of every code by which the oracle learns which one is best.
_TRIAL = 5.0

#: What belongs to the standard suite: over channels that stay, and over the one that changes.
_STAYING = ("uncoded/arq", "rs:255,223/fec", "rs:255,223", "adaptive")
_CHANGING = (*CODES, "uncoded/arq", "adaptive:threshold", "adaptive:bandit", ORACLE)

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class _Job:
    """One run, as it is handed to a worker."""

    contestant: Contestant
    setting: Setting
    seed: tuple[int, ...]
    best: tuple[tuple[str, str], ...] = ()


def link_bench(
    links: str | Sequence[str] | None = None,
    channels: str | Sequence[str] | None = None,
    *,
    seconds: float = 5.0,
    repeats: int = 5,
    seed: int = 1,
    rate: float = 125_000.0,
    delay: float = 0.01,
    workers: int | None = None,
    progress: Progress = lambda _done, _of: None,
) -> LinkResults:
    """Run links over channels.

    Args:
        links: how they are written, or one of them; None is the standard suite.
        channels: specs, `beach`, or `SPEC@SECONDS; SPEC@SECONDS`, or one of them; None is the
            standard suite.
        seconds: how long a channel that stays is looked at, in simulated time.
        repeats: how often each run is repeated, with other chance.
        seed: where all chance comes from: the same gives the same.
        rate: bytes a second of the line.
        delay: its seconds from one end to the other.
        workers: processes; None is one for each core. The results do not depend on it.
        progress: told how many of how many runs are done.

    Raises:
        ValueError: there is no such link or channel, or the figures make no sense.
    """
    if repeats < 1 or seconds <= 0 or rate <= 0 or delay < 0:
        raise ValueError("repeats, seconds and rate are more than 0, and delay is not less")
    links, channels = ([asked] if isinstance(asked, str) else asked for asked in (links, channels))
    pairs = [
        (contestant(link), weather(channel, seconds)) for link, channel in _pairs(links, channels)
    ]
    line = Setting(BEACH, rate, delay)
    weathers = {spec: None for one, sky in pairs if one.wish == ORACLE for spec in sky.channels}
    trials = [
        _Job(
            contestant(code),
            replace(line, weather=TimeVaryingChannel(((spec, _TRIAL),), spec)),
            (seed, 0, again),
        )
        for spec in weathers for code in CODES for again in range(2)
    ]  # fmt: skip
    total = len(trials) + 2 * repeats * len(pairs)
    done = 0

    def all_of(jobs: Sequence[_Job]) -> list[Run]:
        nonlocal done
        runs = []
        for run in work(jobs):
            runs.append(run)
            done += 1
            progress(done, total)
        return runs

    with _Workers(workers) as work:
        best = _best(list(weathers), all_of(trials))
        jobs = [
            _Job(one, replace(line, weather=sky, every=every), (seed, 1, again), tuple(best.items()))
            for one, sky in pairs for every in (0.0, _EVERY) for again in range(repeats)
        ]  # fmt: skip
        runs = all_of(jobs)
    settings = {
        "links": links, "channels": channels, "seconds": seconds, "repeats": repeats, "seed": seed,
        "rate": rate, "delay": delay,
    }  # fmt: skip
    return LinkResults(tuple(_points(pairs, runs, repeats)), settings, best)


def _pairs(links: Sequence[str] | None, channels: Sequence[str] | None) -> list[tuple[str, str]]:
    """Which links are run over which channels."""
    found = []
    for channel in (*SWEEP, BEACH.name) if channels is None else channels:
        changes = channel == BEACH.name or ";" in channel
        suite = _CHANGING if changes else _STAYING
        found += [(link, channel) for link in (suite if links is None else links)]
    return found


def _best(channels: Sequence[str], runs: Sequence[Run]) -> dict[str, str]:
    """The code that brought most over each channel: `runs` has two of each code of each channel."""
    best = {}
    each = 2 * len(CODES)
    for number, channel in enumerate(channels):
        mine = runs[number * each : (number + 1) * each]
        brought = [mine[2 * i].delivered + mine[2 * i + 1].delivered for i in range(len(CODES))]
        best[channel] = CODES[brought.index(max(brought))]
    return best


def _points(
    pairs: Sequence[tuple[Contestant, TimeVaryingChannel]], runs: Sequence[Run], repeats: int
) -> Iterator[LinkPoint]:
    groups = [runs[i : i + repeats] for i in range(0, len(runs), repeats)]
    oracles = {sky.name: groups[2 * i] for i, (one, sky) in enumerate(pairs) if one.wish == ORACLE}
    for i, (one, sky) in enumerate(pairs):
        # Without retransmission nobody can tell when a message is complete.
        quiet = () if one.mode is Mode.FEC else groups[2 * i + 1]
        yield point_of(one.name, sky.name, groups[2 * i], oracles.get(sky.name, ()), quiet)


class _Workers:
    """Does jobs, in processes if there are several; results come in order."""

    def __init__(self, count: int | None) -> None:
        count = count or os.cpu_count() or 1
        self._pool: ProcessPoolExecutor | None = None
        if count > 1:
            # Not by fork: a notebook has threads.
            self._pool = ProcessPoolExecutor(count, get_context("spawn"), initializer=warm_up)

    def __enter__(self) -> Callable[[Sequence[_Job]], Iterator[Run]]:
        return lambda jobs: map(_do, jobs) if self._pool is None else self._pool.map(_do, jobs)

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)


def _do(job: _Job) -> Run:
    one = job.contestant
    chooses = one.wish in ADAPTIVE or one.wish == ORACLE
    return run_link(
        job.setting,
        CODES[0] if chooses else one.wish,
        np.random.SeedSequence(job.seed),
        mode=one.mode,
        policy=_policy(job) if chooses else None,
    )


def _policy(job: _Job) -> Policy:
    if job.contestant.wish != ORACLE:
        made = policy(job.contestant.wish)
        return Bandit(job.seed[-1]) if isinstance(made, Bandit) else made
    sky = job.setting.weather
    numbers = {channel: number_of(code) for channel, code in job.best}
    return Oracle(lambda now: numbers[sky.at(now)])
