r"""What happens in a chat, as lines for people.

    [join] Sourav joined the chat
    Sourav: Hello everyone
    Nova -> you: psst
    [leave] Nova left the chat

A line is a row of styled parts. `render` is the one place where they become text for a terminal or
a file, and the one place where what other people wrote is made sanitize: no control character
passes it, and a line feed becomes an indented line or `\n`, so that nobody can write a line that
looks like another one's.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from wcwidth import clip
from wcwidth import width as columns

from netchat.chat.names import fold
from netchat.chat.room_codes import LOBBY, PRIVATE_MARK, show_code
from netchat.chat.text import show_text
from netchat.wire import Event, EventKind, Member

__all__ = [
    "Kind",
    "Line",
    "error_line",
    "event_line",
    "notice_line",
    "past_line",
    "people_line",
    "private_line",
    "render",
    "room_name",
    "sanitize",
    "shorten",
]


class Kind(Enum):
    """What a line is, which decides where it goes: the first two are output, the others are not."""

    EVENT = "event"
    ANSWER = "answer"
    NOTICE = "notice"
    ERROR = "error"


Part = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Line:
    """One line: what it is, and its parts, each a style and a text.

    Attributes:
        fields: what stands for it where JSON is printed; None is its text. Without any fields it is
            left out there: another line has said it.
    """

    kind: Kind
    parts: tuple[Part, ...]
    fields: dict[str, Any] | None = None

    @property
    def text(self) -> str:
        """The text alone, as it was written; `render` makes it fit to be shown."""
        return "".join(text for _, text in self.parts)


def notice_line(tag: str, text: str, kind: Kind = Kind.NOTICE) -> Line:
    """A line about the state of things: `[tag] text`."""
    return Line(kind, (("tag", f"[{tag}]"), ("", f" {text}")))


def error_line(text: str, tag: str = "error") -> Line:
    """A line about what did not work."""
    return Line(Kind.ERROR, (("error", f"[{tag}]"), ("", f" {text}")))


def event_line(event: Event, room: str = "") -> Line:
    """An event of a room.

    Args:
        event: it.
        room: the room's code, if the line has to say which it is.
    """
    prefix: tuple[Part, ...] = (("tag", f"[{show_code(room)}] "),) if room else ()
    return Line(Kind.EVENT, prefix + _parts(event))


def private_line(event: Event, peer: str, *, own: bool) -> Line:
    """What was said in private, from or to `peer`."""
    who: tuple[Part, ...] = (
        (("private", "you -> "), ("name", peer or "somebody"))
        if own
        else (("name", event.sender), ("private", " -> you"))
    )
    return Line(Kind.EVENT, (*who, ("", f": {event.text}")))


def past_line(event: Event) -> Line:
    """An event of the past, with the time of day it happened at."""
    when = time.localtime(event.time / 1e6)
    today = time.localtime()[:3] == when[:3]
    shown = time.strftime("%H:%M" if today else "%Y-%m-%d %H:%M", when)
    return Line(Kind.ANSWER, (("tag", f"{shown}  "), *_parts(event)))


def people_line(room: str, members: Sequence[Member], kind: Kind, total: int = 0) -> Line:
    """Who is in a room, or the first of `total`."""
    total = max(total, len(members))
    parts: list[Part] = [("tag", "[who]"), ("", f" {total} in {room_name(room)}: ")]
    for index, member in enumerate(members):
        parts.append(("", ", " if index else ""))
        parts.append(("name", member.name))
        if member.away:
            parts.append(("tag", " (away)"))
    if total > len(members):
        parts.append(("", f" and {total - len(members)} more (/who lists them)"))
    return Line(kind, tuple(parts))


def room_name(code: str) -> str:
    """A room within a sentence."""
    return "the lobby" if code == LOBBY else f"the room {show_code(code)}"


def shorten(text: str, width: int = 60) -> str:
    """Return the beginning of a text, on one line of so many columns."""
    first = sanitize(text, " ")
    return first if columns(first) <= width else clip(first, 0, width - 1) + "…"


def sanitize(text: str, feed: str = "\\n") -> str:
    r"""Text from somebody else, fit to be shown: without control characters, on one line.

    Args:
        text: it.
        feed: what stands for a line feed.
    """
    return show_text(text).replace("\n", feed)


def render(line: Line, *, colour: bool, one_line: bool) -> str:
    r"""A line as text.

    Args:
        line: it.
        colour: with ANSI colours.
        one_line: show a line feed as `\n`, rather than as a line break and an indent.
    """
    feed = "\\n" if one_line else "\n    "
    safe = [(style, sanitize(text, feed)) for style, text in line.parts]
    if not colour:
        return "".join(text for _, text in safe)
    return "".join(_paint(style, text) for style, text in safe)


def _parts(event: Event) -> tuple[Part, ...]:
    name: Part = ("name", event.sender)
    place = "chat" if event.room == LOBBY or event.room.startswith(PRIVATE_MARK) else "room"
    if event.kind == EventKind.JOIN:
        return (("tag", "[join] "), name, ("tag", f" joined the {place}"))
    if event.kind == EventKind.LEAVE:
        return (("tag", "[leave] "), name, ("tag", f" left the {place}"))
    if event.kind == EventKind.RENAME:
        return (("tag", "[rename] "), name, ("tag", " is now "), ("name", event.text))
    return (name, ("", f": {event.text}"))


_STYLES = {"tag": "2", "private": "3", "error": "1;31"}
#: Colours of names: no red, which is for errors, and none that vanishes on black or white.
_NAME_COLOURS = ("32", "33", "34", "35", "36", "92", "94", "95", "96")


def _paint(style: str, text: str) -> str:
    code = _STYLES.get(style, "")
    if style == "name":
        code = "1;" + _NAME_COLOURS[zlib.crc32(fold(text).encode()) % len(_NAME_COLOURS)]
    return f"\x1b[{code}m{text}\x1b[0m" if code and text else text
