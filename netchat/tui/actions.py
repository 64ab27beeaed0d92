"""Actions of the user's commands on a chat session."""

from __future__ import annotations

from collections.abc import Callable

from netchat.chat.names import fold
from netchat.chat.room_codes import read_code, show_code
from netchat.chat.sealing.room_secret import read_invitation, read_secret
from netchat.chat.text import validate_text
from netchat.errors import NetchatError
from netchat.tui.commands import HISTORY_DEFAULT, HISTORY_MOST, ParsedLine, help_lines
from netchat.tui.lines import Line, LineKind, error_line, notice_line, room_name
from netchat.tui.link_status import link_lines
from netchat.tui.session import ChatSession

__all__ = ["run_command"]

_NO_ROOM = "You are not in a room; join one, for example with /join lobby."


def run_command(session: ChatSession, command: ParsedLine) -> list[Line]:
    """Run a user's command.

    Returns:
        Lines to show immediately. Most answers arrive later, as events.
    """
    try:
        lines = _ACTIONS[command.verb](session, *command.words)
        session.client.flush()
    except NetchatError as error:  # for example, the disk is full
        return [error_line(str(error))]
    return lines


def _problem(session: ChatSession, text: str) -> str | None:
    """Return why the server would reject a text, or None."""
    size, limit = len(text.encode()), session.core.max_text
    if limit and size > limit:
        return f"A message must be at most {limit} bytes, got {size}. Send it in parts."
    return validate_text(text)


def _say(session: ChatSession, text: str) -> list[Line]:
    text = _encodable(text)
    problem = _problem(session, text)
    if session.current not in session.core.memory.rooms:
        problem = _NO_ROOM
    if problem is not None:
        return [error_line(problem)]
    session.core.say(session.current, text)
    return []


def _msg(session: ChatSession, name: str, text: str) -> list[Line]:
    name, text = _encodable(name), _encodable(text)
    problem = _problem(session, text)
    if problem is not None:
        return [error_line(problem)]
    session.core.send_private(name, text)
    return []


def _encodable(text: str) -> str:
    """Replace lone surrogates, which a terminal with another encoding may produce."""
    return text.encode(errors="replace").decode()


def _room(session: ChatSession, code: str) -> tuple[str, list[Line]]:
    """Return the code of the selected room and no lines, or "" and an error."""
    if not code and not session.current:
        return "", [error_line(_NO_ROOM)]
    room = (read_code(code) or code) if code else session.current
    if room in session.rooms:
        return room, []
    return "", [error_line(f"You are not in {room_name(room)[:60]}; /rooms lists your rooms.")]


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


def _join(session: ChatSession, code: str, secret: str = "") -> list[Line]:
    written = f"{code} {secret}".strip()
    code, secret = read_invitation(written)
    room = read_code(code)
    if room in session.rooms and not secret:
        return _switch(session, code)
    if room is None:
        return [
            error_line(f"A room code must look like 7K3F9-2MQ0T, or be lobby, got {code[:40]!r}.")
        ]
    try:
        if room in session.rooms:  # a link with a newer secret
            session.core.require_sealing().invite(room, read_secret(secret))
            return _switch(session, code)
        session.core.join(written)
    except ValueError as error:
        return [error_line(str(error))]
    return []


def _switch(session: ChatSession, code: str) -> list[Line]:
    room, problem = _room(session, code)
    if room:
        session.current = room
        return [notice_line("room", f"you are now talking in {room_name(room)}")]
    return problem


def _create(session: ChatSession, option: str = "") -> list[Line]:
    if option not in ("", "--sealed"):
        return [error_line(f"The only option of /create is --sealed, got {option[:40]!r}.")]
    session.core.create(sealed=bool(option))
    return []


def _safety(session: ChatSession, name: str = "", action: str = "") -> list[Line]:
    if action not in ("", "verified", "forget"):
        problem = f"The actions of /safety are verified and forget, got {action[:40]!r}."
        return [error_line(problem)]
    sealing = session.core.require_sealing()
    if action == "verified":
        sealing.pins.mark_verified(name)
        return [notice_line("safety", f"you have compared the safety number with {name}")]
    if action == "forget":
        sealing.pins.forget(name)
        return [notice_line("safety", f"the keys of {name} are forgotten")]
    room = session.current
    if name:
        wanted = fold(name)
        views = session.core.memory.rooms.values()
        room = next((v.code for v in views if v.peer and fold(v.peer) == wanted), room)
    sealing.ask_safety(room, name)
    return []


def _rekey(session: ChatSession) -> list[Line]:
    session.core.require_sealing().rekey(session.current)
    return []


def _leave(session: ChatSession, code: str = "") -> list[Line]:
    room, problem = _room(session, code)
    if room:
        session.leaving.add(room)
        session.core.leave(room)
    return problem


def _rooms(session: ChatSession) -> list[Line]:
    shown = [
        show_code(code) + (" (current)" if code == session.current else "")
        for code in session.rooms
    ]
    return [notice_line("rooms", ", ".join(shown) or "you are not in a room", LineKind.ANSWER)]


def _nick(session: ChatSession, name: str) -> list[Line]:
    if session.name_rejection is not None:
        session.core.send_hello(_encodable(name))
    else:
        session.core.rename(_encodable(name))
    return []


def _help(session: ChatSession) -> list[Line]:  # noqa: ARG001 - all actions share one signature
    return [Line(LineKind.ANSWER, (("", line),)) for line in help_lines()]


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
    "safety": _safety,
    "rekey": _rekey,
    "link": _link,
    "help": _help,
}
