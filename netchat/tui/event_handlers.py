"""What each happening does to a conversation, and the lines that tell of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, assert_never

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
    SessionEnded,
    Undelivered,
    WarningReceived,
)
from netchat.chat.names import fold
from netchat.chat.room_codes import LOBBY, show_code
from netchat.tui.lines import (
    Kind,
    Line,
    event_line,
    mistake,
    notice,
    past_line,
    people_line,
    private_line,
    room_name,
    shorten,
)
from netchat.wire import Error, ErrorCode, EventKind, Join, RoomKind
from netchat.wording import many

if TYPE_CHECKING:
    from netchat.tui.session import Conversation

__all__ = ["take"]

#: Names that are shown on entering a room; /who shows all.
GREETED = 20


def take(conversation: Conversation, event: ClientEvent) -> list[Line]:
    """Take in what has happened.

    Returns:
        The lines that tell of it.
    """
    match event:
        case RoomEvent():
            return _happened(conversation, event)
        case Online():
            return _online(conversation, event)
        case Offline(why, retry_in):
            return _offline(conversation, why, retry_in)
        case NameRejected():
            return _name_refused(conversation, event)
        case NameChanged(name):
            # The rooms tell of it themselves.
            return [] if conversation.rooms else [notice("name", f"you are {name} now")]
        case RoomEntered():
            return _entered(conversation, event)
        case RoomLeft(room, why):
            return _left(conversation, room, why)
        case RosterReceived():
            return _people(conversation, event)
        case HistoryReceived(room, events, _):
            nothing = notice("history", f"nothing is kept of {room_name(room)}", Kind.ANSWER)
            return [past_line(event) for event in events] or [nothing]
        case EventsMissed(room, first, last):
            count = many(last - first + 1, "event")
            text = f"{count} of {room_name(room)}: the server has them no more"
            return [notice("missed", text)]
        case RequestRefused():
            return _declined(conversation, event)
        case Undelivered(text, why):
            return [mistake(f"'{shorten(text)}': {why}", "not delivered")]
        case WarningReceived(error):
            return _warned(conversation, error)
        case SessionEnded():
            return []  # `Conversation.listen` raises it
        case Acknowledged():
            return []  # the message itself has been shown, in its place in the room
        case _:
            assert_never(event)


def _happened(conversation: Conversation, happened: RoomEvent) -> list[Line]:
    event = happened.event
    news = conversation.crowd.news(happened)
    if not news or (event.kind == EventKind.LEAVE and event.sender == conversation.core.name):
        return []
    if happened.kind is not RoomKind.PRIVATE:
        elsewhere = event.room != conversation.current and len(conversation.rooms) > 1
        return [event_line(event, event.room if elsewhere else "")]
    if event.kind == EventKind.CHAT:
        return [private_line(event, happened.peer, own=happened.own)]
    return [event_line(event)]


def _online(conversation: Conversation, online: Online) -> list[Line]:
    again, conversation.begun = conversation.begun, True
    conversation.retry_at = conversation.refused = None
    conversation.told = ""
    if again:
        how = "" if online.resumed else " (the old session is over)"
        return [notice("online", f"connected again, as {online.name}{how}")]
    text = f"you are {online.name} on {conversation.address}"
    if online.resumed:
        text += "; your session goes on"
        if fold(online.name) != fold(conversation.wished):
            text += f" under this name (/nick {conversation.wished} changes it)"
    lines = [notice("online", text)]
    rooms = conversation.rooms
    if conversation.awaited and conversation.awaited not in rooms:
        conversation.core.join(conversation.awaited)
    if online.resumed:
        for room in rooms:
            lines += _greeting(conversation, room)
    conversation.client.flush_or_drop()
    return lines


def _offline(conversation: Conversation, why: str, retry_in: float) -> list[Line]:
    first = conversation.retry_at is None
    conversation.retry_at = time.monotonic() + retry_in
    conversation.told = conversation.told or why
    return (
        [notice("offline", f"{why.rstrip('.')}; trying again")]
        if first and conversation.begun
        else []
    )


def _name_refused(conversation: Conversation, refused: NameRejected) -> list[Line]:
    before, conversation.refused = conversation.refused, refused
    if not conversation.begun or before == refused:
        return []
    hint = f", such as /nick {refused.suggestion}" if refused.suggestion else ""
    return [mistake(f"{refused.why} To go on, write /nick and another one{hint}")]


def _entered(conversation: Conversation, entered: RoomEntered) -> list[Line]:
    if entered.kind is RoomKind.PRIVATE:
        return []
    # Rooms that were known before a connection was lost do not take the floor.
    if entered.room not in conversation.known or not conversation.current:
        conversation.current = entered.room
    lines = _greeting(conversation, entered.room)
    conversation.client.flush_or_drop()
    return lines


def _greeting(conversation: Conversation, room: str) -> list[Line]:
    conversation.known.add(room)
    if room == conversation.awaited:
        conversation.awaited = ""
    conversation.greet.add(room)
    conversation.core.who(room)
    way_in = "" if room == LOBBY else f"; others get in by /join {show_code(room)}"
    return [notice("room", f"you are in {room_name(room)}{way_in}")]


def _left(conversation: Conversation, room: str, why: str) -> list[Line]:
    conversation.crowd.forget(room)
    if room not in conversation.known:
        return []  # a private one
    conversation.known.discard(room)
    if room == conversation.awaited:
        conversation.turned_away = True
        conversation.awaited = ""
        why = why or "the server has it no more."
        return [mistake(f"You cannot go back to {room_name(room)}: {why}")]
    wanted = room in conversation.leaving
    conversation.leaving.discard(room)
    text = f"you {'have left' if wanted else 'are no longer in'} {room_name(room)}"
    text += f" ({why})" * bool(why)
    if conversation.current == room:
        conversation.choose()
        if conversation.current:
            text += f", and speak in {room_name(conversation.current)}"
    if not conversation.rooms and not wanted:
        conversation.core.join(LOBBY)
        conversation.client.flush_or_drop()
    return [notice("room", text)]


def _people(conversation: Conversation, people: RosterReceived) -> list[Line]:
    room = people.room
    members = conversation.pages.setdefault(room, [])
    members += people.members
    if people.more and people.members:
        conversation.core.who(room, people.members[-1].name)
        conversation.client.flush_or_drop()
        return []
    del conversation.pages[room]
    conversation.crowd.fill(room, [member.name for member in members])
    if room not in conversation.greet:
        return [people_line(room, members, Kind.ANSWER)]
    conversation.greet.discard(room)
    if len(members) == 1:
        return [notice("who", "nobody else is here yet")]
    return [people_line(room, members[:GREETED], Kind.NOTICE, len(members))]


def _declined(conversation: Conversation, declined: RequestRefused) -> list[Line]:
    error, request = declined.error, declined.request
    if isinstance(request, Join) and request.room == conversation.awaited:
        conversation.turned_away = True
        conversation.awaited = ""
    free = f" {error.suggestion} is free." if error.suggestion else ""
    return [mistake(error.text + free)]


def _warned(conversation: Conversation, error: Error) -> list[Line]:
    conversation.told = error.text
    # Every try with a name that is refused ends in this one; the refusal itself was told.
    if error.code == ErrorCode.HANDSHAKE_TIMEOUT and conversation.refused:
        return []
    return [notice("warning", error.text)]
