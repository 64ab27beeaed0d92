"""Frames: a 16-byte header and the body of one message.

The header, with offsets in bytes:

     0         2    3    4         6    7    8                 12                16
    +----+----+----+----+----+----+----+----+----+----+----+----+----+----+----+----+
    | 'N'  'C'| ver|type|  flags  |suit|rsvd|      length       |      CRC-32       |
    +----+----+----+----+----+----+----+----+----+----+----+----+----+----+----+----+
"""

from __future__ import annotations

import functools
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

#: The header's fields as (name, offset, size, meaning), for the views.
HEADER_FIELDS = (
    ("magic", 0, 2, "NC: lets a reader find the next frame after damage"),
    ("version", 2, 1, "protocol version: 1"),
    ("type", 3, 1, "type number of the message"),
    ("flags", 4, 2, "0; bit 0 is reserved for encrypted bodies"),
    ("suite", 6, 1, "0; reserved for the cipher suite of an encrypted body"),
    ("reserved", 7, 1, "0"),
    ("length", 8, 4, "size of the body in bytes, without the header"),
    ("crc", 12, 4, "CRC-32 of the whole frame, with these four bytes set to zero"),
)

_PREFIX = MAGIC + bytes([VERSION])
_CRC = struct.Struct(">I")


class Flags(IntFlag):
    """Bits of the header's flags. Version 1 defines no flags."""

    NONE = 0


class Frame(NamedTuple):
    """A frame with a valid header and CRC.

    Attributes:
        type: Type number of the message.
        body: The encoded message.
    """

    type: int
    body: bytes


def checksum(frame: bytes) -> int:
    """Return the CRC-32 of a whole frame, with its CRC field taken as zero."""
    return crc32(frame[HEADER_SIZE:], crc32(frame[:CRC_OFFSET] + bytes(HEADER_SIZE - CRC_OFFSET)))


@functools.lru_cache(maxsize=1024)
def _head(number: int, length: int) -> tuple[bytes, int]:
    """Return the header up to its CRC, and the CRC-32 of the header, with which the body's begins.

    Cached, because most frames have one of a few types and lengths.
    """
    head = HEADER.pack(_PREFIX, number, 0, 0, 0, length, 0)
    return head[:CRC_OFFSET], crc32(head)


def seal(number: int, body: bytes) -> bytes:
    """Build a frame from an encoded body.

    Args:
        number: Type number of the message.
        body: The encoded fields.

    Returns:
        The whole frame.
    """
    head, crc = _head(number, len(body))
    return head + _CRC.pack(crc32(body, crc)) + body


def encode(message: Message) -> bytes:
    """Encode a message as a frame.

    Raises:
        EncodeError: A field's value does not fit into the protocol.
    """
    return seal(message.TYPE, message.encode())


def decode(frame: Frame) -> Message:
    """Decode the message in a frame.

    Raises:
        UnknownType: The type is not in the protocol.
        BadBody: The body does not match its declaration. The text names the field and its offset.
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
