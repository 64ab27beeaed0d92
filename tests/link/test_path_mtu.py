"""The size limit of datagrams on a path."""

from __future__ import annotations

import pytest

from netchat.link.path_mtu import PathMtu
from netchat.link.policies.policy import Outcome

LONG_LOST = Outcome(4, 1000, 1200, arrived=False)
LONG_ARRIVED = Outcome(4, 1000, 1200, arrived=True)
SHORT_ARRIVED = Outcome(4, 400, 548, arrived=True)


def test_short_datagrams_are_used_for_a_minute_if_only_they_arrive() -> None:
    path = PathMtu(1200)
    path.answered(10.0, 2, [LONG_LOST, SHORT_ARRIVED])

    assert path.longest(69.9, 0) == 548
    assert path.longest(70.0, 0) == 1200


@pytest.mark.parametrize(
    ("unanswered", "outcomes"),
    [(1, [LONG_LOST]), (2, [LONG_LOST, LONG_ARRIVED]), (2, [SHORT_ARRIVED]), (2, [])],
)
def test_long_datagrams_stay_if_nothing_shows_that_they_are_lost(
    unanswered: int, outcomes: list[Outcome]
) -> None:
    path = PathMtu(1200)
    path.answered(10.0, unanswered, outcomes)

    assert path.longest(10.0, 1) == 1200
    assert path.longest(10.0, 2) == 548  # a trial
