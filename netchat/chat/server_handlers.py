"""Handlers of the messages that a client with a session may send, one function per message."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from netchat.chat.commit_actions import AnswerRepeatedSend, FinishBye, SendJoined, SendMessage
from netchat.chat.conversation_limit import PAIR_SECONDS
from netchat.chat.handshake import NAME_COST, reserved_seconds
from netchat.chat.large_replies import refuse_non_member
from netchat.chat.model import Connection, RepeatedSend, Room, Session
from netchat.chat.name_table import describe_conflict
from netchat.chat.names import normalize_name, suggest, validate_name
from netchat.chat.room_codes import PRIVATE_MARK, new_code, read_code
from netchat.chat.server_state import ServerState
from netchat.chat.text import validate_text
from netchat.errors import HistoryError
from netchat.wire import (
    Bye,
    Create,
    ErrorCode,
    EventKind,
    History,
    Join,
    Leave,
    Left,
    Message,
    Ping,
    Pong,
    Private,
    Rename,
    Renamed,
    RoomKind,
    Send,
    Who,
)
from netchat.wording import many

__all__ = ["HANDLERS"]

#: Cost of searching for a repeated SEND, in frames of the rate limit.
LOOK_BACK_COST = 50

#: Cost of a HISTORY, in frames of the rate limit. Each KiB of the answer costs one more.
HISTORY_COST = 20

#: Cost of entering or leaving a room, in frames: it is stored, and every member gets an event. Ten users
#: at the limit thus cause 500 events per second.
MOVE_COST = 20

#: Members of a room for which a WHO costs one more frame.
WHO_MEMBERS = 16

#: Cost of a CREATE, in frames: an empty room is kept for a while.
CREATE_COST = 20

#: Rooms that one user can be in, whatever the settings, private rooms included. RENAME and BYE cause
#: an event in each of them at once, which must not delay other users: 200 events take about 1.6 ms.
MAX_MEMBERSHIPS = 200

#: Upper bound of counters, which are stored as signed 64-bit integers.
MAX_COUNTER = 2**63


def _send(
    state: ServerState, connection: Connection, session: Session, message: Send, now: float
) -> None:
    counter, code, text = message.counter, message.room, message.text
    room = session.rooms.get(code)
    if room is None:
        refuse_non_member(state, connection, code, Send, counter)
        return
    device, counters = session.device, room.counters
    last = counters.get(device)
    if last is None:
        try:
            last = state.history.last_counter(room.id, device)
        except HistoryError as error:
            state.note_damage(room, error)
            why = "The server's history is damaged; the message was not delivered."
            state.refuse(connection, ErrorCode.STORAGE, why, Send, counter)
            return
    if counter <= last:
        counters[device] = last
        # Answered once the events in the current batch are durable.
        connection.allowance -= LOOK_BACK_COST
        state.batch.after.append(AnswerRepeatedSend(connection, RepeatedSend(room, counter)))
        return
    # A character has at most four bytes, so only long texts need counting.
    if len(text) * 4 > state.settings.max_text and len(text.encode()) > state.settings.max_text:
        size, limit = len(text.encode()), state.settings.max_text
        problem = f"The message must be at most {limit} bytes, got {size}. Send it in parts."
        state.refuse(connection, ErrorCode.TEXT_TOO_LONG, problem, Send, counter)
        return
    reason = validate_text(text)
    if reason is not None:
        state.refuse(connection, ErrorCode.TEXT_NOT_ALLOWED, reason, Send, counter)
        return
    if counter >= MAX_COUNTER:
        problem = f"A message's counter must be below 2^63, got {counter}."
        state.refuse(connection, ErrorCode.OUT_OF_ORDER, problem, Send, counter)
        return
    if room.kind is RoomKind.PRIVATE and len(room.members) < 2:
        problem = "The other user has left; the message was not delivered."
        state.refuse(connection, ErrorCode.NO_SUCH_USER, problem, Send, counter)
        return
    counters[device] = counter
    state.messages += 1
    state.event(room, EventKind.CHAT, session.name, text, now, device, counter)


def _create(
    state: ServerState, connection: Connection, session: Session, message: Create, now: float
) -> None:
    connection.allowance -= CREATE_COST
    if _exceeds_room_limit(state, connection, session, Create, message.request, now):
        return
    room = state.new_room(new_code(state.rng), RoomKind.ROOM, connection.share)
    state.log("room created", name=session.name, room=room.code)
    _enter(state, connection, session, room, message.request, now)


def _join(
    state: ServerState, connection: Connection, session: Session, message: Join, now: float
) -> None:
    code = read_code(message.room)
    room = state.rooms.get(code) if code else None
    if room is None:
        text = f"There is no room with the code {message.room[:40]}; check it, or create a room."
        state.refuse(connection, ErrorCode.NO_SUCH_ROOM, text, Join, message.request)
        return
    if room.code in session.rooms:
        # A repeated request, perhaps because the answer was lost: the user is a member already.
        state.batch.before.append(SendJoined(connection, session, room, message.request, None))
        return
    if _exceeds_room_limit(state, connection, session, Join, message.request, now):
        return
    known = message.after if message.log == room.log else None
    _enter(state, connection, session, room, message.request, now, known)


def _enter(
    state: ServerState,
    connection: Connection,
    session: Session,
    room: Room,
    request: int,
    now: float,
    known: int | None = None,
) -> None:
    connection.allowance -= MOVE_COST
    state.add_member(session, room)
    state.event(room, EventKind.JOIN, session.name, "", now)
    if (session.id, room.id) in state.batch.left:
        # The user left and rejoined in one batch: JOINED follows LEFT and the batch's events.
        state.batch.after.append(SendJoined(connection, session, room, request, None))
    else:
        after = room.head - 1 if known is None else room.start_position(known)
        state.batch.before.append(SendJoined(connection, session, room, request, after))
    state.log("room joined", name=session.name, room=room.code, members=len(room.members))


def _exceeds_room_limit(
    state: ServerState,
    connection: Connection,
    session: Session,
    about: type[Message],
    request: int,
    now: float,
) -> bool:
    limit = min(state.settings.max_rooms, MAX_MEMBERSHIPS)
    count = sum(not _is_over(room) for room in session.rooms.values())
    if count < limit and _make_place(state, session, now):
        return False
    text = f"You are in {many(count, 'room')}; {limit} is the limit. Leave one first."
    state.refuse(connection, ErrorCode.TOO_MANY_ROOMS, text, about, request)
    return True


def _is_over(room: Room) -> bool:
    """Return whether the other user has left a private room, which then counts in no limit."""
    return room.kind is RoomKind.PRIVATE and len(room.members) < 2


def _make_place(state: ServerState, session: Session, now: float) -> bool:
    """Return whether a user can be in one more room, after removing the oldest one that is over."""
    if len(session.rooms) < MAX_MEMBERSHIPS:
        return True
    room = next((room for room in session.rooms.values() if _is_over(room)), None)
    if room is None:
        return False
    _end_membership(state, session, room, 0, now)
    return True


def _end_membership(
    state: ServerState, session: Session, room: Room, request: int, now: float
) -> None:
    """End a membership, and send LEFT to the user."""
    state.remove_member(session, room, "", now)
    if session.connection is not None:
        state.batch.after.append(SendMessage(session.connection, Left(request, room.code)))


def _leave(
    state: ServerState, connection: Connection, session: Session, message: Leave, now: float
) -> None:
    room = session.rooms.get(message.room)
    if room is None:
        refuse_non_member(state, connection, message.room, Leave, message.request)
        return
    connection.allowance -= MOVE_COST
    _end_membership(state, session, room, message.request, now)
    state.log("room left", name=session.name, room=room.code, members=len(room.members))


def _who(
    state: ServerState, connection: Connection, session: Session, message: Who, now: float
) -> None:
    if (room := session.rooms.get(message.room)) is not None:
        connection.allowance -= len(room.members) // WHO_MEMBERS
    state.queue_reply(connection, message)


def _rename(
    state: ServerState, connection: Connection, session: Session, message: Rename, now: float
) -> None:
    connection.allowance -= NAME_COST + len(session.rooms)  # an event in each
    name = normalize_name(message.name)
    problem, code = validate_name(name), ErrorCode.NAME_NOT_ALLOWED
    if problem is None and (rival := state.by_name.find_conflict(name, owner=session)) is not None:
        problem = describe_conflict(name, rival, reserved_seconds(state, rival, now))
        code = ErrorCode.NAME_TAKEN
    if problem is not None:
        suggestion = suggest(name, state.by_name.__contains__)
        state.refuse(connection, code, problem, Rename, message.request, suggestion)
        return
    state.by_name.remove(session)
    old, session.name = session.name, name
    state.by_name.add(session)
    state.save_session(session)
    if name != old:
        for room in session.rooms.values():
            state.event(room, EventKind.RENAME, old, name, now)
        state.log("renamed", name=old, to=name)
    state.batch.before.append(SendMessage(connection, Renamed(message.request, name)))


def _private(
    state: ServerState, connection: Connection, session: Session, message: Private, now: float
) -> None:
    other = state.by_name.get(message.name)
    if other is None or other is session:
        text = (
            "That is you; choose another user for a private message."
            if other is session
            else f"There is no user named {normalize_name(message.name)[:40]}; /who lists the members."
        )
        state.refuse(connection, ErrorCode.NO_SUCH_USER, text, Private, message.request)
        return
    pair = frozenset((session.id, other.id))
    room = state.privates.get(pair)
    if room is None:
        if _exceeds_room_limit(state, connection, session, Private, message.request, now):
            return
        if not state.conversation_limit.allows(
            connection.share, session.id, other.id, state.is_connected, now
        ):
            text = (
                f"You have started several conversations with {other.name} in a short time; wait "
                f"{PAIR_SECONDS:g} seconds."
            )
            state.refuse(connection, ErrorCode.TOO_FAST, text, Private, message.request)
            return
        if not _make_place(state, other, now):
            text = (
                f"{other.name} has reached the limit of {MAX_MEMBERSHIPS} rooms; try again later."
            )
            state.refuse(connection, ErrorCode.TOO_MANY_ROOMS, text, Private, message.request)
            return
        room = state.new_room(PRIVATE_MARK + new_code(state.rng), RoomKind.PRIVATE)
        state.privates[pair] = room
        state.add_member(session, room)
        state.add_member(other, room)
        if other.connection is not None:
            state.batch.before.append(SendJoined(other.connection, other, room, 0, 0))
    after = room.start_position(room.delivered)
    state.batch.before.append(SendJoined(connection, session, room, message.request, after))


def _history(
    state: ServerState, connection: Connection, session: Session, message: History, now: float
) -> None:
    connection.allowance -= HISTORY_COST
    state.queue_reply(connection, message)


def _ping(
    state: ServerState, connection: Connection, session: Session, message: Ping, now: float
) -> None:
    state.send(connection, Pong(message.time))


def _pong(
    state: ServerState, connection: Connection, session: Session, message: Pong, now: float
) -> None:
    """Do nothing: the time of the last received byte is already recorded."""


def _bye(
    state: ServerState, connection: Connection, session: Session, message: Bye, now: float
) -> None:
    why = message.text[:200]
    state.end_session(session, why if not validate_text(why) else "", now)
    connection.closing = True
    # The server answers once this is durable: the client then knows that its name is free.
    state.batch.after.append(FinishBye(connection))


Handler = Callable[[ServerState, Connection, Session, Any, float], None]

#: Handler of each message.
HANDLERS: dict[type[Message], Handler] = {
    Send: _send,
    Create: _create,
    Join: _join,
    Leave: _leave,
    Who: _who,
    Rename: _rename,
    Private: _private,
    History: _history,
    Ping: _ping,
    Pong: _pong,
    Bye: _bye,
}
