"""Requests of the operator about accounts: the command of each, and its answer.

`netchat accounts` sends a request to the running server, or applies it to the history of one that does
not run. Both use the functions here.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from netchat.chat.account_rules import MAX_ACCOUNTS, MAX_INVITATIONS
from netchat.chat.commands import (
    AddInvitation,
    ChatCommand,
    RegisterAccount,
    RemoveAccount,
    SetPassword,
    SetRole,
)
from netchat.chat.model import Account, Role
from netchat.chat.names import normalize_name, validate_name
from netchat.chat.passwords import invitation_hash, new_invitation
from netchat.chat.shared_state import SharedState
from netchat.errors import NetchatError, NotFound

__all__ = ["AdminRequest", "Planned", "list_accounts", "plan"]


@dataclass(frozen=True, slots=True)
class AdminRequest:
    """A request of the operator.

    Attributes:
        action: `list`, `add`, `reset`, `remove`, `role` or `invite`.
        name: Name of the account.
        password: Encoded hash of the new password, for `add` and `reset`.
        role: Name of the new role, for `role`.
        seconds: Time until an invitation expires; 0 for never.
    """

    action: str
    name: str = ""
    password: str = ""
    role: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Planned:
    """The command of a request.

    Attributes:
        command: The command.
        is_done: Returns whether the shared state shows that it was applied.
        answer: What to tell the operator then.
    """

    command: ChatCommand
    is_done: Callable[[], bool]
    answer: dict[str, Any]


def list_accounts(state: SharedState) -> list[dict[str, Any]]:
    """Return the accounts, sorted by name, without their secrets."""
    accounts = sorted(state.accounts.values(), key=lambda account: account.name.casefold())
    return [
        {
            "name": account.name,
            "role": account.role.name.lower(),
            "created": account.created / 1e6,
            "online": account.session is not None and not account.session.is_away,
        }
        for account in accounts
    ]


def plan(state: SharedState, request: AdminRequest, time: int, rng: random.Random) -> Planned:
    """Return the command of a request that changes something.

    Args:
        state: The shared state.
        request: The request.
        time: Time of day in microseconds since 1970.
        rng: Source of invitations.

    Raises:
        NetchatError: The request cannot be carried out.
    """
    match request.action:
        case "add":
            return _add(state, request, time)
        case "reset":
            account = _account(state, request.name)
            command = SetPassword(time, account.id, account.version, 0, 0, b"", request.password)
            return Planned(command, lambda: account.password == request.password, _named(account))
        case "remove":
            account = _account(state, request.name)
            removal = RemoveAccount(time, account.id)
            return Planned(removal, lambda: account.id not in state.accounts, _named(account))
        case "role":
            account = _account(state, request.name)
            role = _role(request.role)
            change = SetRole(account.id, role)
            return Planned(change, lambda: account.role is role, _named(account))
        case "invite":
            return _invite(state, request, time, rng)
        case _:
            raise NetchatError(f"this server does not know the action {request.action[:40]!r}")


def _add(state: SharedState, request: AdminRequest, time: int) -> Planned:
    name = normalize_name(request.name)
    problem = validate_name(name)
    if problem is not None:
        raise NetchatError(problem)
    account = state.account_names.find_conflict(name)
    if account is not None:
        raise NetchatError(f"The name {name} is registered, or looks like {account.name}.")
    user = state.by_name.find_conflict(name)
    if user is not None:
        raise NetchatError(
            f"A guest has the name {user.name} now. The guest can register it, or must leave first."
        )
    if len(state.accounts) >= MAX_ACCOUNTS:
        raise NetchatError(f"The server has {MAX_ACCOUNTS} accounts, which is the limit.")
    command = RegisterAccount(time, 0, 0, b"", b"", name, request.password)
    role = Role.MEMBER if state.accounts else Role.OWNER
    answer = {"name": name, "role": role.name.lower()}
    return Planned(command, lambda: state.account_names.get(name) is not None, answer)


def _invite(state: SharedState, request: AdminRequest, time: int, rng: random.Random) -> Planned:
    if len(state.invitations) >= MAX_INVITATIONS:
        raise NetchatError(f"There are {MAX_INVITATIONS} unused invitations, which is the limit.")
    code = new_invitation(rng)
    secret = invitation_hash(code)
    expires = time + int(request.seconds * 1e6) if request.seconds else 0
    command = AddInvitation(time, expires, secret)
    answer = {"invitation": code, "expires": expires / 1e6}
    return Planned(command, lambda: secret in state.invitations, answer)


def _account(state: SharedState, name: str) -> Account:
    account = state.account_names.get(name[:100])
    if account is None:
        raise NotFound(f"There is no account named {name[:40]}; netchat accounts list shows them.")
    return account


def _role(name: str) -> Role:
    try:
        return Role[name.upper()]
    except KeyError:
        roles = ", ".join(role.name.lower() for role in Role)
        raise NetchatError(f"a role must be one of {roles}, got {name[:40]!r}") from None


def _named(account: Account) -> dict[str, Any]:
    return {"name": account.name}
