"""Pacing of heavy work, in simulated time."""

from __future__ import annotations

import pytest

from netchat.net.turn_pacing import (
    CHECK_SECONDS,
    LATELY,
    MAX_REST_SECONDS,
    REST_SECONDS,
    TurnPacing,
)

NOW = 1000.0


@pytest.fixture
def pacing() -> TurnPacing:
    """A pacing with a light connection that was read just now."""
    pacing = TurnPacing()
    pacing.light_at = NOW
    return pacing


@pytest.mark.parametrize("is_committing", [False, True])
def test_heavy_senders_on_their_own_do_not_wait(*, is_committing: bool) -> None:
    pacing = TurnPacing()
    assert pacing.wait(NOW, NOW, is_committing=is_committing) == 0
    pacing.light_at = NOW - LATELY
    assert not pacing.is_light_active(NOW)
    assert pacing.wait(NOW, NOW, is_committing=is_committing) == 0


def test_a_turn_is_followed_by_a_pause(pacing: TurnPacing) -> None:
    assert pacing.is_light_active(NOW)
    assert pacing.wait(NOW, NOW, is_committing=False) == pytest.approx(REST_SECONDS)
    assert pacing.wait(NOW + REST_SECONDS, NOW, is_committing=False) == 0


def test_so_is_a_commit(pacing: TurnPacing) -> None:
    pacing.sent_at = NOW
    assert pacing.wait(NOW, NOW - 0.004, is_committing=False) == pytest.approx(REST_SECONDS)


def test_no_turn_begins_during_a_commit(pacing: TurnPacing) -> None:
    worked_at = NOW - REST_SECONDS
    assert pacing.wait(NOW, worked_at, is_committing=True) == pytest.approx(CHECK_SECONDS)


def test_commits_on_a_slow_disk_do_not_stop_heavy_senders(pacing: TurnPacing) -> None:
    pacing.sent_at = NOW
    worked_at = NOW - MAX_REST_SECONDS
    assert pacing.wait(NOW, worked_at, is_committing=True) == 0
    late = pacing.wait(NOW, worked_at + CHECK_SECONDS / 2, is_committing=True)
    assert late == pytest.approx(CHECK_SECONDS / 2)
