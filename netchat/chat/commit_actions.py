"""Actions of the server for its clients once a batch is durable, as data.

A batch lists these in order: some before its events are sent, some after. `commit` carries them out.
"""

from __future__ import annotations

from typing import NamedTuple

from netchat.chat.connection import Connection, RepeatedSend, RoomFeed
from netchat.chat.model import Session
from netchat.wire import Message

__all__ = [
    "AnswerRepeatedSend",
    "ClearFeed",
    "CloseFeed",
    "CommitAction",
    "Dismiss",
    "FinishBye",
    "ForgetErased",
    "SendJoined",
    "SendMessage",
    "SendRoomState",
    "SendWelcome",
    "Unfollow",
]


class SendWelcome(NamedTuple):
    """Send WELCOME, and continue each room where the client left off."""

    connection: Connection
    session: Session
    token: bytes
    """The session's new token."""

    time: int
    """Time of the HELLO, in microseconds since 1970."""

    positions: dict[str, int]
    """The last event that the client has of each room."""

    feeds: tuple[RoomFeed, ...]
    """The session's rooms when it was resumed. Rooms entered later may not be durable yet, and are
    announced by their own JOINED."""

    features: int = 0
    """Optional features of the client."""

    is_resumed: bool = True
    """Whether the client continues its own session. If not, it may continue that of another device."""


class SendJoined(NamedTuple):
    """Send JOINED, then the room's events.

    Sent even if the membership has ended in the meantime: its last events and LEFT follow.
    """

    connection: Connection
    session: Session
    feed: RoomFeed
    request: int
    after: int | None
    """The event after which the stream of events starts; None to start with future events."""


class SendMessage(NamedTuple):
    """Send a message."""

    connection: Connection
    message: Message


class Unfollow(NamedTuple):
    """Stop sending the events of a room that the user has left."""

    connection: Connection
    feed: RoomFeed


class AnswerRepeatedSend(NamedTuple):
    """Queue the answer to a repeated SEND."""

    connection: Connection
    request: RepeatedSend


class FinishBye(NamedTuple):
    """Answer BYE and close the connection."""

    connection: Connection


class Dismiss(NamedTuple):
    """Tell a user that a moderator has ended the session, and close the connection."""

    connection: Connection
    text: str
    """The reason, for the user."""


class SendRoomState(NamedTuple):
    """Send ROOM_STATE, because the user's role has changed."""

    connection: Connection
    session: Session
    feed: RoomFeed


class ClearFeed(NamedTuple):
    """Stop reading a room's events before `floor`."""

    feed: RoomFeed
    floor: int


class ForgetErased(NamedTuple):
    """Forget a deleted message, and the file that it offered."""

    feed: RoomFeed
    sha256: bytes
    """SHA-256 of the file, or empty."""


class CloseFeed(NamedTuple):
    """Tell the members of a closed room that no more events follow."""

    feed: RoomFeed
    code: str
    connections: list[Connection]
    lagging: list[Connection]
    """Lagging connections, which get the events from the history."""


CommitAction = (
    SendWelcome
    | SendJoined
    | SendMessage
    | SendRoomState
    | Unfollow
    | AnswerRepeatedSend
    | FinishBye
    | Dismiss
    | ClearFeed
    | CloseFeed
    | ForgetErased
)
