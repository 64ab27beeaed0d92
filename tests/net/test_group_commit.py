"""Pacing of commits, in simulated time."""

from __future__ import annotations

import pytest

from netchat.net.group_commit import (
    BUSY_EVENTS,
    COSTLY_SECONDS,
    MAX_EVENTS,
    MAX_SECONDS,
    GroupCommit,
)

NOW = 1000.0


def test_a_new_server_commits_at_once() -> None:
    assert not GroupCommit().is_gathering(0, NOW)


def test_an_idle_server_commits_at_once() -> None:
    pace = GroupCommit()
    assert pace.sent(BUSY_EVENTS - 1, NOW - COSTLY_SECONDS, NOW) == 0
    assert not pace.is_gathering(0, NOW)


def test_a_busy_server_gathers_as_many_events_as_before() -> None:
    pace = GroupCommit()
    assert pace.sent(40, NOW, NOW) == MAX_SECONDS
    assert pace.is_gathering(39, NOW)
    assert not pace.is_gathering(40, NOW)


def test_gathering_ends_in_time() -> None:
    pace = GroupCommit()
    wait = pace.sent(40, NOW, NOW)
    assert pace.is_gathering(0, NOW + wait / 2)
    assert not pace.is_gathering(0, NOW + wait)


def test_the_number_of_events_is_bounded() -> None:
    pace = GroupCommit()
    pace.sent(100 * MAX_EVENTS, NOW, NOW)
    assert pace.is_gathering(MAX_EVENTS - 1, NOW)
    assert not pace.is_gathering(MAX_EVENTS, NOW)


@pytest.mark.parametrize("spent", [0.0015, 0.5])
def test_after_a_costly_send_the_wait_is_as_long_but_bounded(spent: float) -> None:
    pace = GroupCommit()
    wait = pace.sent(1, NOW - spent, NOW)
    assert wait == pytest.approx(min(spent, MAX_SECONDS))
    assert pace.is_gathering(1, NOW + 0.99 * wait)
    assert not pace.is_gathering(MAX_EVENTS, NOW)
    assert not pace.is_gathering(1, NOW + wait)


def test_a_calm_commit_ends_the_gathering() -> None:
    pace = GroupCommit()
    pace.sent(40, NOW, NOW)
    assert pace.sent(1, NOW, NOW) == 0
    assert not pace.is_gathering(0, NOW)
