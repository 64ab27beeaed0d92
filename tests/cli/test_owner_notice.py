"""Notice of `netchat serve` that its accounts have no owner: one for each way to get one."""

from __future__ import annotations

from pathlib import Path

import pytest

from netchat.chat.model import Account, Role
from netchat.chat.settings import Settings
from netchat.chat.shared_state import SharedState
from netchat.cli.owner_notice import owner_notice

HISTORY = Path("/a folder/h.db")


def state_with(*roles: Role) -> SharedState:
    state = SharedState()
    for number, role in enumerate(roles, 1):
        state.add_account(Account(number, f"User{number}", "hash", role, 0))
    return state


@pytest.mark.parametrize(
    ("settings", "roles", "history", "said"),
    [
        ({}, [], HISTORY, ""),
        ({"accounts": "optional"}, [Role.OWNER], HISTORY, ""),
        ({"accounts": "optional"}, [], HISTORY, "before other users can"),
        ({"accounts": "required"}, [], HISTORY, "before other users can"),
        ({"accounts": "required", "registration": "invitation"}, [], HISTORY, "invitations: "),
        ({"accounts": "required", "registration": "closed"}, [], HISTORY, "Register it: "),
        ({"accounts": "optional"}, [Role.MEMBER], HISTORY, "role NAME owner"),
        ({"accounts": "optional"}, [], None, "on the page before"),
        ({"accounts": "optional", "registration": "closed"}, [], None, "No user can register"),
    ],
)
def test_the_notice_names_the_way_to_an_owner(settings, roles, history, said):
    notice = owner_notice(state_with(*roles), Settings(**settings), history)

    assert said in notice
    assert bool(said) == bool(notice)
    assert "\n" not in notice
    if "netchat accounts --" in notice:
        assert "netchat accounts --history '/a folder/h.db'" in notice
