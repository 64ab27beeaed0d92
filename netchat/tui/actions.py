"""What each command of a user does to a session."""

from __future__ import annotations

from collections.abc import Callable

from netchat.chat.room_codes import read_code, show_code
from netchat.chat.text import validate_text
from netchat.errors import NetchatError
from netchat.tui.commands import HISTORY_DEFAULT, HISTORY_MOST, Command, help_lines
from netchat.tui.lines import Kind, Line, error_line, notice_line, room_name
from netchat.tui.link_status import link_lines
from netchat.tui.session import ChatSession
from netchat.wording import many

__all__ = ["run_command"]


def run_command(session: ChatSession, command: Command) -> list[Line]:
    """Do what the user says.

    Returns:
        The lines that answer at once; most answers come from the server.
    """
    try:
        lines = _ACTIONS[command.verb](session, *command.words)
        session.client.flush()
    except NetchatError as error:  # the disk is full, for one
        return [error_line(str(error))]
    return lines


def _problem(session: ChatSession, text: str) -> str | None:
    """What would keep the server from taking a text."""
    size, limit = len(text.encode()), session.core.max_text
    if limit and size > limit:
        return f"The message has {many(size, 'byte')}; this server takes {limit}. Send it in parts."
    return validate_text(text)


def _say(session: ChatSession, text: str) -> list[Line]:
    text = _encodable(text)
    problem = _problem(session, text)
    if session.current not in session.core.memory.rooms:
        problem = "You are in no room; /join lobby, for example."
    if problem is not None:
        return [error_line(problem)]
    session.core.say(session.current, text)
    return []


def _msg(session: ChatSession, name: str, text: str) -> list[Line]:
    name, text = _encodable(name), _encodable(text)
    problem = _problem(session, text)
    if problem is not None:
        return [error_line(problem)]
    session.core.tell(name, text)
    return []


def _encodable(text: str) -> str:
    """A terminal in another encoding can hand over lone surrogates, which no UTF-8 can carry."""
    return text.encode(errors="replace").decode()


def _room(session: ChatSession, code: str) -> tuple[str, list[Line]]:
    """The room that is meant, and what to say if there is none."""
    if not code and not session.current:
        return "", [error_line("You are in no room; /join lobby, for example.")]
    room = (read_code(code) or code) if code else session.current
    if room in session.rooms:
        return room, []
    return "", [
        error_line(f"You are not in {room_name(room)[:60]}; /rooms lists those you are in.")
    ]


def _who(session: ChatSession, code: str = "") -> list[Line]:
    room, problem = _room(session, code)
    if room:
        session.core.who(room)
    return problem


def _history(session: ChatSession, count: str = str(HISTORY_DEFAULT)) -> list[Line]:
    room, problem = _room(session, "")
    if room:
        session.core.history(room, min(int(count), HISTORY_MOST))
    return problem


def _join(session: ChatSession, code: str) -> list[Line]:
    room = read_code(code)
    if room in session.rooms:
        return _switch(session, code)
    if room is None:
        return [
            error_line(f"{code[:40]!r} is no room code; one looks like 7K3F9-2MQ0T, or is lobby.")
        ]
    session.core.join(room)
    return []


def _switch(session: ChatSession, code: str) -> list[Line]:
    room, problem = _room(session, code)
    if room:
        session.current = room
        return [notice_line("room", f"you speak in {room_name(room)}")]
    return problem


def _create(session: ChatSession) -> list[Line]:
    session.core.create()
    return []


def _leave(session: ChatSession, code: str = "") -> list[Line]:
    room, problem = _room(session, code)
    if room:
        session.leaving.add(room)
        session.core.leave(room)
    return problem


def _rooms(session: ChatSession) -> list[Line]:
    shown = [
        show_code(code) + (" (you speak here)" if code == session.current else "")
        for code in session.rooms
    ]
    return [notice_line("rooms", ", ".join(shown) or "you are in none", Kind.ANSWER)]


def _nick(session: ChatSession, name: str) -> list[Line]:
    if session.name_rejection is not None:
        session.core.introduce(_encodable(name))
    else:
        session.core.rename(_encodable(name))
    return []


def _help(session: ChatSession) -> list[Line]:  # noqa: ARG001 - all actions share one signature
    return [Line(Kind.ANSWER, (("", line),)) for line in help_lines()]


def _link(session: ChatSession) -> list[Line]:
    return link_lines(session.client)


_ACTIONS: dict[str, Callable[..., list[Line]]] = {
    "say": _say,
    "msg": _msg,
    "who": _who,
    "history": _history,
    "join": _join,
    "room": _switch,
    "create": _create,
    "leave": _leave,
    "rooms": _rooms,
    "nick": _nick,
    "link": _link,
    "help": _help,
}
