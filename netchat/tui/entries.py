"""Entries in the log of a conversation, for front ends with panes."""

from __future__ import annotations

import time
import zlib
from dataclasses import dataclass, replace

from netchat.chat.client_events import RoomEvent
from netchat.chat.names import fold
from netchat.tui.annotation_lines import message_suffix, quotation
from netchat.tui.lines import LOCK, Line, LineKind, event_line, sanitize
from netchat.tui.room_messages import RoomMessages
from netchat.wire import Event, EventKind

__all__ = [
    "Entry",
    "entry_of_event",
    "entry_of_line",
    "past_entry",
    "present_entry",
    "tint_of",
]


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry in the log of a conversation. Its texts are sanitized.

    Attributes:
        when: Time, in seconds since 1970.
        kind: Kind of the entry.
        text: The message, or a sentence about what has happened. It may have several lines.
        sender: Name of the sender of a message; otherwise empty.
        tag: What the entry is about, such as `join`, if it is not a message.
        is_own: The user sent the message.
        is_sealed: The message was sealed.
        seq: Sequence number of the event in its room, or 0.
    """

    when: float
    kind: LineKind
    text: str
    sender: str = ""
    tag: str = ""
    is_own: bool = False
    is_sealed: bool = False
    seq: int = 0

    @property
    def clock(self) -> str:
        """The time of day as HH:MM, with the date if it is not today's."""
        when = time.localtime(self.when)
        today = time.localtime()[:3] == when[:3]
        return time.strftime("%H:%M" if today else "%Y-%m-%d %H:%M", when)


def tint_of(name: str, count: int) -> int:
    """Return the index of a user's colour, from 0 to `count` - 1."""
    return zlib.crc32(fold(name).encode()) % count


def entry_of_line(line: Line, when: float, seq: int = 0) -> Entry:
    """Return the entry for a line of text; a tag such as `[join]` becomes `Entry.tag`.

    Args:
        line: The line.
        when: Time of the entry, in seconds since 1970, unless the line shows one.
        seq: Sequence number of its event, or 0.
    """
    if line.parts[0][0] == "time":
        line, when = replace(line, parts=line.parts[1:]), line.when
    text, tag = sanitize(line.text, "\n"), ""
    if line.parts[0][0] in ("tag", "error") and text.startswith("["):
        tag, _, text = text[1:].partition("] ")
    return Entry(when, line.kind, text, tag=tag, seq=seq)


def entry_of_event(room_event: RoomEvent) -> Entry:
    """Return the entry for an event of a room."""
    event = room_event.event
    return _entry(event, LineKind.EVENT, is_own=room_event.own, is_sealed=room_event.is_sealed)


def past_entry(
    event: Event, *, own_name: str, problems: tuple[str, ...] | None, unsealed: tuple[str, ...]
) -> Entry:
    """Return the entry for an event of the history.

    Args:
        event: The event.
        own_name: The user's name.
        problems: What is wrong with it, if it was sealed; otherwise None.
        unsealed: What is wrong with it, if it should have been sealed.
    """
    is_own = fold(event.sender) == fold(own_name)
    entry = _entry(event, LineKind.ANSWER, is_own=is_own, is_sealed=problems is not None)
    warnings = "".join(f" [warning: {sanitize(text)}]" for text in problems or unsealed)
    if not warnings:
        return entry
    return Entry(
        entry.when, LineKind.ERROR, entry.text + warnings, entry.sender, entry.tag, is_own,
        entry.is_sealed, entry.seq,
    )  # fmt: skip


def present_entry(entry: Entry, messages: RoomMessages) -> Entry:
    """Return the entry of a message in its present state: edited, deleted, or with reactions.

    Args:
        entry: The entry as it was.
        messages: The messages of the room.
    """
    event = messages.get(entry.seq)
    if event is None or entry.kind is LineKind.ERROR:  # with warnings
        return entry
    view, sender = messages.view(event), sanitize(event.sender, " ")
    if view.is_deleted:
        return replace(entry, text="(deleted)", sender=sender, tag="")
    text = sanitize(view.text, "\n")
    if event.kind == EventKind.FILE:
        text = entry_of_line(event_line(event), entry.when).text
    if view.answers:
        text = f"↩ {sanitize(quotation(messages, view.answers), ' ')}\n{text}"
    return replace(entry, text=text + sanitize(message_suffix(view), " "))


def _entry(event: Event, kind: LineKind, *, is_own: bool, is_sealed: bool) -> Entry:
    when = event.time / 1e6 if event.time else time.time()
    if event.kind in (EventKind.CHAT, EventKind.REPLY, EventKind.ERASED):
        return Entry(
            when, kind, sanitize(event.text, "\n"), sanitize(event.sender, " "), "", is_own,
            is_sealed, event.seq,
        )  # fmt: skip
    found = entry_of_line(event_line(event), when, event.seq)
    mark = f"{LOCK} " if is_sealed else ""
    return Entry(when, kind, mark + found.text, tag=found.tag, seq=event.seq)
