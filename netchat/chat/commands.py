"""Commands: every change to the shared state of a chat, as data with a binary encoding.

A command carries each input that comes from a clock, from randomness, from a connection or from the
history, so that `netchat.chat.apply` gives the same result on every server. Commands are declared
with the field types of the wire protocol and use its compiled codec.

An encoded command is a version byte, a type byte, and the fields in order.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import ClassVar, TypeVar, dataclass_transform

from netchat.errors import BadBody, CommandError
from netchat.wire import Record, Sealed, fields_of, walk
from netchat.wire.declare import record
from netchat.wire.fields import U64, blob, records, text, u32, u64
from netchat.wording import many

__all__ = [
    "COMMANDS",
    "MAX_NUMBER",
    "AddInvitation",
    "ChatCommand",
    "ConfirmToken",
    "CreateLobby",
    "CreateRoom",
    "CreateSealedRoom",
    "DeleteRoom",
    "Disconnect",
    "EndLogin",
    "EndSession",
    "ExpireServer",
    "JoinRoom",
    "LeaveRoom",
    "ModerateRoom",
    "OfferFile",
    "OpenAccountSession",
    "OpenConversation",
    "OpenSession",
    "Post",
    "PostAnnotation",
    "PostSealed",
    "PublishDevice",
    "RegisterAccount",
    "RemoveAccount",
    "RenameSession",
    "ResumeSession",
    "RotateCounters",
    "SetPassword",
    "SetRole",
    "StartServer",
    "decode_command",
    "encode_command",
]

#: First byte of an encoded command: the version of this file's declarations.
_VERSION = 1

#: Upper bound of all numbers, which are stored as signed 64-bit integers.
MAX_NUMBER = 2**63


class ChatCommand(Record):
    """A change to the shared state.

    Attributes:
        TYPE: Type number in its encoding.
    """

    __slots__ = ()
    TYPE: ClassVar[int]


#: Every command by type number.
COMMANDS: dict[int, type[ChatCommand]] = {}

_C = TypeVar("_C", bound=ChatCommand)


@dataclass_transform(
    frozen_default=True,
    field_specifiers=(u32, u64, text, blob, records),
)
def _command(number: int) -> Callable[[type[_C]], type[_C]]:
    """Declare a command with its type number."""

    def declare(cls: type[_C]) -> type[_C]:
        declared = record(cls)
        declared.TYPE = number
        COMMANDS[number] = declared
        return declared

    return declare


@_command(1)
class OpenSession(ChatCommand):
    """Start a session. It replaces the session of the same device, if there is one."""

    server: int = u64("Epoch of the server that has the connection.")
    time: int = u64("Time of day in microseconds since 1970.")
    device: int = u64("Device id of the user.")
    replaces: int = u64("The device's session that the server knew of, or 0.")
    token: bytes = blob("Hash of the token that resumes the session.")
    name: str = text("The user's name.")


@_command(2)
class ResumeSession(ChatCommand):
    """Attach a session to another connection."""

    server: int = u64("Epoch of the server that has the connection.")
    session: int = u64("Session number.")
    attachment: int = u64("The latest attachment that the server knew of.")
    used: bytes = blob("Hash of the token that the client has used; it stays valid.")
    token: bytes = blob("Hash of the next token.")


@_command(3)
class ConfirmToken(ChatCommand):
    """Forget a session's previous token: the client has proved that it has the new one."""

    session: int = u64("Session number.")
    attachment: int = u64("The attachment on which it was proved.")


@_command(4)
class Disconnect(ChatCommand):
    """Mark a session as away: its connection was lost."""

    session: int = u64("Session number.")
    attachment: int = u64("The attachment that was lost.")


@_command(5)
class EndSession(ChatCommand):
    """End a session: it leaves its rooms, and its name becomes free."""

    session: int = u64("Session number.")
    attachment: int = u64("The attachment to end. A session that was resumed since stays.")
    time: int = u64("Time of day in microseconds since 1970.")
    reason: str = text("The reason, for the members of its rooms.")


@_command(6)
class RenameSession(ChatCommand):
    """Give a session another name."""

    session: int = u64("Session number.")
    attachment: int = u64("The attachment on which it was requested.")
    time: int = u64("Time of day in microseconds since 1970.")
    name: str = text("The new name.")


@_command(7)
class CreateRoom(ChatCommand):
    """Create a room and enter it."""

    session: int = u64("Session number.")
    attachment: int = u64("The attachment on which it was requested.")
    time: int = u64("Time of day in microseconds since 1970.")
    log: int = u64("Random identity of the room's log.")
    room: str = text("Random code of the room.")


@_command(8)
class OpenConversation(ChatCommand):
    """Create the private room of two users."""

    session: int = u64("Session number of the user who starts it.")
    attachment: int = u64("The attachment on which it was requested.")
    other: int = u64("Session number of the other user.")
    log: int = u64("Random identity of the room's log.")
    room: str = text("Random code of the room.")


@_command(9)
class JoinRoom(ChatCommand):
    """Enter a room."""

    session: int = u64("Session number.")
    attachment: int = u64("The attachment on which it was requested.")
    time: int = u64("Time of day in microseconds since 1970.")
    room: str = text("The room's code.")


@_command(10)
class LeaveRoom(ChatCommand):
    """Leave a room."""

    session: int = u64("Session number.")
    attachment: int = u64("The attachment on which it was requested.")
    request: int = u32("Number of the user's request, or 0 if the server removes the user.")
    time: int = u64("Time of day in microseconds since 1970.")
    room: str = text("The room's code.")


@_command(11)
class Post(ChatCommand):
    """Append a message to a room."""

    session: int = u64("Session number of the sender.")
    attachment: int = u64("The attachment on which it was requested.")
    counter: int = u64("Number of the message on the sender's device.")
    known: int = u64(
        "The device's last counter in the history, if the state has none; otherwise 0."
    )
    time: int = u64("Time of day in microseconds since 1970.")
    room: str = text("The room's code.")
    text: str = text("The message.")


@_command(12)
class DeleteRoom(ChatCommand):
    """Delete an empty room."""

    head: int = u64("Its last event. A room that was used since stays.")
    room: str = text("The room's code.")


@_command(13)
class RotateCounters(ChatCommand):
    """Forget the counters of devices that have sent nothing to a room since the last rotation.

    The history must have them all.
    """

    above: int = u64("Number of counters above which they are rotated.")
    room: str = text("The room's code.")


@_command(14)
class CreateLobby(ChatCommand):
    """Create the lobby, unless it exists."""

    log: int = u64("Random identity of its log.")


@_command(15)
class StartServer(ChatCommand):
    """Admit a server to the cluster."""

    server: int = u64("Epoch of the server's lease, above all earlier ones.")
    name: str = text("Name of the server, for users.")


@_command(16)
class ExpireServer(ChatCommand):
    """Remove a server whose lease has ended: its sessions are away, its commands are refused."""

    server: int = u64("Epoch of the server's lease.")


@_command(30)
class RegisterAccount(ChatCommand):
    """Register an account. The first one becomes the owner."""

    time: int = u64("Time of day in microseconds since 1970.")
    session: int = u64("The guest's session that becomes the account's, or 0.")
    attachment: int = u64("The attachment on which it was requested, or 0.")
    invitation: bytes = blob("Hash of the invitation that it uses up, or empty if none is needed.")
    token: bytes = blob("Hash of the session's next token, or empty.")
    name: str = text("Name of the account.")
    password: str = text("Encoded hash of its password.")


@_command(31)
class OpenAccountSession(ChatCommand):
    """Start or continue the session of an account on a connection that has proved to be its owner's.

    It replaces the session of the same device, if that belongs to another user.
    """

    server: int = u64("Epoch of the server that has the connection.")
    time: int = u64("Time of day in microseconds since 1970.")
    device: int = u64("Device id of the user.")
    replaces: int = u64("The device's session that the server knew of, or 0.")
    account: int = u64("Account number.")
    version: int = u64("The password's version that was checked.")
    used: bytes = blob("Hash of the token that the client has used, or empty.")
    token: bytes = blob("Hash of the next token.")


@_command(32)
class SetPassword(ChatCommand):
    """Change the password of an account, and log out its devices except the one that requested it."""

    time: int = u64("Time of day in microseconds since 1970.")
    account: int = u64("Account number.")
    version: int = u64("The version of the password that it replaces.")
    session: int = u64("The session that requested it, or 0.")
    attachment: int = u64("The attachment on which it was requested, or 0.")
    token: bytes = blob("Hash of the session's next token, or empty.")
    password: str = text("Encoded hash of the new password.")


@_command(33)
class EndLogin(ChatCommand):
    """Log out the device of an account's session, which ends, or all of its devices."""

    session: int = u64("Session number.")
    attachment: int = u64("The attachment on which it was requested.")
    time: int = u64("Time of day in microseconds since 1970.")
    everywhere: int = u64("1 for all devices, 0 for this one.")


@_command(34)
class RemoveAccount(ChatCommand):
    """Remove an account. Its session ends, and its name becomes free."""

    time: int = u64("Time of day in microseconds since 1970.")
    account: int = u64("Account number.")


@_command(35)
class SetRole(ChatCommand):
    """Give an account another role."""

    account: int = u64("Account number.")
    role: int = u64("The role's number.")


@_command(36)
class AddInvitation(ChatCommand):
    """Add an invitation, and forget those that have expired."""

    time: int = u64("Time of day in microseconds since 1970.")
    expires: int = u64("Time after which it is void, or 0 for never.")
    secret: bytes = blob("Hash of its code.")


@_command(40)
class ModerateRoom(ChatCommand):
    """Carry out a moderator's action in a room."""

    session: int = u64("Session number of the moderator, or 0 for the operator of the server.")
    attachment: int = u64("The attachment on which it was requested.")
    time: int = u64("Time of day in microseconds since 1970.")
    user: int = u64("Session number of the user whom it is about, or 0.")
    action: int = u32("What to do, as `ModeratorAction`.")
    scope: int = u32("What a ban applies to, as `BanScope`; otherwise 0.")
    seconds: int = u32("Duration of a mute or ban, or 0.")
    room: str = text("The room's code.")
    target: str = text("The name of the user, or another target as in MODERATE.")
    address: str = text("Address group to ban, or empty.")
    text: str = text("The reason or the title.")


@_command(50)
class PostSealed(ChatCommand):
    """Append a sealed message to a room; for REKEY, also change the room's epoch."""

    session: int = u64("Session number of the sender.")
    attachment: int = u64("The attachment on which it was requested.")
    counter: int = u64("Number of the message on the sender's device.")
    known: int = u64(
        "The device's last counter in the history, if the state has none; otherwise 0."
    )
    time: int = u64("Time of day in microseconds since 1970.")
    room: str = text("The room's code.")
    sealed: tuple[Sealed, ...] = records(Sealed, "Exactly one: the sealed message.", 1)


@_command(51)
class CreateSealedRoom(ChatCommand):
    """Create a sealed room and enter it."""

    session: int = u64("Session number.")
    attachment: int = u64("The attachment on which it was requested.")
    time: int = u64("Time of day in microseconds since 1970.")
    log: int = u64("Random identity of the room's log.")
    room: str = text("Random code of the room.")
    check: bytes = blob("Check value of its secret.")


@_command(52)
class PublishDevice(ChatCommand):
    """Publish a user's device keys: for private messages, or as a member of a sealed room."""

    session: int = u64("Session number.")
    attachment: int = u64("The attachment on which it was requested.")
    epoch: int = u32("Epoch of the proof.")
    room: str = text("Code of a sealed room, or empty.")
    keys: bytes = blob("The device's public keys.")
    proof: bytes = blob("Proof that the device knows the room's secret, or empty.")


@_command(60)
class OfferFile(ChatCommand):
    """Append the offer of a file to a room."""

    session: int = u64("Session number of the sender.")
    attachment: int = u64("The attachment on which it was requested.")
    counter: int = u64("Number of the message on the sender's device.")
    known: int = u64(
        "The device's last counter in the history, if the state has none; otherwise 0."
    )
    time: int = u64("Time of day in microseconds since 1970.")
    room: str = text("The room's code.")
    text: str = text("Text of the event (`netchat.wire.file_offers`).")


@_command(70)
class PostAnnotation(ChatCommand):
    """Append an edit, deletion, reply or reaction to a room; a deletion also erases its target."""

    session: int = u64("Session number of the sender.")
    attachment: int = u64("The attachment on which it was requested.")
    counter: int = u64("Number of the message on the sender's device.")
    known: int = u64(
        "The device's last counter in the history, if the state has none; otherwise 0."
    )
    time: int = u64("Time of day in microseconds since 1970.")
    kind: int = u32("EDIT, DELETE, REPLY or REACTION, as `EventKind`.")
    seq: int = u64("Sequence number of the event that it refers to.")
    is_own: int = u32("1 if the sender sent that event, too; otherwise 0.")
    room: str = text("The room's code.")
    text: str = text("Text, as in ANNOTATE.")
    sha256: bytes = blob("For the deletion of an offer, the file's SHA-256; otherwise empty.")


def encode_command(command: ChatCommand) -> bytes:
    """Encode a command.

    Raises:
        EncodeError: A field's value does not fit.
    """
    return bytes((_VERSION, command.TYPE)) + command.encode()


def decode_command(data: bytes) -> ChatCommand:
    """Decode a command.

    Raises:
        CommandError: The bytes are not a valid command. The text says why.
    """
    if len(data) < 2:
        raise CommandError(f"a command must have at least 2 bytes, got {len(data)}")
    if data[0] != _VERSION:
        raise CommandError(f"command version {data[0]} is not supported, only {_VERSION}")
    cls = COMMANDS.get(data[1])
    if cls is None:
        raise CommandError(f"command type {data[1]} is unknown")
    body = data[2:]
    try:
        command, end = cls.read(body, 0)
    except (struct.error, UnicodeDecodeError):
        end = -1
    if end != len(body):
        raise CommandError(f"{cls.__name__}: {_explain(cls, body)}")
    for name in _NUMBERS[cls]:
        if getattr(command, name) >= MAX_NUMBER:
            raise CommandError(f"{cls.__name__}.{name} must be below 2^63")
    return command


def _explain(cls: type[ChatCommand], body: bytes) -> str:
    """Describe why a body is not a valid command of a type."""
    end = 0
    try:
        for span in walk(cls, body):
            end = span.end
    except BadBody as error:
        return str(error)
    return f"{many(len(body) - end, 'byte is', 'bytes are')} left over after its last field"


#: The fields of each command whose numbers could be too large.
_NUMBERS = {
    cls: [field.name for field in fields_of(cls) if field.kind is U64] for cls in COMMANDS.values()
}
