"""Binary form of the shared state: for digests, and for snapshots that start a new server."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from netchat.errors import CommandError
from netchat.wire import Record
from netchat.wire.compiler import compile_packer
from netchat.wire.declare import record
from netchat.wire.fields import blob, text, u8, u64

__all__ = [
    "AccountRecord",
    "ChatRecord",
    "InvitationRecord",
    "LoginRecord",
    "ReadMarkerRecord",
    "RoomRecord",
    "RoomRulesRecord",
    "SealedDeviceRecord",
    "SealedRoomRecord",
    "ServerRecord",
    "SessionRecord",
    "StateRecords",
    "pack_logins",
    "pack_pairs",
    "pack_room",
    "pack_session",
    "pack_state",
    "unpack_logins",
    "unpack_pairs",
    "unpack_state",
]

#: First byte of a snapshot: the version of this file's declarations.
_VERSION = 4

#: Number of sections in each version of a snapshot.
_SECTIONS = {2: 4, 3: 9, 4: 10}

_COUNT = struct.Struct(">I")
_PAIR = struct.Struct(">QQ")


@record
class ChatRecord(Record):
    """The chat as a whole."""

    next_id: int = u64("Next number for a room or session.")
    epoch: int = u64("Largest epoch of a server so far.")
    memberships: bytes = blob("Session and room; those of a session in the order of its rooms.")


@record
class ServerRecord(Record):
    """A server."""

    epoch: int = u64("Epoch of its lease.")
    name: str = text("Its name.")


@record
class RoomRecord(Record):
    """A room."""

    id: int = u64("Room number.")
    log: int = u64("Identity of its log.")
    head: int = u64("Sequence number of its last event.")
    kind: int = u8("Kind of the room.")
    code: str = text("Room code.")
    counters: bytes = blob("Device id and largest counter of each device, in pairs.")
    older_counters: bytes = blob("The counters before the last rotation.")


@record
class SessionRecord(Record):
    """A session."""

    id: int = u64("Session number.")
    device: int = u64("Device id.")
    server: int = u64("Epoch of the server that has its connection, or 0.")
    attachment: int = u64("Number of connections it has had.")
    token: bytes = blob("Hash of its token.")
    previous: bytes = blob("Hash of its previous token, or empty.")
    name: str = text("The user's name.")


@record
class AccountRecord(Record):
    """An account."""

    id: int = u64("Account number.")
    created: int = u64("Time of its registration, in microseconds since 1970.")
    version: int = u64("Number of changes of its password.")
    session: int = u64("Number of its session, or 0.")
    role: int = u8("Rights of the account.")
    name: str = text("Its name.")
    password: str = text("Encoded hash of its password.")
    logins: bytes = blob("Its devices without a session: LoginRecords, the least recent one first.")


@record
class LoginRecord(Record):
    """A device that has logged in to an account."""

    device: int = u64("Device id.")
    token: bytes = blob("Hash of its token, or empty.")
    previous: bytes = blob("Hash of its previous token, or empty.")


@record
class InvitationRecord(Record):
    """An unused invitation."""

    secret: bytes = blob("Hash of its code.")
    expires: int = u64("Time after which it is void, in microseconds since 1970, or 0.")


@record
class RoomRulesRecord(Record):
    """Restrictions and settings that moderators have given a room."""

    room: int = u64("Room number.")
    rules: bytes = blob("Its rules, as `RoomRules.dump` writes them.")


@record
class SealedRoomRecord(Record):
    """The secret of a room with sealed messages, as far as a server knows it."""

    room: str = text("Room code.")
    epoch: int = u64("Number of the secret.")
    check: bytes = blob("Its check value.")


@record
class SealedDeviceRecord(Record):
    """Keys of a session's device."""

    session: int = u64("Session number.")
    room: str = text("Code of a sealed room, or empty for private messages.")
    epoch: int = u64("Epoch of the proof, or 0.")
    keys: bytes = blob("The public keys.")
    proof: bytes = blob("The proof, or empty.")


@record
class ReadMarkerRecord(Record):
    """Read markers of an account."""

    account: int = u64("Account number.")
    markers: bytes = blob("Room number and sequence number of each room, in pairs.")


class StateRecords(NamedTuple):
    """The sections of a snapshot, in order."""

    chat: list[ChatRecord]
    servers: list[ServerRecord]
    rooms: list[RoomRecord]
    sessions: list[SessionRecord]
    accounts: list[AccountRecord]
    invitations: list[InvitationRecord]
    rules: list[RoomRulesRecord]
    sealed_rooms: list[SealedRoomRecord]
    sealed_devices: list[SealedDeviceRecord]
    markers: list[ReadMarkerRecord]


_KINDS = (
    ChatRecord,
    ServerRecord,
    RoomRecord,
    SessionRecord,
    AccountRecord,
    InvitationRecord,
    RoomRulesRecord,
    SealedRoomRecord,
    SealedDeviceRecord,
    ReadMarkerRecord,
)

# The state is encoded on the event loop, where `Record.encode` would take half of the time.
pack_room = compile_packer(RoomRecord)
pack_session = compile_packer(SessionRecord)


def pack_pairs(pairs: Iterable[tuple[int, int]]) -> bytes:
    """Encode pairs of numbers, of eight bytes each, all at once: there may be thousands."""
    numbers = list(itertools.chain.from_iterable(pairs))
    return struct.pack(f">{len(numbers)}Q", *numbers) if numbers else b""


def unpack_pairs(data: bytes) -> Iterator[tuple[int, int]]:
    """Decode pairs of numbers.

    Raises:
        ValueError: The last pair is incomplete.
    """
    if len(data) % _PAIR.size:
        raise ValueError(f"{len(data)} bytes are not whole pairs of numbers")
    return _PAIR.iter_unpack(data)


def pack_logins(logins: Mapping[int, tuple[bytes, bytes]]) -> bytes:
    """Encode the devices of an account."""
    return b"".join(LoginRecord(device, *tokens).encode() for device, tokens in logins.items())


def unpack_logins(data: bytes) -> dict[int, tuple[bytes, bytes]]:
    """Decode the devices of an account.

    Raises:
        ValueError: The bytes are not whole records.
    """
    logins: dict[int, tuple[bytes, bytes]] = {}
    at = 0
    while at < len(data):
        try:
            login, at = LoginRecord.read(data, at)
        except struct.error as error:
            raise ValueError(f"the login at byte {at} is incomplete") from error
        logins[login.device] = login.token, login.previous
    return logins


def pack_state(*sections: Collection[bytes]) -> bytes:
    """Encode a state, given as the encoded records of each section of `StateRecords`."""
    parts = [bytes((_VERSION,))]
    for section in sections:
        parts.append(_COUNT.pack(len(section)))
        parts += section
    return b"".join(parts)


def unpack_state(data: bytes) -> StateRecords:
    """Decode the records of a state.

    Raises:
        CommandError: The bytes are not a snapshot of a state.
    """
    known_sections = _SECTIONS.get(data[0]) if data else None
    if known_sections is None:
        raise CommandError(f"snapshot version {data[:1].hex() or 'none'} is not supported")
    sections: list[Any] = []
    at = 1
    try:
        for kind in _KINDS[:known_sections]:
            (count,) = _COUNT.unpack_from(data, at)
            at += _COUNT.size
            items = []
            for _ in range(count):
                item, at = kind.read(data, at)
                items.append(item)
            sections.append(items)
    except (struct.error, UnicodeDecodeError) as error:
        raise CommandError(f"the snapshot is damaged at byte {at}: {error}") from error
    if at != len(data):
        raise CommandError(f"the snapshot has {len(data)} bytes, but its records end at {at}")
    missing: list[list[Any]] = [[] for _ in _KINDS[known_sections:]]
    return StateRecords(*sections, *missing)
