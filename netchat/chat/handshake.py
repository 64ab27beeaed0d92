"""HELLO and WELCOME: how a session begins, and how it goes on after a lost connection."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

from netchat import __version__
from netchat.chat.model.connection import Connection
from netchat.chat.model.room import Room
from netchat.chat.model.session import DEVICE_KEY_SIZE, Session, device_id, new_token, token_hash
from netchat.chat.name_table import why_taken
from netchat.chat.names import normalize_name, suggest, validate_name
from netchat.wire import Error, ErrorCode, Hello, Membership, RoomKind, Welcome
from netchat.wording import many

if TYPE_CHECKING:
    from netchat.chat.state import State

__all__ = ["hello", "membership", "reserved_seconds", "start"]

#: What a name counts for in the limit on frames a second, if it is refused or a user changes to it:
#: another one is suggested, or all who know the user are told.
NAME_COST = 20


def hello(hub: State, connection: Connection, message: Hello, now: float) -> None:
    """Answer HELLO: resume the session its token names, or begin a new one."""
    if len(message.device) != DEVICE_KEY_SIZE:
        text = f"HELLO.device has {DEVICE_KEY_SIZE} bytes, not {len(message.device)}."
        hub.disconnect(connection, ErrorCode.UNEXPECTED, text)
        return
    device = device_id(message.device)
    session = hub.by_token.get(token_hash(message.token)) if message.token else None
    if session is not None and session.device == device:
        _resume(hub, connection, session, message, now)
    else:
        _begin(hub, connection, message, device, now)


def _begin(hub: State, connection: Connection, message: Hello, device: int, now: float) -> None:
    before = hub.by_device.get(device)
    name = normalize_name(message.name)
    problem = validate_name(name)
    if problem is not None:
        _refuse_name(hub, connection, ErrorCode.NAME_NOT_ALLOWED, problem, name)
        return
    rival = hub.by_name.rival(name, owner=before)
    if rival is not None:
        text = why_taken(name, rival, reserved_seconds(hub, rival, now))
        _refuse_name(hub, connection, ErrorCode.NAME_TAKEN, text, name)
        return
    if len(hub.sessions) - (before is not None) >= hub.settings.max_users:
        limit = hub.settings.max_users
        text = f"The server is full: it takes {many(limit, 'user')}, and {limit} are here. Try again later."
        hub.disconnect(connection, ErrorCode.SERVER_FULL, text)
        return
    if before is None and not hub.user_shares.allows(connection.share):
        text = (
            f"{hub.user_shares.held[connection.share]} users are here from your address; the server "
            f"keeps the rest of its {hub.settings.max_users} places for others. Try again later."
        )
        hub.disconnect(connection, ErrorCode.SERVER_FULL, text)
        return
    if before is not None:
        # The same device key without the session's token: the client lost its state. Its key
        # shows that the old session was its own.
        if before.connection is not None:
            _move_away(hub, before.connection)
        hub.end_session(before, "came back without its session", now)
    session = Session(hub.new_id(), name, device)
    hub.user_shares.take(session.share)
    hub.sessions[session.id] = hub.by_device[device] = session
    hub.by_name.add(session)
    token = _attach(hub, connection, session)
    hub.note(
        "joined",
        name=name,
        address=connection.address,
        software=message.software[:80],
        users=len(hub.sessions),
    )
    hub.batch.before.append(partial(_welcome, hub, connection, session, token, now, None, []))


def _resume(
    hub: State, connection: Connection, session: Session, message: Hello, now: float
) -> None:
    if session.connection is not None:
        _move_away(hub, session.connection)
    away = now - session.away_since if session in hub.away else 0.0
    hub.away.pop(session, None)
    token = _attach(hub, connection, session, message.token)
    positions = {p.room: p.last for p in message.positions if _same_log(hub, p.room, p.log)}
    hub.note(
        "resumed",
        name=session.name,
        address=connection.address,
        away=round(away, 3),
    )
    hub.batch.before.append(
        partial(
            _welcome, hub, connection, session, token, now, positions, [*session.rooms.values()]
        )
    )


def _same_log(hub: State, code: str, log: int) -> bool:
    room = hub.rooms.get(code)
    return room is not None and room.log == log


def _attach(hub: State, connection: Connection, session: Session, used: bytes = b"") -> bytes:
    """Join a connection and a session, and give the session a new token, which is returned.

    The token that was used stays valid until the client shows that it has the new one: the
    WELCOME may be lost, and then the old token is all the client has.
    """
    hub.greeted(connection)
    hub.settle_down(session, connection.share)
    connection.session = session
    session.connection = connection
    kept = token_hash(used) if used else b""
    for old in {session.token, session.previous} - {kept}:
        hub.by_token.pop(old, None)
    token = new_token(hub.rng)
    session.token, session.previous = token_hash(token), kept
    hub.by_token[session.token] = session
    hub.save_session(session)
    return token


def _move_away(hub: State, old: Connection) -> None:
    """The session goes on elsewhere: tell the connection it was on."""
    hub.detach(old)
    hub.disconnect(old, ErrorCode.SESSION_MOVED, "The session was resumed on another connection.")


def _welcome(
    hub: State,
    connection: Connection,
    session: Session,
    token: bytes,
    now: float,
    positions: dict[str, int] | None,
    seats: list[Room],
) -> None:
    """Send WELCOME, and let each room begin where the client left off.

    `positions` are the last events the client has of each room; None for a new session. `seats`
    are the rooms the session was in when it was resumed: they are durable now. A later one may not
    be, and comes with a JOINED of its own.
    """
    if connection.session is not session:
        return
    settings = hub.settings
    rooms = [
        (room, start(room, (positions or {}).get(room.code)))
        for room in seats
        if session.rooms.get(room.code) is room
    ]
    hub.send(
        connection,
        Welcome(
            features=0,
            session=session.id,
            device=session.device,
            time=hub.wall(now),
            max_frame=settings.max_frame,
            max_text=settings.max_text,
            resume_seconds=int(settings.resume_seconds),
            resumed=positions is not None,
            token=token,
            name=session.name,
            software=f"netchat {__version__}",
            rooms=tuple(membership(room, session, after) for room, after in rooms),
        ),
    )
    for room, after in rooms:
        hub.follow(connection, room, after)


def start(room: Room, known: int | None) -> int:
    """The event behind which a member's stream begins.

    Args:
        room: the room.
        known: the last event the client has, or None if it has none.
    """
    if known is None:
        # Nobody misses what was said to them in private while they were away.
        known = 0 if room.kind is RoomKind.PRIVATE else room.delivered
    return max(min(known, room.delivered), room.oldest - 1)


def membership(room: Room, session: Session, after: int) -> Membership:
    """A room as its member is told of it."""
    return Membership(room.code, room.kind, room.peer_of(session), room.log, after, room.delivered)


def reserved_seconds(hub: State, owner: Session, now: float) -> int:
    """Return how long a name stays reserved for a lost session; 0 while its owner is connected."""
    if owner.connection is not None:
        return 0
    return max(1, math.ceil(owner.away_since + hub.settings.resume_seconds - now))


def _refuse_name(hub: State, connection: Connection, code: ErrorCode, text: str, name: str) -> None:
    """Say no to a name; the client may say HELLO again on the same connection."""
    suggestion = suggest(name, hub.by_name.__contains__)
    hub.send(connection, Error(code, Hello.TYPE, 0, text, suggestion))
    connection.allowance -= NAME_COST
    hub.note("refused", name=name[:80], address=connection.address, code=code.name, text=text)
