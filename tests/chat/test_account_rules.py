"""The rules of commands about accounts: what is rejected, and what else a command changes."""

from __future__ import annotations

import pytest

from netchat.chat import account_rules
from netchat.chat import commands as c
from netchat.chat.apply import apply
from netchat.chat.model import Role, Session
from netchat.chat.outcomes import Reason, Rejected, SessionClosed, SessionMoved
from netchat.chat.persistence import AccountDeleted, InvitationDeleted, InvitationRow
from netchat.chat.session_rules import MAX_DEVICES
from netchat.chat.shared_state import SharedState
from tests.chat.test_apply import REGISTERED

#: The account of Nova, whose session is 2; Vega is the guest with session 3.
ACCOUNT = 6


@pytest.fixture
def state() -> SharedState:
    state = SharedState()
    for command in [*REGISTERED, c.AddInvitation(1, 5, b"late")]:
        assert not isinstance(apply(state, command), Rejected), command
    assert list(state.accounts) == [ACCOUNT]
    return state


@pytest.mark.parametrize(
    ("rejected", "reason"),
    [
        (c.RegisterAccount(1, 3, 9, b"", b"x", "Vega", "$"), Reason.STALE),
        (c.RegisterAccount(1, 3, 1, b"", b"x", "Maya", "$"), Reason.STALE),
        (c.RegisterAccount(1, 2, 1, b"", b"x", "Nova", "$"), Reason.REGISTERED),
        (c.RegisterAccount(1, 0, 0, b"", b"", "vega", "$"), Reason.NAME_TAKEN),
        (c.RegisterAccount(1, 3, 1, b"", b"e", "Vega", "$"), Reason.EXISTS),
        (c.RegisterAccount(1, 3, 1, b"i", b"x", "Vega", "$"), Reason.NO_INVITATION),
        (c.RegisterAccount(5, 3, 1, b"late", b"x", "Vega", "$"), Reason.NO_INVITATION),
        (c.OpenAccountSession(9, 1, 9, 0, ACCOUNT, 0, b"", b"x"), Reason.UNKNOWN_SERVER),
        (c.OpenAccountSession(1, 1, 9, 0, 99, 0, b"", b"x"), Reason.OUTDATED),
        (c.OpenAccountSession(1, 1, 9, 0, ACCOUNT, 1, b"", b"x"), Reason.OUTDATED),
        (c.OpenAccountSession(1, 1, 9, 0, ACCOUNT, 0, b"zz", b"x"), Reason.OUTDATED),
        (c.OpenAccountSession(1, 1, 9, 0, ACCOUNT, 0, b"", b"e"), Reason.EXISTS),
        (c.OpenAccountSession(1, 1, 9, 7, ACCOUNT, 0, b"", b"x"), Reason.OUTDATED),
        (c.SetPassword(1, 99, 0, 0, 0, b"", "$"), Reason.OUTDATED),
        (c.SetPassword(1, ACCOUNT, 1, 0, 0, b"", "$"), Reason.OUTDATED),
        (c.SetPassword(1, ACCOUNT, 0, 2, 9, b"x", "$"), Reason.STALE),
        (c.SetPassword(1, ACCOUNT, 0, 3, 1, b"x", "$"), Reason.STALE),
        (c.SetPassword(1, ACCOUNT, 0, 2, 1, b"b", "$"), Reason.EXISTS),
        (c.EndLogin(2, 9, 1, 0), Reason.STALE),
        (c.EndLogin(3, 1, 1, 0), Reason.OUTDATED),
        (c.RemoveAccount(1, 99), Reason.OUTDATED),
        (c.SetRole(99, 0), Reason.OUTDATED),
        (c.SetRole(ACCOUNT, 3), Reason.OUTDATED),
        (c.AddInvitation(1, 0, b"late"), Reason.EXISTS),
    ],
)
def test_a_command_that_is_not_valid_changes_nothing(state, rejected, reason):
    before = state.digest()
    outcome = apply(state, rejected)
    assert isinstance(outcome, Rejected)
    assert outcome.reason is reason
    assert state.digest() == before


def test_limits(state, monkeypatch):
    monkeypatch.setattr(account_rules, "MAX_ACCOUNTS", 1)
    monkeypatch.setattr(account_rules, "MAX_INVITATIONS", 1)
    full = Rejected(Reason.FULL)
    assert apply(state, c.RegisterAccount(1, 3, 1, b"", b"x", "Vega", "$")) == full
    assert apply(state, c.AddInvitation(1, 0, b"j")) == full
    # An expired invitation makes place.
    outcome = apply(state, c.AddInvitation(5, 0, b"j"))
    assert outcome == [InvitationDeleted(b"late"), InvitationRow(b"j", 0)]


def test_a_login_ends_the_guests_session_of_the_device_and_moves_the_accounts(state):
    outcome = apply(state, c.OpenAccountSession(2, 9, 2, 3, ACCOUNT, 0, b"", b"x"))
    assert isinstance(outcome, list)
    moved = [change.id for change in outcome if isinstance(change, SessionMoved)]
    assert moved == [3, 2]
    assert SessionClosed(3, "Vega", "logged in as Nova", 1) in outcome
    session = state.sessions[2]
    assert (session.device, session.server, session.attachment) == (2, 2, 2)
    assert list(session.rooms) == ["lobby", "R1", "@1"]
    assert state.by_device == {2: session}
    assert state.logins == {b"e": (state.accounts[ACCOUNT], 1)}
    assert state.accounts[ACCOUNT].knows(1)
    assert state.accounts[ACCOUNT].knows(2)


def test_a_token_logs_in_once_its_session_has_ended(state):
    apply(state, c.EndSession(2, 1, 1, ""))
    wrong = c.OpenAccountSession(1, 1, 9, 0, ACCOUNT, 0, b"e", b"x")
    assert apply(state, wrong) == Rejected(Reason.OUTDATED)  # the token of another device
    assert isinstance(apply(state, wrong.__class__(1, 1, 1, 0, ACCOUNT, 0, b"e", b"x")), list)
    session = state.accounts[ACCOUNT].session
    assert (session.token, session.previous) == (b"x", b"e")


def test_a_guest_with_a_registered_name_from_an_older_history_must_go(state):
    apply(state, c.EndSession(2, 1, 1, ""))
    guest = Session(90, "nova", 90)
    guest.token = b"g"
    state.sessions[90] = state.by_device[90] = guest
    state.by_name.add(guest)
    outcome = apply(state, c.OpenAccountSession(1, 1, 1, 0, ACCOUNT, 0, b"e", b"x"))
    assert SessionClosed(90, "nova", "the name is registered", 1) in outcome
    assert state.by_name.get("nova").account is state.accounts[ACCOUNT]


def test_the_device_that_was_used_least_recently_is_forgotten(state):
    account = state.accounts[ACCOUNT]
    for device in range(10, 11 + MAX_DEVICES):
        token = bytes([device])
        command = c.OpenAccountSession(1, 1, device, 0, ACCOUNT, 0, b"", token)
        assert isinstance(apply(state, command), list)
    assert len(account.logins) == MAX_DEVICES
    assert not account.knows(1)
    assert b"e" not in state.logins
    assert account.knows(10 + MAX_DEVICES)


def test_a_removed_account_leaves_nothing(state):
    apply(state, c.OpenAccountSession(2, 9, 7, 0, ACCOUNT, 0, b"", b"x"))
    outcome = apply(state, c.RemoveAccount(1, ACCOUNT))
    assert outcome[-1] == AccountDeleted(ACCOUNT)
    assert not state.accounts
    assert not state.logins
    assert 2 not in state.sessions
    assert "Nova" not in state.account_names
    assert not isinstance(apply(state, c.OpenSession(1, 1, 1, 0, b"n", "Nova")), Rejected)


def test_a_new_password_logs_out_and_a_role_stays(state):
    assert state.sessions[3].role is Role.MEMBER
    assert state.sessions[2].role is Role.OWNER
    apply(state, c.OpenAccountSession(2, 9, 7, 0, ACCOUNT, 0, b"", b"x"))
    apply(state, c.SetPassword(1, ACCOUNT, 0, 2, 2, b"y", "$new"))
    account = state.accounts[ACCOUNT]
    assert (account.version, account.password, account.role) == (1, "$new", Role.OWNER)
    assert account.logins == {1: (b"", b"")}
    assert state.sessions[2].token == b"y"
    assert not {b"e", b"x"} & {*state.by_token, *state.logins}


def test_accounts_without_a_session(state):
    apply(state, c.OpenAccountSession(1, 1, 1, 2, ACCOUNT, 0, b"", b"y"))  # again, the same device
    assert state.accounts[ACCOUNT].logins == {}
    apply(state, c.EndSession(2, 2, 1, ""))
    again = c.RegisterAccount(1, 0, 0, b"", b"", "nova", "$")
    assert apply(state, again) == Rejected(Reason.REGISTERED, account=ACCOUNT)
    apply(state, c.SetPassword(1, ACCOUNT, 0, 0, 0, b"", "$new"))
    assert state.accounts[ACCOUNT].logins == {1: (b"", b"")}
    apply(state, c.RemoveAccount(1, ACCOUNT))
    assert not state.accounts
