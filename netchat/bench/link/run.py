"""Measurement of the goodput and latency of links over channels, in simulated time.

    from netchat.bench.link import link_bench

    results = link_bench(["rs:255,223", "adaptive", "oracle"], ["beach"], repeats=3)
    print(results.table())
    results.plot()

A link is specified as for `--link`: a code, or `adaptive`. With `/arq`, blocks that fail are
retransmitted but not combined with their copies; with `/fec`, nothing is retransmitted. `oracle` is the
policy that knows the channel.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from netchat.bench.engine.executor import executor
from netchat.bench.link.point import LinkPoint, point_of
from netchat.bench.link.results import LinkResults
from netchat.bench.link.simulation import Run, Setting, run_link
from netchat.bench.link.suite import (
    BEACH,
    CHOICES,
    CODES,
    ORACLE,
    SWEEP,
    LinkSpec,
    parse_channel,
    parse_link,
)
from netchat.bench.link.time_varying_channel import TimeVaryingChannel
from netchat.link.code_table import numbered
from netchat.link.open_request import Mode
from netchat.link.policies.bandit import Bandit
from netchat.link.policies.policy import Oracle, Policy
from netchat.link.policy_registry import ADAPTIVE, policy

__all__ = ["link_bench"]

#: Interval between messages in seconds, to measure their latency.
_EVERY = 0.05

#: Seconds of each of the two runs of every code that determine the oracle's choice.
_TRIAL = 5.0

#: Links of the standard suite over constant channels and over the changing one.
_CONSTANT = ("uncoded/arq", "rs:255,223/fec", "rs:255,223", "adaptive")
_CHANGING = (*CODES, "uncoded/arq", "adaptive:threshold", "adaptive:bandit", ORACLE)

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class _Plan:
    """One run: its link, line and random seed."""

    link: LinkSpec
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
    """Measure links over channels.

    Args:
        links: Specification, or a list of them; by default the standard suite.
        channels: Specification, `beach`, `SPEC@SECONDS; SPEC@SECONDS`, or a list of them; by default
            the standard suite.
        seconds: Duration of a constant channel, in simulated seconds.
        repeats: Number of repetitions of each run, with different random numbers.
        seed: Random seed; the same seed gives the same results.
        rate: Rate of the line in bytes per second.
        delay: Propagation delay of the line in seconds.
        workers: Number of processes; one per core by default. The results do not depend on it.
        progress: Function to call with the number of finished runs and the total.

    Raises:
        ValueError: A specification is invalid, or a number is out of range.
    """
    for name, value in (("repeats", repeats), ("seconds", seconds), ("rate", rate)):
        if not value > 0:
            raise ValueError(f"Argument {name!r} must be above 0, got {value}.")
    if delay < 0:
        raise ValueError(f"Argument 'delay' must be at least 0, got {delay}.")
    links, channels = ([asked] if isinstance(asked, str) else asked for asked in (links, channels))
    pairs = [
        (parse_link(link), parse_channel(channel, seconds))
        for link, channel in _pairs(links, channels)
    ]
    line = Setting(BEACH, rate, delay)
    specs = {
        spec: None for one, varying in pairs if one.selection == ORACLE for spec in varying.channels
    }
    trials = [
        _Plan(
            parse_link(code),
            replace(line, channel=TimeVaryingChannel(((spec, _TRIAL),), spec)),
            (seed, 0, again),
        )
        for spec in specs for code in CHOICES for again in range(2)
    ]  # fmt: skip
    total = len(trials) + 2 * repeats * len(pairs)
    done = 0

    def all_of(plans: Sequence[_Plan]) -> list[Run]:
        nonlocal done
        runs = []
        for run in pool.map(_run, plans):
            runs.append(run)
            done += 1
            progress(done, total)
        return runs

    with executor(workers or os.cpu_count() or 1) as pool:
        best = _best(list(specs), all_of(trials))
        plans = [
            _Plan(one, replace(line, channel=varying, every=every), (seed, 1, again), tuple(best.items()))
            for one, varying in pairs for every in (0.0, _EVERY) for again in range(repeats)
        ]  # fmt: skip
        runs = all_of(plans)
    settings = {
        "links": links, "channels": channels, "seconds": seconds, "repeats": repeats, "seed": seed,
        "rate": rate, "delay": delay,
    }  # fmt: skip
    return LinkResults(tuple(_points(pairs, runs, repeats)), settings, best)


def _pairs(links: Sequence[str] | None, channels: Sequence[str] | None) -> list[tuple[str, str]]:
    """Combine the links with the channels."""
    found = []
    for channel in (*SWEEP, BEACH.name) if channels is None else channels:
        changes = channel == BEACH.name or ";" in channel
        suite = _CHANGING if changes else _CONSTANT
        found += [(link, channel) for link in (suite if links is None else links)]
    return found


def _best(channels: Sequence[str], runs: Sequence[Run]) -> dict[str, str]:
    """Return the code with the most data delivered over each channel, from two runs of each."""
    best = {}
    each = 2 * len(CHOICES)
    for number, channel in enumerate(channels):
        mine = runs[number * each : (number + 1) * each]
        brought = [mine[2 * i].delivered + mine[2 * i + 1].delivered for i in range(len(CHOICES))]
        best[channel] = CHOICES[brought.index(max(brought))]
    return best


def _points(
    pairs: Sequence[tuple[LinkSpec, TimeVaryingChannel]], runs: Sequence[Run], repeats: int
) -> Iterator[LinkPoint]:
    groups = [runs[i : i + repeats] for i in range(0, len(runs), repeats)]
    oracles = {
        varying.name: groups[2 * i]
        for i, (one, varying) in enumerate(pairs)
        if one.selection == ORACLE
    }
    for i, (one, varying) in enumerate(pairs):
        # Without retransmission, the receiver cannot tell when a message is complete.
        quiet = () if one.mode is Mode.FEC else groups[2 * i + 1]
        yield point_of(one.name, varying.name, groups[2 * i], oracles.get(varying.name, ()), quiet)


def _run(plan: _Plan) -> Run:
    one = plan.link
    chooses = one.selection in ADAPTIVE or one.selection == ORACLE
    return run_link(
        plan.setting,
        "adaptive" if chooses else one.selection,
        np.random.SeedSequence(plan.seed),
        mode=one.mode,
        policy=_policy(plan) if chooses else None,
    )


def _policy(plan: _Plan) -> Policy:
    if plan.link.selection != ORACLE:
        made = policy(plan.link.selection)
        return Bandit(plan.seed[-1]) if isinstance(made, Bandit) else made
    varying = plan.setting.channel
    numbers = {channel: numbered(code) for channel, code in plan.best}
    return Oracle(lambda now: numbers[varying.at(now)])
