"""Checks on bytes that may be a frame."""

from __future__ import annotations

import struct

from netchat.errors import BadChecksum, PeerError
from netchat.wire import HEADER_SIZE, MAGIC, MESSAGES, VERSION, Message, check_header, checksum

__all__ = ["PREFIX", "bad_checksum", "checksum_is_right", "frame_size", "may_begin", "read_message"]

#: First bytes of every frame of this version.
PREFIX = MAGIC + bytes([VERSION])


def may_begin(head: bytes | bytearray, limit: int) -> bool:
    """Return whether a frame can begin with these 0 to 16 bytes."""
    try:
        check_header(head, limit)
    except PeerError:
        return False
    return True


def frame_size(head: bytes | bytearray, limit: int) -> int:
    """Return the length of the frame that begins with `head`, or 0 if it is invalid.

    While the header is incomplete, the length is that of the header.
    """
    try:
        return HEADER_SIZE + check_header(head, limit)
    except PeerError:
        return 0


def checksum_is_right(frame: bytes) -> bool:
    """Return whether the CRC-32 in a complete frame is correct."""
    return checksum(frame) == int.from_bytes(frame[12:16], "big")


def bad_checksum(frame: bytes) -> BadChecksum:
    """Return the error for a wrong CRC-32."""
    expected = int.from_bytes(frame[12:16], "big")
    return BadChecksum(
        f"{MESSAGES[frame[3]].NAME} frame: its CRC-32 says {expected:08x}, but its bytes give "
        f"{checksum(frame):08x}"
    )


def read_message(frame: bytes) -> Message | None:
    """Return the message in a valid frame, or None if its body is invalid."""
    try:
        message, end = MESSAGES[frame[3]].read(frame, HEADER_SIZE)
    except (struct.error, UnicodeDecodeError):
        return None
    return message if end == len(frame) else None
