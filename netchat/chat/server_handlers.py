"""What a client with a session may ask for: one function a message."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from netchat.chat.handshake import NAME_COST, membership, reserved_seconds, start
from netchat.chat.model.connection import Connection
from netchat.chat.model.room import Room
from netchat.chat.model.session import Session
from netchat.chat.name_table import why_taken
from netchat.chat.names import normalize_name, suggest, validate_name
from netchat.chat.room_codes import PRIVATE_MARK, new_code, read_code
from netchat.chat.state import PAIR_SECONDS
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

if TYPE_CHECKING:
    from netchat.chat.state import State

__all__ = ["HANDLERS"]

#: Bytes of events that one HISTORY is answered with; the client asks again for the rest.
HISTORY_BYTES = 256 * 1024

#: Events of a room among which a SEND that came again is looked for. A client sends again what
#: it finds no echo of, after it has caught up, so that only messages under way come twice.
LOOK_BACK = 4096

#: What that search counts for in the limit on frames a second.
LOOK_BACK_COST = 50

#: What a HISTORY counts for in that limit, besides its answer: each KiB of that counts, too.
HISTORY_COST = 20

#: What it counts for to enter or to leave a room: all its members are told.
MOVE_COST = 5

#: A WHO counts for one frame more for each so many members of the room.
WHO_MEMBERS = 16

#: What a CREATE counts for: an empty room is kept for a while.
CREATE_COST = 20

#: Rooms that one user can be in, whatever the settings; private ones count. RENAME and BYE are an
#: event in each of them, all at once, which must not hold anyone else up: 200 take about 1.6 ms.
MAX_MEMBERSHIPS = 200

#: Counters are stored as signed 64-bit integers.
MAX_COUNTER = 2**63


def _say(hub: State, connection: Connection, session: Session, message: Send, now: float) -> None:
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
        _known(hub, connection, session, room, counter)
        return
    # A character is at most four bytes: only long texts are worth counting.
    if len(text) * 4 > hub.settings.max_text and len(text.encode()) > hub.settings.max_text:
        size, limit = len(text.encode()), hub.settings.max_text
        problem = f"The message has {size} bytes; at most {limit} are allowed. Send it in parts."
        hub.refuse(connection, ErrorCode.TEXT_TOO_LONG, problem, Send, counter)
        return
    unfit = validate_text(text)
    if unfit is not None:
        hub.refuse(connection, ErrorCode.TEXT_NOT_ALLOWED, unfit, Send, counter)
        return
    if counter >= MAX_COUNTER:
        problem = f"A message's counter must be below 2^63; this one is {counter}."
        hub.refuse(connection, ErrorCode.OUT_OF_ORDER, problem, Send, counter)
        return
    if room.kind is RoomKind.PRIVATE and len(room.members) < 2:
        problem = "The other one has left the chat; the message was not delivered."
        hub.refuse(connection, ErrorCode.NO_SUCH_USER, problem, Send, counter)
        return
    counters[device] = counter
    hub.messages += 1
    hub.event(room, EventKind.CHAT, session.name, text, now, device, counter)


def _known(hub: State, connection: Connection, session: Session, room: Room, counter: int) -> None:
    """A SEND that came again, or out of order: answer once the events under way are durable."""

    def answer() -> None:
        if connection.session is not session:
            return
        try:
            seq = hub.history.find(room.id, session.device, counter, room.delivered - LOOK_BACK)
        except HistoryError as error:
            hub.note_damage(room, error)
            problem = (
                "The server's history is damaged; nobody can say if this was delivered before."
            )
            hub.refuse(connection, ErrorCode.STORAGE, problem, Send, counter)
            return
        if seq:
            hub.send(connection, Ack(counter, seq, room.code))
            return
        problem = (
            f"Counter {counter} is not larger than the last one of your device, and it is not among "
            f"the last {LOOK_BACK} events of the room; give each message a larger one."
        )
        hub.refuse(connection, ErrorCode.OUT_OF_ORDER, problem, Send, counter)

    connection.allowance -= LOOK_BACK_COST
    hub.batch.after.append(partial(hub.queue_reply, connection, answer))


def _create(
    hub: State, connection: Connection, session: Session, message: Create, now: float
) -> None:
    connection.allowance -= CREATE_COST
    if _too_many(hub, connection, session, Create, message.request, now):
        return
    room = hub.new_room(new_code(hub.rng), RoomKind.ROOM, connection.share)
    hub.note("room created", name=session.name, room=room.code)
    _enter(hub, connection, session, room, message.request, now)


def _join(hub: State, connection: Connection, session: Session, message: Join, now: float) -> None:
    code = read_code(message.room)
    room = hub.rooms.get(code) if code else None
    if room is None:
        text = f"There is no room with the code {message.room[:40]}; check it, or create a room."
        hub.refuse(connection, ErrorCode.NO_SUCH_ROOM, text, Join, message.request)
        return
    if room.code in session.rooms:
        # Asked again, perhaps because the answer was lost: it is in force already.
        again = partial(_joined, hub, connection, session, room, message.request, None)
        hub.batch.before.append(again)
        return
    if _too_many(hub, connection, session, Join, message.request, now):
        return
    known = message.after if message.log == room.log else None
    _enter(hub, connection, session, room, message.request, now, known)


def _enter(
    hub: State,
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
        # Left and back in one batch: told so behind LEFT, when the batch's events were sent.
        joined = partial(_joined, hub, connection, session, room, request, None)
        hub.batch.after.append(joined)
    else:
        after = room.head - 1 if known is None else start(room, known)
        joined = partial(_joined, hub, connection, session, room, request, after)
        hub.batch.before.append(joined)
    hub.note("room joined", name=session.name, room=room.code, members=len(room.members))


def _joined(
    hub: State,
    connection: Connection,
    session: Session,
    room: Room,
    request: int,
    after: int | None,
) -> None:
    """Say JOINED, and let the room's events follow: those behind `after`; None is from now on.

    Also where the membership has ended again by now: its last events, and LEFT, come behind it.
    """
    if connection.session is not session:
        return
    after = room.delivered if after is None else max(after, room.oldest - 1)
    hub.send(connection, Joined(request, len(room.members), (membership(room, session, after),)))
    hub.follow(connection, room, after)


def _too_many(
    hub: State,
    connection: Connection,
    session: Session,
    about: type[Message],
    request: int,
    now: float,
) -> bool:
    limit = min(hub.settings.max_rooms, MAX_MEMBERSHIPS)
    count = sum(not _is_over(room) for room in session.rooms.values())
    if count < limit and _has_seat(hub, session, now):
        return False
    text = f"You are in {many(count, 'room')}; {limit} is the limit. Leave one first."
    hub.refuse(connection, ErrorCode.TOO_MANY_ROOMS, text, about, request)
    return True


def _is_over(room: Room) -> bool:
    """Whether it is a private room that the other one has left: it does not count in any limit."""
    return room.kind is RoomKind.PRIVATE and len(room.members) < 2


def _has_seat(hub: State, session: Session, now: float) -> bool:
    """Whether a user can be in one room more; the oldest room that is over makes place for it."""
    if len(session.rooms) < MAX_MEMBERSHIPS:
        return True
    room = next((room for room in session.rooms.values() if _is_over(room)), None)
    if room is None:
        return False
    _go(hub, session, room, 0, now)
    return True


def _go(hub: State, session: Session, room: Room, request: int, now: float) -> None:
    """End a membership, and tell the user."""
    hub.remove_member(session, room, "", now)
    if session.connection is not None:
        left = encode(Left(request, room.code))
        hub.batch.after.append(partial(hub.write, session.connection, left))


def _leave(
    hub: State, connection: Connection, session: Session, message: Leave, now: float
) -> None:
    room = session.rooms.get(message.room)
    if room is None:
        _not_a_member(hub, connection, message.room, Leave, message.request)
        return
    connection.allowance -= MOVE_COST
    _go(hub, session, room, message.request, now)
    hub.note("room left", name=session.name, room=room.code, members=len(room.members))


def _who(hub: State, connection: Connection, session: Session, message: Who, now: float) -> None:
    if (room := session.rooms.get(message.room)) is not None:
        connection.allowance -= len(room.members) // WHO_MEMBERS
    hub.queue_reply(connection, partial(_roster, hub, connection, session, message))


def _roster(hub: State, connection: Connection, session: Session, message: Who) -> None:
    room = session.rooms.get(message.room)
    if room is None:
        _not_a_member(hub, connection, message.room, Who, message.request)
        return
    names = sorted((m for m in room.members if m.name > message.after), key=lambda m: m.name)
    page = tuple(Member(m.name, m.connection is None) for m in names[:MAX_ROSTER])
    more = len(names) > MAX_ROSTER
    hub.send(connection, Roster(message.request, len(room.members), more, room.code, page))


def _rename(
    hub: State, connection: Connection, session: Session, message: Rename, now: float
) -> None:
    connection.allowance -= NAME_COST + len(session.rooms)  # an event in each of them
    name = normalize_name(message.name)
    problem, code = validate_name(name), ErrorCode.NAME_NOT_ALLOWED
    if problem is None and (rival := hub.by_name.rival(name, owner=session)) is not None:
        problem = why_taken(name, rival, reserved_seconds(hub, rival, now))
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
        hub.note("renamed", name=old, to=name)
    hub.batch.before.append(partial(hub.send, connection, Renamed(message.request, name)))


def _private(
    hub: State, connection: Connection, session: Session, message: Private, now: float
) -> None:
    other = hub.by_name.get(message.name)
    if other is None or other is session:
        text = (
            "That is you; a private message needs somebody else."
            if other is session
            else f"There is nobody called {normalize_name(message.name)[:40]}; /who shows who is here."
        )
        hub.refuse(connection, ErrorCode.NO_SUCH_USER, text, Private, message.request)
        return
    pair = frozenset((session.id, other.id))
    room = hub.privates.get(pair)
    if room is None:
        if _too_many(hub, connection, session, Private, message.request, now):
            return
        if not hub.may_ask(session, other, now):
            text = (
                f"You have begun several conversations with {other.name} within a short time; wait "
                f"{PAIR_SECONDS:g} seconds."
            )
            hub.refuse(connection, ErrorCode.TOO_FAST, text, Private, message.request)
            return
        if not _has_seat(hub, other, now):
            text = f"{other.name} is in as many conversations as one can be; try again later."
            hub.refuse(connection, ErrorCode.TOO_MANY_ROOMS, text, Private, message.request)
            return
        room = hub.new_room(PRIVATE_MARK + new_code(hub.rng), RoomKind.PRIVATE)
        hub.privates[pair] = room
        hub.add_member(session, room)
        hub.add_member(other, room)
        if other.connection is not None:
            hub.batch.before.append(partial(_joined, hub, other.connection, other, room, 0, 0))
    after = start(room, room.delivered)
    hub.batch.before.append(
        partial(_joined, hub, connection, session, room, message.request, after)
    )


def _history(
    hub: State, connection: Connection, session: Session, message: History, now: float
) -> None:
    connection.allowance -= HISTORY_COST
    hub.queue_reply(connection, partial(_past, hub, connection, session, message))


def _past(hub: State, connection: Connection, session: Session, message: History) -> None:
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


def _ping(hub: State, connection: Connection, session: Session, message: Ping, now: float) -> None:
    hub.send(connection, Pong(message.time))


def _pong(hub: State, connection: Connection, session: Session, message: Pong, now: float) -> None:
    """A sign of life; that bytes came was noted already."""


def _bye(hub: State, connection: Connection, session: Session, message: Bye, now: float) -> None:
    why = message.text[:200]
    hub.end_session(session, why if not validate_text(why) else "", now)
    connection.closing = True
    # The goodbye comes back once it is durable; the client can then be sure that its name is free.
    hub.batch.after.append(partial(_part, hub, connection))


def _part(hub: State, connection: Connection) -> None:
    hub.detach(connection)
    hub.send(connection, Bye(""))
    hub.close(connection)


def _not_a_member(
    hub: State, connection: Connection, code: str, about: type[Message], reference: int
) -> None:
    text = f"You are not in the room {code[:40]}; join it first."
    hub.refuse(connection, ErrorCode.NOT_A_MEMBER, text, about, reference)


Handler = Callable[["State", Connection, Session, Any, float], None]

#: Which function answers which message.
HANDLERS: dict[type[Message], Handler] = {
    Send: _say,
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
