"""Mentions of the user: `@Name`, or the name as a word of its own."""

from __future__ import annotations

import functools
import re

from netchat.chat.client_events import RoomEvent
from netchat.chat.names import fold
from netchat.wire import EventKind, RoomKind
from netchat.wire.annotations import parse_annotation

__all__ = ["is_mentioned", "must_notify"]


def is_mentioned(text: str, name: str) -> bool:
    """Return whether a text contains a name as a word, in any case."""
    return bool(name) and _word(fold(name)).search(text.casefold()) is not None


@functools.lru_cache(maxsize=16)
def _word(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")


def must_notify(event: RoomEvent, name: str) -> bool:
    """Return whether an event is for the user: a private message, or one that mentions the user."""
    if event.own or event.late or event.event.kind not in (EventKind.CHAT, EventKind.REPLY):
        return False
    if event.kind is RoomKind.PRIVATE:
        return True
    reply = parse_annotation(event.event.kind, event.event.text)
    return is_mentioned(event.event.text if reply is None else reply.text, name)
