"""What the scanner asks about bytes that may be a frame."""

from __future__ import annotations

import struct

from netchat.errors import BadChecksum, PeerError
from netchat.wire import HEADER_SIZE, MAGIC, MESSAGES, VERSION, Message, check_header, checksum

__all__ = ["PREFIX", "bad_checksum", "checksum_is_right", "frame_size", "may_begin", "read_message"]

#: What every frame of this version begins with.
PREFIX = MAGIC + bytes([VERSION])


def may_begin(head: bytes | bytearray, limit: int) -> bool:
    """Whether a frame can begin with these bytes, 16 of them or fewer; with none it can."""
    try:
        check_header(head, limit)
    except PeerError:
        return False
    return True


def frame_size(head: bytes | bytearray, limit: int) -> int:
    """Bytes of the frame that begins with `head`; a header's if it is incomplete; 0 if none can."""
    try:
        return HEADER_SIZE + check_header(head, limit)
    except PeerError:
        return 0


def checksum_is_right(frame: bytes) -> bool:
    """Whether the CRC-32 in a whole frame is that of its bytes."""
    return checksum(frame) == int.from_bytes(frame[12:16], "big")


def bad_checksum(frame: bytes) -> BadChecksum:
    """The error that says so."""
    said = int.from_bytes(frame[12:16], "big")
    return BadChecksum(
        f"{MESSAGES[frame[3]].NAME} frame: its CRC-32 says {said:08x}, but its bytes give "
        f"{checksum(frame):08x}"
    )


def read_message(frame: bytes) -> Message | None:
    """The message in a frame whose header and CRC-32 are right; None if its body is not."""
    try:
        message, end = MESSAGES[frame[3]].read(frame, HEADER_SIZE)
    except (struct.error, UnicodeDecodeError):
        return None
    return message if end == len(frame) else None
