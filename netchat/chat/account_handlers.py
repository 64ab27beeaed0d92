"""Handlers of the messages about accounts: LOGIN, REGISTER, PASSWORD and LOGOUT.

Passwords are checked and hashed away from the event loop. A handler queues a `CheckPassword`, and
`password_checked` continues with the result. Names without an account take the same way, with the
same work, so that neither the answer nor its delay reveals which names are registered.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from netchat.chat.commands import EndLogin, RegisterAccount, SetPassword
from netchat.chat.commit_actions import FinishBye, SendMessage
from netchat.chat.connection import Connection, ProvenAccount
from netchat.chat.credentials import DEVICE_KEY_SIZE, device_id, new_token, token_hash
from netchat.chat.effects import CheckPassword
from netchat.chat.handshake import reserved_seconds
from netchat.chat.model import Account, Session
from netchat.chat.name_table import describe_conflict, describe_registered
from netchat.chat.names import fold, normalize_name, suggest, validate_name
from netchat.chat.ordering import answers, propose
from netchat.chat.outcomes import Outcome, Reason, Rejected
from netchat.chat.passwords import (
    NO_PASSWORD,
    invitation_hash,
    normalize_password,
    validate_password,
)
from netchat.chat.server_state import ServerState
from netchat.wire import (
    MAX_NAME,
    AccountStatus,
    ErrorCode,
    Login,
    Logout,
    Message,
    Password,
    Register,
)
from netchat.wording import many

__all__ = ["change_password", "log_in", "log_out", "password_checked", "register"]

#: Cost of a request with a password, in frames of the rate limit.
CHECK_COST = 50

_WRONG = "The name or the password is wrong."


class _LoginAttempt(NamedTuple):
    """A LOGIN whose password is being checked."""

    message: Login
    account: Account | None
    version: int
    name: str
    device: int
    """Id of the device if it has logged in to the account before, or 0."""


class _Registration(NamedTuple):
    """A REGISTER whose password is being hashed."""

    message: Register
    name: str
    session: Session | None
    attachment: int


class _PasswordChange(NamedTuple):
    """A PASSWORD that is being checked."""

    message: Password
    account: Account
    version: int
    session: Session
    attachment: int


def log_in(
    state: ServerState, connection: Connection, session: Session | None, message: Login
) -> None:
    """Handle LOGIN, which is allowed before HELLO only."""
    if session is not None:
        text = "LOGIN must be sent before HELLO."
        state.disconnect(connection, ErrorCode.UNEXPECTED, text)
        return
    if len(message.device) != DEVICE_KEY_SIZE:
        text = f"LOGIN.device must be {DEVICE_KEY_SIZE} bytes, got {len(message.device)}."
        state.disconnect(connection, ErrorCode.UNEXPECTED, text)
        return
    if not _may_check(state, connection, message):
        return
    name = fold(message.name[: 2 * MAX_NAME])
    account = state.shared.account_names.get(name)
    device = device_id(message.device)
    if account is None or not account.knows(device):
        device = 0
    if _must_wait(state, connection, name, device, message):
        return
    # Counted at once, so that many connections cannot guess at the same time.
    state.login_limit.failed(connection.share, name, device, state.now)
    attempt = _LoginAttempt(message, account, account.version if account else 0, name, device)
    stored = account.password if account is not None else NO_PASSWORD
    _check(state, connection, CheckPassword(connection, attempt, message.password, stored))


def register(
    state: ServerState, connection: Connection, session: Session | None, message: Register
) -> None:
    """Handle REGISTER, before HELLO or in a guest's session."""
    if session is not None and session.account is not None:
        text = f"You are registered as {session.account.name} already."
        state.refuse(connection, ErrorCode.REGISTERED, text, Register, message.request)
        return
    if not _may_check(state, connection, message):
        return
    policy = state.settings.registration
    if policy == "closed":
        text = "This server registers no new users; ask its operator for an account."
        state.refuse(connection, ErrorCode.NO_REGISTRATION, text, Register, message.request)
        return
    if policy == "invitation" and not message.invitation:
        text = "Registering on this server needs an invitation; ask its operator for one."
        state.refuse(connection, ErrorCode.NO_REGISTRATION, text, Register, message.request)
        return
    name = normalize_name(message.name)
    problem = validate_name(name)
    if session is not None and name != session.name:
        problem = f"Your name is {session.name}; change it to {name[:40]} first."
    if problem is not None:
        state.refuse(connection, ErrorCode.NAME_NOT_ALLOWED, problem, Register, message.request)
        return
    if _refuses_password(state, connection, message.password, name, message):
        return
    wait = state.login_limit.registration_wait(connection.share, state.now)
    if wait:
        _refuse_too_many(state, connection, "registrations", wait, message)
        return
    state.login_limit.registered(connection.share, state.now)
    attachment = session.attachment if session is not None else 0
    request = _Registration(message, name, session, attachment)
    new = normalize_password(message.password)
    _check(state, connection, CheckPassword(connection, request, new=new))


def change_password(
    state: ServerState, connection: Connection, session: Session, message: Password
) -> None:
    """Handle PASSWORD."""
    account = session.account
    if account is None:
        _refuse_guest(state, connection, Password, message.request)
        return
    if not _may_check(state, connection, message):
        return
    if _refuses_password(state, connection, message.new, account.name, message):
        return
    name = fold(account.name)
    if _must_wait(state, connection, name, session.device, message):
        return
    state.login_limit.failed(connection.share, name, session.device, state.now)
    request = _PasswordChange(message, account, account.version, session, session.attachment)
    work = CheckPassword(
        connection, request, message.old, account.password, normalize_password(message.new)
    )
    _check(state, connection, work)


def log_out(state: ServerState, connection: Connection, session: Session, message: Logout) -> None:
    """Handle LOGOUT."""
    if session.account is None:
        _refuse_guest(state, connection, Logout, message.request)
        return
    connection.closing = True
    everywhere = int(message.everywhere == 1)
    command = EndLogin(session.id, session.attachment, state.time, everywhere)
    propose(state, command, connection)


def password_checked(
    state: ServerState, work: CheckPassword, encoded: str | None, *, is_right: bool
) -> None:
    """Continue a request after its password was checked, and the new one hashed.

    Args:
        state: The server's state.
        work: What was checked.
        encoded: Encoded hash of the new password, or None without one.
        is_right: Whether the given password matches the stored hash.
    """
    connection, request = work.connection, work.request
    state.checks.release(connection.share)
    connection.is_checking = False
    state.resume_handshake(connection, state.now)
    if isinstance(request, _LoginAttempt):
        _login_checked(state, connection, request, is_right=is_right)
    elif isinstance(request, _Registration):
        _registration_hashed(state, connection, request, encoded)
    else:
        _change_checked(state, connection, request, encoded, is_right=is_right)


# -- the results of checks ------------------------------------------------------------------------


def _login_checked(
    state: ServerState, connection: Connection, attempt: _LoginAttempt, *, is_right: bool
) -> None:
    message, account = attempt.message, attempt.account
    if account is None or not is_right:
        state.log("login failed", name=attempt.name, address=connection.address)
        state.refuse(connection, ErrorCode.WRONG_PASSWORD, _WRONG, Login, message.request)
        return
    state.login_limit.succeeded(connection.share, attempt.name, attempt.device, state.now)
    if connection.closing or connection not in state.connections:
        return
    connection.account = ProvenAccount(account.id, attempt.version)
    state.log("logged in", name=account.name, address=connection.address)
    status = AccountStatus(message.request, account.role, account.name, b"")
    # The account is durable, although this server may not have stored it yet.
    state.send(connection, status)


def _registration_hashed(
    state: ServerState, connection: Connection, request: _Registration, encoded: str | None
) -> None:
    if encoded is None:  # the server has no memory for the hash
        text = "The server cannot hash the password now; try again later."
        about, number = Register, request.message.request
        state.refuse(connection, ErrorCode.LOGIN_BUSY, text, about, number)
        return
    if connection.closing or connection not in state.connections:
        return
    message, session = request.message, request.session
    invitation = invitation_hash(message.invitation) if message.invitation else b""
    token = new_token(state.rng) if session is not None else b""
    command = RegisterAccount(
        state.time,
        session.id if session is not None else 0,
        request.attachment,
        invitation,
        token_hash(token) if token else b"",
        request.name,
        encoded,
    )
    propose(state, command, connection, (message, token))


@answers(RegisterAccount)
def _registered(
    state: ServerState,
    connection: Connection,
    request: tuple[Register, bytes],
    command: RegisterAccount,
    outcome: Outcome,
) -> None:
    message, token = request
    if isinstance(outcome, Rejected):
        _refuse_registration(state, connection, message, command.name, outcome)
        return
    account = state.shared.account_names.get(command.name)
    assert account is not None, "it has just been registered"
    state.log("registered", name=account.name, address=connection.address)
    if not command.session:
        connection.account = ProvenAccount(account.id, account.version)
    connection.told_role = account.role
    status = AccountStatus(message.request, account.role, account.name, token)
    state.batch.before.append(SendMessage(connection, status))


def _refuse_registration(
    state: ServerState, connection: Connection, message: Register, name: str, outcome: Rejected
) -> None:
    code, suggestion = ErrorCode.NAME_TAKEN, ""
    if outcome.reason is Reason.NAME_TAKEN:
        rival = state.shared.sessions[outcome.session]
        text = describe_conflict(name, rival, reserved_seconds(state, rival))
        suggestion = suggest(name, state.is_name_taken)
    elif outcome.reason is Reason.REGISTERED:
        text = describe_registered(name, state.shared.accounts[outcome.account])
        suggestion = suggest(name, state.is_name_taken)
    elif outcome.reason is Reason.NO_INVITATION:
        code = ErrorCode.NO_REGISTRATION
        text = "The invitation is not valid: it was used, has expired, or has a typing mistake."
    else:
        code, text = ErrorCode.NO_REGISTRATION, "This server has no space for more accounts."
    state.refuse(connection, code, text, Register, message.request, suggestion)


def _change_checked(
    state: ServerState,
    connection: Connection,
    request: _PasswordChange,
    encoded: str | None,
    *,
    is_right: bool,
) -> None:
    message, account, session = request.message, request.account, request.session
    if not is_right or encoded is None:
        state.log("login failed", name=account.name, address=connection.address)
        text = "The current password is wrong."
        state.refuse(connection, ErrorCode.WRONG_PASSWORD, text, Password, message.request)
        return
    state.login_limit.succeeded(connection.share, fold(account.name), session.device, state.now)
    if connection.session is not session:
        return
    token = new_token(state.rng)
    command = SetPassword(
        state.time,
        account.id,
        request.version,
        session.id,
        request.attachment,
        token_hash(token),
        encoded,
    )
    propose(state, command, connection, (message, token))


@answers(SetPassword)
def _password_set(
    state: ServerState,
    connection: Connection,
    request: tuple[Password, bytes],
    command: SetPassword,
    outcome: Outcome,
) -> None:
    message, token = request
    if isinstance(outcome, Rejected):  # the operator or another device was faster
        text = "The password has just been changed elsewhere."
        state.refuse(connection, ErrorCode.WRONG_PASSWORD, text, Password, message.request)
        return
    account = state.shared.accounts[command.account]
    state.log("password changed", name=account.name, address=connection.address)
    status = AccountStatus(message.request, account.role, account.name, token)
    state.batch.before.append(SendMessage(connection, status))


@answers(EndLogin)
def _logged_out(
    state: ServerState,
    connection: Connection,
    request: None,  # noqa: ARG001 - all answers share one signature
    command: EndLogin,  # noqa: ARG001
    outcome: Outcome,  # noqa: ARG001
) -> None:
    # A rejection means that the account was removed meanwhile, which ends the session too.
    state.batch.after.append(FinishBye(connection))


# -- checks before the check ----------------------------------------------------------------------


def _may_check(
    state: ServerState, connection: Connection, message: Login | Register | Password
) -> bool:
    """Return whether a request with a password may be handled now, or refuse it."""
    connection.allowance -= CHECK_COST
    if state.settings.accounts == "off":
        code, text = ErrorCode.NO_ACCOUNTS, "This server has no accounts."
    elif connection.is_checking or not state.checks.allows(connection.share):
        code, text = ErrorCode.LOGIN_BUSY, "The server is checking other passwords; try again."
    else:
        return True
    state.refuse(connection, code, text, type(message), message.request)
    return False


def _refuses_password(
    state: ServerState,
    connection: Connection,
    password: str,
    name: str,
    message: Register | Password,
) -> bool:
    problem = validate_password(normalize_password(password), name)
    if problem is None:
        return False
    code = ErrorCode.PASSWORD_NOT_ALLOWED
    state.refuse(connection, code, problem, type(message), message.request)
    return True


def _must_wait(
    state: ServerState, connection: Connection, name: str, device: int, message: Login | Password
) -> bool:
    """Return whether there were too many wrong passwords, and refuse the request then."""
    wait = state.login_limit.wait(connection.share, name, device, state.now)
    if wait:
        _refuse_too_many(state, connection, "wrong passwords", wait, message)
    return bool(wait)


def _refuse_too_many(
    state: ServerState,
    connection: Connection,
    what: str,
    wait: float,
    message: Login | Register | Password,
) -> None:
    text = f"Too many {what}; try again in {many(math.ceil(wait), 'second')}."
    code = ErrorCode.TOO_MANY_GUESSES
    state.refuse(connection, code, text, type(message), message.request)


def _refuse_guest(
    state: ServerState, connection: Connection, about: type[Message], request: int
) -> None:
    text = "You are a guest on this server; register first."
    state.refuse(connection, ErrorCode.NOT_REGISTERED, text, about, request)


def _check(state: ServerState, connection: Connection, work: CheckPassword) -> None:
    """Queue a password for its check."""
    state.checks.acquire(connection.share)
    connection.is_checking = True
    state.pause_handshake(connection)
    state.effects.append(work._replace(given=normalize_password(work.given)))
