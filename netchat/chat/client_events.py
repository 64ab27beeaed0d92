"""Events that a chat client reports to the application, one class per kind."""

from __future__ import annotations

from dataclasses import dataclass, field

from netchat.wire import BannedUser, Error, Event, FoundMessage, Member, Message, Role, RoomKind

__all__ = [
    "AccountChanged",
    "Acknowledged",
    "ActionCompleted",
    "BansReceived",
    "ClientEvent",
    "EventsMissed",
    "FileEnded",
    "FileProgress",
    "HistoryReceived",
    "LoginFailed",
    "LoginRequired",
    "NameChanged",
    "NameRejected",
    "Offline",
    "Online",
    "RequestRefused",
    "RoomDescribed",
    "RoomEntered",
    "RoomEvent",
    "RoomLeft",
    "RosterReceived",
    "SafetyReceived",
    "SealingWarning",
    "SearchCompleted",
    "SecretKnown",
    "SessionEnded",
    "Undelivered",
    "WarningReceived",
]


@dataclass(frozen=True, slots=True)
class Online:
    """The start of a session on a connection.

    Attributes:
        name: The user's name.
        resumed: Whether an earlier session was resumed.
        server: Name and version of the server.
    """

    name: str
    resumed: bool
    server: str


@dataclass(frozen=True, slots=True)
class Offline:
    """The loss of the connection, or a failed attempt to connect.

    Attributes:
        why: The reason.
        retry_in: Time until the next attempt, in seconds.
    """

    why: str
    retry_in: float


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """The end of the session; the client does not reconnect.

    Attributes:
        why: The reason.
        wanted: Whether the user ended it.
    """

    why: str
    wanted: bool


@dataclass(frozen=True, slots=True)
class NameRejected:
    """A refused name. Propose another one with `ChatClient.send_hello`.

    Attributes:
        why: The reason.
        suggestion: A similar name that is free.
    """

    why: str
    suggestion: str


@dataclass(frozen=True, slots=True)
class LoginRequired:
    """A name that belongs to an account, or a server that admits only registered users.

    Log in or register with `ChatClient.enter`, or propose another name with `send_hello`.

    Attributes:
        name: The requested name.
        why: The reason.
        suggestion: A similar name that is free.
    """

    name: str
    why: str
    suggestion: str


@dataclass(frozen=True, slots=True)
class LoginFailed:
    """A refused login or registration, before the session.

    Attributes:
        why: The reason.
        code: The server's reason, or 0 if the client has refused to send the password.
        suggestion: A name that is free, if the name was refused; otherwise empty.
    """

    why: str
    code: int
    suggestion: str = ""


@dataclass(frozen=True, slots=True)
class AccountChanged:
    """The user's account, at the start of a session and whenever it changes.

    Attributes:
        name: Name of the account; empty for a guest.
        role: Rights of the account.
        request: Number of the request that it answers, or 0.
    """

    name: str
    role: Role
    request: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class NameChanged:
    """A change of the user's own name.

    Attributes:
        name: The new name.
        request: Number of the RENAME request.
    """

    name: str
    request: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class RoomEntered:
    """The start of a membership in a room.

    Attributes:
        room: Room code.
        kind: Lobby, room or private room.
        peer: Name of the other user in a private room, otherwise an empty string.
        members: Number of members, including this user.
        asked: Whether this user's own request caused it, rather than another user's.
        request: Number of that request, or 0.
    """

    room: str
    kind: RoomKind
    peer: str
    members: int
    asked: bool
    request: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class RoomLeft:
    """The end of a membership in a room.

    Attributes:
        room: Room code.
        why: Why the server refuses to let the user back in, or an empty string.
    """

    room: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class RoomEvent:
    """An event of a room. Each is reported once and in order.

    Attributes:
        event: The EVENT message.
        kind: Lobby, room or private room.
        peer: Name of the other user in a private room, otherwise an empty string.
        own: Whether it is the user's own message.
        late: Whether it happened while the user was not connected.
        is_sealed: Whether it was sealed. `event` then holds its plaintext, and as its sender the name
            that the sender's device states.
        problems: What is wrong with it, if it was sealed or should have been. Without a text, it
            could not be opened.
    """

    event: Event
    kind: RoomKind
    peer: str
    own: bool
    late: bool
    is_sealed: bool = False
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SealingWarning:
    """A warning about a sealed room or a sealed conversation.

    Attributes:
        room: Room code.
        text: What is wrong, and what to do.
    """

    room: str
    text: str


@dataclass(frozen=True, slots=True)
class SecretKnown:
    """The secret of a sealed room, when this device learns it or it has changed.

    Attributes:
        room: Room code.
        epoch: Number of the secret, from 1.
        secret: The secret as in the room's link.
    """

    room: str
    epoch: int
    secret: str


@dataclass(frozen=True, slots=True)
class SafetyReceived:
    """A safety number, for users to compare.

    Attributes:
        room: Room code.
        name: The user whose keys it covers, besides this one's; empty if it covers the whole room.
        digits: 60 digits in groups of five.
        words: The same as 12 words.
        members: The users whose keys it covers.
        is_verified: Whether the user has compared it before.
        request: Number of the request.
    """

    room: str
    name: str
    digits: str
    words: str
    members: tuple[str, ...]
    is_verified: bool
    request: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class EventsMissed:
    """Events of a room that are no longer available on the server.

    Attributes:
        room: Room code.
        first: Sequence number of the first missing event.
        last: Sequence number of the last one.
    """

    room: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class HistoryReceived:
    """The answer to a HISTORY request.

    Attributes:
        room: Room code.
        events: The events, in order.
        oldest: Sequence number of the oldest event that the server keeps.
        request: Number of the request.
        sealed: What is wrong with each event that was sealed, by sequence number; empty tuples if
            nothing is.
        unsealed: What is wrong with each event that should have been sealed, by sequence number.
    """

    room: str
    events: tuple[Event, ...]
    oldest: int
    request: int = field(default=0, compare=False)
    sealed: dict[int, tuple[str, ...]] = field(default_factory=dict, compare=False)
    unsealed: dict[int, tuple[str, ...]] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class SearchCompleted:
    """A part of the answer to a search.

    Attributes:
        room: Room code.
        messages: The messages that contain the words, newest first.
        searched: Sequence number of the oldest event that was searched; 0 or 1 if nothing is left.
        request: Number of the SEARCH request.
    """

    room: str
    messages: tuple[FoundMessage, ...]
    searched: int
    request: int = field(default=0, compare=False)

    @property
    def is_complete(self) -> bool:
        """Whether no older events are left to search."""
        return self.searched <= 1


@dataclass(frozen=True, slots=True)
class RosterReceived:
    """The answer to a WHO request: one page of a room's members.

    Attributes:
        room: Room code.
        total: Number of members.
        members: This page of the members, sorted by name.
        more: Whether another page follows.
        request: Number of the request.
        servers: Addresses of the cluster's other servers, to which `Member.away` refers.
    """

    room: str
    total: int
    members: tuple[Member, ...]
    more: bool
    request: int = field(default=0, compare=False)
    servers: tuple[str, ...] = field(default=(), compare=False)

    def server_of(self, member: Member) -> str:
        """Return the address of the other server that a member is connected to, or an empty string."""
        index = member.away - 2
        return self.servers[index] if 0 <= index < len(self.servers) else ""


@dataclass(frozen=True, slots=True)
class RoomDescribed:
    """A room's title and modes and the user's rights there, on entering it or after a change.

    Attributes:
        room: Room code.
        title: Its title, or empty.
        role: The user's rights: 0 member, 1 moderator, 2 owner.
        is_locked: Whether it is closed to new members.
        is_read_only: Whether only moderators can write.
    """

    room: str
    title: str
    role: int
    is_locked: bool
    is_read_only: bool


@dataclass(frozen=True, slots=True)
class ActionCompleted:
    """The answer to a MODERATE request. The room's event about it is reported, too.

    Attributes:
        room: Room code.
        action: Number of the action.
        request: Number of the request.
    """

    room: str
    action: int
    request: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class BansReceived:
    """The answer to a BANS request: one page of a room's bans.

    Attributes:
        room: Room code.
        bans: The bans, oldest first.
        more: Whether another page follows.
        request: Number of the request.
    """

    room: str
    bans: tuple[BannedUser, ...]
    more: bool
    request: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class RequestRefused:
    """A refused request.

    Attributes:
        error: The server's ERROR.
        request: The request; None if it is unknown.
    """

    error: Error
    request: Message | None


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A message that will not be delivered.

    Attributes:
        text: The message.
        why: The reason.
        counter: Its counter, or 0 if it was never sent.
    """

    text: str
    why: str
    counter: int = 0


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A retransmitted message that is already in the log.

    Attributes:
        room: Room code.
        counter: Counter of the message.
        seq: Sequence number of its event in the room.
    """

    room: str
    counter: int
    seq: int


@dataclass(frozen=True, slots=True)
class WarningReceived:
    """A warning from the server that refers to no request.

    Attributes:
        error: The server's ERROR.
    """

    error: Error


@dataclass(frozen=True, slots=True)
class FileProgress:
    """The progress of a transfer, several times per second.

    Attributes:
        transfer: Number of the transfer.
        room: Code of the room.
        name: Name of the file.
        is_upload: Whether it is sent, not received.
        done: Bytes that are transferred.
        size: Bytes to transfer.
        is_paused: Whether the user has paused it.
    """

    transfer: int
    room: str
    name: str
    is_upload: bool
    done: int
    size: int
    is_paused: bool = False


@dataclass(frozen=True, slots=True)
class FileEnded:
    """The end of a transfer.

    Attributes:
        transfer: Number of the transfer.
        room: Code of the room.
        name: Name of the file.
        is_upload: Whether it was sent, not received.
        why: Why it has failed; empty if it has not.
        code: The server's reason, or 0.
        counter: Counter of the message that offers an uploaded file to the room.
        path: Where a downloaded file is stored.
    """

    transfer: int
    room: str
    name: str
    is_upload: bool
    why: str = ""
    code: int = 0
    counter: int = 0
    path: str = ""


ClientEvent = (
    Online
    | Offline
    | SessionEnded
    | NameRejected
    | LoginRequired
    | LoginFailed
    | AccountChanged
    | NameChanged
    | RoomEntered
    | RoomLeft
    | RoomEvent
    | EventsMissed
    | FileEnded
    | FileProgress
    | HistoryReceived
    | SearchCompleted
    | RosterReceived
    | RequestRefused
    | Undelivered
    | WarningReceived
    | Acknowledged
    | RoomDescribed
    | ActionCompleted
    | BansReceived
    | SealingWarning
    | SafetyReceived
    | SecretKnown
)
