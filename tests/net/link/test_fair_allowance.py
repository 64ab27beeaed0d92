"""The allowance of CPU time: how it is divided, and that it stays small."""

from __future__ import annotations

from collections.abc import Hashable

import pytest

from netchat.net.link import fair_allowance as module
from netchat.net.link.fair_allowance import WASTE_BURST, WASTE_RATE, FairAllowance

STEP = 1e-3


def spend_all(
    allowance: FairAllowance, users: list[tuple[str, Hashable]], seconds: float, begin: float = 0.0
) -> dict[tuple[str, Hashable], float]:
    """Let each user spend whenever it may; return what each has spent."""
    spent = dict.fromkeys(users, 0.0)
    for tick in range(round(seconds / STEP)):
        for user in users:
            if not allowance.wait(begin + tick * STEP, *user):
                allowance.spend(STEP / 10, *user)
                spent[user] += STEP / 10
    return spent


def test_one_alone_has_the_burst_and_then_the_rate() -> None:
    allowance = FairAllowance()
    assert allowance.wait(0.0, "a") == 0
    allowance.spend(WASTE_BURST + 0.01, "a")
    assert allowance.wait(0.0, "a") == pytest.approx(0.01 / WASTE_RATE)
    assert allowance.wait(0.05, "a") == pytest.approx(0.01 / WASTE_RATE - 0.05)
    assert allowance.wait(0.2, "a") == 0


def test_groups_get_the_same_and_links_the_same_of_their_group() -> None:
    crowd: list[tuple[str, Hashable]] = [("crowd", link) for link in range(9)]
    spent = spend_all(FairAllowance(), [*crowd, ("a", 1), ("b", 1)], 10.0)

    # The first one has used the burst before there were others.
    assert sum(spent.values()) == pytest.approx(WASTE_RATE * 10 + WASTE_BURST, rel=0.02)
    assert spent["a", 1] == pytest.approx(WASTE_RATE * 10 / 3, rel=0.05)
    assert spent["b", 1] == pytest.approx(spent["a", 1], rel=0.05)
    for user in crowd[1:]:
        assert spent[user] == pytest.approx(WASTE_RATE * 10 / 27, rel=0.1)


def test_many_sources_get_no_more_than_one() -> None:
    allowance, spent = FairAllowance(), 0.0
    for tick in range(10_000):
        for source in range(3):
            user = f"10.{tick % 251}.{source}.1"
            if not allowance.wait(tick * STEP, user):
                allowance.spend(STEP / 10, user)
                spent += STEP / 10
    assert spent < WASTE_RATE * 10 + WASTE_BURST + 0.01


def test_links_that_are_replaced_by_others_get_no_more_than_one() -> None:
    allowance, spent = FairAllowance(), 0.0
    for tick in range(10_000):
        if not allowance.wait(tick * STEP, "a", tick):
            allowance.spend(STEP, "a", tick)
            spent += STEP
    assert spent < WASTE_RATE * 10 + WASTE_BURST + 0.07


def test_it_is_bounded_and_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAX_GROUPS", 4)
    monkeypatch.setattr(module, "_MAX_ACCOUNTS", 4)
    allowance = FairAllowance()
    for group in range(20):
        for link in range(20):
            allowance.spend(STEP, str(group), link)
    accounts = [len(group.accounts) for group in allowance._groups.values()]
    assert len(accounts) <= 5
    assert max(accounts) <= 5
    assert allowance.wait(0.0, "new") > 0  # shares the account of those that did not fit
    assert allowance.wait(100.0, "new") == 0
    assert not allowance._groups


def test_a_newcomer_waits_for_none_of_the_debts_of_others() -> None:
    allowance = FairAllowance()
    allowance.spend(5.0, "hostile", 1)
    assert allowance.wait(0.0, "hostile", 1) > 10
    assert allowance.wait(0.0, "hostile", 2) == 0
    assert allowance.wait(0.0, "other", 1) == 0
