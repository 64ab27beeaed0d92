"""HELLO and WELCOME: starting a session, and resuming it after a lost connection."""

from __future__ import annotations

import math
from typing import NamedTuple

from netchat.chat.commands import Disconnect, OpenAccountSession, OpenSession, ResumeSession
from netchat.chat.commit_actions import SendWelcome
from netchat.chat.connection import Connection
from netchat.chat.credentials import DEVICE_KEY_SIZE, device_id, new_token, token_hash
from netchat.chat.model import Account, Session
from netchat.chat.moderation_handlers import address_ban, ban_text, server_ban_text
from netchat.chat.moderation_rules import account_ban
from netchat.chat.name_table import describe_conflict, describe_registered
from netchat.chat.names import normalize_name, suggest, validate_name
from netchat.chat.ordering import answers, propose
from netchat.chat.outcomes import Outcome, Reason, Rejected
from netchat.chat.plain_events import removal_code
from netchat.chat.server_state import ServerState
from netchat.wire import Bye, Error, ErrorCode, Feature, Hello
from netchat.wording import many

__all__ = ["hello", "reserved_seconds"]

#: Cost of a refused or changed name, in frames of the rate limit: the server searches for a
#: suggestion, or sends an event to each of the user's rooms.
NAME_COST = 20


class _PendingHello(NamedTuple):
    """A HELLO that is being answered."""

    message: Hello
    token: bytes
    """The session's next token."""

    away: float = 0.0
    """For how many seconds the session was away."""


def hello(
    state: ServerState, connection: Connection, message: Hello, *, is_current: bool = False
) -> None:
    """Answer HELLO: resume the session of its token, or start a new session.

    Args:
        state: The server's state.
        connection: The connection.
        message: The HELLO.
        is_current: Whether this server has applied everything that the client can know of.
    """
    if len(message.device) != DEVICE_KEY_SIZE:
        text = f"HELLO.device must be {DEVICE_KEY_SIZE} bytes, got {len(message.device)}."
        state.disconnect(connection, ErrorCode.UNEXPECTED, text)
        return
    connection.features = message.features
    if connection.account is not None:
        _open_account(state, connection, message, connection.account.account, b"")
        return
    used = token_hash(message.token) if message.token else b""
    login = state.shared.logins.get(used)
    if login is not None and login[1] == device_id(message.device):
        _open_account(state, connection, message, login[0].id, used)
        return
    session = state.shared.by_token.get(used) if used else None
    if session is None and used and state.proposals is not None and not is_current:
        # Another server of the cluster may have issued the token: this one may have to catch up. A
        # command without a session is rejected, but then everything before it has been applied.
        barrier = ResumeSession(state.server, 0, 0, used, used)
        propose(state, barrier, connection, _PendingHello(message, b""))
        return
    if refusal := address_ban(state, connection, session):
        state.disconnect(connection, removal_code(connection), refusal)
        return
    if session is None or session.device != device_id(message.device):
        _start_session(state, connection, message)
        return
    if _refuses_plain_client(state, connection, session, message):
        return
    token = new_token(state.rng)
    absence = state.away.get(session.id)
    away = state.now - absence.since if absence is not None else 0.0
    command = ResumeSession(state.server, session.id, session.attachment, used, token_hash(token))
    propose(state, command, connection, _PendingHello(message, token, away))


def _refuses_plain_client(
    state: ServerState, connection: Connection, session: Session, message: Hello
) -> bool:
    """Return whether a client lacks the sealed messages that its session uses, after refusing it."""
    if not session.keys or message.features & Feature.SEALED:
        return False
    text = (
        "This session uses sealed messages, which this program does not support: use one that "
        "does, or start a new session."
    )
    state.disconnect(connection, ErrorCode.UNEXPECTED, text)
    return True


def _open_account(
    state: ServerState, connection: Connection, message: Hello, number: int, used: bytes
) -> None:
    """Start or continue the session of an account, whose password or token the client has given."""
    account, device = state.shared.accounts.get(number), device_id(message.device)
    proven = connection.account
    if account is None or (proven is not None and proven.version != account.version):
        # Its password was changed, or it was removed, between LOGIN and HELLO.
        connection.account = None
        hello(state, connection, message, is_current=True)
        return
    ban = account_ban(state.shared, state.time, account, device, connection.share)
    if ban is not None:
        refusal = ban_text(ban, "this server", state.time)
        state.disconnect(connection, removal_code(connection), refusal)
        return
    session = account.session
    if (
        session is not None
        and session.device == device
        and _refuses_plain_client(state, connection, session, message)
    ):
        return
    before = state.shared.by_device.get(device)
    is_known = before is not None or session is not None
    problem = _capacity_problem(state, connection, is_known=is_known)
    if problem is not None:
        state.disconnect(connection, ErrorCode.SERVER_FULL, problem)
        return
    token = new_token(state.rng)
    command = OpenAccountSession(
        state.server,
        state.time,
        device,
        before.id if before is not None else 0,
        account.id,
        account.version,
        used,
        token_hash(token),
    )
    propose(state, command, connection, _PendingHello(message, token))


@answers(OpenAccountSession)
def _account_opened(
    state: ServerState,
    connection: Connection,
    pending: _PendingHello,
    command: OpenAccountSession,
    outcome: Outcome,
) -> None:
    if isinstance(outcome, Rejected):
        if outcome.reason is Reason.BANNED:
            account = state.shared.accounts[command.account]
            _refuse_banned(state, connection, account.name, command.device)
            return
        # The token was used up meanwhile, for example.
        moved = state.shared.by_device.get(command.device)
        _try_again(state, connection, pending.message, moved)
        return
    _begin(state, connection, state.shared.by_device[command.device], pending)


def _needs_account(state: ServerState, connection: Connection, message: Hello, name: str) -> bool:
    """Return whether a guest cannot have this session, after refusing it."""
    account = state.shared.account_names.find_conflict(name)
    if account is not None:
        _refuse_registered_name(state, connection, message, name, account)
        return True
    if state.settings.accounts != "required":
        return False
    if message.features & Feature.ACCOUNTS:
        text = "This server admits only registered users: log in, or register."
        _refuse_name(state, connection, ErrorCode.LOGIN_REQUIRED, text, name)
    else:
        text = (
            "This server admits only registered users, but your client does not support accounts. "
            "Update netchat, or use the server's web page."
        )
        state.disconnect(connection, ErrorCode.UNEXPECTED, text)
    return True


def _refuse_registered_name(
    state: ServerState, connection: Connection, message: Hello, name: str, account: Account
) -> None:
    can_log_in = state.settings.accounts != "off" and message.features & Feature.ACCOUNTS
    code = ErrorCode.LOGIN_REQUIRED if can_log_in else ErrorCode.NAME_TAKEN
    text = describe_registered(name, account)
    if not can_log_in:
        text = f"The name {name} is registered, or looks like a registered one; choose another one."
    _refuse_name(state, connection, code, text, name)


def _start_session(state: ServerState, connection: Connection, message: Hello) -> None:
    name, device = normalize_name(message.name), device_id(message.device)
    problem = validate_name(name)
    if problem is not None:
        _refuse_name(state, connection, ErrorCode.NAME_NOT_ALLOWED, problem, name)
        return
    if _needs_account(state, connection, message, name):
        return
    is_known = device in state.shared.by_device
    problem = _capacity_problem(state, connection, is_known=is_known)
    if problem is not None:
        rival = state.shared.by_name.find_conflict(name, owner=state.shared.by_device.get(device))
        if rival is None:
            state.disconnect(connection, ErrorCode.SERVER_FULL, problem)
        else:
            _refuse_taken_name(state, connection, name, rival)
        return
    token = new_token(state.rng)
    before = state.shared.by_device.get(device)
    replaces = before.id if before is not None else 0
    command = OpenSession(state.server, state.time, device, replaces, token_hash(token), name)
    propose(state, command, connection, _PendingHello(message, token))


def _capacity_problem(state: ServerState, connection: Connection, *, is_known: bool) -> str | None:
    """Return why the server has no room for another user, or None.

    Args:
        state: The server's state.
        connection: The user's connection.
        is_known: Whether the user has a session already, which the new one replaces.
    """
    limit = state.settings.max_users
    if len(state.shared.sessions) - is_known >= limit:
        return f"The server is full: its limit is {many(limit, 'user')}. Try again later."
    if not is_known and not state.user_shares.allows(connection.share):
        used = state.user_shares.counts[connection.share]
        return (
            f"Your address has reached its share of this server: {used} of {limit} users. "
            "Try again later."
        )
    return None


@answers(OpenSession)
def _started(
    state: ServerState,
    connection: Connection,
    pending: _PendingHello,
    command: OpenSession,
    outcome: Outcome,
) -> None:
    if isinstance(outcome, Rejected):
        if outcome.reason is Reason.NAME_TAKEN:
            rival = state.shared.sessions[outcome.session]
            _refuse_taken_name(state, connection, command.name, rival)
        elif outcome.reason is Reason.REGISTERED:
            account = state.shared.accounts[outcome.account]
            _refuse_registered_name(state, connection, pending.message, command.name, account)
        elif outcome.reason is Reason.BANNED:
            _refuse_banned(state, connection, command.name, command.device)
        else:  # a delayed HELLO, or this server has joined its cluster again meanwhile
            moved = state.shared.by_device.get(command.device)
            _try_again(state, connection, pending.message, moved)
        return
    _begin(state, connection, state.shared.by_device[command.device], pending)


@answers(ResumeSession)
def _resumed(
    state: ServerState,
    connection: Connection,
    pending: _PendingHello,
    command: ResumeSession,
    outcome: Outcome,
) -> None:
    if isinstance(outcome, Rejected):  # the token was used up meanwhile, or was not known here
        session = state.shared.sessions.get(command.session)
        if session is not None and session.attachment == command.attachment:
            session = None  # it was rejected for another reason
        _try_again(state, connection, pending.message, session)
        return
    session = state.shared.sessions[command.session]
    if not _attach(state, connection, session):
        return
    state.log("resumed", name=session.name, address=connection.address, away=round(pending.away, 3))
    _send_welcome(state, connection, session, pending, is_resumed=True)


def _send_welcome(
    state: ServerState,
    connection: Connection,
    session: Session,
    pending: _PendingHello,
    *,
    is_resumed: bool,
) -> None:
    """Answer with WELCOME and the session's rooms."""
    message = pending.message
    positions = {p.room: p.last for p in message.positions if _same_log(state, p.room, p.log)}
    feeds = tuple(state.feeds[room.id] for room in session.rooms.values())
    welcome = SendWelcome(
        connection,
        session,
        pending.token,
        state.time,
        positions,
        feeds,
        message.features,
        is_resumed,
    )
    state.batch.before.append(welcome)


def _attach(state: ServerState, connection: Connection, session: Session) -> bool:
    """Put a session on a connection; return False if the connection was lost meanwhile."""
    if connection.closing or connection not in state.connections:
        propose(state, Disconnect(session.id, session.attachment))
        return False
    state.attach(connection, session)
    return True


def _begin(
    state: ServerState, connection: Connection, session: Session, pending: _PendingHello
) -> None:
    """Answer a HELLO that has started a session on this connection, or moved one here."""
    if not _attach(state, connection, session):
        return
    state.log(
        "joined",
        name=session.name,
        address=connection.address,
        software=pending.message.software[:80],
        users=len(state.shared.sessions),
    )
    _send_welcome(state, connection, session, pending, is_resumed=False)


def _refuse_banned(state: ServerState, connection: Connection, name: str, device: int) -> None:
    """Disconnect a user whom a ban keeps out of the server."""
    text = server_ban_text(state, name, device)
    state.disconnect(connection, removal_code(connection), text)


def _try_again(
    state: ServerState, connection: Connection, message: Hello, moved: Session | None
) -> None:
    """Answer a HELLO whose command was rejected.

    Args:
        state: The server's state.
        connection: The connection.
        message: The HELLO.
        moved: The client's session if another HELLO has started or resumed it since.
    """
    if connection.closing or connection not in state.connections:
        return
    if moved is not None and moved.server not in (0, state.server):
        # The client may have abandoned this connection without this server noticing, and must not lose
        # the newer one. If it still has this one, it connects again, and that HELLO is the latest.
        state.send(connection, Bye("The session was resumed on another server in the meantime."))
        state.close(connection)
        return
    hello(state, connection, message, is_current=True)


def _same_log(state: ServerState, code: str, log: int) -> bool:
    room = state.shared.rooms.get(code)
    return room is not None and room.log == log


def reserved_seconds(state: ServerState, owner: Session) -> int:
    """Return how long a name stays reserved for a lost session; 0 while its owner is connected."""
    absence = state.away.get(owner.id)
    if absence is None:
        return 0
    return max(1, math.ceil(absence.since + state.settings.resume_seconds - state.now))


def _refuse_taken_name(
    state: ServerState, connection: Connection, name: str, rival: Session
) -> None:
    text = describe_conflict(name, rival, reserved_seconds(state, rival))
    _refuse_name(state, connection, ErrorCode.NAME_TAKEN, text, name)


def _refuse_name(
    state: ServerState, connection: Connection, code: ErrorCode, text: str, name: str
) -> None:
    """Refuse a name; the client may send HELLO with another one on the same connection."""
    suggestion = suggest(name, state.is_name_taken)
    state.send(connection, Error(code, Hello.TYPE, 0, text, suggestion))
    connection.allowance -= NAME_COST
    state.log("refused", name=name[:80], address=connection.address, code=code.name, text=text)
