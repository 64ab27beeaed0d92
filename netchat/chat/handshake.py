"""HELLO and WELCOME: starting a session, and resuming it after a lost connection."""

from __future__ import annotations

import math
from functools import partial

from netchat.chat.credentials import DEVICE_KEY_SIZE, device_id, new_token, token_hash
from netchat.chat.model import Connection, Room, Session
from netchat.chat.name_table import describe_conflict
from netchat.chat.names import normalize_name, suggest, validate_name
from netchat.chat.server_state import ServerState
from netchat.version import __version__
from netchat.wire import Error, ErrorCode, Hello, Membership, RoomKind, Welcome
from netchat.wording import many

__all__ = ["hello", "membership_record", "reserved_seconds", "start_position"]

#: Cost of a refused or changed name, in frames of the rate limit: the server searches for a
#: suggestion, or sends an event to each of the user's rooms.
NAME_COST = 20


def hello(hub: ServerState, connection: Connection, message: Hello, now: float) -> None:
    """Answer HELLO: resume the session of its token, or start a new session."""
    if len(message.device) != DEVICE_KEY_SIZE:
        text = f"HELLO.device must be {DEVICE_KEY_SIZE} bytes, got {len(message.device)}."
        hub.disconnect(connection, ErrorCode.UNEXPECTED, text)
        return
    device = device_id(message.device)
    session = hub.by_token.get(token_hash(message.token)) if message.token else None
    if session is not None and session.device == device:
        _resume(hub, connection, session, message, now)
    else:
        _start_session(hub, connection, message, device, now)


def _start_session(
    hub: ServerState, connection: Connection, message: Hello, device: int, now: float
) -> None:
    before = hub.by_device.get(device)
    name = normalize_name(message.name)
    problem = validate_name(name)
    if problem is not None:
        _refuse_name(hub, connection, ErrorCode.NAME_NOT_ALLOWED, problem, name)
        return
    rival = hub.by_name.find_conflict(name, owner=before)
    if rival is not None:
        text = describe_conflict(name, rival, reserved_seconds(hub, rival, now))
        _refuse_name(hub, connection, ErrorCode.NAME_TAKEN, text, name)
        return
    if len(hub.sessions) - (before is not None) >= hub.settings.max_users:
        limit = hub.settings.max_users
        text = f"The server is full: its limit is {many(limit, 'user')}. Try again later."
        hub.disconnect(connection, ErrorCode.SERVER_FULL, text)
        return
    if before is None and not hub.user_shares.allows(connection.share):
        text = (
            f"Your address has reached its share of this server: "
            f"{hub.user_shares.counts[connection.share]} of {hub.settings.max_users} users. "
            "Try again later."
        )
        hub.disconnect(connection, ErrorCode.SERVER_FULL, text)
        return
    if before is not None:
        # The client lost its session token. Its device key proves that it owns the old session.
        if before.connection is not None:
            _displace(hub, before.connection)
        hub.end_session(before, "reconnected without its session", now)
    session = Session(hub.new_id(), name, device)
    hub.user_shares.acquire(session.share)
    hub.sessions[session.id] = hub.by_device[device] = session
    hub.by_name.add(session)
    token = _attach(hub, connection, session)
    hub.log(
        "joined",
        name=name,
        address=connection.address,
        software=message.software[:80],
        users=len(hub.sessions),
    )
    hub.batch.before.append(partial(_welcome, hub, connection, session, token, now, None, []))


def _resume(
    hub: ServerState, connection: Connection, session: Session, message: Hello, now: float
) -> None:
    if session.connection is not None:
        _displace(hub, session.connection)
    away = now - session.away_since if session in hub.away else 0.0
    hub.away.pop(session, None)
    token = _attach(hub, connection, session, message.token)
    positions = {p.room: p.last for p in message.positions if _same_log(hub, p.room, p.log)}
    hub.log(
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


def _same_log(hub: ServerState, code: str, log: int) -> bool:
    room = hub.rooms.get(code)
    return room is not None and room.log == log


def _attach(hub: ServerState, connection: Connection, session: Session, used: bytes = b"") -> bytes:
    """Attach a connection to a session, and return the session's new token.

    The token that was used stays valid until the client proves that it has the new one: if WELCOME
    is lost, the old token is all that the client has.
    """
    hub.end_handshake(connection)
    hub.move_share(session, connection.share)
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


def _displace(hub: ServerState, old: Connection) -> None:
    """Disconnect the old connection of a session that was resumed on another one."""
    hub.detach(old)
    hub.disconnect(old, ErrorCode.SESSION_MOVED, "The session was resumed on another connection.")


def _welcome(
    hub: ServerState,
    connection: Connection,
    session: Session,
    token: bytes,
    now: float,
    positions: dict[str, int] | None,
    durable_rooms: list[Room],
) -> None:
    """Send WELCOME, and continue each room where the client left off.

    Args:
        hub: The server.
        connection: The session's connection.
        session: The session.
        token: Its new token.
        now: The current time, in seconds.
        positions: The last event that the client has of each room; None for a new session.
        durable_rooms: The session's rooms when it was resumed. Rooms entered later may not be
            durable yet, and are announced by their own JOINED.
    """
    if connection.session is not session:
        return
    settings = hub.settings
    rooms = [
        (room, start_position(room, (positions or {}).get(room.code)))
        for room in durable_rooms
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
            rooms=tuple(membership_record(room, session, after) for room, after in rooms),
        ),
    )
    for room, after in rooms:
        hub.follow(connection, room, after)


def start_position(room: Room, known: int | None) -> int:
    """Return the event after which a member's stream of events starts.

    Args:
        room: The room.
        known: The last event that the client has, or None.
    """
    if known is None:
        # A user must not miss private messages that were sent while away.
        known = 0 if room.kind is RoomKind.PRIVATE else room.delivered
    return max(min(known, room.delivered), room.oldest - 1)


def membership_record(room: Room, session: Session, after: int) -> Membership:
    """Return the record that describes a room to its member."""
    return Membership(room.code, room.kind, room.peer_of(session), room.log, after, room.delivered)


def reserved_seconds(hub: ServerState, owner: Session, now: float) -> int:
    """Return how long a name stays reserved for a lost session; 0 while its owner is connected."""
    if owner.connection is not None:
        return 0
    return max(1, math.ceil(owner.away_since + hub.settings.resume_seconds - now))


def _refuse_name(
    hub: ServerState, connection: Connection, code: ErrorCode, text: str, name: str
) -> None:
    """Refuse a name; the client may send HELLO with another one on the same connection."""
    suggestion = suggest(name, hub.by_name.__contains__)
    hub.send(connection, Error(code, Hello.TYPE, 0, text, suggestion))
    connection.allowance -= NAME_COST
    hub.log("refused", name=name[:80], address=connection.address, code=code.name, text=text)
