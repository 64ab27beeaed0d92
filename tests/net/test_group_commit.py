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


def gathers(pace: GroupCommit, events: int) -> bool:
    return pace.is_gathering(events, is_urgent=False)


@pytest.fixture
def busy() -> GroupCommit:
    """A server that has had 40 events every two milliseconds."""
    pace = GroupCommit()
    pace.sent(40, NOW - MAX_SECONDS, NOW - MAX_SECONDS)
    assert pace.sent(40, NOW, NOW) == MAX_SECONDS
    return pace


def test_a_new_server_commits_at_once() -> None:
    assert not gathers(GroupCommit(), 0)


def test_an_idle_server_commits_at_once() -> None:
    pace = GroupCommit()
    assert pace.sent(BUSY_EVENTS - 1, NOW - COSTLY_SECONDS, NOW) == 0
    assert not gathers(pace, 0)


def test_a_busy_server_gathers_as_many_events_as_before(busy: GroupCommit) -> None:
    assert gathers(busy, 39)
    assert not gathers(busy, 40)


def test_a_single_burst_does_not_make_it_busy() -> None:
    pace = GroupCommit()
    pace.sent(1, NOW - 0.02, NOW - 0.02)
    assert pace.sent(40, NOW, NOW) == 0
    assert not gathers(pace, 0)


def test_events_at_a_high_rate_but_few_at_a_time_do_not_either() -> None:
    pace = GroupCommit()
    pace.sent(1, NOW - 1e-6, NOW - 1e-6)
    assert pace.sent(BUSY_EVENTS - 1, NOW, NOW) == 0


def test_a_light_sender_does_not_wait_for_others(busy: GroupCommit) -> None:
    assert not busy.is_gathering(1, is_urgent=True)


def test_gathering_ends(busy: GroupCommit) -> None:
    busy.end()
    assert not gathers(busy, 0)


def test_the_number_of_events_is_bounded() -> None:
    pace = GroupCommit()
    pace.sent(100 * MAX_EVENTS, NOW - MAX_SECONDS, NOW - MAX_SECONDS)
    pace.sent(100 * MAX_EVENTS, NOW, NOW)
    assert gathers(pace, MAX_EVENTS - 1)
    assert not gathers(pace, MAX_EVENTS)


@pytest.mark.parametrize("spent", [0.0015, 0.5])
@pytest.mark.parametrize("is_urgent", [False, True])
def test_costly_sending_takes_half_of_the_time(spent: float, *, is_urgent: bool) -> None:
    pace = GroupCommit()
    pace.sent(1, NOW - 1.2 * spent, NOW - 1.2 * spent)
    assert pace.sent(1, NOW - spent, NOW) == pytest.approx(min(0.8 * spent, MAX_SECONDS))
    assert pace.is_gathering(1, is_urgent=is_urgent)
    assert not pace.is_gathering(MAX_EVENTS, is_urgent=is_urgent)


def test_costly_sending_after_a_long_pause_needs_no_wait() -> None:
    pace = GroupCommit()
    pace.sent(1, NOW - 0.01, NOW - 0.01)
    assert pace.sent(1, NOW - 0.004, NOW) == 0


def test_a_calm_commit_ends_the_gathering(busy: GroupCommit) -> None:
    assert busy.sent(1, NOW + 1, NOW + 1) == 0
    assert not gathers(busy, 0)
