"""What a client has to tell whoever uses it: one small class for each thing that can happen."""

from __future__ import annotations

from dataclasses import dataclass, field

from netchat.wire import Error, Event, Member, Message, RoomKind

__all__ = [
    "Acknowledged",
    "ClientEvent",
    "EventsMissed",
    "HistoryReceived",
    "NameChanged",
    "NameRejected",
    "Offline",
    "Online",
    "RequestRefused",
    "RoomEntered",
    "RoomEvent",
    "RoomLeft",
    "RosterReceived",
    "SessionEnded",
    "Undelivered",
    "WarningReceived",
]


@dataclass(frozen=True, slots=True)
class Online:
    """The session stands. `resumed`: it is the one from before the connection was lost."""

    name: str
    resumed: bool
    server: str


@dataclass(frozen=True, slots=True)
class Offline:
    """The connection is lost, or could not be made; the next try is in `retry_in` seconds."""

    why: str
    retry_in: float


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """It is over, and no other try is made. `wanted`: because the user said so."""

    why: str
    wanted: bool


@dataclass(frozen=True, slots=True)
class NameRejected:
    """The server does not take the name; say another one with `ChatClient.introduce`."""

    why: str
    suggestion: str


@dataclass(frozen=True, slots=True)
class NameChanged:
    """The user's own name has changed. `request` is the number of the RENAME that asked for it."""

    name: str
    request: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class RoomEntered:
    """The user has become a member of a room.

    Attributes:
        room: its code.
        kind: what the room is for.
        peer: in a private room, the name of the other user.
        members: number of members, including this user.
        asked: this user's own request led to it, rather than another user's.
        request: the number of that request; 0 if there was none.
    """

    room: str
    kind: RoomKind
    peer: str
    members: int
    asked: bool
    request: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class RoomLeft:
    """The user is in a room no longer.

    Attributes:
        room: its code.
        why: why the server does not take the user back into a room that it still has, else empty.
    """

    room: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class RoomEvent:
    """An event of a room, in the room's order, once.

    Attributes:
        event: it.
        kind: what its room is for.
        peer: in a private room the other one's name.
        own: the user's own message.
        late: it happened while the user was not connected.
    """

    event: Event
    kind: RoomKind
    peer: str
    own: bool
    late: bool


@dataclass(frozen=True, slots=True)
class EventsMissed:
    """Events `first` to `last` of a room are lost to this client: the server keeps them no more."""

    room: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class HistoryReceived:
    """Answers a request for history. `oldest` is the oldest event that is still kept."""

    room: str
    events: tuple[Event, ...]
    oldest: int
    request: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class RosterReceived:
    """Answers a request for who is in a room; `more` names are on the next page."""

    room: str
    total: int
    members: tuple[Member, ...]
    more: bool
    request: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class RequestRefused:
    """The server refused a request."""

    error: Error
    request: Message | None


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A message was not and will not be delivered. `counter` is 0 if it was never sent."""

    text: str
    why: str
    counter: int = 0


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A message resent after a reconnect is already in the log, as event `seq` of its room."""

    room: str
    counter: int
    seq: int


@dataclass(frozen=True, slots=True)
class WarningReceived:
    """The server has something to say that concerns no request."""

    error: Error


ClientEvent = (
    Online
    | Offline
    | SessionEnded
    | NameRejected
    | NameChanged
    | RoomEntered
    | RoomLeft
    | RoomEvent
    | EventsMissed
    | HistoryReceived
    | RosterReceived
    | RequestRefused
    | Undelivered
    | WarningReceived
    | Acknowledged
)
