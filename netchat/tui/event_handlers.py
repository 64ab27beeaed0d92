"""Handlers of client events: they update a chat session and return the lines to show."""

from __future__ import annotations

import time
from typing import assert_never

from netchat.chat.client_events import (
    AccountChanged,
    Acknowledged,
    ActionCompleted,
    BansReceived,
    ClientEvent,
    EventsMissed,
    FileEnded,
    FileProgress,
    HistoryReceived,
    LoginFailed,
    LoginRequired,
    NameChanged,
    NameRejected,
    Offline,
    Online,
    RequestRefused,
    RoomDescribed,
    RoomEntered,
    RoomEvent,
    RoomLeft,
    RosterReceived,
    SafetyReceived,
    SealingWarning,
    SearchCompleted,
    SecretKnown,
    SessionEnded,
    Undelivered,
    WarningReceived,
)
from netchat.chat.names import fold
from netchat.chat.room_codes import LOBBY, show_code
from netchat.errors import NetchatError, SealingError
from netchat.tui.annotation_lines import entry_lines, past_lines, take_message
from netchat.tui.file_lines import file_ended, file_number, file_progress
from netchat.tui.lines import (
    Line,
    LineKind,
    ban_line,
    error_line,
    event_line,
    notice_line,
    people_line,
    private_line,
    room_name,
    shorten,
)
from netchat.tui.safety_lines import safety_lines, secret_lines
from netchat.tui.search import continue_search
from netchat.tui.session import ChatSession
from netchat.wire import (
    DeviceList,
    Error,
    ErrorCode,
    EventKind,
    History,
    Join,
    Role,
    RoomKind,
    Search,
    Who,
)
from netchat.wording import many

__all__ = ["handle_event"]

#: Number of events in which the past messages on entering a room are looked for.
PAST_EVENTS = 200

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
        case LoginRequired():
            return _login_required(session, event)
        case LoginFailed():
            return _login_failed(session, event)
        case AccountChanged():
            return _account_changed(session, event)
        case NameChanged(name):
            # Each room also sends an event about it.
            return [] if session.rooms else [notice_line("name", f"you are now {name}")]
        case RoomEntered():
            return _entered(session, event)
        case RoomLeft(room, why):
            return _left(session, room, why)
        case RosterReceived():
            return _roster(session, event)
        case HistoryReceived(request=request) if request in session.exports:
            return _continue_export(session, event)
        case HistoryReceived(request=request) if request in session.entry_requests:
            return entry_lines(session, event)
        case HistoryReceived(room, events, _):
            nothing = notice_line("history", f"{room_name(room)} has no history", LineKind.ANSWER)
            return past_lines(session, event) if events else [nothing]
        case SearchCompleted():
            return continue_search(session, event)
        case EventsMissed(room, first, last):
            count = many(last - first + 1, "event")
            text = f"{count} of {room_name(room)}, no longer available on the server"
            return [notice_line("missed", text)]
        case RoomDescribed():
            return _described(session, event)
        case ActionCompleted():
            return []  # the room's event shows it
        case BansReceived():
            return _bans_received(session, event)
        case RequestRefused():
            return _request_refused(session, event)
        case FileProgress():
            file_progress(session, event)
            return []
        case FileEnded():
            return file_ended(session, event)
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
    parts = take_message(session, room_event)
    session.first_live.setdefault(event.room, event.seq)
    if room_event.kind is not RoomKind.PRIVATE:
        elsewhere = event.room != session.current and len(session.rooms) > 1
        label = (session.title_of(event.room) or show_code(event.room)) if elsewhere else ""
        file = file_number(session, event)
        is_sealed = room_event.is_sealed
        line = event_line(event, label, is_sealed=is_sealed, file=file, parts=parts)
        return [*warnings, line]
    if event.kind == EventKind.CHAT:
        line = private_line(
            event, room_event.peer, own=room_event.own, is_sealed=room_event.is_sealed
        )
        return [*warnings, line]
    # The first secret of a private room is no news: its messages show that they are sealed.
    if event.kind == EventKind.REKEY:
        return warnings
    file = file_number(session, event)
    is_sealed = room_event.is_sealed
    return [*warnings, event_line(event, is_sealed=is_sealed, file=file, parts=parts)]


def _online(session: ChatSession, online: Online) -> list[Line]:
    before, session.last_server = session.last_server, session.client.address
    session.retry_at = session.name_rejection = session.login_problem = None
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


def _login_required(session: ChatSession, required: LoginRequired) -> list[Line]:
    before, session.login_problem = session.login_problem, required
    if not session.was_online or isinstance(before, LoginRequired):
        return []
    return [error_line(f"{required.why} Log in with /login {required.name}")]


def _login_failed(session: ChatSession, failed: LoginFailed) -> list[Line]:
    session.login_problem = failed
    return [error_line(failed.why)] if session.was_online else []


def _account_changed(session: ChatSession, account: AccountChanged) -> list[Line]:
    before, session.account = session.account, account.name
    if account.request:
        did = "your password is changed" if before else f"{account.name} is registered"
        return [notice_line("account", did)]
    if not account.name or account.name == before:
        return []
    role = "" if account.role is Role.MEMBER else f" ({account.role.name.lower()})"
    return [notice_line("account", f"you are logged in as {account.name}{role}")]


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
    if session.past_count:
        session.first_live.pop(room, None)
        session.entry_requests[session.core.history(room, PAST_EVENTS)] = room
    view = session.core.memory.rooms.get(room)
    is_sealed = view is not None and view.kind is RoomKind.SEALED
    invitation = (
        ""
        if room == LOBBY
        else "; it is sealed: only members can read its texts"
        if is_sealed
        else "; others join it by this code"
    )
    return [notice_line("room", f"you are in {room_name(room)}{invitation}")]


def _left(session: ChatSession, room: str, why: str) -> list[Line]:
    session.people.forget(room)
    session.descriptions.pop(room, None)
    session.messages.pop(room, None)
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
        return [
            people_line(session.place(room), members, LineKind.ANSWER, server_of=roster.server_of)
        ]
    session.unlisted_rooms.discard(room)
    if len(members) == 1:
        return [notice_line("who", "no one else is here yet")]
    return [people_line(session.place(room), members[:GREETED], LineKind.NOTICE, len(members))]


def _described(session: ChatSession, described: RoomDescribed) -> list[Line]:
    """Show a title that no event has told, on entering a room, and new rights."""
    room, lines = described.room, []
    before = session.descriptions.get(room)
    session.descriptions[room] = described
    modes = [
        text
        for is_on, text in (
            (described.title and before is None, f"is called “{described.title}”"),
            (described.is_locked and before is None, "is locked"),
            (described.is_read_only and before is None, "is read-only"),
        )
        if is_on
    ]
    if modes:
        is_here = room == session.current != LOBBY
        name = "this room" if is_here else room_name(room)
        lines.append(notice_line("room", f"{name} {', '.join(modes)}"))
    if described.role > (before.role if before is not None else 0):
        what = "an owner" if described.role > 1 else "a moderator"
        where = session.place(room)
        lines.append(notice_line("room", f"you are {what} of {where}; /help lists what you can do"))
    return lines


def _bans_received(session: ChatSession, received: BansReceived) -> list[Line]:
    bans = session.bans.setdefault(received.room, [])
    bans += received.bans
    if received.more and received.bans:
        session.core.bans(received.room, received.bans[-1].number)
        session.client.flush_or_drop()
        return []
    del session.bans[received.room]
    none = notice_line("bans", f"{room_name(received.room)} has no bans", LineKind.ANSWER)
    return [ban_line(ban) for ban in bans] or [none]


def _continue_export(session: ChatSession, received: HistoryReceived) -> list[Line]:
    export = session.exports.pop(received.request)
    export.add(received)
    if not export.is_complete(session.core):
        session.exports[export.ask(session.core)] = export
        session.client.flush_or_drop()
        return []
    try:
        export.write()
    except NetchatError as error:
        return [error_line(str(error))]
    count = many(len(export.events), "event")
    return [notice_line("export", f"saved {count} to {export.path}", LineKind.ANSWER)]


def _request_refused(session: ChatSession, refused: RequestRefused) -> list[Line]:
    error, request = refused.error, refused.request
    export = session.exports.pop(error.reference, None)
    session.searches.pop(error.reference, None)
    session.entry_requests.pop(error.reference, None)
    if (
        export is None
        and isinstance(request, Who | History | Search | DeviceList)
        and request.room not in session.core.memory.rooms
    ):
        return []  # it crossed the end of the membership, which has been shown
    if isinstance(request, Join) and request.room == session.initial_room:
        session.initial_room_refused = True
        session.initial_room = ""
    free = f" {error.suggestion} is free." if error.suggestion else ""
    return [error_line(error.text + free)]


def _warning(session: ChatSession, error: Error) -> list[Line]:
    if error.code == ErrorCode.STORAGE_RESTORED:
        session.last_problem = ""
        return [notice_line("restored", error.text)]
    session.last_problem = error.text
    # Each attempt with a rejected name ends with this error; the rejection itself was shown.
    is_rejected = session.name_rejection or session.login_problem
    if error.code == ErrorCode.HANDSHAKE_TIMEOUT and is_rejected:
        return []
    return [notice_line("warning", error.text)]
