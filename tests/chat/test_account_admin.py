"""Requests of the operator: the command of each, and what is refused."""

from __future__ import annotations

import random

import pytest

from netchat.chat import account_admin
from netchat.chat.account_admin import AdminRequest, list_accounts, plan
from netchat.chat.apply import apply
from netchat.chat.outcomes import Rejected
from netchat.chat.shared_state import SharedState
from netchat.errors import NetchatError
from tests.chat.test_apply import REGISTERED

RNG = random.Random(1)


@pytest.fixture
def state() -> SharedState:
    state = SharedState()
    for command in REGISTERED:
        apply(state, command)
    return state


@pytest.mark.parametrize(
    "request_",
    [
        AdminRequest("add", "Maya", "$m"),
        AdminRequest("reset", "nova", "$n"),
        AdminRequest("role", "Nova", role="moderator"),
        AdminRequest("remove", "NOVA"),
        AdminRequest("invite", seconds=5.0),
        AdminRequest("invite"),
    ],
)
def test_each_request_is_done_once_its_command_is_applied(state, request_):
    planned = plan(state, request_, 9, RNG)
    assert not planned.is_done()
    assert not isinstance(apply(state, planned.command), Rejected)
    assert planned.is_done()
    assert planned.answer


@pytest.mark.parametrize(
    ("request_", "problem"),
    [
        (AdminRequest("add", "-"), "must begin"),
        (AdminRequest("add", "nova"), "is registered"),
        (AdminRequest("add", "vega"), "A guest has the name Vega"),
        (AdminRequest("reset", "Maya"), "no account named Maya"),
        (AdminRequest("role", "Nova", role="king"), "must be one of member, moderator, owner"),
        (AdminRequest("fly"), "does not know the action 'fly'"),
    ],
)
def test_what_is_refused(state, request_, problem):
    with pytest.raises(NetchatError, match=problem):
        plan(state, request_, 9, RNG)


def test_limits(state, monkeypatch):
    monkeypatch.setattr(account_admin, "MAX_ACCOUNTS", 1)
    monkeypatch.setattr(account_admin, "MAX_INVITATIONS", 0)
    for request in (AdminRequest("add", "Maya"), AdminRequest("invite")):
        with pytest.raises(NetchatError, match="limit"):
            plan(state, request, 9, RNG)


def test_the_list_has_no_secrets(state):
    (nova,) = list_accounts(state)
    assert nova == {"name": "Nova", "role": "owner", "created": 1e-06, "online": True}
    assert plan(SharedState(), AdminRequest("add", "Maya", "$"), 9, RNG).answer["role"] == "owner"
