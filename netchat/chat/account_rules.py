"""Rules of the commands about accounts, for `netchat.chat.apply`."""

from __future__ import annotations

from netchat.chat.commands import (
    AddInvitation,
    EndLogin,
    OpenAccountSession,
    RegisterAccount,
    RemoveAccount,
    SetPassword,
    SetRole,
)
from netchat.chat.model import Account, Role, Session
from netchat.chat.moderation_rules import account_ban
from netchat.chat.outcomes import Outcome, Reason, Rejected, StateChange
from netchat.chat.persistence import (
    AccountDeleted,
    DeviceDeleted,
    InvitationDeleted,
    InvitationRow,
    RulesRow,
)
from netchat.chat.room_codes import LOBBY
from netchat.chat.room_log import remove_member
from netchat.chat.session_rules import (
    account_row,
    attached,
    end_session,
    forget_login,
    moved,
    remember_login,
    session_row,
)
from netchat.chat.shared_state import SharedState
from netchat.wire import RoomKind

__all__ = [
    "MAX_ACCOUNTS",
    "MAX_INVITATIONS",
    "add_invitation",
    "end_login",
    "open_account_session",
    "register_account",
    "remove_account",
    "set_password",
    "set_role",
]

#: Maximum number of accounts of a server, so that an open registration cannot fill its memory and disk.
MAX_ACCOUNTS = 100_000

#: Maximum number of unused invitations of a server.
MAX_INVITATIONS = 10_000


def register_account(state: SharedState, command: RegisterAccount) -> Outcome:
    """Apply `RegisterAccount`."""
    session = attached(state, command) if command.session else None
    if command.session and session is None:
        return Rejected(Reason.STALE)
    if session is not None and session.account is not None:
        return Rejected(Reason.REGISTERED, account=session.account.id)
    if session is not None and session.name != command.name:
        return Rejected(Reason.STALE)
    rival = state.by_name.find_conflict(command.name, owner=session)
    if rival is not None:
        return Rejected(Reason.NAME_TAKEN, rival.id)
    registered = state.account_names.find_conflict(command.name)
    if registered is not None:
        return Rejected(Reason.REGISTERED, account=registered.id)
    if len(state.accounts) >= MAX_ACCOUNTS:
        return Rejected(Reason.FULL)
    if command.token and state.knows_token(command.token):
        return Rejected(Reason.EXISTS)
    changes: list[StateChange] = []
    if command.invitation:
        expires = state.invitations.get(command.invitation)
        if expires is None or 0 < expires <= command.time:
            return Rejected(Reason.NO_INVITATION)
        del state.invitations[command.invitation]
        changes.append(InvitationDeleted(command.invitation))
    role = Role.MEMBER if state.accounts else Role.OWNER
    account = Account(state.new_id(), command.name, command.password, role, command.time)
    state.add_account(account)
    if session is not None:
        session.account, account.session = account, session
        # A token from before the registration, which another user may know, must not log in.
        _set_tokens(state, session, command.token)
        changes.append(session_row(session))
        # The account keeps what the guest was appointed to.
        for room in {LOBBY: state.rooms.get(LOBBY), **session.rooms}.values():
            if room is not None and room.rules is not None and session.id in room.rules.moderators:
                del room.rules.moderators[session.id]
                room.rules.moderators[account.id] = None
                changes.append(RulesRow(room.id, room.rules.dump()))
    return [*changes, account_row(account)]


def open_account_session(state: SharedState, command: OpenAccountSession) -> Outcome:
    """Apply `OpenAccountSession`."""
    if command.server not in state.servers:
        return Rejected(Reason.UNKNOWN_SERVER)
    account, device = state.accounts.get(command.account), command.device
    if account is None or account.version != command.version:
        return Rejected(Reason.OUTDATED)
    if command.used and command.used not in account.logins.get(device, ()):
        return Rejected(Reason.OUTDATED)
    if state.knows_token(command.token):
        return Rejected(Reason.EXISTS)
    if account_ban(state, command.time, account, device) is not None:
        return Rejected(Reason.BANNED)
    before = state.by_device.get(device)
    if command.replaces != (before.id if before is not None else 0):
        return Rejected(Reason.OUTDATED)
    changes: list[StateChange] = []
    session = account.session
    if before is not None and before is not session:
        changes.append(moved(before))
        changes += end_session(state, before, f"logged in as {account.name}", command.time)
    forget_login(state, account, device)
    if session is None:
        # Registration leaves no such session, but a history of a less strict server may have one.
        while (rival := state.by_name.find_conflict(account.name)) is not None:
            changes.append(moved(rival, "Your name is registered, and its owner has logged in."))
            changes += end_session(state, rival, "the name is registered", command.time)
        session = Session(state.new_id(), account.name, device)
        session.account, account.session = account, session
        state.sessions[session.id] = session
        state.by_name.add(session)
    else:
        changes.append(moved(session))
        if session.device != device:
            del state.by_device[session.device]
            remember_login(state, account, session.device, session.token, session.previous)
            session.device = device
            changes += _leave_sealed_rooms(state, session, command.time)
    state.by_device[device] = session
    session.server = command.server
    session.attachment += 1
    _set_tokens(state, session, command.token, command.used)
    return [*changes, session_row(session), account_row(account)]


def set_password(state: SharedState, command: SetPassword) -> Outcome:
    """Apply `SetPassword`."""
    account = state.accounts.get(command.account)
    if account is None or account.version != command.version:
        return Rejected(Reason.OUTDATED)
    session = attached(state, command) if command.session else None
    if command.session and (session is None or session.account is not account):
        return Rejected(Reason.STALE)
    if command.token and state.knows_token(command.token):
        return Rejected(Reason.EXISTS)
    account.version += 1
    account.password = command.password
    changes: list[StateChange] = []
    if session is not None:
        _set_tokens(state, session, command.token)
        changes.append(session_row(session))
    elif account.session is not None:
        changes += _revoke(state, account.session, "Your password was changed.", command.time)
    _log_out_devices(state, account)
    return [*changes, account_row(account)]


def end_login(state: SharedState, command: EndLogin) -> Outcome:
    """Apply `EndLogin`."""
    session = attached(state, command)
    if session is None:
        return Rejected(Reason.STALE)
    account = session.account
    if account is None:
        return Rejected(Reason.OUTDATED)
    _set_tokens(state, session, b"")
    changes = end_session(state, session, "logged out", command.time)
    if command.everywhere:
        _log_out_devices(state, account)
        changes.append(account_row(account))
    return changes


def remove_account(state: SharedState, command: RemoveAccount) -> Outcome:
    """Apply `RemoveAccount`."""
    account = state.accounts.get(command.account)
    if account is None:
        return Rejected(Reason.OUTDATED)
    changes: list[StateChange] = []
    if account.session is not None:
        changes += _revoke(state, account.session, "Your account was removed.", command.time)
    for device in list(account.logins):
        forget_login(state, account, device)
    state.remove_account(account)
    return [*changes, AccountDeleted(account.id)]


def set_role(state: SharedState, command: SetRole) -> Outcome:
    """Apply `SetRole`."""
    account = state.accounts.get(command.account)
    if account is None or command.role not in set(Role):
        return Rejected(Reason.OUTDATED)
    account.role = Role(command.role)
    return [account_row(account)]


def add_invitation(state: SharedState, command: AddInvitation) -> Outcome:
    """Apply `AddInvitation`."""
    over = [s for s, expires in state.invitations.items() if 0 < expires <= command.time]
    if command.secret in state.invitations:
        return Rejected(Reason.EXISTS)
    if len(state.invitations) - len(over) >= MAX_INVITATIONS:
        return Rejected(Reason.FULL)
    for secret in over:
        del state.invitations[secret]
    state.invitations[command.secret] = command.expires
    row = InvitationRow(command.secret, command.expires)
    return [*map(InvitationDeleted, over), row]


def _set_tokens(state: SharedState, session: Session, token: bytes, previous: bytes = b"") -> None:
    """Replace the tokens that resume a session."""
    for old in (session.token, session.previous):
        state.by_token.pop(old, None)
    session.token, session.previous = token, previous
    for new in (token, previous):
        if new:
            state.by_token[new] = session


def _leave_sealed_rooms(state: SharedState, session: Session, time: int) -> list[StateChange]:
    """End what depends on the keys of the session's last device, which the new one does not have.

    The members of its sealed rooms then change the secret, and other users start a new private room.
    """
    changes: list[StateChange] = []
    for room in list(session.rooms.values()):
        is_sealed = room.epoch or all(member.keys for member in room.members)
        if room.kind is RoomKind.SEALED or (room.kind is RoomKind.PRIVATE and is_sealed):
            changes += remove_member(state, session, room, "continues on another device", time)
    if session.keys:
        session.keys = b""
        changes.append(DeviceDeleted(session.id, 0))
    return changes


def _revoke(state: SharedState, session: Session, text: str, time: int) -> list[StateChange]:
    """End a session, and tell its client why."""
    _set_tokens(state, session, b"")
    change = moved(session, text)
    return [change, *end_session(state, session, "logged out", time)]


def _log_out_devices(state: SharedState, account: Account) -> None:
    """Forget the tokens of all devices without a session; the devices stay known."""
    for device in list(account.logins):
        remember_login(state, account, device, b"", b"")
