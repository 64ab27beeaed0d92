"""Actions of /edit, /delete, /reply and /react: which message they mean, and what they send.

`#N` names a message by its number, as /history shows it, and `@NAME` the last one of a user. Without
either, /edit and /delete refer to the user's own last message, /reply and /react to the last one of
another user.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from netchat.chat.names import fold
from netchat.chat.text import validate_text
from netchat.tui.lines import Line, error_line
from netchat.tui.room_messages import RoomMessages
from netchat.tui.session import ChatSession
from netchat.wire import Event, EventKind
from netchat.wire.annotations import reaction_problem

__all__ = ["REACTIONS", "delete", "edit", "react", "reply"]

#: Names of reactions that are hard to type.
REACTIONS = {
    "+1": "👍", "-1": "👎", "heart": "❤️", "joy": "😂", "smile": "😄", "sad": "😢", "tada": "🎉", "ok": "👌",
    "eyes": "👀", "thanks": "🙏",
}  # fmt: skip

_TARGET = re.compile(r"(?:#(?P<number>[0-9]{1,19})|@(?P<name>\S+))(?:\s+|$)")

_NO_ROOM = "You are not in a room; join one, for example with /join lobby."


def edit(session: ChatSession, written: str) -> list[Line]:
    """Change the text of an own message."""
    return _annotate(session, EventKind.EDIT, written, _is_own(session, is_text=True))


def delete(session: ChatSession, written: str = "") -> list[Line]:
    """Delete an own message, or as a moderator any."""
    return _annotate(session, EventKind.DELETE, written, _is_own(session))


def reply(session: ChatSession, written: str) -> list[Line]:
    """Answer a message."""
    return _annotate(session, EventKind.REPLY, written, _is_of_another(session))


def react(session: ChatSession, written: str) -> list[Line]:
    """React to a message, or take back the same reaction."""
    return _annotate(session, EventKind.REACTION, written, _is_of_another(session))


def _annotate(
    session: ChatSession, kind: EventKind, written: str, is_wanted: Callable[[Event], bool]
) -> list[Line]:
    room = session.focus or session.current
    if room not in session.core.memory.rooms:
        return [error_line(_NO_ROOM)]
    written = written.encode(errors="replace").decode()
    messages = session.messages_of(room)
    target, text, problem = _parse(messages, written, is_wanted)
    if not problem and kind is EventKind.REACTION:
        text = _toggled(session, messages, target, REACTIONS.get(text.strip(":"), text))
        problem = reaction_problem(text)
    elif not problem:
        problem = _text_problem(session, kind, text)
    if problem:
        return [error_line(problem)]
    session.core.annotate(room, kind, target, text)
    return []


def _parse(
    messages: RoomMessages, written: str, is_wanted: Callable[[Event], bool]
) -> tuple[int, str, str]:
    """Return the number of the message, the text, and what is wrong."""
    found = _TARGET.match(written)
    if found is not None and found["number"]:
        number = int(found["number"])
        problem = "" if 0 < number < 2**63 else f"#{number} is not the number of a message."
        return number, written[found.end() :], problem
    if found is not None:
        wanted = fold(found["name"].rstrip(":,"))
        last = messages.last(lambda event: fold(event.sender) == wanted)
        text = written[found.end() :]
        why = f"There is no message of {found['name'][:40]} here; /history shows the last ones."
    else:
        last, text = messages.last(is_wanted), written
        why = "There is no such message here yet; name one by its number, as /history shows it: #12"
    return (last.seq, text, "") if last is not None else (0, text, why)


def _text_problem(session: ChatSession, kind: EventKind, text: str) -> str:
    if kind is EventKind.DELETE:
        return "/delete takes the number of a message, such as #12, or nothing." if text else ""
    size, limit = len(text.encode()), session.core.max_text
    if limit and size > limit:
        return f"A message must be at most {limit} bytes, got {size}."
    return validate_text(text) or ""


def _toggled(session: ChatSession, messages: RoomMessages, target: int, reaction: str) -> str:
    """Return a reaction with `+`, or with `-` if the user has reacted like this already."""
    event = messages.get(target)
    names = messages.view(event).reactions.get(reaction, []) if event is not None else []
    is_taken_back = fold(session.core.name) in map(fold, names)
    return f"{'-' if is_taken_back else '+'}{reaction}"


def _sent(session: ChatSession, event: Event) -> bool:
    core = session.core
    is_same_account = bool(core.account) and fold(event.sender) == fold(core.account)
    return is_same_account or (bool(event.device) and event.device == core.device)


def _is_own(session: ChatSession, *, is_text: bool = False) -> Callable[[Event], bool]:
    kinds = (EventKind.CHAT, EventKind.REPLY)
    return lambda event: _sent(session, event) and (not is_text or event.kind in kinds)


def _is_of_another(session: ChatSession) -> Callable[[Event], bool]:
    return lambda event: not _sent(session, event)
