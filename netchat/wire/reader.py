"""Incremental reader: a byte stream in pieces of any size in, complete frames out."""

from __future__ import annotations

import functools
import struct
import sys
from zlib import crc32

from netchat.errors import (
    BadChecksum,
    BadMagic,
    BadVersion,
    FrameTooLarge,
    PeerError,
    UnknownFlags,
    UnknownType,
)
from netchat.wire.declare import MESSAGES
from netchat.wire.frame import CRC_OFFSET, HEADER_SIZE, MAGIC, VERSION, Frame
from netchat.wire.limits import DEFAULT_PORT, MAX_FRAME

__all__ = ["FrameReader", "check_header", "http_problem"]

_CRC = struct.Struct(">I")

_new = tuple.__new__  # makes a named tuple in half the time of its own `__new__`

#: First bytes of an HTTP response.
_HTTP = b"HTTP/"

#: First bytes of a TLS handshake.
_TLS = b"\x16\x03"


def http_problem(head: bytes | bytearray) -> str:
    """Describe the mistake of connecting to the page's port, if the bytes are HTTP.

    Args:
        head: The first bytes from a peer.

    Returns:
        The problem; empty if it is not HTTP.
    """
    if not head.startswith(_HTTP):
        return ""
    return (
        "it speaks HTTP, so this is probably the port of a web page. The chat has its own port, "
        f"{DEFAULT_PORT} by default"
    )


def _tls_problem(head: bytes | bytearray) -> str:
    """Describe the mistake of starting TLS with a server that does not expect it, or return ""."""
    if not head.startswith(_TLS):
        return ""
    return "it starts TLS, which is off here; start the server with netchat serve --tls"


def check_header(head: bytes | bytearray, limit: int = MAX_FRAME) -> int:
    """Check a complete or partial header.

    Args:
        head: The first bytes of a frame; only the first 16 are checked.
        limit: Largest frame, in bytes.

    Returns:
        The length of the body in bytes; 0 while the header is incomplete.

    Raises:
        PeerError: The header is invalid. The text names the value and what is allowed.
    """
    if not MAGIC.startswith(head[:2]):
        raise BadMagic(
            http_problem(head)
            or _tls_problem(head)
            or f"a frame begins with {MAGIC!r}, not with {bytes(head[:2])!r}"
        )
    if len(head) > 2 and head[2] != VERSION:
        raise BadVersion(f"this is NCP version {head[2]}; this program speaks version {VERSION}")
    if len(head) > 3 and head[3] not in MESSAGES:
        raise UnknownType(f"frame type {head[3]:#04x} is not in NCP/{VERSION}")
    if len(head) > 7 and any(head[4:8]):
        raise UnknownFlags(
            f"flags {int.from_bytes(head[4:6], 'big'):#06x}, suite {head[6]}, reserved {head[7]}: "
            f"NCP/{VERSION} defines none of them; all must be 0"
        )
    if len(head) < HEADER_SIZE:
        return 0
    length = int.from_bytes(head[8:12], "big")
    if HEADER_SIZE + length > limit:
        raise FrameTooLarge(
            f"the header announces a frame of {HEADER_SIZE + length} bytes; the limit is {limit}"
        )
    return length


@functools.lru_cache(maxsize=1024)
def _parse_head(head: bytes) -> tuple[int, int, int]:
    """Parse and check a header up to its CRC.

    Cached, because most frames have one of a few types and lengths.

    Returns:
        Type number, length of the body in bytes, and CRC-32 of the header, with which the body's begins.

    Raises:
        PeerError: The header is invalid.
    """
    check_header(head)
    number, length = head[3], int.from_bytes(head[8:12], "big")
    return number, length, crc32(head + bytes(HEADER_SIZE - CRC_OFFSET))


class FrameReader:
    """Splitter of a byte stream into frames.

    `feed` accepts any piece of the stream: one byte, half a frame, a hundred frames. The reader keeps
    at most one incomplete frame, and refuses a frame above `limit` from its header. After an error,
    the position of the next frame is unknown, and every further call fails. A caller that limits the
    number of frames gets the rest later by feeding no bytes.

    Args:
        limit: Largest frame, in bytes.
    """

    __slots__ = ("_at", "_failure", "_partial", "_start", "_unread", "_wanted", "limit")

    #: Work that produced no frame; see `netchat.net.server_driver.Reader`.
    idle = 0

    def __init__(self, limit: int = MAX_FRAME) -> None:
        self.limit: int = limit
        self._partial: bytearray | None = None
        self._wanted = 0
        self._unread, self._at = b"", 0  # bytes not parsed yet, and the offset of the first
        self._start = 0  # stream offset of the incomplete or next frame
        self._failure: tuple[type[PeerError], str] | None = None

    @property
    def pending(self) -> int:
        """Number of buffered bytes."""
        if self._partial is not None:
            return len(self._partial)
        return len(self._unread) - self._at

    @property
    def unread(self) -> bool:
        """Whether `feed` stopped at its limit with bytes left to parse."""
        return bool(self._unread)

    def ignore(self, data: bytes) -> None:
        """Discard received bytes."""

    def feed(self, data: bytes, most: int = sys.maxsize) -> list[Frame]:
        """Parse the next bytes of the stream.

        Args:
            data: The bytes; may be empty, to continue with buffered ones.
            most: Largest number of frames to return. Further frames stay buffered.

        Returns:
            The completed frames, in order.

        Raises:
            PeerError: the stream broke the protocol, at the byte that the text names. Frames
                completed before the bad bytes are in the exception's `frames` attribute, so that
                nothing valid is lost; they are handed over once.
        """
        if self._failure is not None:
            kind, text = self._failure
            raise kind(text)  # without frames: the first exception carried them
        frames: list[Frame] = []
        partial, start, at = self._partial, self._start, 0
        completed = 0  # bytes of the frame that was incomplete
        try:
            if self._unread:
                if data:
                    self._unread, self._at = self._unread[self._at :] + data, 0
                data, at = self._unread, self._at
                self._unread, self._at = b"", 0
            elif partial is not None and len(partial) >= HEADER_SIZE and most:
                at = self._wanted - len(partial)
                if len(data) < at:
                    partial += data
                    return frames
                # Complete this frame only: what follows it is parsed where it is.
                partial += memoryview(data)[:at]
                completed = len(partial)
                self._partial = None
                self._split(bytes(partial), 0, frames, 1)
            elif partial is not None:
                partial += data
                # Appending is cheap, parsing is not: a frame that arrives byte by byte is parsed
                # when its header is complete and when its body is, not for each byte.
                if len(partial) < self._wanted:
                    if len(partial) < HEADER_SIZE:
                        check_header(partial, self.limit)
                    return frames
                self._partial = None
                data = bytes(partial)
            end = self._split(data, at, frames, most)
            self._start = start + completed + end - at
            if len(frames) == most and end < len(data):
                self._unread, self._at = data, end
            elif end < len(data):
                rest = data[end:]
                self._wanted = HEADER_SIZE + check_header(rest, self.limit)
                self._partial = bytearray(rest)
        except PeerError as failure:
            at = start + sum(HEADER_SIZE + len(frame.body) for frame in frames)
            failure.args = (f"{failure} (frame at byte {at} of the stream)",)
            # Not the exception itself: its traceback would keep the peer's bytes in memory.
            self._failure = type(failure), str(failure)
            self._partial, self._unread, self._at = None, b"", 0
            failure.frames = frames
            raise
        return frames

    def _split(self, data: bytes, at: int, frames: list[Frame], most: int) -> int:
        """Append up to `most` complete frames; return the offset after the last one."""
        size, limit = len(data), self.limit
        while at + HEADER_SIZE <= size and len(frames) < most:
            number, length, crc_of_head = _parse_head(data[at : at + CRC_OFFSET])
            body_at = at + HEADER_SIZE
            end = body_at + length
            if end - at > limit:
                check_header(data[at:body_at], limit)
            if end > size:
                break
            body = data[body_at:end]
            (crc,) = _CRC.unpack_from(data, at + CRC_OFFSET)
            if crc32(body, crc_of_head) != crc:
                name = MESSAGES[number].NAME
                raise BadChecksum(
                    f"{name} frame: its CRC-32 says {crc:08x}, but its bytes give "
                    f"{crc32(body, crc_of_head):08x}"
                )
            frames.append(_new(Frame, (number, body)))
            at = end
        return at
