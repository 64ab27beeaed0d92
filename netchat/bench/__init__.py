"""Measurement of error rates of codes over channels, with confidence intervals and theory.

    results = netchat.bench.run(codes=["hamming:7,4"], channels=["bsc"], seed=1)
    results.points[0].ber, results.points[0].ber_interval, results.points[0].theory.ber
    print(results.table())
    results.plot()                              # a matplotlib figure
    results.to_json("results.json")             # netchat.bench.Results.read reads it again

`engine/` runs the measurements, `theory/` computes rates, limits and intervals, and `report/` formats
tables and plots. `link/` compares links over changing channels. `docs/BENCH.md` explains each number.

A run consists of four things, each in a module of `engine/`: a *simulation* of a code over a channel,
its *batches* of frames, a *measurement* that adds them up to a `Point`, and an *executor* that runs
batches in one or more processes.
"""

from netchat.bench.engine.batch import Speed
from netchat.bench.engine.run import Progress, run
from netchat.bench.engine.tally import Tally
from netchat.bench.families import families
from netchat.bench.point import Point
from netchat.bench.references import PublishedCurve, PublishedPoint, published, read_references
from netchat.bench.results import Results, merge
from netchat.bench.suite import CHANNELS, SUITE
from netchat.bench.target import Target
from netchat.bench.theory.density_evolution import Thresholds, thresholds
from netchat.bench.theory.finite_length import lower_bound, normal_approximation
from netchat.bench.theory.intervals import Clusters, Interval, clopper_pearson, clustered
from netchat.bench.theory.limits import lowest_ber, worst_bsc, worst_ebn0, worst_level
from netchat.bench.theory.rates import Theory, theory

__all__ = [
    "CHANNELS",
    "SUITE",
    "Clusters",
    "Interval",
    "Point",
    "Progress",
    "PublishedCurve",
    "PublishedPoint",
    "Results",
    "Speed",
    "Tally",
    "Target",
    "Theory",
    "Thresholds",
    "clopper_pearson",
    "clustered",
    "families",
    "lower_bound",
    "lowest_ber",
    "merge",
    "normal_approximation",
    "published",
    "read_references",
    "run",
    "theory",
    "thresholds",
    "worst_bsc",
    "worst_ebn0",
    "worst_level",
]
