"""The log of a chat server: limits it, passes it on, and keeps the latest entries."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from enum import IntEnum
from typing import NamedTuple

from netchat.chat.effects import Log
from netchat.chat.log_limit import LogLimit
from netchat.chat.room_codes import show_code
from netchat.chat.text import show_text
from netchat.wire import ErrorCode

__all__ = ["LogEntry", "LogLevel", "ServerLog", "is_warning", "log_level", "log_line"]

#: Maximum number of entries that are kept.
KEPT = 200

# The fields that come first in a line, in this order; the others follow as name=value.
_SUBJECTS = ("name", "room", "text", "address")

#: Kinds of entry that are warnings. A refused request is not: it may be a taken name or a mistyped
#: room code.
_WARNINGS = frozenset({"dismissed", "storage", "too fast"})

#: Kinds of entry about the server itself, rather than about its users.
_NOTICES = frozenset(
    {
        "accounts",
        "cluster",
        "dashboard",
        "history",
        "joining",
        "listening",
        "metrics",
        "page",
        "purged",
        "stopped",
        "stopping",
        "tls",
    }
)

#: Details, which a server logs only on request.
_DETAILS = frozenset({"connected", "disconnected"})


class LogLevel(IntEnum):
    """Importance of log entries, with the numbers of syslog (RFC 5424): a lower one is more important."""

    WARNING = 4
    """Problems of the server or of a user."""
    NOTICE = 5
    """The server itself: its addresses, its history, its end."""
    INFO = 6
    """Actions of users."""
    DEBUG = 7
    """Details: each connection."""


class LogEntry(NamedTuple):
    """A log entry with its time."""

    time: float
    """Seconds since 1970."""

    note: Log
    """The entry."""


def is_warning(note: Log) -> bool:
    """Return whether an entry reports a problem, for a user or for the server."""
    # A user who reconnects, perhaps from another device, leaves the old connection to be closed.
    moved = note.fields.get("code") == ErrorCode.SESSION_MOVED.name
    return note.event in _WARNINGS and not moved


def log_level(note: Log) -> LogLevel:
    """Return the importance of an entry."""
    if is_warning(note):
        return LogLevel.WARNING
    if note.event in _NOTICES:
        return LogLevel.NOTICE
    return LogLevel.DEBUG if note.event in _DETAILS else LogLevel.INFO


def log_line(note: Log) -> str:
    """Return an entry as one line that is safe for a terminal, without its kind."""
    fields = dict(note.fields)
    if "room" in fields:
        fields["room"] = show_code(fields["room"])
    subject = [str(fields.pop(key)) for key in _SUBJECTS if fields.get(key) not in (None, "")]
    rest = [f"{key}={value}" for key, value in fields.items() if value not in (None, "")]
    # Names and texts come from clients.
    return show_text("  ".join(subject + rest)).replace("\n", "\\n")


class ServerLog:
    """The `log` callback of a chat server.

    Args:
        hear: Called with each entry that is written.
        limit: Limit on the entries, or None to write all of them.

    Attributes:
        latest: The last entries that were written.
        count: Number of entries written.
        warnings: Number of warnings, written or not.
    """

    def __init__(self, hear: Callable[[Log], None], limit: LogLimit | None = None) -> None:
        self.latest: deque[LogEntry] = deque(maxlen=KEPT)
        self.count = 0
        self.warnings = 0
        self._hear = hear
        self._limit = limit

    def __call__(self, note: Log) -> None:
        """Add an entry."""
        self.warnings += is_warning(note)
        self._write([note] if self._limit is None else self._limit.admit(note, time.monotonic()))

    def flush(self, *, at_once: bool = False) -> None:
        """Write the summaries that are due. Called about once per second."""
        if self._limit is not None:
            self._write(self._limit.expire(time.monotonic(), at_once=at_once))

    def _write(self, entries: list[Log]) -> None:
        for entry in entries:
            self.latest.append(LogEntry(time.time(), entry))
            self.count += 1
            self._hear(entry)
