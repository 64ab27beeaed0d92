"""The messages of NCP/1: the one place where the protocol is written down.

The codec, the document, and every other view of the protocol are made from this file. A change
here is a change of the protocol: write the golden vector for it by hand, in `tests/vectors/`.

Type numbers are grouped by purpose, see `GROUPS`.
"""

from __future__ import annotations

from netchat.wire import fields as wire
from netchat.wire.declare import Message, Record, Way, message, record
from netchat.wire.limits import MAX_MEMBERSHIPS, MAX_ROSTER

__all__ = [
    "GROUPS",
    "Ack",
    "Bye",
    "Create",
    "Error",
    "ErrorCode",
    "Event",
    "EventKind",
    "Hello",
    "History",
    "HistoryEnd",
    "Join",
    "Joined",
    "Leave",
    "Left",
    "Member",
    "Membership",
    "Ping",
    "Pong",
    "Position",
    "Private",
    "Rename",
    "Renamed",
    "RoomKind",
    "Roster",
    "Send",
    "Welcome",
    "Who",
]


#: What each sixteen type numbers are for, by the first of them. Groups without a message are kept
#: free for what the protocol will carry next.
GROUPS = {
    0x00: "connection",
    0x10: "rooms",
    0x20: "messages",
    0x30: "accounts",
    0x40: "files",
    0x50: "keys",
}


class RoomKind(wire.Choice):
    """What a room is for."""

    LOBBY = 1, "The room every server has; its code is `lobby`."
    ROOM = 2, "A room that was made with CREATE; who knows its code may join."
    PRIVATE = 3, "A room of two, made with PRIVATE; nobody else can join."


class EventKind(wire.Choice):
    """What happened in a room."""

    CHAT = 1, "Somebody said something."
    JOIN = 2, "Somebody became a member."
    LEAVE = 3, "Somebody is no longer a member."
    RENAME = 4, "A member has another name now."


class ErrorCode(wire.Choice):
    """Why the server refuses. Below 100 the server closes the connection, from 100 on it does not."""

    BAD_FRAME = 1, "The bytes are no valid frame, or a body is not what its type declares."
    UNEXPECTED = 2, "A valid message, but it makes no sense now or in this direction."
    HANDSHAKE_TIMEOUT = 3, "HELLO did not come in time."
    FRAME_TIMEOUT = 4, "The rest of a frame did not come in time."
    IDLE_TIMEOUT = 5, "Nothing was heard, not even a PONG."
    STALLED = 6, "The client took nothing in for too long. Its session stays: resume it."
    SERVER_FULL = 7, "The server has as many users as it takes."
    BUSY = 8, "Too many connections at a time, in all or from one address."
    SESSION_MOVED = 9, "The session goes on, on another connection."
    SHUTTING_DOWN = 10, "Not sent in NCP/1: a server that shuts down says BYE."
    NAME_TAKEN = 100, "Somebody has this name, or one that looks the same."
    NAME_NOT_ALLOWED = 101, "The name holds what a name must not, or is too long."
    NO_SUCH_ROOM = 110, "No room has this code."
    NOT_A_MEMBER = 111, "The request is about a room that the client is not in."
    TOO_MANY_ROOMS = 112, "The client is in as many rooms as the server allows."
    NO_SUCH_USER = 113, "Nobody has this name, or the other one in a private room has left."
    TEXT_NOT_ALLOWED = 120, "The text is empty, or holds control characters or noncharacters."
    TEXT_TOO_LONG = 121, "The text has more bytes than WELCOME's `max_text`."
    OUT_OF_ORDER = 122, "The SEND's counter is not larger than the last, and not a known one."
    TOO_FAST = (
        130,
        "About no frame: a warning that the server reads this connection more slowly; nothing is "
        "lost. About a PRIVATE: too many with the same user; ask again later.",
    )
    STORAGE = 140, "The disk fails and what is sent waits, or damaged events are left out."


@record
class Position(Record):
    """How far a client has read in a room."""

    room: str = wire.text("The room's code.")
    log: int = wire.u64("The log's identity, as JOINED gave it.")
    last: int = wire.u64("Sequence number of the last event the client has applied.")


@record
class Membership(Record):
    """A room that a session is in."""

    room: str = wire.text("The room's code.")
    kind: int = wire.u8("What the room is for.", RoomKind)
    peer: str = wire.text("In a private room the other one's name, else empty.")
    log: int = wire.u64("Identity of the room's log. A client that knew another one starts anew.")
    last: int = wire.u64(
        "Where the client goes on: it applies the EVENT after this one next, and drops what is not "
        "above it."
    )
    head: int = wire.u64(
        "The room's last event now. When it has come, the client has caught up, and sends again "
        "what it said and has found no EVENT of."
    )


@record
class Member(Record):
    """One user in a roster."""

    name: str = wire.text("The user's name.")
    away: int = wire.u8(
        "1 while the connection is lost and the session may still be resumed, else 0."
    )


@message(0x01, Way.TO_SERVER)
class Hello(Message):
    """Opens a connection: the first frame of every client.

    Nothing else is sent before WELCOME has come. With the token of an earlier WELCOME it resumes
    that session: the name and the rooms are kept, and each room goes on behind the position given
    here.
    """

    features: int = wire.u32("Optional features the client knows, one a bit. None are defined yet.")
    device: bytes = wire.blob(
        "16 random bytes that the client keeps to itself. The first 63 bits of their SHA-256 are "
        "its device id in EVENT, so that nobody else can send under it."
    )
    token: bytes = wire.blob(
        "The token of the last WELCOME (32 bytes), or empty for a new session."
    )
    name: str = wire.text("The user name wished for.")
    software: str = wire.text("Name and version of the program, for the server's log.")
    positions: tuple[Position, ...] = wire.records(
        Position, "When resuming: how far each room was read. At most 400.", MAX_MEMBERSHIPS
    )


@message(0x02, Way.TO_CLIENT)
class Welcome(Message):
    """Answers HELLO: the session stands, and is on disk."""

    features: int = wire.u32("Optional features in use on this connection. None are defined yet.")
    session: int = wire.u64("The session's number, for people and logs. It is no secret.")
    device: int = wire.u64("The client's device id, as it will stand in EVENT.")
    time: int = wire.u64("The server's clock, in microseconds since 1970-01-01 UTC.")
    max_frame: int = wire.u32("Bytes the server accepts in one frame.")
    max_text: int = wire.u32("Bytes it accepts in the text of one SEND.")
    resume_seconds: int = wire.u32("How long a lost session can be resumed.")
    resumed: int = wire.u8("1 if the session of HELLO's token goes on, 0 if this is a new one.")
    token: bytes = wire.blob("Resumes this session, once: each WELCOME brings a new one.")
    name: str = wire.text("The user name.")
    software: str = wire.text("Name and version of the server.")
    rooms: tuple[Membership, ...] = wire.records(
        Membership, "The rooms the session is in. At most 400.", MAX_MEMBERSHIPS
    )


@message(0x03, Way.BOTH)
class Ping(Message):
    """Asks for a sign of life."""

    time: int = wire.u64("Any number; PONG carries it back.")


@message(0x04, Way.BOTH)
class Pong(Message):
    """Answers PING."""

    time: int = wire.u64("The number of the PING.")


@message(0x05, Way.TO_CLIENT)
class Error(Message):
    """Says no, in a code for programs and a sentence for people."""

    code: int = wire.u16(
        "Why. Below 100 the server closes the connection behind this frame.", ErrorCode
    )
    about: int = wire.u8("Type number of the frame that is refused; 0 if it is about none.")
    reference: int = wire.u64("That frame's `request` or, for SEND, its `counter`; else 0.")
    text: str = wire.text("What was wrong and what to do.")
    suggestion: str = wire.text(
        "For a name that is taken or not allowed: one that would do. Else empty."
    )


@message(0x06, Way.BOTH)
class Bye(Message):
    """Ends the session: its name is free, and it cannot be resumed.

    From a server that shuts down it means: the session stays, come back.
    """

    text: str = wire.text("Why, for people.")


@message(0x10, Way.TO_SERVER)
class Create(Message):
    """Asks for a new room; its creator is its first member."""

    request: int = wire.u32("Comes back in the answer.")


@message(0x11, Way.TO_SERVER)
class Join(Message):
    """Asks to become a member of a room."""

    request: int = wire.u32("Comes back in the answer.")
    log: int = wire.u64("The log known from an earlier membership, else 0.")
    after: int = wire.u64("If that log is still the room's: the last event known of it, else 0.")
    room: str = wire.text("The room's code, or `lobby`.")


@message(0x12, Way.TO_CLIENT)
class Joined(Message):
    """Answers CREATE, JOIN and PRIVATE. To the other one in a PRIVATE it comes unasked."""

    request: int = wire.u32("The request it answers, or 0.")
    members: int = wire.u32("How many members the room has now.")
    membership: tuple[Membership, ...] = wire.records(
        Membership, "One: the room and where to begin.", MAX_MEMBERSHIPS
    )


@message(0x13, Way.TO_SERVER)
class Leave(Message):
    """Ends the membership in a room."""

    request: int = wire.u32("Comes back in the answer.")
    room: str = wire.text("The room's code.")


@message(0x14, Way.TO_CLIENT)
class Left(Message):
    """Answers LEAVE: no more events of this room."""

    request: int = wire.u32("The request it answers, or 0.")
    room: str = wire.text("The room's code.")


@message(0x15, Way.TO_SERVER)
class Who(Message):
    """Asks who is in a room."""

    request: int = wire.u32("Comes back in the answer.")
    room: str = wire.text("The room's code.")
    after: str = wire.text("Empty, or the last name of the page before.")


@message(0x16, Way.TO_CLIENT)
class Roster(Message):
    """Answers WHO with one page of names, sorted."""

    request: int = wire.u32("The request it answers.")
    total: int = wire.u32("How many members the room has.")
    more: int = wire.u8("1 if another page follows: ask WHO again, after the last name.")
    room: str = wire.text("The room's code.")
    members: tuple[Member, ...] = wire.records(Member, "At most 500 of them.", MAX_ROSTER)


@message(0x17, Way.TO_SERVER)
class Rename(Message):
    """Asks for another user name. The rooms learn of it through an EVENT."""

    request: int = wire.u32("Comes back in the answer.")
    name: str = wire.text("The new name.")


@message(0x18, Way.TO_CLIENT)
class Renamed(Message):
    """Answers RENAME."""

    request: int = wire.u32("The request it answers.")
    name: str = wire.text("The name from now on.")


@message(0x19, Way.TO_SERVER)
class Private(Message):
    """Asks for the private room with one other user. There is one for each two sessions."""

    request: int = wire.u32("Comes back in the answer.")
    name: str = wire.text("The other one's name.")


@message(0x20, Way.TO_SERVER)
class Send(Message):
    """Says something in a room.

    Until its EVENT comes back the client keeps it, and sends it again after a reconnect. Device
    and counter together name the message, so that the server knows one it already has.
    """

    counter: int = wire.u64("The message's number on this device: larger with each message.")
    room: str = wire.text("The room's code.")
    text: str = wire.text(
        "What is said; no control characters but line feed and tab, and no noncharacters."
    )


@message(0x21, Way.TO_CLIENT)
class Event(Message):
    """Something happened in a room. It is on disk before it is sent.

    Every member gets every event of a room, the sender too, in the order of `seq`, which has no
    holes. To the sender it is the acknowledgement.
    """

    seq: int = wire.u64("Sequence number in the room, from 1.")
    time: int = wire.u64("The server's clock, in microseconds since 1970-01-01 UTC.")
    device: int = wire.u64("Device id of the SEND; 0 for everything else.")
    counter: int = wire.u64("Counter of the SEND; 0 for everything else.")
    kind: int = wire.u8("What happened.", EventKind)
    room: str = wire.text("The room's code.")
    sender: str = wire.text("Who did it. For a rename: the old name.")
    text: str = wire.text("What was said; for a rename the new name; for a leave the reason.")


@message(0x22, Way.TO_CLIENT)
class Ack(Message):
    """Answers a SEND that the server already has: the number it got then."""

    counter: int = wire.u64("Counter of the SEND.")
    seq: int = wire.u64("Sequence number of its EVENT.")
    room: str = wire.text("The room's code.")


@message(0x23, Way.TO_SERVER)
class History(Message):
    """Asks for events of the past."""

    request: int = wire.u32("Comes back in the answer.")
    first: int = wire.u64("Sequence number to begin with.")
    last: int = wire.u64(
        "Sequence number to end with; at most 1000 events are sent, fewer where they are long."
    )
    room: str = wire.text("The room's code.")


@message(0x24, Way.TO_CLIENT)
class HistoryEnd(Message):
    """Ends the EVENTs that answer HISTORY."""

    request: int = wire.u32("The request it answers.")
    first: int = wire.u64(
        "Sequence number of the first event sent; above `last` if there was none."
    )
    last: int = wire.u64("Sequence number of the last event sent.")
    oldest: int = wire.u64("The oldest event that the server still keeps of this room.")
    room: str = wire.text("The room's code.")
