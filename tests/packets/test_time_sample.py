"""Percentiles of many times in bounded memory."""

from __future__ import annotations

import pytest

from netchat.packets.time_sample import TimeSample, show_time


def test_without_times() -> None:
    sample = TimeSample()
    assert sample.text() == "no sample"
    assert sample.as_dict() == {
        "count": 0, "min_s": None, "p50_s": None, "p95_s": None, "p99_s": None, "max_s": None,
    }  # fmt: skip


def test_percentiles() -> None:
    sample = TimeSample()
    for time in range(1, 201):
        sample.add(time * 1_000_000)
    assert sample.as_dict() == {
        "count": 200, "min_s": 0.001, "p50_s": 0.101, "p95_s": 0.191, "p99_s": 0.199, "max_s": 0.2,
    }  # fmt: skip
    assert sample.text() == "50% 101 ms, 95% 191 ms, 99% 199 ms, max 200 ms, of 200"


def test_a_thinned_sample_keeps_count_and_extremes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netchat.packets.time_sample._MAX_TIMES", 100)
    sample = TimeSample()
    for time in range(10_000, 0, -1):
        sample.add(time)
    assert len(sample.kept) <= 101
    assert (sample.count, sample.least, sample.most) == (10_000, 1, 10_000)
    median = sample.quantile(0.5)
    assert median is not None
    assert abs(median - 5000) < 300


def test_show_time() -> None:
    assert [show_time(t) for t in (210_000, 3_512_000_000)] == ["0.21 ms", "3.51 s"]
