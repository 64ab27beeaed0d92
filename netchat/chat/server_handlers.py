"""Handlers of the messages that a client with a session may send, one function per message."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from netchat.chat.handshake import NAME_COST, membership_record, reserved_seconds, start_position
from netchat.chat.model import Connection, Room, Session
from netchat.chat.name_table import describe_conflict
from netchat.chat.names import normalize_name, suggest, validate_name
from netchat.chat.room_codes import PRIVATE_MARK, new_code, read_code
from netchat.chat.server_state import PAIR_SECONDS, ServerState
from netchat.chat.text import validate_text
from netchat.errors import HistoryError
from netchat.wire import (
    MAX_HISTORY,
    MAX_ROSTER,
    Ack,
    Bye,
    Create,
    ErrorCode,
    EventKind,
    History,
    HistoryEnd,
    Join,
    Joined,
    Leave,
    Left,
    Member,
    Message,
    Ping,
    Pong,
    Private,
    Rename,
    Renamed,
    RoomKind,
    Roster,
    Send,
    Who,
    encode,
)
from netchat.wording import many

__all__ = ["HANDLERS"]

#: Bytes of events in the answer to one HISTORY; the client requests the rest separately.
HISTORY_BYTES = 256 * 1024

#: Last events of a room among which a repeated SEND is searched for. A client retransmits a message
#: only after it has caught up without seeing its EVENT, so only very recent messages are repeated.
LOOK_BACK = 4096

#: Cost of that search, in frames of the rate limit.
LOOK_BACK_COST = 50

#: Cost of a HISTORY, in frames of the rate limit. Each KiB of the answer costs one more.
HISTORY_COST = 20

#: Cost of entering or leaving a room, in frames: every member gets an event.
MOVE_COST = 5

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
    hub: ServerState, connection: Connection, session: Session, message: Send, now: float
) -> None:
    counter, code, text = message.counter, message.room, message.text
    room = session.rooms.get(code)
    if room is None:
        _not_a_member(hub, connection, code, Send, counter)
        return
    device, counters = session.device, room.counters
    last = counters.get(device)
    if last is None:
        try:
            last = hub.history.last_counter(room.id, device)
        except HistoryError as error:
            hub.note_damage(room, error)
            why = "The server's history is damaged; the message was not delivered."
            hub.refuse(connection, ErrorCode.STORAGE, why, Send, counter)
            return
    if counter <= last:
        counters[device] = last
        _answer_repeated_send(hub, connection, session, room, counter)
        return
    # A character has at most four bytes, so only long texts need counting.
    if len(text) * 4 > hub.settings.max_text and len(text.encode()) > hub.settings.max_text:
        size, limit = len(text.encode()), hub.settings.max_text
        problem = f"The message must be at most {limit} bytes, got {size}. Send it in parts."
        hub.refuse(connection, ErrorCode.TEXT_TOO_LONG, problem, Send, counter)
        return
    reason = validate_text(text)
    if reason is not None:
        hub.refuse(connection, ErrorCode.TEXT_NOT_ALLOWED, reason, Send, counter)
        return
    if counter >= MAX_COUNTER:
        problem = f"A message's counter must be below 2^63, got {counter}."
        hub.refuse(connection, ErrorCode.OUT_OF_ORDER, problem, Send, counter)
        return
    if room.kind is RoomKind.PRIVATE and len(room.members) < 2:
        problem = "The other user has left; the message was not delivered."
        hub.refuse(connection, ErrorCode.NO_SUCH_USER, problem, Send, counter)
        return
    counters[device] = counter
    hub.messages += 1
    hub.event(room, EventKind.CHAT, session.name, text, now, device, counter)


def _answer_repeated_send(
    hub: ServerState, connection: Connection, session: Session, room: Room, counter: int
) -> None:
    """Answer a repeated or misnumbered SEND, once the events in the current batch are durable."""

    def answer() -> None:
        if connection.session is not session:
            return
        try:
            seq = hub.history.find(room.id, session.device, counter, room.delivered - LOOK_BACK)
        except HistoryError as error:
            hub.note_damage(room, error)
            problem = (
                "The server's history is damaged; this message may or may not be delivered already."
            )
            hub.refuse(connection, ErrorCode.STORAGE, problem, Send, counter)
            return
        if seq:
            hub.send(connection, Ack(counter, seq, room.code))
            return
        problem = (
            f"The counter must be above your device's last one, got {counter}, and no message with "
            f"it is among the room's last {LOOK_BACK} events. Use a larger counter."
        )
        hub.refuse(connection, ErrorCode.OUT_OF_ORDER, problem, Send, counter)

    connection.allowance -= LOOK_BACK_COST
    hub.batch.after.append(partial(hub.queue_reply, connection, answer))


def _create(
    hub: ServerState, connection: Connection, session: Session, message: Create, now: float
) -> None:
    connection.allowance -= CREATE_COST
    if _exceeds_room_limit(hub, connection, session, Create, message.request, now):
        return
    room = hub.new_room(new_code(hub.rng), RoomKind.ROOM, connection.share)
    hub.log("room created", name=session.name, room=room.code)
    _enter(hub, connection, session, room, message.request, now)


def _join(
    hub: ServerState, connection: Connection, session: Session, message: Join, now: float
) -> None:
    code = read_code(message.room)
    room = hub.rooms.get(code) if code else None
    if room is None:
        text = f"There is no room with the code {message.room[:40]}; check it, or create a room."
        hub.refuse(connection, ErrorCode.NO_SUCH_ROOM, text, Join, message.request)
        return
    if room.code in session.rooms:
        # A repeated request, perhaps because the answer was lost: the user is a member already.
        again = partial(_send_joined, hub, connection, session, room, message.request, None)
        hub.batch.before.append(again)
        return
    if _exceeds_room_limit(hub, connection, session, Join, message.request, now):
        return
    known = message.after if message.log == room.log else None
    _enter(hub, connection, session, room, message.request, now, known)


def _enter(
    hub: ServerState,
    connection: Connection,
    session: Session,
    room: Room,
    request: int,
    now: float,
    known: int | None = None,
) -> None:
    connection.allowance -= MOVE_COST
    hub.add_member(session, room)
    hub.event(room, EventKind.JOIN, session.name, "", now)
    if (session.id, room.id) in hub.batch.left:
        # The user left and rejoined in one batch: JOINED follows LEFT and the batch's events.
        joined = partial(_send_joined, hub, connection, session, room, request, None)
        hub.batch.after.append(joined)
    else:
        after = room.head - 1 if known is None else start_position(room, known)
        joined = partial(_send_joined, hub, connection, session, room, request, after)
        hub.batch.before.append(joined)
    hub.log("room joined", name=session.name, room=room.code, members=len(room.members))


def _send_joined(
    hub: ServerState,
    connection: Connection,
    session: Session,
    room: Room,
    request: int,
    after: int | None,
) -> None:
    """Send JOINED, then the room's events after event `after` (by default, from now on).

    This also happens if the membership has ended meanwhile: its last events and LEFT follow.
    """
    if connection.session is not session:
        return
    after = room.delivered if after is None else max(after, room.oldest - 1)
    hub.send(
        connection, Joined(request, len(room.members), (membership_record(room, session, after),))
    )
    hub.follow(connection, room, after)


def _exceeds_room_limit(
    hub: ServerState,
    connection: Connection,
    session: Session,
    about: type[Message],
    request: int,
    now: float,
) -> bool:
    limit = min(hub.settings.max_rooms, MAX_MEMBERSHIPS)
    count = sum(not _is_over(room) for room in session.rooms.values())
    if count < limit and _make_place(hub, session, now):
        return False
    text = f"You are in {many(count, 'room')}; {limit} is the limit. Leave one first."
    hub.refuse(connection, ErrorCode.TOO_MANY_ROOMS, text, about, request)
    return True


def _is_over(room: Room) -> bool:
    """Return whether the other user has left a private room, which then counts in no limit."""
    return room.kind is RoomKind.PRIVATE and len(room.members) < 2


def _make_place(hub: ServerState, session: Session, now: float) -> bool:
    """Return whether a user can be in one more room, after removing the oldest one that is over."""
    if len(session.rooms) < MAX_MEMBERSHIPS:
        return True
    room = next((room for room in session.rooms.values() if _is_over(room)), None)
    if room is None:
        return False
    _end_membership(hub, session, room, 0, now)
    return True


def _end_membership(
    hub: ServerState, session: Session, room: Room, request: int, now: float
) -> None:
    """End a membership, and send LEFT to the user."""
    hub.remove_member(session, room, "", now)
    if session.connection is not None:
        left = encode(Left(request, room.code))
        hub.batch.after.append(partial(hub.write, session.connection, left))


def _leave(
    hub: ServerState, connection: Connection, session: Session, message: Leave, now: float
) -> None:
    room = session.rooms.get(message.room)
    if room is None:
        _not_a_member(hub, connection, message.room, Leave, message.request)
        return
    connection.allowance -= MOVE_COST
    _end_membership(hub, session, room, message.request, now)
    hub.log("room left", name=session.name, room=room.code, members=len(room.members))


def _who(
    hub: ServerState, connection: Connection, session: Session, message: Who, now: float
) -> None:
    if (room := session.rooms.get(message.room)) is not None:
        connection.allowance -= len(room.members) // WHO_MEMBERS
    hub.queue_reply(connection, partial(_send_roster, hub, connection, session, message))


def _send_roster(hub: ServerState, connection: Connection, session: Session, message: Who) -> None:
    room = session.rooms.get(message.room)
    if room is None:
        _not_a_member(hub, connection, message.room, Who, message.request)
        return
    names = sorted((m for m in room.members if m.name > message.after), key=lambda m: m.name)
    page = tuple(Member(m.name, m.connection is None) for m in names[:MAX_ROSTER])
    more = len(names) > MAX_ROSTER
    hub.send(connection, Roster(message.request, len(room.members), more, room.code, page))


def _rename(
    hub: ServerState, connection: Connection, session: Session, message: Rename, now: float
) -> None:
    connection.allowance -= NAME_COST + len(session.rooms)  # an event in each
    name = normalize_name(message.name)
    problem, code = validate_name(name), ErrorCode.NAME_NOT_ALLOWED
    if problem is None and (rival := hub.by_name.find_conflict(name, owner=session)) is not None:
        problem = describe_conflict(name, rival, reserved_seconds(hub, rival, now))
        code = ErrorCode.NAME_TAKEN
    if problem is not None:
        suggestion = suggest(name, hub.by_name.__contains__)
        hub.refuse(connection, code, problem, Rename, message.request, suggestion)
        return
    hub.by_name.remove(session)
    old, session.name = session.name, name
    hub.by_name.add(session)
    hub.save_session(session)
    if name != old:
        for room in session.rooms.values():
            hub.event(room, EventKind.RENAME, old, name, now)
        hub.log("renamed", name=old, to=name)
    hub.batch.before.append(partial(hub.send, connection, Renamed(message.request, name)))


def _private(
    hub: ServerState, connection: Connection, session: Session, message: Private, now: float
) -> None:
    other = hub.by_name.get(message.name)
    if other is None or other is session:
        text = (
            "That is you; choose another user for a private message."
            if other is session
            else f"There is no user named {normalize_name(message.name)[:40]}; /who lists the members."
        )
        hub.refuse(connection, ErrorCode.NO_SUCH_USER, text, Private, message.request)
        return
    pair = frozenset((session.id, other.id))
    room = hub.privates.get(pair)
    if room is None:
        if _exceeds_room_limit(hub, connection, session, Private, message.request, now):
            return
        if not hub.may_start_conversation(session, other, now):
            text = (
                f"You have started several conversations with {other.name} in a short time; wait "
                f"{PAIR_SECONDS:g} seconds."
            )
            hub.refuse(connection, ErrorCode.TOO_FAST, text, Private, message.request)
            return
        if not _make_place(hub, other, now):
            text = (
                f"{other.name} has reached the limit of {MAX_MEMBERSHIPS} rooms; try again later."
            )
            hub.refuse(connection, ErrorCode.TOO_MANY_ROOMS, text, Private, message.request)
            return
        room = hub.new_room(PRIVATE_MARK + new_code(hub.rng), RoomKind.PRIVATE)
        hub.privates[pair] = room
        hub.add_member(session, room)
        hub.add_member(other, room)
        if other.connection is not None:
            hub.batch.before.append(partial(_send_joined, hub, other.connection, other, room, 0, 0))
    after = start_position(room, room.delivered)
    hub.batch.before.append(
        partial(_send_joined, hub, connection, session, room, message.request, after)
    )


def _history(
    hub: ServerState, connection: Connection, session: Session, message: History, now: float
) -> None:
    connection.allowance -= HISTORY_COST
    hub.queue_reply(connection, partial(_send_history, hub, connection, session, message))


def _send_history(
    hub: ServerState, connection: Connection, session: Session, message: History
) -> None:
    room = session.rooms.get(message.room)
    if room is None:
        _not_a_member(hub, connection, message.room, History, message.request)
        return
    first = max(message.first, room.oldest)
    last = min(message.last, room.delivered, first + MAX_HISTORY - 1)
    frames, begin = (
        hub.read_events(room, first, last, HISTORY_BYTES, connection) if last >= first else ([], 0)
    )
    begin = begin or first
    end = HistoryEnd(message.request, begin, begin + len(frames) - 1, room.oldest, room.code)
    answer = b"".join([*frames, encode(end)])
    connection.allowance -= len(answer) >> 10
    hub.write(connection, answer)


def _ping(
    hub: ServerState, connection: Connection, session: Session, message: Ping, now: float
) -> None:
    hub.send(connection, Pong(message.time))


def _pong(
    hub: ServerState, connection: Connection, session: Session, message: Pong, now: float
) -> None:
    """Do nothing: the time of the last received byte is already recorded."""


def _bye(
    hub: ServerState, connection: Connection, session: Session, message: Bye, now: float
) -> None:
    why = message.text[:200]
    hub.end_session(session, why if not validate_text(why) else "", now)
    connection.closing = True
    # The server answers once this is durable: the client then knows that its name is free.
    hub.batch.after.append(partial(_finish_bye, hub, connection))


def _finish_bye(hub: ServerState, connection: Connection) -> None:
    hub.detach(connection)
    hub.send(connection, Bye(""))
    hub.close(connection)


def _not_a_member(
    hub: ServerState, connection: Connection, code: str, about: type[Message], reference: int
) -> None:
    text = f"You are not in the room {code[:40]}; join it first."
    hub.refuse(connection, ErrorCode.NOT_A_MEMBER, text, about, reference)


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
