r"""Lines of text for the user.

    [join] Sourav joined the chat
    Sourav: Hello everyone
    Nova -> you: psst
    [leave] Nova left the chat

A line is a sequence of styled parts. Only `render` turns them into text for a terminal or a file, and
it sanitizes text from other users: it escapes control characters, and turns a line feed into an
indented line or `\n`, so that no user can forge another user's line.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from netchat.chat.names import fold
from netchat.chat.room_codes import LOBBY, PRIVATE_MARK, show_code
from netchat.chat.room_moderation import BanScope
from netchat.chat.text import show_text
from netchat.wire import BannedUser, Event, EventKind, Member
from netchat.wire.annotations import ANNOTATIONS, MESSAGE_KINDS, describe_annotation
from netchat.wire.file_offers import describe_offer
from netchat.wire.markup import BLOCK, CODE, MENTION, parse_markup
from netchat.wire.moderation_text import HOST, KINDS, describe, parse_notice

__all__ = [
    "LOCK",
    "Line",
    "LineKind",
    "Part",
    "ban_line",
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

#: Mark of a sealed message.
LOCK = "\N{LOCK}"


class LineKind(Enum):
    """Kind of a line. Events and answers go to standard output, the others to standard error."""

    EVENT = "event"
    ANSWER = "answer"
    NOTICE = "notice"
    ERROR = "error"


Part = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Line:
    """Line for the user.

    Attributes:
        kind: Kind of the line.
        parts: Pairs of a style and a text.
        fields: JSON object of the line; None derives one from its text, and an empty one omits the
            line from JSON output because another line has its data.
        when: Time of the event that it is about, in seconds since 1970, or 0.
    """

    kind: LineKind
    parts: tuple[Part, ...]
    fields: dict[str, Any] | None = None
    when: float = 0.0

    @property
    def text(self) -> str:
        """Text without styles, not sanitized."""
        return "".join(text for _, text in self.parts)

    def without_number(self) -> Line:
        """Return the line without the number of its message."""
        return replace(self, parts=tuple(part for part in self.parts if part[0] != "number"))

    def without_lock(self) -> Line:
        """Return the line without the mark of a sealed message."""
        return replace(self, parts=tuple(part for part in self.parts if part not in _lock(True)))


def notice_line(tag: str, text: str, kind: LineKind = LineKind.NOTICE) -> Line:
    """Return a line about a change of state: `[tag] text`."""
    return Line(kind, (("tag", f"[{tag}]"), ("", f" {text}")))


def error_line(text: str, tag: str = "error") -> Line:
    """Return a line about an error: `[tag] text`."""
    return Line(LineKind.ERROR, (("error", f"[{tag}]"), ("", f" {text}")))


def event_line(
    event: Event,
    room: str = "",
    *,
    is_sealed: bool = False,
    file: int = 0,
    parts: tuple[Part, ...] | None = None,
) -> Line:
    """Return a line for an event of a room.

    Args:
        event: The event.
        room: Title or code of the room to prefix the line with, or "".
        is_sealed: Whether it was sealed.
        file: Number of the file that it offers, for /save, or 0.
        parts: What the line says instead of what the event alone tells.
    """
    prefix: tuple[Part, ...] = (("tag", f"[{room}] "),) if room else ()
    parts = prefix + _lock(is_sealed) + (parts or _parts(event, file))
    return Line(LineKind.EVENT, parts, when=event.time / 1e6)


def _lock(is_sealed: bool | None) -> tuple[Part, ...]:
    return (("tag", f"{LOCK} "),) if is_sealed else ()


def private_line(event: Event, peer: str, *, own: bool, is_sealed: bool = False) -> Line:
    """Return a line for a private message from or to `peer`."""
    who: tuple[Part, ...] = (
        (("private", "you -> "), ("name", peer or "unknown"))
        if own
        else (("name", event.sender), ("private", " -> you"))
    )
    parts = (*_lock(is_sealed), *who, ("", ": "), ("said", event.text))
    return Line(LineKind.EVENT, parts, when=event.time / 1e6)


def past_line(
    event: Event,
    *,
    file: int = 0,
    problems: tuple[str, ...] | None = None,
    unsealed: tuple[str, ...] = (),
    parts: tuple[Part, ...] | None = None,
) -> Line:
    """Return a line for an event of the history, with its time and a message's number.

    Args:
        event: The event.
        file: Number of the file that it offers, for /save, or 0.
        problems: What is wrong with it, if it was sealed; otherwise None.
        unsealed: What is wrong with it, if it should have been sealed.
        parts: What the line says instead of what the event alone tells.
    """
    when = time.localtime(event.time / 1e6)
    today = time.localtime()[:3] == when[:3]
    shown = time.strftime("%H:%M" if today else "%Y-%m-%d %H:%M", when)
    number: tuple[Part, ...] = (
        (("number", f"#{event.seq} "),) if event.kind in MESSAGE_KINDS else ()
    )
    parts = (*number, *_lock(problems is not None), *(parts or _parts(event, file)))
    warnings = tuple(("error", f" [warning: {problem}]") for problem in problems or unsealed)
    parts = (("time", f"{shown}  "), *parts, *warnings)
    return Line(LineKind.ANSWER, parts, when=event.time / 1e6)


def people_line(
    where: str,
    members: Sequence[Member],
    kind: LineKind,
    total: int = 0,
    server_of: Callable[[Member], str] = lambda _: "",
) -> Line:
    """Return a line that lists members of a room.

    Args:
        where: How a sentence names the room.
        members: Members to list.
        kind: Kind of the line.
        total: Number of members, if not all are listed.
        server_of: Returns the other server of the cluster that a member is connected to, or "".
    """
    total = max(total, len(members))
    parts: list[Part] = [("tag", "[who]"), ("", f" {total} in {where}: ")]
    for index, member in enumerate(members):
        parts.append(("", ", " if index else ""))
        parts.append(("name", member.name))
        if member.away == 1:
            parts.append(("tag", " (away)"))
        elif server := server_of(member):
            parts.append(("tag", f" (at {sanitize(server, ' ')})"))
    if total > len(members):
        parts.append(("", f" and {total - len(members)} more (/who lists them)"))
    return Line(kind, tuple(parts))


def ban_line(ban: BannedUser) -> Line:
    """Return a line that describes a ban."""
    what = [
        label
        for flag, label in (
            (BanScope.NAME, "name"),
            (BanScope.DEVICE, "device"),
            (BanScope.ADDRESS, f"address {ban.address}".rstrip()),
        )
        if ban.scope & flag
    ]
    until = time.strftime("until %Y-%m-%d %H:%M", time.localtime(ban.until / 1e6))
    text = f" ({', '.join(what)}) {until if ban.until else 'until it is lifted'}"
    text += f", by {ban.actor or HOST}" + (f": {ban.reason}" if ban.reason else "")
    name = ban.name or "an address"
    return Line(LineKind.ANSWER, (("tag", f"#{ban.number} "), ("name", name), ("", text)))


def room_name(code: str) -> str:
    """Return how a sentence names a room."""
    return "the lobby" if code == LOBBY else f"room {show_code(code)}"


def shorten(text: str, width: int = 60) -> str:
    """Return a text on one line, truncated to a width in columns."""
    first = sanitize(text, " ")
    # Slow to import, and the windows need no columns.
    from wcwidth import clip
    from wcwidth import width as columns

    return first if columns(first) <= width else clip(first, 0, width - 1) + "…"


def sanitize(text: str, feed: str = "\\n") -> str:
    r"""Return untrusted text without control characters.

    Args:
        text: Text from another user or the server.
        feed: Replacement of a line feed.
    """
    return show_text(text).replace("\n", feed)


def render(line: Line, *, colour: bool, one_line: bool, own_name: str = "", indent: int = 4) -> str:
    r"""Return a line as sanitized text.

    Args:
        line: The line.
        colour: Use ANSI colours.
        one_line: Show a line feed as `\n` instead of a line break and an indent.
        own_name: Name of the user, whose mentions stand out.
        indent: Columns of the indent.
    """
    feed = "\\n" if one_line else "\n" + " " * indent
    if colour and not one_line:
        line = replace(line, parts=tuple(_formatted(line.parts, own_name)))
    safe = [(style, sanitize(text, feed)) for style, text in line.parts]
    if not colour:
        return "".join(text for _, text in safe)
    return "".join(_paint(style, text) for style, text in safe)


def _parts(event: Event, file: int = 0) -> tuple[Part, ...]:
    name: Part = ("name", event.sender)
    place = "chat" if event.room == LOBBY or event.room.startswith(PRIVATE_MARK) else "room"
    if event.kind == EventKind.JOIN:
        return (("tag", "[join] "), name, ("tag", f" joined the {place}"))
    if event.kind == EventKind.LEAVE:
        return (("tag", "[leave] "), name, ("tag", f" left the {place}"))
    if event.kind in KINDS:
        tag = "[leave] " if event.kind == EventKind.REMOVED else "[room] "
        return (("tag", tag), ("", describe(parse_notice(event))))
    if event.kind == EventKind.RENAME:
        return (("tag", "[rename] "), name, ("tag", " is now "), ("name", event.text))
    if event.kind == EventKind.FILE:
        how: tuple[Part, ...] = (("tag", f"  /save {file}"),) if file else ()
        return (("tag", "[file] "), name, ("", f": {describe_offer(event.text)}"), *how)
    if event.kind in ANNOTATIONS or event.kind == EventKind.ERASED:
        return (name, ("", f": {describe_annotation(event.kind, event.text)}"))
    if event.kind == EventKind.REKEY:
        why = f" ({event.text})" if event.text else ""
        return (("tag", "[secret] "), name, ("tag", f" changed the secret of the {place}{why}"))
    return (name, ("", ": "), ("said", event.text))


def _formatted(parts: tuple[Part, ...], own_name: str) -> Iterator[Part]:
    """Yield the parts of a line, with the code and the mentions in messages as parts of their own."""
    for style, text in parts:
        if style != "said":
            yield style, text
            continue
        pieces = parse_markup(text)
        for at, piece in enumerate(pieces):
            if piece.kind == BLOCK:
                yield "code", "\n" + piece.text + "\n" * (at + 1 < len(pieces))
            elif piece.kind == MENTION:
                is_own = bool(own_name) and fold(piece.text[1:]) == fold(own_name)
                yield ("own mention" if is_own else "mention"), piece.text
            else:
                yield ("code" if piece.kind == CODE else ""), piece.text


_STYLES = {
    "time": "2",
    "number": "2",
    "tag": "2",
    "private": "3",
    "code": "36",
    "mention": "1",
    "own mention": "1;7",
    "match": "7",
    "error": "1;31",
}
#: ANSI colours of names: no red, which marks errors, and all readable on black and on white.
_NAME_COLOURS = ("32", "33", "34", "35", "36", "92", "94", "95", "96")


def _paint(style: str, text: str) -> str:
    code = _STYLES.get(style, "")
    if style == "name":
        code = "1;" + _NAME_COLOURS[zlib.crc32(fold(text).encode()) % len(_NAME_COLOURS)]
    return f"\x1b[{code}m{text}\x1b[0m" if code and text else text
