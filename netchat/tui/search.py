"""`/search`: messages of a room that contain words, from the server or, if they are sealed, from memory."""

from __future__ import annotations

import time

from netchat.chat.client_events import SearchCompleted
from netchat.chat.search import match_words, words_of
from netchat.tui.lines import Line, LineKind, Part, error_line, notice_line, room_name
from netchat.tui.session import ChatSession, PendingSearch
from netchat.wire import EventKind, FoundMessage, RoomKind
from netchat.wording import many

__all__ = ["continue_search", "start_search"]

#: Messages that a search shows, and SEARCH requests that it makes: each examines 512 KiB of the history.
SHOWN, MAX_REQUESTS = 20, 40

_NO_ROOM = "You are not in a room; join one, for example with /join lobby."


def start_search(session: ChatSession, words: str) -> list[Line]:
    """Start a search in the current room, or carry it out in memory if the room's texts are sealed."""
    room = session.focus or session.current
    view = session.core.memory.rooms.get(room)
    if view is None:
        return [error_line(_NO_ROOM)]
    words = words.encode(errors="replace").decode()
    sealing = session.core.sealing
    if view.kind is RoomKind.SEALED or (sealing is not None and sealing.can_send_sealed(room)):
        return _search_memory(session, room, words)
    session.searches[session.core.search(room, words)] = PendingSearch(words)
    return []


def _search_memory(session: ChatSession, room: str, written: str) -> list[Line]:
    words, messages = words_of(written), session.messages_of(room)
    known = messages.all()
    found = [
        FoundMessage(event.seq, event.time, event.kind, 0, event.sender, text)
        for event in known
        if match_words(text := messages.text_of(event.seq)[1], words)
    ]
    where = (
        f"the {many(len(known), 'message')} that this client has; the server cannot read "
        f"{room_name(room)}, and /history 1000 loads more"
    )
    return _lines(found[-SHOWN:], written, where)


def continue_search(session: ChatSession, received: SearchCompleted) -> list[Line]:
    """Return the lines about a finished search, or request the next part."""
    search = session.searches.pop(received.request, None)
    if search is None:
        return []
    known = {_number(message) for message in search.found}
    for message in received.messages:
        if _number(message) not in known:  # else it has a later text
            known.add(_number(message))
            search.found.append(message)
    is_enough = len(search.found) >= SHOWN or search.requests >= MAX_REQUESTS
    if not received.is_complete and not is_enough:
        search.requests += 1
        session.searches[session.core.search(received.room, search.words, received.searched)] = (
            search
        )
        session.client.flush_or_drop()
        return []
    where = room_name(received.room)
    if not received.is_complete:
        where += f", back to message {received.searched}"
    return _lines(search.found[:SHOWN][::-1], search.words, where)


def _lines(found: list[FoundMessage], words: str, where: str) -> list[Line]:
    lines = [_line(message, words_of(words)) for message in found]
    count = (
        many(len(found), "message contains", "messages contain") if found else "no message contains"
    )
    return [*lines, notice_line("search", f"{count} “{words}” in {where}", LineKind.ANSWER)]


def _line(message: FoundMessage, words: list[str]) -> Line:
    when = time.localtime(message.time / 1e6)
    today = time.localtime()[:3] == when[:3]
    shown = time.strftime("%H:%M" if today else "%Y-%m-%d %H:%M", when)
    is_edit, number = message.kind == EventKind.EDIT, _number(message)
    head: tuple[Part, ...] = (
        ("time", f"{shown}  "),
        ("tag", f"#{number} "),
        ("name", message.sender),
        ("", ": "),
    )
    end: tuple[Part, ...] = (("tag", " (edited)"),) * is_edit
    parts = (*head, *_marked(message.text, words), *end)
    return Line(LineKind.ANSWER, parts, when=message.time / 1e6)


def _number(message: FoundMessage) -> int:
    """Return the number of a message; that of an edit is the edited one's."""
    return message.target if message.kind == EventKind.EDIT else message.seq


def _marked(text: str, words: list[str]) -> tuple[Part, ...]:
    """Return a text with its matches marked."""
    folded = text.casefold()
    if len(folded) != len(text):  # folding has changed lengths, as of ß
        return (("", text),)
    marks = bytearray(len(text))
    for word in words:
        at = folded.find(word)
        while at >= 0:
            marks[at : at + len(word)] = b"\1" * len(word)
            at = folded.find(word, at + len(word))
    parts: list[Part] = []
    start = 0
    for at in range(1, len(text) + 1):
        if at == len(text) or marks[at] != marks[start]:
            parts.append(("match" if marks[start] else "", text[start:at]))
            start = at
    return tuple(parts)
