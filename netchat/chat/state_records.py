"""Binary form of the shared state: for digests, and for snapshots that start a new server."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Collection, Iterable, Iterator
from typing import Any, NamedTuple

from netchat.errors import CommandError
from netchat.wire import Record
from netchat.wire.compiler import compile_packer
from netchat.wire.declare import record
from netchat.wire.fields import blob, text, u8, u64

__all__ = [
    "ChatRecord",
    "RoomRecord",
    "RoomRulesRecord",
    "ServerRecord",
    "SessionRecord",
    "StateRecords",
    "pack_pairs",
    "pack_room",
    "pack_session",
    "pack_state",
    "unpack_pairs",
    "unpack_state",
]

#: First byte of a snapshot: the version of this file's declarations.
_VERSION = 3

#: Number of sections in a snapshot of each version that can be read.
_SECTIONS = {2: 4, _VERSION: 5}

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
    older_counters: bytes = blob("The same before the last rotation.")


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
class RoomRulesRecord(Record):
    """Settings of a room that its moderators have made."""

    room: int = u64("Room number.")
    rules: bytes = blob("Its rules, as `RoomRules.dump` writes them.")


class StateRecords(NamedTuple):
    """The sections of a snapshot, in order."""

    chat: list[ChatRecord]
    servers: list[ServerRecord]
    rooms: list[RoomRecord]
    sessions: list[SessionRecord]
    rules: list[RoomRulesRecord]


_KINDS = (ChatRecord, ServerRecord, RoomRecord, SessionRecord, RoomRulesRecord)

# The state is encoded on the event loop. Records would take half of the time.
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
    known = _SECTIONS.get(data[0]) if data else None
    if known is None:
        raise CommandError(f"snapshot version {data[:1].hex() or 'none'} is not supported")
    sections: list[Any] = []
    at = 1
    try:
        for kind in _KINDS[:known]:
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
    sections += [[] for _ in _KINDS[known:]]
    return StateRecords(*sections)
