"""Binary form of the shared state: for digests, and for snapshots that start a new server."""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

from netchat.errors import CommandError
from netchat.wire import Record
from netchat.wire.declare import record
from netchat.wire.fields import blob, text, u8, u64

__all__ = [
    "CounterRecord",
    "NumbersRecord",
    "RoomRecord",
    "SeatRecord",
    "ServerRecord",
    "SessionRecord",
    "StateRecords",
    "pack_state",
    "unpack_state",
]

#: First byte of a snapshot: the version of this file's declarations.
_VERSION = 1

_COUNT = struct.Struct(">I")


@record
class NumbersRecord(Record):
    """Numbers from which new ones are derived."""

    next_id: int = u64("Next number for a room or session.")
    epoch: int = u64("Largest epoch of a server so far.")


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
class SeatRecord(Record):
    """A membership; those of one session are in the order in which it entered the rooms."""

    session: int = u64("Session number.")
    room: int = u64("Room number.")


@record
class CounterRecord(Record):
    """The largest counter of a device in a room."""

    room: int = u64("Room number.")
    device: int = u64("Device id.")
    counter: int = u64("The counter.")
    older: int = u8("1 if the device has sent nothing since the last rotation.")


class StateRecords(NamedTuple):
    """The sections of a snapshot, in order."""

    numbers: list[NumbersRecord]
    servers: list[ServerRecord]
    rooms: list[RoomRecord]
    sessions: list[SessionRecord]
    seats: list[SeatRecord]
    counters: list[CounterRecord]


_KINDS = (NumbersRecord, ServerRecord, RoomRecord, SessionRecord, SeatRecord, CounterRecord)


def pack_state(records: StateRecords) -> bytes:
    """Encode the records of a state."""
    parts = [bytes((_VERSION,))]
    for section in records:
        parts.append(_COUNT.pack(len(section)))
        parts += [item.encode() for item in section]
    return b"".join(parts)


def unpack_state(data: bytes) -> StateRecords:
    """Decode the records of a state.

    Raises:
        CommandError: The bytes are not a snapshot of a state.
    """
    if data[:1] != bytes((_VERSION,)):
        raise CommandError(f"snapshot version {data[:1].hex() or 'none'} is not supported")
    sections: list[Any] = []
    at = 1
    try:
        for kind in _KINDS:
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
    return StateRecords(*sections)
