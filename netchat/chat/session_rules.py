"""Rules about sessions that several commands share."""

from __future__ import annotations

from typing import Protocol

from netchat.chat.model import Account, Session
from netchat.chat.outcomes import SessionClosed, SessionMoved, StateChange
from netchat.chat.persistence import AccountRow, DeviceDeleted, SessionDeleted, SessionRow
from netchat.chat.room_log import Removal, remove_member
from netchat.chat.shared_state import SharedState
from netchat.chat.state_records import pack_logins

__all__ = [
    "MAX_DEVICES",
    "account_row",
    "attached",
    "end_session",
    "forget_login",
    "moved",
    "remember_login",
    "session_row",
]

#: Maximum number of remembered devices of an account. Beyond it, the user must enter the password again on
#: the least recently used device.
MAX_DEVICES = 16


class _OfConnection(Protocol):
    """A command that a user's connection has caused."""

    @property
    def session(self) -> int: ...

    @property
    def attachment(self) -> int: ...


def attached(state: SharedState, command: _OfConnection) -> Session | None:
    """Return the session of a command, unless it has ended or has another connection."""
    session = state.sessions.get(command.session)
    return session if session is not None and session.attachment == command.attachment else None


def end_session(
    state: SharedState, session: Session, reason: str, time: int, removal: Removal | None = None
) -> list[StateChange]:
    """End a session. Its tokens still log in the device if the session is an account's."""
    changes: list[StateChange] = []
    for room in list(session.rooms.values()):
        changes += remove_member(state, session, room, reason, time, removal)
    del state.sessions[session.id], state.by_device[session.device]
    state.by_name.remove(session)
    state.by_token.pop(session.token, None)
    state.by_token.pop(session.previous, None)
    if session.keys:
        changes.append(DeviceDeleted(session.id, 0))
    changes.append(SessionDeleted(session.id))
    account = session.account
    if account is not None:
        account.session = None
        remember_login(state, account, session.device, session.token, session.previous)
        changes.append(account_row(account))
    return [*changes, SessionClosed(session.id, session.name, reason, len(state.sessions))]


def moved(session: Session, text: str = "") -> SessionMoved:
    """Return the change that detaches a session from its connection, with a reason for the client."""
    rooms = tuple(room.id for room in session.rooms.values())
    return SessionMoved(session.id, rooms, text) if text else SessionMoved(session.id, rooms)


def session_row(session: Session) -> SessionRow:
    """Return the stored form of a session."""
    return SessionRow(session.id, session.token, session.previous, session.device, session.name)


# -- accounts -------------------------------------------------------------------------------------


def remember_login(
    state: SharedState, account: Account, device: int, token: bytes, previous: bytes
) -> None:
    """Remember a device whose session has ended, and the tokens with which it can log in again."""
    forget_login(state, account, device)
    account.logins[device] = token, previous
    for secret in (token, previous):
        if secret:
            state.logins[secret] = account, device
    while len(account.logins) > MAX_DEVICES:
        forget_login(state, account, next(iter(account.logins)))


def forget_login(state: SharedState, account: Account, device: int) -> None:
    """Forget a device and its tokens."""
    for secret in account.logins.pop(device, ()):
        state.logins.pop(secret, None)


def account_row(account: Account) -> AccountRow:
    """Return the stored form of an account."""
    session = account.session
    return AccountRow(
        account.id,
        account.name,
        account.password,
        account.version,
        account.role,
        account.created,
        session.id if session is not None else 0,
        pack_logins(account.logins),
    )
