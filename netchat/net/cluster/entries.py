"""Entries of the cluster's stream: their fields in Redis, and the records that they encode.

A stream holds three kinds of records. `redis-cli XRANGE` shows them as

    v 1 epoch 7 joined 29a642e716a300d6 first 1 address <addresses>
    v 1 epoch 7 batch 1 commands <bytes>
    v 1 epoch 7 expired lease

An epoch belongs to one server, from its `joined` to its `expired`, and its batches are numbered without
gaps from `first`.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from netchat.errors import ClusterError

__all__ = [
    "LONGEST_NAME",
    "BatchRecord",
    "ExpiredRecord",
    "ForeignEntry",
    "JoinedRecord",
    "Record",
    "entry_digest",
    "pack_commands",
    "parse_entry",
    "unpack_commands",
]

#: Version of the entries. A server stops at an entry of another version: ignoring what another server
#: applies would make their states differ.
VERSION = b"1"

#: Longest name of a server, and longest address of a server for clients, in bytes.
LONGEST_NAME = 255

#: Reasons in an `expired` record.
REASONS = (b"lease", b"left")

_LENGTH = struct.Struct(">I")
_LARGEST = 2**63 - 1


class ForeignEntry(ValueError):
    """An entry that no netchat server wrote, or that was damaged."""


@dataclass(frozen=True, slots=True)
class BatchRecord:
    """A batch of commands, appended by one server."""

    epoch: int
    """Epoch of the server's lease."""
    number: int
    """Sequence number of the batch in its epoch."""
    commands: bytes
    """Packed commands."""

    def fields(self) -> list[bytes]:
        """Return the fields of the stream's entry."""
        return [
            *(b"v", VERSION, b"epoch", b"%d" % self.epoch),
            *(b"batch", b"%d" % self.number, b"commands", self.commands),
        ]


@dataclass(frozen=True, slots=True)
class JoinedRecord:
    """The start of a server's epoch."""

    epoch: int
    """Epoch of the server's lease."""
    server: str
    """Identifier of the server."""
    first: int
    """Sequence number of the first batch of this epoch."""
    address: str
    """Address for clients, HOST:PORT, or empty."""

    def fields(self) -> list[bytes]:
        """Return the fields of the stream's entry."""
        return [
            *(b"v", VERSION, b"epoch", b"%d" % self.epoch, b"joined", self.server.encode()),
            *(b"first", b"%d" % self.first, b"address", self.address.encode()),
        ]


@dataclass(frozen=True, slots=True)
class ExpiredRecord:
    """The end of a server's epoch."""

    epoch: int
    """Epoch that ends."""
    reason: str
    """`lease` if the lease expired, `left` if the server shut down."""

    def fields(self) -> list[bytes]:
        """Return the fields of the stream's entry."""
        return [
            *(b"v", VERSION, b"epoch", b"%d" % self.epoch),
            *(b"expired", self.reason.encode()),
        ]


Record = BatchRecord | JoinedRecord | ExpiredRecord


def parse_entry(fields: Sequence[bytes]) -> Record:
    """Parse the fields of a stream's entry.

    Raises:
        ForeignEntry: The fields are not those of a record.
        ClusterError: A newer version of netchat wrote the entry.
    """
    match fields:
        case [b"v", b"1", b"epoch", epoch, b"batch", number, b"commands", commands]:
            return BatchRecord(_number(epoch), _number(number), commands)
        case [b"v", b"1", b"epoch", epoch, b"joined", server, b"first", first, b"address", address]:
            if not server:
                raise ForeignEntry("the server's identifier is empty")
            return JoinedRecord(_number(epoch), _text(server), _number(first), _text(address))
        case [b"v", b"1", b"epoch", epoch, b"expired", reason] if reason in REASONS:
            return ExpiredRecord(_number(epoch), reason.decode())
        case [b"v", version, b"epoch", _, *_] if version != VERSION and version.isdigit():
            raise ClusterError(
                f"the cluster's stream has an entry of version {_text(version)}, and this server "
                f"reads version {VERSION.decode()}: update netchat on this server"
            )
    names = b", ".join(fields[:8:2])
    raise ForeignEntry(f"its fields are {names[:80]!r}")


def pack_commands(commands: Iterable[bytes]) -> bytes:
    """Join commands, each after its length as 32 bits."""
    return b"".join([part for one in commands for part in (_LENGTH.pack(len(one)), one)])


def unpack_commands(packed: bytes) -> tuple[bytes, ...]:
    """Split packed commands.

    Raises:
        ForeignEntry: The lengths do not match the bytes.
    """
    found, offset, end = [], 0, len(packed)
    while offset < end:
        if offset + _LENGTH.size > end:
            raise ForeignEntry("its batch ends within a length")
        start = offset + _LENGTH.size
        offset = start + _LENGTH.unpack_from(packed, offset)[0]
        if offset > end:
            raise ForeignEntry("its batch ends within a command")
        found.append(packed[start:offset])
    return tuple(found)


def entry_digest(fields: Sequence[bytes]) -> str:
    """Return a digest of an entry's fields, in hexadecimal."""
    return hashlib.blake2b(pack_commands(fields), digest_size=8).hexdigest()


def _number(value: bytes) -> int:
    if not value.isdigit() or len(value) > 19 or int(value) > _LARGEST:
        raise ForeignEntry(f"{value[:20]!r} is not a number")
    return int(value)


def _text(value: bytes) -> str:
    if len(value) > LONGEST_NAME:
        raise ForeignEntry(f"a name has {len(value):,} bytes")
    try:
        text = value.decode()
    except UnicodeDecodeError:
        raise ForeignEntry(f"{value[:20]!r} is not UTF-8") from None
    if not text.isprintable():
        raise ForeignEntry(f"{value[:20]!r} is not printable")
    return text
