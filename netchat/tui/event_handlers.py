"""Handlers of client events: they update a chat session and return the lines to show."""

from __future__ import annotations

import time
from typing import assert_never

from netchat.chat.client_events import (
    Acknowledged,
    ClientEvent,
    EventsMissed,
    HistoryReceived,
    NameChanged,
    NameRejected,
    Offline,
    Online,
    RequestRefused,
    RoomEntered,
    RoomEvent,
    RoomLeft,
    RosterReceived,
    SafetyReceived,
    SealingWarning,
    SecretKnown,
    SessionEnded,
    Undelivered,
    WarningReceived,
)
from netchat.chat.names import fold
from netchat.chat.room_codes import LOBBY, show_code
from netchat.errors import SealingError
from netchat.tui.lines import (
    Line,
    LineKind,
    error_line,
    event_line,
    notice_line,
    past_line,
    people_line,
    private_line,
    room_name,
    shorten,
)
from netchat.tui.safety_lines import safety_lines, secret_lines
from netchat.tui.session import ChatSession
from netchat.wire import Error, ErrorCode, EventKind, Join, RoomKind
from netchat.wording import many

__all__ = ["handle_event"]

#: Maximum number of names shown on entering a room; /who shows all.
GREETED = 20


def handle_event(session: ChatSession, event: ClientEvent) -> list[Line]:
    """Update the session for an event and return the lines to show."""
    match event:
        case RoomEvent():
            return _room_event(session, event)
        case Online():
            return _online(session, event)
        case Offline(why, retry_in):
            return _offline(session, why, retry_in)
        case NameRejected():
            return _name_rejected(session, event)
        case NameChanged(name):
            # Each room also sends an event about it.
            return [] if session.rooms else [notice_line("name", f"you are now {name}")]
        case RoomEntered():
            return _entered(session, event)
        case RoomLeft(room, why):
            return _left(session, room, why)
        case RosterReceived():
            return _roster(session, event)
        case HistoryReceived(room, events, _):
            nothing = notice_line("history", f"{room_name(room)} has no history", LineKind.ANSWER)
            sealed = event.sealed
            return [past_line(past, problems=sealed.get(past.seq)) for past in events] or [nothing]
        case EventsMissed(room, first, last):
            count = many(last - first + 1, "event")
            text = f"{count} of {room_name(room)}, no longer available on the server"
            return [notice_line("missed", text)]
        case RequestRefused():
            return _request_refused(session, event)
        case Undelivered(text, why):
            return [error_line(f"'{shorten(text)}': {why}", "not delivered")]
        case WarningReceived(error):
            return _warning(session, error)
        case SessionEnded():
            return []  # `listen` raises it
        case SealingWarning(room, text):
            where = "" if room == session.current else f"{room_name(room)}: "
            return [error_line(f"{where}{text}", "warning")]
        case SecretKnown(room, epoch, secret):
            return [*secret_lines(room, epoch, secret)]
        case SafetyReceived():
            return safety_lines(event)
        case Acknowledged():
            return []  # the message itself has been shown
        case _:
            assert_never(event)


def _room_event(session: ChatSession, room_event: RoomEvent) -> list[Line]:
    event = room_event.event
    is_shown = session.people.update(room_event)
    if not is_shown or (event.kind == EventKind.LEAVE and event.sender == session.core.name):
        return []
    warnings = [error_line(f"{event.sender}: {why}", "warning") for why in room_event.problems]
    if room_event.kind is not RoomKind.PRIVATE:
        elsewhere = event.room != session.current and len(session.rooms) > 1
        code = event.room if elsewhere else ""
        return [*warnings, event_line(event, code, is_sealed=room_event.is_sealed)]
    if event.kind == EventKind.CHAT:
        line = private_line(
            event, room_event.peer, own=room_event.own, is_sealed=room_event.is_sealed
        )
        return [*warnings, line]
    # The first secret of a private room is no news: its messages show that they are sealed.
    return warnings if event.kind == EventKind.REKEY else [*warnings, event_line(event)]


def _online(session: ChatSession, online: Online) -> list[Line]:
    before, session.last_server = session.last_server, session.client.address
    session.retry_at = session.name_rejection = None
    session.last_problem = ""
    if before:
        where = "" if session.last_server == before else f" on {session.last_server}"
        how = "" if online.resumed else " (in a new session)"
        return [notice_line("online", f"reconnected as {online.name}{where}{how}")]
    text = f"you are {online.name} on {session.last_server}"
    if online.resumed:
        text += "; session resumed"
        if fold(online.name) != fold(session.requested_name):
            text += f" under this name (/nick {session.requested_name} changes it)"
    lines = [notice_line("online", text)]
    rooms = session.rooms
    if session.initial_room and session.initial_room not in rooms:
        lines += _join_first(session)
    if online.resumed:
        for room in rooms:
            lines += _announce_room(session, room)
    session.client.flush_or_drop()
    return lines


def _join_first(session: ChatSession) -> list[Line]:
    """Join the initial room; a sealed one needs a server that supports it."""
    try:
        session.core.join(session.invitation)
    except (SealingError, ValueError) as error:
        session.initial_room_refused = True
        session.initial_room = ""
        return [error_line(str(error))]
    return []


def _offline(session: ChatSession, why: str, retry_in: float) -> list[Line]:
    first = session.retry_at is None
    session.retry_at = time.monotonic() + retry_in
    session.last_problem = session.last_problem or why
    return (
        [notice_line("offline", f"{why.rstrip('.')}; reconnecting")]
        if first and session.was_online
        else []
    )


def _name_rejected(session: ChatSession, refused: NameRejected) -> list[Line]:
    before, session.name_rejection = session.name_rejection, refused
    if not session.was_online or before == refused:
        return []
    hint = f", such as /nick {refused.suggestion}" if refused.suggestion else ""
    return [error_line(f"{refused.why} Choose another name with /nick{hint}")]


def _entered(session: ChatSession, entered: RoomEntered) -> list[Line]:
    if entered.kind is RoomKind.PRIVATE:
        return []
    # Rooms that the client rejoins after a reconnect do not become the current room.
    if entered.room not in session.announced_rooms or not session.current:
        session.current = entered.room
    lines = _announce_room(session, entered.room)
    session.client.flush_or_drop()
    return lines


def _announce_room(session: ChatSession, room: str) -> list[Line]:
    session.announced_rooms.add(room)
    if room == session.initial_room:
        session.initial_room = ""
    session.unlisted_rooms.add(room)
    session.core.who(room)
    view = session.core.memory.rooms.get(room)
    is_sealed = view is not None and view.kind is RoomKind.SEALED
    invitation = (
        ""
        if room == LOBBY
        else "; it is sealed: only members can read its texts"
        if is_sealed
        else f"; others join it with /join {show_code(room)}"
    )
    return [notice_line("room", f"you are in {room_name(room)}{invitation}")]


def _left(session: ChatSession, room: str, why: str) -> list[Line]:
    session.people.forget(room)
    if room not in session.announced_rooms:
        return []  # a private room
    session.announced_rooms.discard(room)
    if room == session.initial_room:
        session.initial_room_refused = True
        session.initial_room = ""
        why = why or "it no longer exists on the server."
        return [error_line(f"You cannot return to {room_name(room)}: {why}")]
    wanted = room in session.leaving
    session.leaving.discard(room)
    text = f"you {'have left' if wanted else 'are no longer in'} {room_name(room)}"
    text += f" ({why})" * bool(why)
    if session.current == room:
        session.choose()
        if session.current:
            text += f"; you are now talking in {room_name(session.current)}"
    if not session.rooms and not wanted:
        session.core.join(LOBBY)
        session.client.flush_or_drop()
    return [notice_line("room", text)]


def _roster(session: ChatSession, roster: RosterReceived) -> list[Line]:
    room = roster.room
    members = session.partial_rosters.setdefault(room, [])
    members += roster.members
    if roster.more and roster.members:
        session.core.who(room, roster.members[-1].name)
        session.client.flush_or_drop()
        return []
    del session.partial_rosters[room]
    session.people.fill(room, [member.name for member in members])
    if room not in session.unlisted_rooms:
        return [people_line(room, members, LineKind.ANSWER, server_of=roster.server_of)]
    session.unlisted_rooms.discard(room)
    if len(members) == 1:
        return [notice_line("who", "no one else is here yet")]
    return [people_line(room, members[:GREETED], LineKind.NOTICE, len(members))]


def _request_refused(session: ChatSession, refused: RequestRefused) -> list[Line]:
    error, request = refused.error, refused.request
    if isinstance(request, Join) and request.room == session.initial_room:
        session.initial_room_refused = True
        session.initial_room = ""
    free = f" {error.suggestion} is free." if error.suggestion else ""
    return [error_line(error.text + free)]


def _warning(session: ChatSession, error: Error) -> list[Line]:
    session.last_problem = error.text
    # Each attempt with a rejected name ends with this error; the rejection itself was shown.
    if error.code == ErrorCode.HANDSHAKE_TIMEOUT and session.name_rejection:
        return []
    return [notice_line("warning", error.text)]
