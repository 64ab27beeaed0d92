"""HELLO and WELCOME: starting a session, and resuming it after a lost connection."""

from __future__ import annotations

import math

from netchat.chat.commit_actions import SendWelcome
from netchat.chat.credentials import DEVICE_KEY_SIZE, device_id, new_token, token_hash
from netchat.chat.model import Connection, Session
from netchat.chat.name_table import describe_conflict
from netchat.chat.names import normalize_name, suggest, validate_name
from netchat.chat.server_state import ServerState
from netchat.wire import Error, ErrorCode, Hello
from netchat.wording import many

__all__ = ["hello", "reserved_seconds"]

#: Cost of a refused or changed name, in frames of the rate limit: the server searches for a
#: suggestion, or sends an event to each of the user's rooms.
NAME_COST = 20


def hello(state: ServerState, connection: Connection, message: Hello, now: float) -> None:
    """Answer HELLO: resume the session of its token, or start a new session."""
    if len(message.device) != DEVICE_KEY_SIZE:
        text = f"HELLO.device must be {DEVICE_KEY_SIZE} bytes, got {len(message.device)}."
        state.disconnect(connection, ErrorCode.UNEXPECTED, text)
        return
    device = device_id(message.device)
    session = state.by_token.get(token_hash(message.token)) if message.token else None
    if session is not None and session.device == device:
        _resume(state, connection, session, message, now)
    else:
        _start_session(state, connection, message, device, now)


def _start_session(
    state: ServerState, connection: Connection, message: Hello, device: int, now: float
) -> None:
    before = state.by_device.get(device)
    name = normalize_name(message.name)
    problem = validate_name(name)
    if problem is not None:
        _refuse_name(state, connection, ErrorCode.NAME_NOT_ALLOWED, problem, name)
        return
    rival = state.by_name.find_conflict(name, owner=before)
    if rival is not None:
        text = describe_conflict(name, rival, reserved_seconds(state, rival, now))
        _refuse_name(state, connection, ErrorCode.NAME_TAKEN, text, name)
        return
    if len(state.sessions) - (before is not None) >= state.settings.max_users:
        limit = state.settings.max_users
        text = f"The server is full: its limit is {many(limit, 'user')}. Try again later."
        state.disconnect(connection, ErrorCode.SERVER_FULL, text)
        return
    if before is None and not state.user_shares.allows(connection.share):
        text = (
            f"Your address has reached its share of this server: "
            f"{state.user_shares.counts[connection.share]} of {state.settings.max_users} users. "
            "Try again later."
        )
        state.disconnect(connection, ErrorCode.SERVER_FULL, text)
        return
    if before is not None:
        # The client lost its session token. Its device key proves that it owns the old session.
        if before.connection is not None:
            _displace(state, before.connection)
        state.end_session(before, "reconnected without its session", now)
    session = Session(state.new_id(), name, device)
    state.user_shares.acquire(session.share)
    state.sessions[session.id] = state.by_device[device] = session
    state.by_name.add(session)
    token = _attach(state, connection, session)
    state.log(
        "joined",
        name=name,
        address=connection.address,
        software=message.software[:80],
        users=len(state.sessions),
    )
    state.batch.before.append(SendWelcome(connection, session, token, now, None, ()))


def _resume(
    state: ServerState, connection: Connection, session: Session, message: Hello, now: float
) -> None:
    if session.connection is not None:
        _displace(state, session.connection)
    away = now - session.away_since if session in state.away else 0.0
    state.away.pop(session, None)
    token = _attach(state, connection, session, message.token)
    positions = {p.room: p.last for p in message.positions if _same_log(state, p.room, p.log)}
    state.log(
        "resumed",
        name=session.name,
        address=connection.address,
        away=round(away, 3),
    )
    rooms = tuple(session.rooms.values())
    state.batch.before.append(SendWelcome(connection, session, token, now, positions, rooms))


def _same_log(state: ServerState, code: str, log: int) -> bool:
    room = state.rooms.get(code)
    return room is not None and room.log == log


def _attach(
    state: ServerState, connection: Connection, session: Session, used: bytes = b""
) -> bytes:
    """Attach a connection to a session, and return the session's new token.

    The token that was used stays valid until the client proves that it has the new one: if WELCOME
    is lost, the old token is all that the client has.
    """
    state.end_handshake(connection)
    state.move_share(session, connection.share)
    connection.session = session
    session.connection = connection
    kept = token_hash(used) if used else b""
    for old in {session.token, session.previous} - {kept}:
        state.by_token.pop(old, None)
    token = new_token(state.rng)
    session.token, session.previous = token_hash(token), kept
    state.by_token[session.token] = session
    state.save_session(session)
    return token


def _displace(state: ServerState, old: Connection) -> None:
    """Disconnect the old connection of a session that was resumed on another one."""
    state.detach(old)
    state.disconnect(old, ErrorCode.SESSION_MOVED, "The session was resumed on another connection.")


def reserved_seconds(state: ServerState, owner: Session, now: float) -> int:
    """Return how long a name stays reserved for a lost session; 0 while its owner is connected."""
    if owner.connection is not None:
        return 0
    return max(1, math.ceil(owner.away_since + state.settings.resume_seconds - now))


def _refuse_name(
    state: ServerState, connection: Connection, code: ErrorCode, text: str, name: str
) -> None:
    """Refuse a name; the client may send HELLO with another one on the same connection."""
    suggestion = suggest(name, state.by_name.__contains__)
    state.send(connection, Error(code, Hello.TYPE, 0, text, suggestion))
    connection.allowance -= NAME_COST
    state.log("refused", name=name[:80], address=connection.address, code=code.name, text=text)
