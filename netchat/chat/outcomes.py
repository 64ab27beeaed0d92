"""Outcomes of commands: the changes that a command makes, or why it changes nothing.

Each server derives from them what to store, what to send, and how to answer.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple

from netchat.chat.persistence import Change, EventRow

__all__ = [
    "ConversationOpened",
    "MemberLeft",
    "Outcome",
    "Reason",
    "Rejected",
    "RoleChanged",
    "RoomClosed",
    "RoomEmptied",
    "SessionAway",
    "SessionClosed",
    "SessionMoved",
    "SessionRemoved",
    "StateChange",
]


class Reason(Enum):
    """Reason for rejecting a command."""

    STALE = auto()
    """The command's session has ended or has another connection, or its room has been used since."""

    UNKNOWN_SERVER = auto()
    """The lease of the server that has the connection has ended."""

    NAME_TAKEN = auto()
    NO_SUCH_ROOM = auto()
    NO_SUCH_USER = auto()
    NOT_A_MEMBER = auto()
    TOO_MANY_ROOMS = auto()

    EXISTS = auto()
    """The room, membership or server exists already."""

    REGISTERED = auto()
    """The name or the session belongs to an account."""

    OUTDATED = auto()
    """The account was removed, or its password or logins have changed."""

    NO_INVITATION = auto()
    """The invitation does not exist, or has expired."""

    FULL = auto()
    """The server has the maximum number of accounts or invitations."""

    REPEATED = auto()
    """The device has used this counter in the room, or a larger one."""

    BANNED = auto()
    LOCKED = auto()
    MUTED = auto()
    READ_ONLY = auto()

    NOT_ALLOWED = auto()
    """The user has no right to do this, or not to this user."""

    NOT_POSSIBLE = auto()
    """The action is unknown or impossible in this room."""

    TOO_MANY = auto()
    """The room has the maximum number of bans, mutes or moderators."""

    NOTHING_TO_CHANGE = auto()

    NO_KEYS = auto()
    """A member, or the user, has published no keys for sealed messages."""

    NOT_SEALED = auto()
    """A text for a sealed room is not sealed, or a sealed one is for another room."""

    OLD_EPOCH = auto()
    """The message is not sealed with the room's current secret."""

    ROOM_FULL = auto()

    NO_SUCH_MESSAGE = auto()
    """The room has no event with this number."""


class Rejected(NamedTuple):
    """The outcome of a command that changes nothing."""

    reason: Reason
    session: int = 0
    """The session that has the name, or that is in too many rooms."""

    account: int = 0
    """The account that has the name."""


class SessionMoved(NamedTuple):
    """A session that leaves the connection it was on."""

    id: int
    rooms: tuple[int, ...]
    """Numbers of its rooms."""

    text: str = "The session was resumed on another connection."
    """The reason, for the connection."""


class SessionAway(NamedTuple):
    """A session that has lost its connection."""

    id: int


class SessionClosed(NamedTuple):
    """A session that has ended."""

    id: int
    name: str
    reason: str
    remaining: int
    """Number of sessions after it."""


class MemberLeft(NamedTuple):
    """A user who has left a room and stays connected."""

    session: int
    room: str
    request: int
    """Number of the user's request, or 0."""


class RoomEmptied(NamedTuple):
    """A room whose last member has left. It is kept for a while."""

    id: int


class ConversationOpened(NamedTuple):
    """A private room that another user has opened with this one."""

    session: int
    room: int


class SessionRemoved(NamedTuple):
    """A session that a moderator ends. The changes that follow this one end it."""

    id: int
    text: str
    """Reason, for the user."""


class RoleChanged(NamedTuple):
    """A user who has become, or is no longer, a moderator of a room."""

    session: int
    room: int


class RoomClosed(NamedTuple):
    """A room that a moderator has closed. It no longer has these members."""

    room: int
    code: str
    sessions: tuple[int, ...]


StateChange = (
    EventRow
    | Change
    | SessionMoved
    | SessionAway
    | SessionClosed
    | MemberLeft
    | RoomEmptied
    | ConversationOpened
    | SessionRemoved
    | RoleChanged
    | RoomClosed
)

#: Changes in order, or a rejection.
Outcome = list[StateChange] | Rejected
