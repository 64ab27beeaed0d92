"""HELLO and WELCOME: starting a session, and resuming it after a lost connection."""

from __future__ import annotations

import math
from typing import NamedTuple

from netchat.chat.commands import Disconnect, OpenSession, ResumeSession
from netchat.chat.commit_actions import SendWelcome
from netchat.chat.connection import Connection
from netchat.chat.credentials import DEVICE_KEY_SIZE, device_id, new_token, token_hash
from netchat.chat.model import Session
from netchat.chat.name_table import describe_conflict
from netchat.chat.names import normalize_name, suggest, validate_name
from netchat.chat.ordering import answers, propose
from netchat.chat.outcomes import Outcome, Reason, Rejected
from netchat.chat.server_state import ServerState
from netchat.wire import Error, ErrorCode, Feature, Hello
from netchat.wording import many

__all__ = ["hello", "reserved_seconds"]

#: Cost of a refused or changed name, in frames of the rate limit: the server searches for a
#: suggestion, or sends an event to each of the user's rooms.
NAME_COST = 20


class _Greeting(NamedTuple):
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
    used = token_hash(message.token) if message.token else b""
    session = state.shared.by_token.get(used) if used else None
    if session is None and used and state.proposals is not None and not is_current:
        # Another server of the cluster may have issued the token: this one may have to catch up. A
        # command without a session is rejected, but then everything before it has been applied.
        barrier = ResumeSession(state.server, 0, 0, used, used)
        propose(state, barrier, connection, _Greeting(message, b""))
        return
    if session is None or session.device != device_id(message.device):
        _start_session(state, connection, message)
        return
    if session.keys and not message.features & Feature.SEALED:
        text = (
            "This session uses sealed messages, which this program does not support: use one that "
            "does, or start a new session."
        )
        state.disconnect(connection, ErrorCode.UNEXPECTED, text)
        return
    token = new_token(state.rng)
    absence = state.away.get(session.id)
    away = state.now - absence.since if absence is not None else 0.0
    command = ResumeSession(state.server, session.id, session.attachment, used, token_hash(token))
    propose(state, command, connection, _Greeting(message, token, away))


def _start_session(state: ServerState, connection: Connection, message: Hello) -> None:
    name, device = normalize_name(message.name), device_id(message.device)
    problem = validate_name(name)
    if problem is not None:
        _refuse_name(state, connection, ErrorCode.NAME_NOT_ALLOWED, problem, name)
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
    propose(state, command, connection, _Greeting(message, token))


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
    greeting: _Greeting,
    command: OpenSession,
    outcome: Outcome,
) -> None:
    if isinstance(outcome, Rejected):
        if outcome.reason is Reason.NAME_TAKEN:
            rival = state.shared.sessions[outcome.session]
            _refuse_taken_name(state, connection, command.name, rival)
        else:  # this server has joined its cluster again meanwhile
            _try_again(state, connection, greeting.message)
        return
    session = state.shared.by_device[command.device]
    if not _attach(state, connection, session):
        return
    state.log(
        "joined",
        name=session.name,
        address=connection.address,
        software=greeting.message.software[:80],
        users=len(state.shared.sessions),
    )
    features = greeting.message.features
    welcome = SendWelcome(connection, session, greeting.token, state.time, None, (), features)
    state.batch.before.append(welcome)


@answers(ResumeSession)
def _resumed(
    state: ServerState,
    connection: Connection,
    greeting: _Greeting,
    command: ResumeSession,
    outcome: Outcome,
) -> None:
    if isinstance(outcome, Rejected):  # the token was used up meanwhile, or was not known here
        _try_again(state, connection, greeting.message)
        return
    session = state.shared.sessions[command.session]
    if not _attach(state, connection, session):
        return
    positions = {
        p.room: p.last for p in greeting.message.positions if _same_log(state, p.room, p.log)
    }
    state.log(
        "resumed", name=session.name, address=connection.address, away=round(greeting.away, 3)
    )
    feeds = tuple(state.feeds[room.id] for room in session.rooms.values())
    features = greeting.message.features
    welcome = SendWelcome(
        connection, session, greeting.token, state.time, positions, feeds, features
    )
    state.batch.before.append(welcome)


def _attach(state: ServerState, connection: Connection, session: Session) -> bool:
    """Put a session on a connection; return False if the connection was lost meanwhile."""
    if connection.closing or connection not in state.connections:
        propose(state, Disconnect(session.id, session.attachment))
        return False
    state.attach(connection, session)
    return True


def _try_again(state: ServerState, connection: Connection, message: Hello) -> None:
    if not connection.closing and connection in state.connections:
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
    suggestion = suggest(name, state.shared.by_name.__contains__)
    state.send(connection, Error(code, Hello.TYPE, 0, text, suggestion))
    connection.allowance -= NAME_COST
    state.log("refused", name=name[:80], address=connection.address, code=code.name, text=text)
