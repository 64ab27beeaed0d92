"""The token bucket, and one for each key."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchat.chat.rate_limit import RatePerKey, TokenBucket

BUCKET = TokenBucket(0.5, 3)


def served(bucket: TokenBucket, arrivals: list[float]) -> list[float]:
    """Return when requests that arrive at some times get their token."""
    full_at, times = 0.0, []
    for now in arrivals:
        times.append(now + bucket.wait(full_at, now))
        full_at = bucket.take(full_at, now)
    return times


def test_a_full_bucket_gives_a_burst_and_then_one_token_per_interval() -> None:
    assert served(BUCKET, [10.0] * 6) == [10.0, 10.0, 10.0, 10.5, 11.0, 11.5]


def test_it_fills_up_to_the_burst() -> None:
    assert served(BUCKET, [10.0] * 4 + [1000.0] * 4)[4:] == [1000.0, 1000.0, 1000.0, 1000.5]


@given(st.lists(st.floats(0, 5), max_size=40))
def test_it_serves_as_a_counter_of_tokens_does(gaps: list[float]) -> None:
    """The usual form of a token bucket: a counter that grows with time, and may be negative."""
    arrivals = list(itertools.accumulate(gaps, initial=0.0))
    tokens, last, expected = float(BUCKET.burst), 0.0, []
    for now in arrivals:
        tokens = min(tokens + (now - last) / BUCKET.seconds, BUCKET.burst)
        last = now
        expected.append(now + max(0.0, (1 - tokens) * BUCKET.seconds))
        tokens -= 1
    assert served(BUCKET, arrivals) == pytest.approx(expected, abs=1e-9)


def test_keys_are_independent() -> None:
    rate: RatePerKey[str] = RatePerKey(BUCKET, 10)
    for _ in range(10):
        rate.take("a", 0.0)
    assert rate.wait("a", 0.0) == 8 * 0.5
    assert rate.wait("b", 0.0) == 0


def test_full_buckets_are_forgotten() -> None:
    rate: RatePerKey[int] = RatePerKey(BUCKET, 1000)
    for key in range(500):
        rate.take(key, 0.0)
    assert len(rate) == 500
    rate.take(1000, 0.5)
    assert len(rate) == 1


def test_the_least_recently_used_key_is_forgotten_at_the_limit() -> None:
    rate: RatePerKey[int] = RatePerKey(BUCKET, 100)
    for key in (7, 7, 7, 8, 8, 8, *range(100, 198), 7):
        rate.take(key, 0.0)
    rate.take(300, 0.0)
    assert len(rate) == 100
    assert rate.wait(7, 0.0) > 0
    assert rate.wait(8, 0.0) == 0
