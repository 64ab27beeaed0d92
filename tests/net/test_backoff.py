"""Delays before a client reconnects."""

from __future__ import annotations

import random

import pytest

from netchat.net.backoff import FIRST_WAIT, LONGEST_WAIT, STABLE_AFTER, Backoff


@pytest.fixture(autouse=True)
def longest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each delay is at its upper bound."""
    monkeypatch.setattr(random, "uniform", lambda low, high: high)


def test_each_wait_is_twice_as_long_up_to_a_limit() -> None:
    backoff = Backoff()
    waits = [backoff.wait(0.0) for _ in range(9)]

    assert waits == [min(FIRST_WAIT * 2**i, LONGEST_WAIT) for i in range(9)]


def test_a_connection_that_lasted_makes_the_next_wait_short() -> None:
    backoff = Backoff()
    for _ in range(9):
        backoff.wait(0.0)
    backoff.online(10.0)
    backoff.online(10.0 + STABLE_AFTER - 0.1)

    assert backoff.wait(10.0 + STABLE_AFTER) == FIRST_WAIT


def test_a_server_that_greets_and_then_fails_is_asked_less_and_less_often() -> None:
    backoff, now, connections = Backoff(), 0.0, 0
    while now < 600:
        connections += 1
        backoff.online(now)
        now += 0.01  # the duration of the connection
        now += backoff.wait(now)

    assert connections <= 7 + 600 / LONGEST_WAIT
