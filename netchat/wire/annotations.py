"""Edits, deletions, replies and reactions: the form of their events, and what users read about them.

The text of such an event is the sequence number of another event, its target. Except for a deletion, a
line feed and a text follow: of an edit, the new text; of a reply, the answer; of a reaction, `+` to add it
or `-` to take it back, and the reaction.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from netchat.wire.messages import EventKind
from netchat.wire.safe_text import INVISIBLE

__all__ = [
    "ANNOTATIONS",
    "MAX_REACTION",
    "MESSAGE_KINDS",
    "Annotation",
    "annotation_text",
    "describe_annotation",
    "parse_annotation",
    "reaction_problem",
]

#: Kinds of events that refer to another event.
ANNOTATIONS = frozenset(
    {EventKind.EDIT, EventKind.DELETE, EventKind.REPLY, EventKind.REACTION},
)

#: Kinds of events that another event can refer to.
MESSAGE_KINDS = frozenset({EventKind.CHAT, EventKind.REPLY, EventKind.FILE})

#: Longest reaction in characters. The longest emoji, a family of four with skin tones, has 11.
MAX_REACTION = 16

#: A number as `annotation_text` writes it, below 2^63.
_NUMBER = re.compile(r"[1-9][0-9]{0,18}")


class Annotation(NamedTuple):
    """Reference of an event to another one, and what it does to it."""

    kind: EventKind
    """EDIT, DELETE, REPLY or REACTION."""

    target: int
    """Sequence number of the other event."""

    text: str = ""
    """The new text, the answer, or the reaction; empty for a deletion."""

    is_removal: bool = False
    """Whether a reaction is taken back."""


def annotation_text(kind: int, target: int, text: str) -> str:
    """Return the text of the event for an ANNOTATE with these fields."""
    return str(target) if kind == EventKind.DELETE else f"{target}\n{text}"


def parse_annotation(kind: int, text: str) -> Annotation | None:
    """Return what an event says about another one.

    Args:
        kind: Kind of the event.
        text: Its text.

    Returns:
        None if the kind or the text has another form.
    """
    if kind not in ANNOTATIONS:
        return None
    number, feed, rest = text.partition("\n")
    if not _NUMBER.fullmatch(number) or int(number) >= 2**63:
        return None
    if kind == EventKind.DELETE:
        return Annotation(EventKind.DELETE, int(number)) if not feed else None
    if kind == EventKind.REACTION:
        if reaction_problem(rest):
            return None
        return Annotation(EventKind.REACTION, int(number), rest[1:], rest[0] == "-")
    return Annotation(EventKind(kind), int(number), rest) if rest else None


def reaction_problem(text: str) -> str:
    """Return what is wrong with the text of a reaction, or an empty string.

    >>> reaction_problem("+👍"), reaction_problem("-ok")
    ('', '')
    """
    if text[:1] not in ("+", "-"):
        return "A reaction begins with + or -."
    reaction = text[1:]
    if not 0 < len(reaction) <= MAX_REACTION:
        return f"A reaction has 1 to {MAX_REACTION} characters, got {len(reaction)}."
    if any(map(str.isspace, reaction)) or not INVISIBLE.sub("", reaction):
        return "A reaction contains no space, and something visible."
    return ""


def describe_annotation(kind: int, text: str) -> str:
    """Return what users read about an event of these kinds, without its sender.

    For clients and views that do not have the target.
    """
    if kind == EventKind.ERASED:
        return "(deleted)"
    found = parse_annotation(kind, text)
    if found is None:
        return text
    match found.kind:
        case EventKind.EDIT:
            return f"(edited message {found.target}) {found.text}"
        case EventKind.DELETE:
            return f"(deleted message {found.target})"
        case EventKind.REPLY:
            return f"(reply to message {found.target}) {found.text}"
        case _:
            how = "took back a reaction" if found.is_removal else "reacted"
            return f"({how} to message {found.target}) {found.text}"
