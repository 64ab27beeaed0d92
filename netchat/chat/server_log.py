"""What a server notes: passed on, and the latest kept."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from netchat.chat.effects import Log
from netchat.chat.log_limit import LogLimit
from netchat.chat.room_codes import show_code
from netchat.chat.text import show_text
from netchat.wire import ErrorCode

__all__ = ["LogEntry", "ServerLog", "is_warning", "log_line"]

#: Notes that are kept.
KEPT = 200

# What a person reads first of each kind of note; the other fields follow as name=value.
_SUBJECTS = ("name", "room", "text", "address")

#: Kinds of note that say that something went wrong. That a request is refused is daily business: a
#: name is taken, a code was mistyped.
_TROUBLES = frozenset({"dismissed", "storage", "too fast"})


class LogEntry(NamedTuple):
    """A note, and when it was made, in seconds since 1970."""

    time: float
    note: Log


def is_warning(note: Log) -> bool:
    """Whether a note says that something went wrong, for a user or for the server."""
    # Who comes back, or changes from the desk to the phone, leaves a connection behind.
    moved = note.fields.get("code") == ErrorCode.SESSION_MOVED.name
    return note.event in _TROUBLES and not moved


def log_line(note: Log) -> str:
    """What a note says, but for its kind: one line that gives no commands to a terminal."""
    fields = dict(note.fields)
    if "room" in fields:
        fields["room"] = show_code(fields["room"])
    subject = [str(fields.pop(key)) for key in _SUBJECTS if fields.get(key) not in (None, "")]
    rest = [f"{key}={value}" for key, value in fields.items() if value not in (None, "")]
    # Names and texts come from other people.
    return show_text("  ".join(subject + rest)).replace("\n", "\\n")


class ServerLog:
    """Takes notes: the `log` of a chat server.

    Args:
        hear: called with each one that is written.
        limit: decides which those are; None is all.

    Attributes:
        latest: the last of those.
        count: how many of those there have been.
        troubles: how many notes said that something went wrong, written or not.
    """

    def __init__(self, hear: Callable[[Log], None], limit: LogLimit | None = None) -> None:
        self.latest: deque[LogEntry] = deque(maxlen=KEPT)
        self.count = 0
        self.warnings = 0
        self._hear = hear
        self._limit = limit

    def __call__(self, note: Log) -> None:
        """Take a note."""
        self.warnings += is_warning(note)
        self._write([note] if self._limit is None else self._limit.admit(note, time.monotonic()))

    def flush(self, *, at_once: bool = False) -> None:
        """Write what the limit has counted, where it is due; called about once a second."""
        if self._limit is not None:
            self._write(self._limit.expire(time.monotonic(), at_once=at_once))

    def _write(self, notes: list[Log]) -> None:
        for note in notes:
            self.latest.append(LogEntry(time.time(), note))
            self.count += 1
            self._hear(note)
