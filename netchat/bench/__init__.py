"""The bench: how often codes fail over channels, with intervals, beside what theory says.

    results = netchat.bench.run(codes=["hamming:7,4"], channels=["bsc"], seed=1)
    results.points[0].ber, results.points[0].ber_interval, results.points[0].theory.ber
    print(results.table())
    results.plot()                              # a matplotlib figure
    results.to_json("results.json")             # netchat.bench.Results.read reads it again

`engine` hands the work out, `trial` does it, `intervals` judges counts, `theory` and `limits` know
what is to be expected. `docs/BENCH.md` says what each number means.
"""

from netchat.bench.engine.run import Progress, run
from netchat.bench.results import Point, Results
from netchat.bench.suite import CHANNELS, SUITE
from netchat.bench.theory.intervals import Clusters, Interval, clopper_pearson, clustered
from netchat.bench.theory.rates import Theory, theory

__all__ = [
    "CHANNELS",
    "SUITE",
    "Clusters",
    "Interval",
    "Point",
    "Progress",
    "Results",
    "Theory",
    "clopper_pearson",
    "clustered",
    "run",
    "theory",
]
