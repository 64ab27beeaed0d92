"""Intervals agree with SciPy and have the stated coverage."""

import numpy as np
import pytest

from netchat.bench.theory.intervals import Clusters, clopper_pearson, clustered


@pytest.mark.parametrize(("hits", "trials"), [(0, 50), (1, 50), (7, 1000), (50, 50), (49, 50)])
def test_clopper_pearson_agrees_with_scipy(hits, trials):
    from scipy import stats  # here: it takes a second, and every test process imports this module

    exact = stats.binomtest(hits, trials).proportion_ci(0.95, method="exact")
    assert clopper_pearson(hits, trials) == pytest.approx((exact.low, exact.high), abs=1e-12)


def test_no_trials_give_the_full_interval():
    assert clopper_pearson(0, 0) == (0, 1)
    assert clustered(Clusters(0, 0, 0, 0, 0)) == (0, 1)
    assert clustered(Clusters(100, 5, 1, 1, 25)) == (0, 1)


def count_by_frame(wrong, k):
    """Return the wrong bits of each frame as cluster counts."""
    return Clusters(
        wrong.size * k, int(wrong.sum()), wrong.size, int((wrong > 0).sum()), int((wrong**2).sum())
    )


@pytest.mark.parametrize(
    ("lost", "k", "frames"), [(0.3, 64, 300), (0.05, 64, 400), (0.01, 1784, 2000), (0.02, 4, 500)]
)
def test_clustering_widens_the_interval(lost, k, frames):
    """A lost frame has many wrong bits; treating them as independent would give poor coverage."""
    rng = np.random.default_rng(5)
    share, true, covered, naive = 0.25, lost * 0.25, 0, 0
    for _ in range(1000):
        wrong = (rng.random(frames) < lost) * rng.binomial(k, share, frames)
        low, high = clustered(count_by_frame(wrong, k))
        covered += low <= true <= high
        low, high = clopper_pearson(int(wrong.sum()), frames * k)
        naive += low <= true <= high
    assert covered >= 935
    assert naive < covered


def test_the_interval_covers_after_stopping_at_errors():
    rng = np.random.default_rng(6)
    true, covered = 0.02, 0
    for _ in range(2000):
        trials = int(rng.negative_binomial(20, true)) + 20
        low, high = clopper_pearson(20, trials)
        covered += low <= true <= high
    assert covered >= 1880


def test_the_interval_is_not_too_wide():
    rng = np.random.default_rng(7)
    wrong = (rng.random(20_000) < 0.05) * rng.binomial(64, 0.25, 20_000)
    low, high = clustered(count_by_frame(wrong, 64))
    rate, error = wrong.mean() / 64, wrong.std() / 64 / np.sqrt(wrong.size)
    assert (high - low) / (2 * 1.96 * error) == pytest.approx(1, abs=0.03)
    assert low < rate < high
