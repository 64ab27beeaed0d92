"""Events of moderation: their text on the wire, and the sentences that users read.

The text has three lines: the moderator's name (empty for the operator), the duration in seconds, and
the reason or title.
"""

from __future__ import annotations

from typing import NamedTuple

from netchat.wire.messages import Event, EventKind, ModeratorAction
from netchat.wording import many

__all__ = [
    "HOST",
    "KINDS",
    "ModerationNotice",
    "describe",
    "duration_words",
    "event_text",
    "parse_notice",
]

#: Name of the operator of the server, in sentences.
HOST = "the host"

#: Kinds of events of moderation.
KINDS = frozenset({EventKind.REMOVED, EventKind.MODERATED, EventKind.ROOM_CHANGED})

#: Units of durations, in seconds.
_UNITS = ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


class ModerationNotice(NamedTuple):
    """The content of an event of moderation."""

    action: int
    target: str
    """Name of the user whom it is about, or empty."""

    actor: str
    """Name of the moderator; empty for the operator."""

    seconds: int
    """Duration of a mute or ban; 0 if it has no end."""

    text: str
    """The reason or the title, or empty."""


def event_text(actor: str, seconds: int, text: str) -> str:
    """Return the text of an event of moderation."""
    return f"{actor}\n{seconds}\n{text}"


def parse_notice(event: Event) -> ModerationNotice:
    """Return the content of an event of moderation; missing parts are empty."""
    actor, _, rest = event.text.partition("\n")
    seconds, _, text = rest.partition("\n")
    target = "" if event.kind == EventKind.ROOM_CHANGED else event.sender
    is_number = len(seconds) <= 10 and seconds.isascii() and seconds.isdecimal()
    return ModerationNotice(event.counter, target, actor, int(seconds) if is_number else 0, text)


def duration_words(seconds: int) -> str:
    """Return a duration in its largest whole unit, such as `10 minutes`."""
    unit, name = next(
        ((unit, name) for unit, name in _UNITS if seconds >= unit and not seconds % unit),
        (1, "second"),
    )
    return many(seconds // unit, name)


def describe(notice: ModerationNotice) -> str:
    """Return the sentence about an event of moderation, without a final period."""
    actor, target = notice.actor or HOST, notice.target or "an address"
    lasting = f" for {duration_words(notice.seconds)}" if notice.seconds else ""
    why = f": {notice.text}" if notice.text else ""
    match notice.action:
        case ModeratorAction.KICK:
            return f"{target} was removed by {actor}{why}"
        case ModeratorAction.MUTE:
            return f"{target} was muted by {actor}{lasting}{why}"
        case ModeratorAction.UNMUTE:
            return f"{target} was unmuted by {actor}{why}"
        case ModeratorAction.BAN:
            return f"{target} was banned by {actor}{lasting}{why}"
        case ModeratorAction.UNBAN:
            return f"{target} was unbanned by {actor}{why}"
        case ModeratorAction.APPOINT:
            return f"{target} was made a moderator by {actor}"
        case ModeratorAction.DISMISS:
            return f"{target} was removed as a moderator by {actor}"
        case ModeratorAction.TITLE:
            return (
                f"{actor} named this room “{notice.text}”"
                if notice.text
                else (f"{actor} removed this room's title")
            )
        case ModeratorAction.LOCK:
            return f"{actor} locked this room: no one else can join{why}"
        case ModeratorAction.UNLOCK:
            return f"{actor} unlocked this room{why}"
        case ModeratorAction.READ_ONLY:
            return f"{actor} made this room read-only: only moderators can write{why}"
        case ModeratorAction.WRITABLE:
            return f"{actor} lets everyone write again{why}"
        case ModeratorAction.CLEAR:
            return f"{actor} cleared this room's history{why}"
        case ModeratorAction.CLOSE:
            return f"{actor} closed this room{why}"
        case _:
            return f"{actor} carried out action {notice.action}{why}"
