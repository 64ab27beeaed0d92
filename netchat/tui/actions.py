"""What each command of a user does to a conversation."""

from __future__ import annotations

from collections.abc import Callable

from netchat.chat.room_codes import read_code, show_code
from netchat.chat.text import validate_text
from netchat.errors import NetchatError
from netchat.tui.commands import HISTORY_DEFAULT, HISTORY_MOST, Command, help_lines
from netchat.tui.lines import Kind, Line, mistake, notice, room_name
from netchat.tui.link_status import link_lines
from netchat.tui.session import Conversation

__all__ = ["perform"]


def perform(conversation: Conversation, command: Command) -> list[Line]:
    """Do what the user says.

    Returns:
        The lines that answer at once; most answers come from the server.
    """
    try:
        lines = _ACTIONS[command.verb](conversation, *command.words)
        conversation.client.flush()
    except NetchatError as error:  # the disk is full, for one
        return [mistake(str(error))]
    return lines


def _problem(conversation: Conversation, text: str) -> str | None:
    """What would keep the server from taking a text."""
    size, limit = len(text.encode()), conversation.core.max_text
    if limit and size > limit:
        return f"The message has {size} byte{'s' * (size != 1)}; this server takes {limit}. Send it in parts."
    return validate_text(text)


def _say(conversation: Conversation, text: str) -> list[Line]:
    text = _encodable(text)
    problem = _problem(conversation, text)
    if conversation.current not in conversation.core.memory.rooms:
        problem = "You are in no room; /join lobby, for example."
    if problem is not None:
        return [mistake(problem)]
    conversation.core.say(conversation.current, text)
    return []


def _msg(conversation: Conversation, name: str, text: str) -> list[Line]:
    name, text = _encodable(name), _encodable(text)
    problem = _problem(conversation, text)
    if problem is not None:
        return [mistake(problem)]
    conversation.core.send_private(name, text)
    return []


def _encodable(text: str) -> str:
    """A terminal in another encoding can hand over lone surrogates, which no UTF-8 can carry."""
    return text.encode(errors="replace").decode()


def _room(conversation: Conversation, code: str) -> tuple[str, list[Line]]:
    """The room that is meant, and what to say if there is none."""
    if not code and not conversation.current:
        return "", [mistake("You are in no room; /join lobby, for example.")]
    room = (read_code(code) or code) if code else conversation.current
    if room in conversation.rooms:
        return room, []
    return "", [mistake(f"You are not in {room_name(room)[:60]}; /rooms lists those you are in.")]


def _who(conversation: Conversation, code: str = "") -> list[Line]:
    room, problem = _room(conversation, code)
    if room:
        conversation.core.who(room)
    return problem


def _history(conversation: Conversation, count: str = str(HISTORY_DEFAULT)) -> list[Line]:
    room, problem = _room(conversation, "")
    if room:
        conversation.core.history(room, min(int(count), HISTORY_MOST))
    return problem


def _join(conversation: Conversation, code: str) -> list[Line]:
    room = read_code(code)
    if room in conversation.rooms:
        return _switch(conversation, code)
    if room is None:
        return [mistake(f"{code[:40]!r} is no room code; one looks like 7K3F9-2MQ0T, or is lobby.")]
    conversation.core.join(room)
    return []


def _switch(conversation: Conversation, code: str) -> list[Line]:
    room, problem = _room(conversation, code)
    if room:
        conversation.current = room
        return [notice("room", f"you speak in {room_name(room)}")]
    return problem


def _create(conversation: Conversation) -> list[Line]:
    conversation.core.create()
    return []


def _leave(conversation: Conversation, code: str = "") -> list[Line]:
    room, problem = _room(conversation, code)
    if room:
        conversation.leaving.add(room)
        conversation.core.leave(room)
    return problem


def _rooms(conversation: Conversation) -> list[Line]:
    shown = [
        show_code(code) + (" (you speak here)" if code == conversation.current else "")
        for code in conversation.rooms
    ]
    return [notice("rooms", ", ".join(shown) or "you are in none", Kind.ANSWER)]


def _nick(conversation: Conversation, name: str) -> list[Line]:
    if conversation.refused is not None:
        conversation.core.send_hello(_encodable(name))
    else:
        conversation.core.rename(_encodable(name))
    return []


def _help(conversation: Conversation) -> list[Line]:  # noqa: ARG001 - all actions share one signature
    return [Line(Kind.ANSWER, (("", line),)) for line in help_lines()]


def _link(conversation: Conversation) -> list[Line]:
    return link_lines(conversation.client)


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
