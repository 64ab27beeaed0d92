"""Simulation of links over changing channels, to compare codes and policies.

    results = link_bench(["rs:255,223", "adaptive", "oracle"], ["beach"], repeats=3)
    print(results.table())
    results.plot()

`link_bench` compares codes and policies; `run_link` simulates one link.
"""

from netchat.bench.link.point import LinkPoint
from netchat.bench.link.results import LinkResults
from netchat.bench.link.run import link_bench
from netchat.bench.link.simulation import SLOT, Run, Setting, run_link
from netchat.bench.link.time_varying_channel import TimeVaryingChannel

__all__ = [
    "SLOT",
    "LinkPoint",
    "LinkResults",
    "Run",
    "Setting",
    "TimeVaryingChannel",
    "link_bench",
    "run_link",
]
