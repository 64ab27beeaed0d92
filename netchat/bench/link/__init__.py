"""Simulation of links over changing channels, to compare codes and policies.

from netchat.bench.link import link_bench

results = link_bench(["rs:255,223", "adaptive", "oracle"], ["beach"], repeats=3)
print(results.table())
results.plot()
"""

from netchat.bench.link.point import LinkPoint
from netchat.bench.link.results import LinkResults
from netchat.bench.link.run import link_bench

__all__ = ["LinkPoint", "LinkResults", "link_bench"]
