"""Actions of the user's commands on a chat session."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from netchat.chat.client_session import Credentials
from netchat.chat.names import fold
from netchat.chat.room_codes import read_code, show_code
from netchat.chat.room_moderation import BanScope
from netchat.chat.sealing.room_secret import read_invitation, read_secret
from netchat.chat.text import validate_text
from netchat.errors import NetchatError
from netchat.tui import message_actions
from netchat.tui.commands import HISTORY_DEFAULT, HISTORY_MOST, ParsedLine, help_lines
from netchat.tui.export import Export
from netchat.tui.file_lines import save_file, send_file
from netchat.tui.lines import Line, LineKind, error_line, notice_line, room_name
from netchat.tui.link_status import link_lines
from netchat.tui.search import start_search
from netchat.tui.session import ChatSession
from netchat.wire import ModeratorAction

__all__ = ["run_command"]

#: A duration such as 10m, and the seconds of each unit.
_TIME = re.compile(r"([0-9]{1,6})([smhdSMHD])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

#: Scope of a ban, by the prefix of its target.
_SCOPES = {"name": BanScope.NAME, "device": BanScope.DEVICE, "address": BanScope.ADDRESS}

_NO_ROOM = "You are not in a room; join one, for example with /join lobby."


def run_command(
    session: ChatSession, command: ParsedLine, passwords: Sequence[str] = ()
) -> list[Line]:
    """Run a user's command.

    Args:
        session: Session of the user.
        command: The command.
        passwords: The passwords that it needs (`netchat.tui.commands.PASSWORDS`), without repetitions.

    Returns:
        Lines to show immediately. Most answers arrive later, as events.
    """
    try:
        lines = _ACTIONS[command.verb](session, *passwords, *command.words)
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
    shown = []
    for code in session.rooms:
        title = session.title_of(code)
        named = f"{show_code(code)} “{title}”" if title else show_code(code)
        shown.append(named + (" (current)" if code == session.current else ""))
    return [notice_line("rooms", ", ".join(shown) or "you are not in a room", LineKind.ANSWER)]


def _nick(session: ChatSession, name: str) -> list[Line]:
    if session.name_rejection is not None:
        session.core.send_hello(_encodable(name))
    else:
        session.core.rename(_encodable(name))
    return []


def _login(session: ChatSession, password: str, name: str) -> list[Line]:
    session.client.log_in(Credentials(_encodable(name), password))
    return []


def _register(session: ChatSession, password: str, invitation: str = "") -> list[Line]:
    session.client.register(password, _encodable(invitation))
    return []


def _passwd(session: ChatSession, old: str, new: str) -> list[Line]:
    session.client.change_password(old, new)
    return []


def _logout(session: ChatSession, everywhere: str = "") -> list[Line]:
    if not session.core.account:
        return [error_line("You are a guest on this server; /quit leaves it.")]
    session.core.log_out(everywhere=bool(everywhere))
    return []


def _help(session: ChatSession) -> list[Line]:
    return [Line(LineKind.ANSWER, (("", line),)) for line in help_lines(session.role)]


def _export(session: ChatSession, file: str) -> list[Line]:
    room, problem = _room(session, "")
    if not room:
        return problem
    try:
        export = Export(Path(file), room, session.title_of(room))
    except ValueError as error:
        return [error_line(str(error))]
    session.exports[export.ask(session.core)] = export
    return []


def _send(session: ChatSession, file: str) -> list[Line]:
    room, problem = _room(session, "")
    if room:
        send_file(session, room, file)
    return problem


def _send_to(session: ChatSession, name: str, file: str) -> list[Line]:
    send_file(session, "", file, to=_encodable(name))
    return []


def _about_transfers(do: str) -> Callable[..., list[Line]]:
    """Return the action of /pause, /resume or /cancel."""

    def act(session: ChatSession, number: str = "") -> list[Line]:
        numbers = list(session.transfers)
        if not numbers:
            return [error_line("No file is being transferred.")]
        if number:
            wanted = number.removeprefix("#")
            if not (wanted.isdecimal() and int(wanted) in numbers):
                known = ", ".join(map(str, numbers))
                return [
                    error_line(f"N must be a transfer in progress ({known}), got {number[:20]!r}.")
                ]
            numbers = [int(wanted)]
        for transfer in numbers:
            getattr(session.core.files, do)(transfer)
        return []

    return act


# -- moderators -----------------------------------------------------------------------------------


def _moderate(
    session: ChatSession, action: ModeratorAction, target: str = "", text: str = "", **more: int
) -> list[Line]:
    room, problem = _room(session, "")
    if room:
        session.core.moderate(room, action, _encodable(target), _encodable(text), **more)
    return problem


def _with_reason(
    action: ModeratorAction,
) -> Callable[..., list[Line]]:
    return lambda session, reason="": _moderate(session, action, "", reason)


def _about_user(action: ModeratorAction) -> Callable[..., list[Line]]:
    return lambda session, name, reason="": _moderate(session, action, name, reason)


def _lasting(time: str, reason: str) -> tuple[int, str]:
    """Return the duration in seconds and the reason; the words may be a time, a reason, or both."""
    found = _TIME.fullmatch(time)
    if found is None:
        return 0, f"{time} {reason}".strip()
    if not int(found[1]):  # the protocol's 0 has no end
        raise NetchatError(f"TIME must be at least 1s, got {time}.")
    return min(int(found[1]) * _SECONDS[found[2].lower()], 2**32 - 1), reason


def _mute(session: ChatSession, name: str, time: str = "", reason: str = "") -> list[Line]:
    seconds, reason = _lasting(time, reason)
    return _moderate(session, ModeratorAction.MUTE, name, reason, seconds=seconds)


def _ban(session: ChatSession, name: str, time: str = "", reason: str = "") -> list[Line]:
    what, colon, rest = name.partition(":")
    scope = _SCOPES.get(what.lower()) if colon else None
    if scope is not None:
        if not rest:
            text = f"What to ban must follow {what}: without a space, as in {what}:Nova."
            return [error_line(text)]
        name = rest
    seconds, reason = _lasting(time, reason)
    return _moderate(session, ModeratorAction.BAN, name, reason, seconds=seconds, scope=scope or 0)


def _bans(session: ChatSession) -> list[Line]:
    room, problem = _room(session, "")
    if room:
        session.core.bans(room)
    return problem


def _link(session: ChatSession) -> list[Line]:
    return link_lines(session.client)


_ACTIONS: dict[str, Callable[..., list[Line]]] = {
    "say": _say,
    "msg": _msg,
    "who": _who,
    "history": _history,
    "search": start_search,
    "edit": message_actions.edit,
    "delete": message_actions.delete,
    "reply": message_actions.reply,
    "react": message_actions.react,
    "join": _join,
    "room": _switch,
    "create": _create,
    "leave": _leave,
    "rooms": _rooms,
    "nick": _nick,
    "login": _login,
    "register": _register,
    "passwd": _passwd,
    "logout": _logout,
    "safety": _safety,
    "rekey": _rekey,
    "link": _link,
    "help": _help,
    "export": _export,
    "send": _send,
    "sendto": _send_to,
    "save": save_file,
    "pause": _about_transfers("pause"),
    "resume": _about_transfers("resume"),
    "cancel": _about_transfers("cancel"),
    "kick": _about_user(ModeratorAction.KICK),
    "mute": _mute,
    "unmute": _about_user(ModeratorAction.UNMUTE),
    "ban": _ban,
    "unban": _about_user(ModeratorAction.UNBAN),
    "bans": _bans,
    "title": _with_reason(ModeratorAction.TITLE),
    "lock": _with_reason(ModeratorAction.LOCK),
    "unlock": _with_reason(ModeratorAction.UNLOCK),
    "readonly": _with_reason(ModeratorAction.READ_ONLY),
    "writable": _with_reason(ModeratorAction.WRITABLE),
    "clear": _with_reason(ModeratorAction.CLEAR),
    "close": _with_reason(ModeratorAction.CLOSE),
    "op": _about_user(ModeratorAction.APPOINT),
    "deop": _about_user(ModeratorAction.DISMISS),
}
