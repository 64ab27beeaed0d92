"""The messages of NCP/1: the only place that declares the protocol.

The codec, the document and every other view of the protocol are generated from this file. A change
here changes the protocol: write its golden vector by hand, in `tests/vectors/`.

Type numbers are grouped by purpose, see `GROUPS`.
"""

from __future__ import annotations

from netchat.wire import fields as wire
from netchat.wire.declare import Message, Record, Way, message, record
from netchat.wire.limits import (
    MAX_BAN_PAGE,
    MAX_DEVICES,
    MAX_FOUND,
    MAX_MEMBERSHIPS,
    MAX_ROSTER,
    MAX_SEALED,
    MAX_SERVERS,
)

__all__ = [
    "GROUPS",
    "AccountStatus",
    "Ack",
    "Annotate",
    "BanList",
    "BannedUser",
    "Bans",
    "Bye",
    "CancelUpload",
    "Chunk",
    "Create",
    "CreateSealed",
    "Device",
    "DeviceKeys",
    "DeviceList",
    "Devices",
    "Download",
    "Error",
    "ErrorCode",
    "Event",
    "EventKind",
    "Found",
    "FoundMessage",
    "Hello",
    "History",
    "HistoryEnd",
    "Join",
    "Joined",
    "Leave",
    "Left",
    "Login",
    "Logout",
    "Member",
    "Membership",
    "Moderate",
    "Moderated",
    "ModeratorAction",
    "Offer",
    "Password",
    "Ping",
    "Pong",
    "Position",
    "Private",
    "Register",
    "Rename",
    "Renamed",
    "Role",
    "RoomKind",
    "RoomState",
    "Roster",
    "Sealed",
    "SealedEvent",
    "SealedSend",
    "SealedText",
    "Search",
    "Send",
    "ServerAddress",
    "Servers",
    "Upload",
    "UploadState",
    "Welcome",
    "Who",
    "Wrap",
]


#: Purpose of each group of sixteen type numbers, by the first number. Groups without messages are
#: reserved for extensions.
GROUPS = {
    0x00: "connection",
    0x10: "rooms",
    0x20: "messages",
    0x30: "accounts and moderation",
    0x40: "files",
    0x50: "keys",
}


class RoomKind(wire.Choice):
    """Kind of a room."""

    LOBBY = 1, "The room every server has; its code is `lobby`."
    ROOM = 2, "A room made with CREATE; every user who knows its code may join."
    PRIVATE = 3, "A room for two users, made with PRIVATE; no other user can join."
    SEALED = 4, "A room made with CREATE_SEALED: its texts are encrypted end to end."


class EventKind(wire.Choice):
    """Kind of an event in a room."""

    CHAT = 1, "A member sent a message."
    JOIN = 2, "A user became a member."
    LEAVE = 3, "A user is no longer a member."
    RENAME = 4, "A member has a new name."
    REMOVED = (
        5,
        "A moderator removed a member. Like the next two, only for clients with bit 2 of `features`; "
        "to others, the server describes it in a LEAVE or CHAT with the same `seq`.",
    )
    MODERATED = 6, "A moderator has changed what a user may do in the room."
    ROOM_CHANGED = 7, "A moderator has changed the room."
    EDIT = (
        8,
        "A member changed an own message: the number of its event, a line feed, and the new text. "
        "Like the next three and ERASED, only for clients with bit 5 of `features`; to others, the "
        "server describes it in a CHAT with the same `seq`. In SEALED_EVENT, the text of a sealed one.",
    )
    DELETE = 9, "A member deleted an own message, or a moderator any: the number of its event."
    REPLY = 10, "A member answered a message: the number of its event, a line feed, and the answer."
    REACTION = (
        11,
        "A member reacted to a message: the number of its event, a line feed, `+` (or `-` to take it back), "
        "and the reaction.",
    )
    SEALED = 12, "A member sent a message that only members can read. In SEALED_EVENT only."
    REKEY = 13, "A member gave the room a new secret. In SEALED_EVENT only."
    ERASED = 14, "A message that was deleted since. The server has replaced it; the text is empty."
    FILE = (
        15,
        "A member offered a file. Only for clients with bit 4 of `features`; to others, the server "
        "describes it in a CHAT with the same `seq`. In SEALED_EVENT, the text of a sealed offer.",
    )


class ModeratorAction(wire.Choice):
    """Action of a moderator."""

    KICK = 1, "Removes a member, who may return. In the lobby: ends the user's session."
    MUTE = 2, "Rejects a member's messages for `seconds`."
    UNMUTE = 3, "Ends a MUTE."
    BAN = 4, "Removes a user and keeps the user out for `seconds`. In the lobby: from the server."
    UNBAN = 5, "Ends a BAN."
    APPOINT = 6, "Makes a user a moderator of the room. In the lobby: of all rooms. Owners only."
    DISMISS = 7, "Ends an APPOINT. Owners only."
    TITLE = 8, "Gives the room a title, `text`, or removes it if that is empty."
    LOCK = 9, "Lets no new members in, except moderators."
    UNLOCK = 10, "Ends a LOCK."
    READ_ONLY = 11, "Rejects messages of all but moderators."
    WRITABLE = 12, "Ends a READ_ONLY."
    CLEAR = 13, "Deletes all earlier events of the room."
    CLOSE = 14, "Deletes the room."


class Role(wire.Choice):
    """Rights of an account; a larger number includes the rights of the smaller ones."""

    MEMBER = 0, "A user without special rights, and every guest."
    MODERATOR = 1, "A user who keeps order."
    OWNER = 2, "The user who runs the server, at first the one who registered first."


class ErrorCode(wire.Choice):
    """Reason for an ERROR.

    Below 100, the server closes the connection; from 100 on, it does not, except for REMOVED.
    """

    BAD_FRAME = 1, "The bytes are not a valid frame, or a body does not match its type."
    UNEXPECTED = 2, "A valid message that is not allowed in this state or direction."
    HANDSHAKE_TIMEOUT = 3, "HELLO was not received in time."
    FRAME_TIMEOUT = 4, "The rest of a frame was not received in time."
    IDLE_TIMEOUT = 5, "Nothing was received, not even a PONG."
    STALLED = 6, "The client read nothing for too long. Its session stays and can be resumed."
    SERVER_FULL = 7, "The server has reached its limit of users."
    BUSY = 8, "Too many connections, in total or from one address."
    SESSION_MOVED = 9, "The session was resumed on another connection, or its account logged out."
    SHUTTING_DOWN = 10, "Not sent in NCP/1: a server that shuts down sends BYE."
    NAME_TAKEN = 100, "Another user has this name, or one that looks the same."
    NAME_NOT_ALLOWED = 101, "The name is too long, or contains characters that are not allowed."
    NO_SUCH_ROOM = 110, "No room has this code."
    NOT_A_MEMBER = 111, "The request names a room that the client is not a member of."
    TOO_MANY_ROOMS = 112, "The client is in the maximum number of rooms."
    NO_SUCH_USER = 113, "No user has this name, or the other member of a private room has left."
    TEXT_NOT_ALLOWED = 120, "The text is empty, or contains control characters or noncharacters."
    TEXT_TOO_LONG = 121, "The text has more bytes than WELCOME's `max_text`."
    OUT_OF_ORDER = (
        122,
        "The SEND's counter is not above the last one, and no recent message has it.",
    )
    TOO_FAST = (
        130,
        "With `about` 0: a warning that the server is throttling this connection; nothing is lost. "
        "About a PRIVATE: too many conversations with the same user; retry later.",
    )
    STORAGE = 140, "A disk failure delays all messages, or damaged events are missing."
    STORAGE_RESTORED = 141, "The delay that a STORAGE has announced is over."
    LOGIN_REQUIRED = (
        150,
        "The name of the HELLO is registered, or the server admits only registered users: send LOGIN "
        "or REGISTER, then HELLO again.",
    )
    WRONG_PASSWORD = 151, "The name is not registered, or the password is wrong."
    TOO_MANY_GUESSES = 152, "Too many wrong passwords, or too many registrations: retry later."
    NO_REGISTRATION = 153, "Registration is closed, or the invitation is missing, used or expired."
    PASSWORD_NOT_ALLOWED = 154, "The password is too short or too long."
    NO_ACCOUNTS = 155, "This server has no accounts."
    NOT_REGISTERED = 156, "The session does not belong to an account."
    REGISTERED = 157, "The session belongs to an account: it cannot register, and keeps its name."
    LOGIN_BUSY = 158, "Too many passwords are being checked, or one of this connection: retry."
    REMOVED = (
        160,
        "A moderator has ended the session, or has banned the user from the server. The server closes "
        "the connection.",
    )
    BANNED = 161, "A moderator has banned the user from the room, or the name from the server."
    NOT_ALLOWED = 162, "The user has no right to do this, or not to that user."
    MUTED = 163, "A moderator has muted the user in this room."
    READ_ONLY = 164, "Only moderators may write in this room."
    LOCKED = 165, "The room is closed to new members."
    NOT_POSSIBLE = 166, "The action is unknown, invalid, or impossible in this room."
    TOO_MANY = 167, "The room has the maximum number of bans, mutes or moderators."
    NOTHING_TO_CHANGE = 168, "The action would change nothing, such as a second LOCK."
    NOT_SEALING = (
        170,
        "The room is sealed, and this client has not set bit 3 of `features` in HELLO.",
    )
    OLD_EPOCH = 171, "Another member has changed the room's secret: seal with the new one."
    SEALED_ROOM_FULL = 172, "A sealed room holds at most 200 members."
    NOT_SEALED = 173, "The room is sealed, so that SEND is refused; use SEALED_SEND."
    CANNOT_SEAL = (
        174,
        ("The room takes no SEALED_SEND: it is not sealed, or the other member cannot read it."),
    )
    BAD_SEAL = 175, "A field of SEALED_SEND, CREATE_SEALED or DEVICE has the wrong size or value."
    NO_FILES = 180, "This server does not transfer files."
    FILE_TOO_LARGE = 181, "The file is larger than the server accepts."
    QUOTA_EXCEEDED = 182, "The user's files, or those of all users, take up too much space."
    DISK_FULL = 183, "The server's disk is full or failing. It keeps the part that it has stored."
    WRONG_HASH = 184, "The bytes of an upload do not have its SHA-256: the file has changed."
    NO_SUCH_FILE = 185, "The file was not offered in this room, has expired, or was deleted."
    BAD_FILE = 186, "A field of UPLOAD, CHUNK, DOWNLOAD or OFFER has the wrong size or value."
    TOO_MANY_TRANSFERS = (
        187,
        "The client has too many transfers at a time; retry after one has ended.",
    )
    NO_SUCH_MESSAGE = 190, "No message has this number, or it was deleted, or is not of this kind."


@record
class Position(Record):
    """A client's position in a room."""

    room: str = wire.text("The room's code.")
    log: int = wire.u64("Identity of the room's log, from JOINED or WELCOME.")
    last: int = wire.u64("Sequence number of the last event the client has applied.")


@record
class Membership(Record):
    """A room that a session is a member of."""

    room: str = wire.text("The room's code.")
    kind: int = wire.u8("Kind of the room.", RoomKind)
    peer: str = wire.text("Name of the other user in a private room, otherwise empty.")
    log: int = wire.u64(
        "Identity of the room's log. A client that knows a different one starts over."
    )
    last: int = wire.u64(
        "Position at which the client continues: it applies the EVENT after this one next, and "
        "drops all others up to this one."
    )
    head: int = wire.u64(
        "The room's last event now. Once the client has applied it, it has caught up, and "
        "retransmits its messages that have no EVENT yet."
    )


@record
class Member(Record):
    """A member of a room, in ROSTER."""

    name: str = wire.text("The user's name.")
    away: int = wire.u8(
        "1 while the connection is lost and the session may still be resumed, otherwise 0. Clients that "
        "handle SERVERS also get 2 + N: the user is connected to server N of the last SERVERS, "
        "counting from 0."
    )


@record
class ServerAddress(Record):
    """The addresses of a server, in SERVERS."""

    address: str = wire.text("Address of its chat: HOST:PORT or [IPV6]:PORT.")
    page: str = wire.text("URL of its web page, or empty if it has none.")


@record
class BannedUser(Record):
    """A ban, in BAN_LIST."""

    number: int = wire.u64("Number of the ban, for `#NUMBER` as the `target` of an UNBAN.")
    until: int = wire.u64("Its end in microseconds since 1970-01-01 UTC; 0 if it has no end.")
    scope: int = wire.u8(
        "What is banned: the sum of 1 for a name, 2 for a device, 4 for an address."
    )
    name: str = wire.text("Name of the user, or empty.")
    address: str = wire.text("Banned address, for owners; otherwise empty.")
    actor: str = wire.text("Name of the moderator; empty for the host at the dashboard.")
    reason: str = wire.text("The reason, or empty.")


@record
class FoundMessage(Record):
    """A message, in FOUND."""

    seq: int = wire.u64("Sequence number of its event.")
    time: int = wire.u64("The server's clock, in microseconds since 1970-01-01 UTC.")
    kind: int = wire.u8("CHAT, EDIT, REPLY or FILE.", EventKind)
    target: int = wire.u64("For an EDIT or REPLY, the number of the event that it refers to; or 0.")
    sender: str = wire.text("Name of the user.")
    text: str = wire.text(
        "The message or the name of the file, cut to 400 characters around the first word."
    )


@record
class Wrap(Record):
    """A room's new secret, for one device."""

    device: int = wire.u64("Short id of the device: the first 8 bytes of the SHA-256 of its keys.")
    enc: bytes = wire.blob("HPKE's encapsulated key (32 bytes).")
    secret: bytes = wire.blob("The secret, sealed by HPKE for the device (32 bytes).")
    proof: bytes = wire.blob("Proof that the device is a member, for DEVICES (32 bytes).")


@record
class Sealed(Record):
    """A sealed message; docs/SEALING.md has the details."""

    kind: int = wire.u8(
        "Kind of the event: SEALED, EDIT, DELETE, REPLY, REACTION, FILE or REKEY.", EventKind
    )
    algorithms: int = wire.u8("1: HKDF-SHA256, AES-256-GCM, Ed25519.")
    epoch: int = wire.u32("Number of the room's secret, from 1. For REKEY, that of the new secret.")
    run: int = wire.u32(
        "Random number, new at each startup of the sender. With `counter` it forms the nonce."
    )
    seen: int = wire.u64("Sequence number of the last event that the sender has applied.")
    view: bytes = wire.blob("The sender's hash of the room up to `seen` (32 bytes), or empty.")
    previous: bytes = wire.blob(
        "Hash of the sender's previous sealed message (32 bytes), or empty."
    )
    key: bytes = wire.blob("The sending device's public keys: Ed25519, X25519 (64 bytes).")
    check: bytes = wire.blob(
        "For REKEY, check value of the new secret (16 bytes); otherwise empty."
    )
    wraps: tuple[Wrap, ...] = wire.records(
        Wrap, "For REKEY, the new secret for each member. At most 200.", MAX_SEALED
    )
    ciphertext: bytes = wire.blob("SealedText, encrypted with AES-256-GCM, and its tag.")
    signature: bytes = wire.blob("The device's Ed25519 signature over all of the above (64 bytes).")


@record
class SealedText(Record):
    """The plaintext of a sealed message. It never travels like this."""

    name: str = wire.text("The sender's name, as the sender knows it.")
    text: str = wire.text(
        "The message; for REKEY, its reason; for EDIT, DELETE, REPLY and REACTION, the text of EVENT; for "
        "FILE, the lines of EVENT (the SHA-256 is that of the "
        "sealed form) and a fifth one, the file's key in hexadecimal."
    )


@record
class DeviceKeys(Record):
    """The keys of a member's device, in DEVICES."""

    name: str = wire.text("The member's name.")
    epoch: int = wire.u32("Epoch of the proof, or 0.")
    keys: bytes = wire.blob(
        "Public keys: Ed25519, X25519, and the signature of the first over both (128 bytes)."
    )
    proof: bytes = wire.blob(
        "HMAC of the keys with a key that follows from the room's secret (32 bytes), or empty."
    )


@message(0x01, Way.TO_SERVER)
class Hello(Message):
    """Opens a connection: the first frame of every client.

    The client sends nothing else until it has received WELCOME. The token of an earlier WELCOME
    resumes that session: it keeps its name and rooms, and each room continues after the position
    given here.
    """

    features: int = wire.u32(
        "Optional features of the client, one per bit. Bit 0: it handles SERVERS. Bit 1: it handles "
        "ACCOUNT_STATUS. Bit 2: it handles ROOM_STATE and the events and errors of moderation. Bit 3: "
        "it handles sealed messages. Bit 4: it handles files. Bit 5: it handles edits, deletions, replies "
        "and reactions. The server ignores bits that it does not "
        "know."
    )
    device: bytes = wire.blob(
        "16 random bytes that the client keeps secret. The first 63 bits of their SHA-256 are its "
        "device id in EVENT, so that no other client can use it."
    )
    token: bytes = wire.blob(
        "Token of the last WELCOME or ACCOUNT_STATUS (32 bytes), or empty for a new session. The token of an "
        "account's session also logs in, after the session has ended."
    )
    name: str = wire.text("Requested user name.")
    software: str = wire.text("Name and version of the program, for the server's log.")
    positions: tuple[Position, ...] = wire.records(
        Position, "When resuming: the position in each room. At most 400.", MAX_MEMBERSHIPS
    )


@message(0x02, Way.TO_CLIENT)
class Welcome(Message):
    """Answers HELLO: the session is established and durable."""

    features: int = wire.u32(
        "Those features of HELLO that are in use on this connection. Bit 0: SERVERS follows. Bit 1: "
        "the server has accounts, and ACCOUNT_STATUS follows. Bit 2: the server supports MODERATE. Bit "
        "3: sealed messages. Bit 4: files. Bit 5: ANNOTATE and SEARCH."
    )
    session: int = wire.u64("Session number, for users and logs. It is not secret.")
    device: int = wire.u64("The client's device id, as used in EVENT.")
    time: int = wire.u64("The server's clock, in microseconds since 1970-01-01 UTC.")
    max_frame: int = wire.u32("Largest frame that the server accepts, in bytes.")
    max_text: int = wire.u32("Longest text that it accepts in SEND, in bytes.")
    resume_seconds: int = wire.u32("Time for which a lost session can be resumed, in seconds.")
    resumed: int = wire.u8("1 if the session of HELLO's token was resumed, 0 if this is a new one.")
    token: bytes = wire.blob("Resumes this session once: each WELCOME carries a new token.")
    name: str = wire.text("The user name.")
    software: str = wire.text("Name and version of the server.")
    rooms: tuple[Membership, ...] = wire.records(
        Membership, "The session's rooms. At most 400.", MAX_MEMBERSHIPS
    )


@message(0x03, Way.BOTH)
class Ping(Message):
    """Checks that the peer is alive."""

    time: int = wire.u64("Any number; PONG returns it.")


@message(0x04, Way.BOTH)
class Pong(Message):
    """Answers PING."""

    time: int = wire.u64("The number of the PING.")


@message(0x05, Way.TO_CLIENT)
class Error(Message):
    """Reports an error or a refusal, with a code for programs and a text for users."""

    code: int = wire.u16(
        "Reason. Below 100, the server closes the connection after this frame.", ErrorCode
    )
    about: int = wire.u8("Type number of the refused frame, or 0.")
    reference: int = wire.u64("That frame's `request` or, for SEND, its `counter`; otherwise 0.")
    text: str = wire.text("What is wrong and what to do, for users.")
    suggestion: str = wire.text("A name that is free, if a name was refused; otherwise empty.")


@message(0x06, Way.BOTH)
class Bye(Message):
    """Ends the session: its name becomes free, and it cannot be resumed.

    From a server that is shutting down: the session stays, and the client should reconnect.
    """

    text: str = wire.text("Reason, for users.")


@message(0x07, Way.TO_CLIENT)
class Servers(Message):
    """Lists the other running servers of a cluster, after WELCOME and whenever they change.

    Only clients that have set bit 0 of `features` in HELLO receive it. A client that loses its
    connection resumes its session, with the token of WELCOME, on any of these servers.
    """

    servers: tuple[ServerAddress, ...] = wire.records(
        ServerAddress, "The other servers, in any order. At most 64.", MAX_SERVERS
    )


@message(0x10, Way.TO_SERVER)
class Create(Message):
    """Creates a room; its creator is the first member."""

    request: int = wire.u32("Request number, returned in the answer.")


@message(0x11, Way.TO_SERVER)
class Join(Message):
    """Joins a room."""

    request: int = wire.u32("Request number, returned in the answer.")
    log: int = wire.u64("Identity of the log known from an earlier membership, or 0.")
    after: int = wire.u64("Sequence number of the last event known from that log, or 0.")
    room: str = wire.text("The room's code, or `lobby`.")


@message(0x12, Way.TO_CLIENT)
class Joined(Message):
    """Answers CREATE, JOIN and PRIVATE. The other user in a PRIVATE gets it too, with `request` 0."""

    request: int = wire.u32("Number of the answered request, or 0.")
    members: int = wire.u32("Number of members.")
    membership: tuple[Membership, ...] = wire.records(
        Membership, "Exactly one: the room and the position to start from.", MAX_MEMBERSHIPS
    )


@message(0x13, Way.TO_SERVER)
class Leave(Message):
    """Leaves a room."""

    request: int = wire.u32("Request number, returned in the answer.")
    room: str = wire.text("The room's code.")


@message(0x14, Way.TO_CLIENT)
class Left(Message):
    """Answers LEAVE: no more events of this room follow."""

    request: int = wire.u32("Number of the answered request, or 0.")
    room: str = wire.text("The room's code.")


@message(0x15, Way.TO_SERVER)
class Who(Message):
    """Requests a page of a room's members."""

    request: int = wire.u32("Request number, returned in the answer.")
    room: str = wire.text("The room's code.")
    after: str = wire.text("Last name of the previous page, or empty.")


@message(0x16, Way.TO_CLIENT)
class Roster(Message):
    """Answers WHO with one page of members, sorted by name."""

    request: int = wire.u32("Number of the answered request.")
    total: int = wire.u32("Number of members of the room.")
    more: int = wire.u8(
        "1 if another page follows: send WHO with the last name as `after`; otherwise 0."
    )
    room: str = wire.text("The room's code.")
    members: tuple[Member, ...] = wire.records(Member, "The members. At most 500.", MAX_ROSTER)


@message(0x17, Way.TO_SERVER)
class Rename(Message):
    """Changes the user name. Each of the user's rooms gets an EVENT."""

    request: int = wire.u32("Request number, returned in the answer.")
    name: str = wire.text("The new name.")


@message(0x18, Way.TO_CLIENT)
class Renamed(Message):
    """Answers RENAME."""

    request: int = wire.u32("Number of the answered request.")
    name: str = wire.text("The new name.")


@message(0x19, Way.TO_SERVER)
class Private(Message):
    """Requests the private room with another user. There is one for each pair of sessions."""

    request: int = wire.u32("Request number, returned in the answer.")
    name: str = wire.text("Name of the other user.")


@message(0x20, Way.TO_SERVER)
class Send(Message):
    """Sends a message to a room.

    The client keeps the message until it receives the EVENT, and retransmits it after a reconnect.
    Device and counter together identify the message, so that the server detects duplicates.
    """

    counter: int = wire.u64("Number of the message on this device, larger than the one before.")
    room: str = wire.text("The room's code.")
    text: str = wire.text(
        "The message, without control characters (except line feed and tab) and noncharacters."
    )


@message(0x21, Way.TO_CLIENT)
class Event(Message):
    """Reports an event in a room. The event is on disk before it is sent.

    Every member gets every event of a room, including the sender, in the order of `seq`, which has
    no gaps. For the sender, it is the acknowledgement.
    """

    seq: int = wire.u64("Sequence number in the room, from 1.")
    time: int = wire.u64("The server's clock, in microseconds since 1970-01-01 UTC.")
    device: int = wire.u64("Device id of the SEND, or 0 for other events.")
    counter: int = wire.u64(
        "Counter of the SEND; the `action` of an event of moderation; 0 for other events."
    )
    kind: int = wire.u8("Kind of the event.", EventKind)
    room: str = wire.text("The room's code.")
    sender: str = wire.text(
        "Name of the user; for a rename, the old name. REMOVED, MODERATED: the user concerned."
    )
    text: str = wire.text(
        "The message; for a rename, the new name; for a leave, the reason. Events of moderation: three "
        "lines, the moderator's name (empty for the host at the dashboard), the duration in seconds "
        "(0: no end), and the reason or the title. FILE: four lines, the size in bytes, the SHA-256 in "
        "hexadecimal, the media type, and the name."
    )


@message(0x22, Way.TO_CLIENT)
class Ack(Message):
    """Answers a SEND that the server already has, with the sequence number of its EVENT."""

    counter: int = wire.u64("Counter of the SEND.")
    seq: int = wire.u64("Sequence number of its EVENT.")
    room: str = wire.text("The room's code.")


@message(0x23, Way.TO_SERVER)
class History(Message):
    """Requests past events of a room."""

    request: int = wire.u32("Request number, returned in the answer.")
    first: int = wire.u64("Sequence number of the first event.")
    last: int = wire.u64(
        "Sequence number of the last event. At most 1000 events are sent, fewer if they are long."
    )
    room: str = wire.text("The room's code.")


@message(0x24, Way.TO_CLIENT)
class HistoryEnd(Message):
    """Ends the EVENTs that answer HISTORY."""

    request: int = wire.u32("Number of the answered request.")
    first: int = wire.u64(
        "Sequence number of the first event sent; above `last` if no event was sent."
    )
    last: int = wire.u64("Sequence number of the last event sent.")
    oldest: int = wire.u64(
        "Sequence number of the oldest event that the server keeps of this room."
    )
    room: str = wire.text("The room's code.")


@message(0x25, Way.TO_SERVER)
class Annotate(Message):
    """Edits, deletes or answers a message of a room, or reacts to it.

    The EVENT answers it, as it answers SEND. Only the sender of a message can edit it; the sender and
    moderators can delete it. In a sealed room, a SEALED_SEND of the same kind takes its place.
    """

    counter: int = wire.u64("Number of the message on this device, larger than the one before.")
    kind: int = wire.u8("EDIT, DELETE, REPLY or REACTION.", EventKind)
    target: int = wire.u64("Sequence number of the message's event.")
    room: str = wire.text("The room's code.")
    text: str = wire.text(
        "The new text or the answer; for a REACTION, `+` or `-` and the reaction; for a DELETE, empty."
    )


@message(0x26, Way.TO_SERVER)
class Search(Message):
    """Searches a room for messages that contain all words of a text, from the newest to the oldest.

    FOUND answers it. The server searches only a part of the history at a time.
    """

    request: int = wire.u32("Request number, returned in the answer.")
    before: int = wire.u64("Sequence number before which to search; 0 to begin at the end.")
    room: str = wire.text("The room's code.")
    words: str = wire.text("The words, separated by spaces; case makes no difference.")


@message(0x27, Way.TO_CLIENT)
class Found(Message):
    """Answers SEARCH."""

    request: int = wire.u32("Number of the answered request.")
    searched: int = wire.u64(
        "Sequence number of the oldest event that was searched: the next SEARCH continues before it. 0 or 1 "
        "if nothing is left."
    )
    room: str = wire.text("The room's code.")
    messages: tuple[FoundMessage, ...] = wire.records(
        FoundMessage, "The messages, newest first. At most 25.", MAX_FOUND
    )


@message(0x30, Way.TO_SERVER)
class Login(Message):
    """Logs in to an account, before HELLO.

    ACCOUNT_STATUS answers it. The HELLO that follows on the same connection, without a token, continues the
    session of the account or starts one; a connection of another device loses it.
    """

    request: int = wire.u32("Request number, returned in the answer.")
    device: bytes = wire.blob(
        "The same 16 bytes as in HELLO: wrong passwords that other devices have sent do not delay a "
        "device that has logged in before."
    )
    name: str = wire.text("Name of the account.")
    password: str = wire.text("Its password. The server compares it in Unicode's form NFC.")


@message(0x31, Way.TO_SERVER)
class Register(Message):
    """Registers an account, before HELLO, or under the name of a guest's session.

    ACCOUNT_STATUS answers it. Before HELLO, it also logs in.
    """

    request: int = wire.u32("Request number, returned in the answer.")
    name: str = wire.text("Name of the account; in a session, its name.")
    password: str = wire.text("Password: 8 characters or more, at most 1024 bytes.")
    invitation: str = wire.text("Invitation, or empty.")


@message(0x32, Way.TO_SERVER)
class Password(Message):
    """Changes the password of the session's account, and logs out all other devices."""

    request: int = wire.u32("Request number, returned in the answer.")
    old: str = wire.text("The current password.")
    new: str = wire.text("The new password, as in REGISTER.")


@message(0x33, Way.TO_SERVER)
class Logout(Message):
    """Logs out: the session ends, and its tokens are no longer valid. BYE answers it."""

    request: int = wire.u32("Request number, returned with an ERROR.")
    everywhere: int = wire.u8("1 to log out every device of the account, 0 for this one.")


@message(0x34, Way.TO_CLIENT)
class AccountStatus(Message):
    """States the account of a connection.

    It answers LOGIN, REGISTER and PASSWORD, and follows WELCOME if bit 1 of its `features` is set. It
    also reports a new role.
    """

    request: int = wire.u32("Number of the answered request, or 0.")
    role: int = wire.u8("Rights of the account.", Role)
    name: str = wire.text("Name of the account, or empty for a guest.")
    token: bytes = wire.blob("Replaces the token of WELCOME, unless it is empty.")


@message(0x38, Way.TO_SERVER)
class Moderate(Message):
    """Requests an action in a room, as its moderator. The room gets an EVENT about it.

    In the lobby, bans, kicks and appointments apply to the whole server.
    """

    request: int = wire.u32("Request number, returned in the answer.")
    action: int = wire.u8("What to do.", ModeratorAction)
    scope: int = wire.u8(
        "For a BAN, what to ban: the sum of 1 for the name, 2 for the user's device, 4 for the user's "
        "address (owners only). 0 means name and device. Otherwise 0."
    )
    seconds: int = wire.u32("Duration of a MUTE or BAN; 0 until it is lifted. Otherwise 0.")
    room: str = wire.text("The room's code.")
    target: str = wire.text(
        "Name of the user. For a BAN of an address also that address; for an UNBAN also `#NUMBER`. "
        "Empty for actions about the room."
    )
    text: str = wire.text("The reason, for the room, or empty; for a TITLE, the title.")


@message(0x39, Way.TO_CLIENT)
class Moderated(Message):
    """Answers MODERATE: the action has been carried out."""

    request: int = wire.u32("Number of the answered request.")
    action: int = wire.u8("What was done.", ModeratorAction)
    room: str = wire.text("The room's code.")


@message(0x3A, Way.TO_SERVER)
class Bans(Message):
    """Requests a page of a room's bans, as its moderator."""

    request: int = wire.u32("Request number, returned in the answer.")
    after: int = wire.u64("Number of the last ban of the previous page, or 0.")
    room: str = wire.text("The room's code.")


@message(0x3B, Way.TO_CLIENT)
class BanList(Message):
    """Answers BANS with one page of bans, oldest first."""

    request: int = wire.u32("Number of the answered request.")
    more: int = wire.u8(
        "1 if another page follows: send BANS with the last number as `after`; otherwise 0."
    )
    room: str = wire.text("The room's code.")
    bans: tuple[BannedUser, ...] = wire.records(BannedUser, "The bans. At most 50.", MAX_BAN_PAGE)


@message(0x3C, Way.TO_CLIENT)
class RoomState(Message):
    """Describes a room beyond its code, to clients with bit 2 of `features` in HELLO.

    It follows JOINED, and WELCOME for each room but the private ones, and is repeated when the user's
    role changes. An EVENT of kind ROOM_CHANGED reports later changes of title and modes.
    """

    role: int = wire.u8("The user's rights there: 0 member, 1 moderator, 2 owner.")
    modes: int = wire.u8("The sum of 1 if the room is locked, 2 if it is read-only.")
    room: str = wire.text("The room's code.")
    title: str = wire.text("The room's title, or empty.")


@message(0x40, Way.TO_SERVER)
class Upload(Message):
    """Starts or resumes the upload of a file to a room. UPLOAD_STATE answers it.

    The server may have stored a part of it already, or all of it. Only members of the room can
    download it.
    """

    request: int = wire.u32("Request number, by which CHUNK and UPLOAD_STATE refer to the upload.")
    size: int = wire.u64("Size of the file in bytes; in a sealed room, of its sealed form.")
    sha256: bytes = wire.blob("SHA-256 of these bytes (32 bytes).")
    room: str = wire.text("The room's code.")


@message(0x41, Way.TO_CLIENT)
class UploadState(Message):
    """Answers UPLOAD, and acknowledges CHUNKs of it."""

    request: int = wire.u32("Number of the UPLOAD.")
    stored: int = wire.u64("Bytes that the server has stored: the client continues at this offset.")
    limit: int = wire.u64("Offset up to which the client may send. It never decreases.")
    is_complete: int = wire.u8("1 once the file is on disk and its SHA-256 is right, otherwise 0.")


@message(0x42, Way.BOTH)
class Chunk(Message):
    """Carries bytes of a file: of an UPLOAD to the server, or those that a DOWNLOAD requested."""

    request: int = wire.u32("Number of the UPLOAD or DOWNLOAD.")
    offset: int = wire.u64("Offset of the first byte in the file; chunks follow without gaps.")
    data: bytes = wire.blob("The bytes.")


@message(0x43, Way.TO_SERVER)
class CancelUpload(Message):
    """Ends an upload; the server deletes what it has of it. There is no answer."""

    request: int = wire.u32("Number of the UPLOAD.")


@message(0x44, Way.TO_SERVER)
class Download(Message):
    """Requests bytes of a file in a room. CHUNKs with exactly these bytes answer it, in order.

    Answers to several requests follow in the order of the requests. A client controls the flow by
    the bytes that it requests at a time.
    """

    request: int = wire.u32("Request number, returned in the answers.")
    offset: int = wire.u64("Offset of the first byte.")
    count: int = wire.u32("Number of bytes, at most 1 MiB; fewer are sent at the end of the file.")
    sha256: bytes = wire.blob("SHA-256 of the file (32 bytes).")
    room: str = wire.text("The room's code.")


@message(0x45, Way.TO_SERVER)
class Offer(Message):
    """Offers an uploaded file to its room. The EVENT answers it, as it answers SEND.

    In a sealed room, a SEALED_SEND of kind FILE takes its place.
    """

    counter: int = wire.u64("Number of the message on this device, larger than the one before.")
    size: int = wire.u64("Size of the file in bytes.")
    sha256: bytes = wire.blob("SHA-256 of the file (32 bytes).")
    room: str = wire.text("The room's code.")
    media_type: str = wire.text("Media type of the file, such as `image/png`, or empty.")
    file: str = wire.text(
        "Name of the file. The server replaces what is special in file systems, and cuts it to 200 "
        "bytes."
    )


@message(0x50, Way.TO_SERVER)
class SealedSend(Message):
    """Sends a sealed message to a room; otherwise like SEND.

    The server checks sizes, the epoch and the counter, and stores the message as it is. It cannot
    read it.
    """

    counter: int = wire.u64("Number of the message on this device, larger than the one before.")
    room: str = wire.text("The room's code.")
    sealed: tuple[Sealed, ...] = wire.records(Sealed, "Exactly one: the sealed message.", 1)


@message(0x51, Way.TO_CLIENT)
class SealedEvent(Message):
    """Reports a sealed message in a room: the EVENT for SEALED_SEND, in the same sequence."""

    seq: int = wire.u64("Sequence number in the room, from 1.")
    time: int = wire.u64("The server's clock, in microseconds since 1970-01-01 UTC.")
    device: int = wire.u64("Device id of the SEALED_SEND, as in EVENT.")
    counter: int = wire.u64("Counter of the SEALED_SEND.")
    room: str = wire.text("The room's code.")
    sender: str = wire.text("Name of the user, as the server knows it.")
    sealed: tuple[Sealed, ...] = wire.records(Sealed, "Exactly one: the sealed message.", 1)


@message(0x52, Way.TO_SERVER)
class CreateSealed(Message):
    """Creates a sealed room, in epoch 1; its creator is the first member. JOINED answers."""

    request: int = wire.u32("Request number, returned in the answer.")
    check: bytes = wire.blob("Check value of the room's secret (16 bytes).")


@message(0x53, Way.TO_SERVER)
class Device(Message):
    """Publishes the keys of the client's device: for private messages, or as a room's member.

    There is no answer. The server keeps one for the session and one for each sealed room.
    """

    room: str = wire.text("Code of a sealed room, or empty for private messages.")
    epoch: int = wire.u32("Epoch of the proof, or 0 without a room.")
    keys: bytes = wire.blob(
        "Public keys: Ed25519, X25519, and the signature of the first over both (128 bytes)."
    )
    proof: bytes = wire.blob(
        "HMAC of the keys with a key that follows from the room's secret (32 bytes), or empty."
    )


@message(0x54, Way.TO_SERVER)
class DeviceList(Message):
    """Requests the device keys of the members of a sealed or private room."""

    request: int = wire.u32("Request number, returned in the answer.")
    room: str = wire.text("The room's code.")
    after: str = wire.text("Last name of the previous page, or empty.")


@message(0x55, Way.TO_CLIENT)
class Devices(Message):
    """Answers DEVICE_LIST with one page of device keys, sorted by name.

    Members without keys are missing.
    """

    request: int = wire.u32("Number of the answered request.")
    more: int = wire.u8("1 if another page follows: request it with the last name; otherwise 0.")
    epoch: int = wire.u32("The room's epoch; 0 before the first secret of a private room.")
    check: bytes = wire.blob("Check value of the room's secret (16 bytes), or empty in epoch 0.")
    room: str = wire.text("The room's code.")
    devices: tuple[DeviceKeys, ...] = wire.records(
        DeviceKeys, "The devices. At most 128.", MAX_DEVICES
    )
