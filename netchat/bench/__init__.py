"""Measurement of error rates of codes over channels, with confidence intervals and theory.

    results = netchat.bench.run(codes=["hamming:7,4"], channels=["bsc"], seed=1)
    results.points[0].ber, results.points[0].ber_interval, results.points[0].theory.ber
    print(results.table())
    results.plot()                              # a matplotlib figure
    results.to_json("results.json")             # netchat.bench.Results.read reads it again

`engine/` runs the measurements, `theory/` computes rates, limits and intervals, and `report/` formats
tables and plots. `link/` compares links over changing channels. `docs/BENCH.md` explains each number.
"""

from netchat.bench.engine.run import Progress, run
from netchat.bench.engine.tally import Tally
from netchat.bench.engine.trial import Speed
from netchat.bench.point import Point
from netchat.bench.results import Results
from netchat.bench.suite import CHANNELS, SUITE
from netchat.bench.theory.intervals import Clusters, Interval, clopper_pearson, clustered
from netchat.bench.theory.limits import lowest_ber, worst_bsc, worst_ebn0
from netchat.bench.theory.rates import Theory, theory

__all__ = [
    "CHANNELS",
    "SUITE",
    "Clusters",
    "Interval",
    "Point",
    "Progress",
    "Results",
    "Speed",
    "Tally",
    "Theory",
    "clopper_pearson",
    "clustered",
    "lowest_ber",
    "run",
    "theory",
    "worst_bsc",
    "worst_ebn0",
]
