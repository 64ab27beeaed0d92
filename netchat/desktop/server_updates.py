"""Updates from the thread of the server to its window: immutable values in one queue."""

from __future__ import annotations

from dataclasses import dataclass

from netchat.chat.server_log import LogEntry
from netchat.net.operator_view import Figures, ListedRoom, ListedUser

__all__ = [
    "AccountsListed",
    "ListedAccount",
    "OperatorAnswer",
    "ServerChanged",
    "ServerStarted",
    "ServerStopped",
    "ServerUpdate",
]


@dataclass(frozen=True, slots=True)
class ServerStarted:
    """The start of the server: clients can connect.

    Attributes:
        addresses: Addresses that it listens on, HOST:PORT.
        page: URL of the page on this machine; empty without one.
        public_page: URL of the page for other machines; empty if only this one can connect.
        fingerprint: SHA-256 of the server's key, or empty without TLS.
    """

    addresses: tuple[str, ...]
    page: str
    public_page: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class ServerChanged:
    """State of a server, for its window.

    Attributes:
        figures: Its figures, or None if it does not run.
        users: Its users.
        rooms: Its rooms.
        log: New entries of its log.
    """

    figures: Figures | None
    users: tuple[ListedUser, ...]
    rooms: tuple[ListedRoom, ...]
    log: tuple[LogEntry, ...]


@dataclass(frozen=True, slots=True)
class OperatorAnswer:
    """Answer to a request of the operator.

    Attributes:
        text: What has happened, or the problem.
        is_problem: The request failed.
        copy: Text for the clipboard, such as an invitation; empty for none.
    """

    text: str
    is_problem: bool
    copy: str = ""


@dataclass(frozen=True, slots=True)
class ListedAccount:
    """An account.

    Attributes:
        name: Its name.
        role: `owner`, `moderator` or `member`.
        created: Time of its registration, in seconds since 1970.
        is_online: Its owner is connected.
    """

    name: str
    role: str
    created: float
    is_online: bool


@dataclass(frozen=True, slots=True)
class AccountsListed:
    """The accounts of the server, sorted by name."""

    accounts: tuple[ListedAccount, ...]


@dataclass(frozen=True, slots=True)
class ServerStopped:
    """The end of the server.

    Attributes:
        why: The problem; empty if the operator has stopped it.
    """

    why: str


ServerUpdate = ServerStarted | ServerChanged | OperatorAnswer | AccountsListed | ServerStopped
