"""Effects: what the server's rules want done, carried out in order by the transport."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from netchat.chat.connection import Connection
from netchat.chat.file_jobs import FileJob

__all__ = [
    "CheckPassword",
    "ClearHistory",
    "Close",
    "Effect",
    "Fanout",
    "Log",
    "RunFileJob",
    "Write",
]


class Write(NamedTuple):
    """Bytes to send to one connection."""

    to: Connection
    data: bytes


class Fanout(NamedTuple):
    """The same bytes to send to many connections."""

    to: Collection[Connection]
    data: bytes


class Close(NamedTuple):
    """A connection to close once everything written to it has been sent."""

    connection: Connection


class CheckPassword(NamedTuple):
    """A password to check, to hash or both, away from the event loop.

    `netchat.chat.hub.Hub.password_checked` takes the result.
    """

    connection: Connection
    request: Any
    """The request that needs it, returned with the result."""

    given: str = ""
    """The password to check."""

    stored: str = ""
    """The encoded hash to check it against, or empty if there is nothing to check."""

    new: str = ""
    """The password to hash, if the check succeeds; or empty."""


class Log(NamedTuple):
    """An entry for the server's log."""

    event: str
    """The kind of entry, such as `joined`."""

    fields: dict[str, Any]
    """Its values by name."""

    source: str = ""
    """Address of the connection whose request caused it, or an empty string."""


class ClearHistory(NamedTuple):
    """Events of a room, all before `floor`, to delete from the history."""

    room: int
    """Number of the room."""

    floor: int


class RunFileJob(NamedTuple):
    """Work on a file, away from the event loop.

    `netchat.chat.hub.Hub.file_job_done` takes the result.
    """

    job: FileJob


Effect = Write | Fanout | Close | CheckPassword | Log | ClearHistory | RunFileJob
