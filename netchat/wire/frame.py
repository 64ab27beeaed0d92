"""The frame: a 16-byte header, then the body of one message.

 0         2    3    4         6    7    8                 12                16
+----+----+----+----+----+----+----+----+----+----+----+----+----+----+----+----+
| 'N'  'C'| ver|type|  flags  |suit|rsvd|      length       |      CRC-32       |
+----+----+----+----+----+----+----+----+----+----+----+----+----+----+----+----+
"""

from __future__ import annotations

import struct
from enum import IntFlag
from typing import NamedTuple
from zlib import crc32

from netchat.errors import BadBody, UnknownType
from netchat.wire.declare import MESSAGES, Message
from netchat.wire.walk import explain

__all__ = [
    "CRC_OFFSET",
    "HEADER",
    "HEADER_FIELDS",
    "HEADER_SIZE",
    "MAGIC",
    "VERSION",
    "Flags",
    "Frame",
    "checksum",
    "decode",
    "encode",
    "seal",
]

MAGIC = b"NC"
VERSION = 1

#: magic and version | type | flags | suite | reserved | length of the body | CRC-32
HEADER = struct.Struct(">3sBHBBII")
HEADER_SIZE = HEADER.size
CRC_OFFSET = 12

#: The header's fields as (name, offset, size, meaning), for every view that draws one.
HEADER_FIELDS = (
    ("magic", 0, 2, "NC: a reader that lost its place finds it again here"),
    ("version", 2, 1, "of the protocol: 1"),
    ("type", 3, 1, "which message the body is"),
    ("flags", 4, 2, "0; bit 0 will mean: the body is encrypted"),
    ("suite", 6, 1, "0; will name the cipher suite of an encrypted body"),
    ("reserved", 7, 1, "0"),
    ("length", 8, 4, "bytes of the body, the header not counted"),
    ("crc", 12, 4, "CRC-32 (zlib's) over the whole frame, these four bytes taken as zero"),
)

_PREFIX = MAGIC + bytes([VERSION])
_NO_CRC = bytes(4)
_SEAL = struct.Struct(">3sBHBBI")


class Flags(IntFlag):
    """Bits of the header's flags. Version 1 defines none that may be set."""

    NONE = 0


class Frame(NamedTuple):
    """A frame whose header and CRC were found valid.

    Attributes:
        type: the message's type number.
        body: the message's bytes.
    """

    type: int
    body: bytes


def checksum(frame: bytes) -> int:
    """CRC-32 of a whole frame, its CRC field taken as zero."""
    return crc32(frame[HEADER_SIZE:], crc32(_NO_CRC, crc32(frame[:CRC_OFFSET])))


def seal(number: int, body: bytes) -> bytes:
    """Put the header in front of a body.

    Args:
        number: the message's type.
        body: its encoded fields.

    Returns:
        The whole frame.
    """
    head = _SEAL.pack(_PREFIX, number, 0, 0, 0, len(body))
    crc = crc32(body, crc32(_NO_CRC, crc32(head)))
    return b"%b%b%b" % (head, crc.to_bytes(4, "big"), body)


def encode(message: Message) -> bytes:
    """The frame that carries `message`.

    Raises:
        EncodeError: a field holds a value that the protocol cannot carry.
    """
    return seal(message.TYPE, message.encode())


def decode(frame: Frame) -> Message:
    """The message that a frame carries.

    Raises:
        UnknownType: the type is not in the protocol.
        BadBody: the body does not match its declaration; says which field, and where.
    """
    number, body = frame
    cls = MESSAGES.get(number)
    if cls is None:
        raise UnknownType(f"frame type {number:#04x} is not in NCP/{VERSION}")
    try:
        message, end = cls.read(body, 0)
    except (struct.error, UnicodeDecodeError):
        end = -1
    if end != len(body):
        raise BadBody(explain(cls, body))
    return message
