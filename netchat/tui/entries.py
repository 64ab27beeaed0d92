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
from netchat.wire.file_offers import parse_offer

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
        offer: Number of the file that it offers, for `/save`, or 0.
        file_name: Name of this file.
    """

    when: float
    kind: LineKind
    text: str
    sender: str = ""
    tag: str = ""
    is_own: bool = False
    is_sealed: bool = False
    seq: int = 0
    offer: int = 0
    file_name: str = ""

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


def entry_of_event(room_event: RoomEvent, offer: int = 0) -> Entry:
    """Return the entry for an event of a room.

    Args:
        room_event: The event.
        offer: Number of the file that it offers, or 0.
    """
    event = room_event.event
    return _entry(
        event, LineKind.EVENT, is_own=room_event.own, is_sealed=room_event.is_sealed, offer=offer
    )


def past_entry(
    event: Event,
    *,
    own_name: str,
    problems: tuple[str, ...] | None,
    unsealed: tuple[str, ...],
    offer: int = 0,
) -> Entry:
    """Return the entry for an event of the history.

    Args:
        event: The event.
        own_name: The user's name.
        problems: What is wrong with it, if it was sealed; otherwise None.
        unsealed: What is wrong with it, if it should have been sealed.
        offer: Number of the file that it offers, or 0.
    """
    is_own = fold(event.sender) == fold(own_name)
    entry = _entry(
        event, LineKind.ANSWER, is_own=is_own, is_sealed=problems is not None, offer=offer
    )
    warnings = "".join(f" [warning: {sanitize(text)}]" for text in problems or unsealed)
    if not warnings:
        return entry
    return replace(entry, kind=LineKind.ERROR, text=entry.text + warnings, is_own=is_own)


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
        return replace(entry, text="(deleted)", sender=sender, tag="", offer=0, file_name="")
    text = sanitize(view.text, "\n")
    if event.kind == EventKind.FILE:
        mark = f"{LOCK} " if entry.is_sealed else ""
        text = mark + entry_of_line(event_line(event, file=entry.offer), entry.when).text
    if view.answers:
        text = f"↩ {sanitize(quotation(messages, view.answers), ' ')}\n{text}"
    return replace(entry, text=text + sanitize(message_suffix(view), " "))


def _entry(event: Event, kind: LineKind, *, is_own: bool, is_sealed: bool, offer: int) -> Entry:
    when = event.time / 1e6 if event.time else time.time()
    if event.kind in (EventKind.CHAT, EventKind.REPLY, EventKind.ERASED):
        return Entry(
            when, kind, sanitize(event.text, "\n"), sanitize(event.sender, " "), "", is_own,
            is_sealed, event.seq,
        )  # fmt: skip
    found = entry_of_line(event_line(event, file=offer), when, event.seq)
    mark = f"{LOCK} " if is_sealed else ""
    file = parse_offer(event.text) if offer else None
    name = file.name if file is not None else ""
    return Entry(
        when,
        kind,
        mark + found.text,
        tag=found.tag,
        is_sealed=is_sealed,
        seq=event.seq,
        offer=offer,
        file_name=name,
    )
