"""Buckets of durations, compared with a plain count."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchat.net.time_histogram import BOUNDS, TimeHistogram

NOW = 1_800_000_000_000_000


def counted(seconds: list[float]) -> list[int]:
    """Return the cumulative counts that Prometheus defines: durations up to each bound."""
    return [sum(one <= bound for one in seconds) for bound in (*BOUNDS, float("inf"))]


@given(st.lists(st.integers(0, 20_000_000)))
def test_each_duration_is_in_the_buckets_of_its_bounds(ages: list[int]) -> None:
    together, single = TimeHistogram(), TimeHistogram()
    together.add_since([NOW - age for age in ages], NOW)
    for age in ages:
        single.add(age / 1e6)
    assert together.cumulative() == single.cumulative() == counted([age / 1e6 for age in ages])
    assert together.total == pytest.approx(single.total) == pytest.approx(sum(ages) / 1e6)


def test_a_time_after_now_counts_as_now() -> None:
    times = TimeHistogram()
    times.add_since([NOW + 5_000_000], NOW)
    times.add_since([NOW + 5_000_000, NOW - 3_000_000], NOW)
    assert (times.counts[0], sum(times.counts)) == (2, 3)
    assert times.total == pytest.approx(3.0)
