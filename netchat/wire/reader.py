"""The incremental reader: any slicing of a byte stream in, whole frames out."""

from __future__ import annotations

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
from netchat.wire.frame import CRC_OFFSET, HEADER, HEADER_SIZE, MAGIC, VERSION, Frame
from netchat.wire.limits import DEFAULT_PORT, MAX_FRAME

__all__ = ["FrameReader", "check_header", "http_problem"]

_PREFIX = MAGIC + bytes([VERSION])
_NO_CRC = bytes(4)

#: How an answer of HTTP begins.
_HTTP = b"HTTP/"


def http_problem(head: bytes | bytearray) -> str:
    """Say so if bytes begin like HTTP: somebody has taken the page's port for the chat's.

    Args:
        head: The first bytes from a peer.

    Returns:
        The problem; empty if it is not HTTP.
    """
    if not head.startswith(_HTTP):
        return ""
    return (
        "this is HTTP, not a chat: a web page's port, most likely. The chat has a port of its own, "
        f"{DEFAULT_PORT} unless told otherwise"
    )


def check_header(head: bytes | bytearray, limit: int = MAX_FRAME) -> int:
    """Check a header, or as much of one as has arrived.

    Args:
        head: the first bytes of a frame; what is behind byte 16 is not looked at.
        limit: bytes a whole frame may have.

    Returns:
        The length of the body; 0 while the header is incomplete.

    Raises:
        PeerError: one of its kinds, naming the value and what was expected.
    """
    if not MAGIC.startswith(head[:2]):
        raise BadMagic(
            http_problem(head) or f"a frame begins with {MAGIC!r}, not with {bytes(head[:2])!r}"
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


class FrameReader:
    """Cuts a byte stream into frames.

    Feed it whatever arrives: one byte, half a frame, a hundred frames. It keeps at most one
    unfinished frame, and refuses one above `limit` from its header alone. Once it has raised,
    the stream has no trustworthy next byte, and the reader stays failed. A caller that wants no
    more than some frames now gets the rest later, by feeding nothing.

    Args:
        limit: bytes a whole frame may have.
    """

    __slots__ = ("_at", "_failure", "_partial", "_start", "_unread", "_wanted", "limit")

    #: Units of work that brought no frame; `netchat.net.chat_server.Reader` says what for.
    idle = 0

    def __init__(self, limit: int = MAX_FRAME) -> None:
        self.limit = limit
        self._partial: bytearray | None = None
        self._wanted = 0
        self._unread, self._at = b"", 0  # what was fed and not looked at, from that offset on
        self._start = 0  # where in the stream the unfinished, or the next, frame begins
        self._failure: tuple[type[PeerError], str] | None = None

    @property
    def pending(self) -> int:
        """Bytes held of frames that were not handed out yet."""
        if self._partial is not None:
            return len(self._partial)
        return len(self._unread) - self._at

    @property
    def unread(self) -> bool:
        """Whether `feed` stopped at its limit, with bytes left to look at."""
        return bool(self._unread)

    def ignore(self, data: bytes) -> None:
        """Take bytes that no longer matter."""

    def feed(self, data: bytes, most: int = sys.maxsize) -> list[Frame]:
        """Take the next bytes of the stream.

        Args:
            data: those bytes; may be empty, to get on with the ones before.
            most: frames to hand out. What is beyond them is kept for the next call.

        Returns:
            The frames they completed, in order.

        Raises:
            PeerError: the stream broke the protocol, at the byte that the text names. Frames
                completed before the bad bytes are in the exception's `frames` attribute, so that
                nothing valid is lost; they are handed over once.
        """
        if self._failure is not None:
            kind, text = self._failure
            raise kind(text)  # without frames: they were handed over with the first one
        frames: list[Frame] = []
        partial, start, at = self._partial, self._start, 0
        try:
            if self._unread:
                if data:
                    self._unread, self._at = self._unread[self._at :] + data, 0
                data, at = self._unread, self._at
                self._unread, self._at = b"", 0
            elif partial is not None:
                partial += data
                # Appending is cheap; looking is not. A frame that arrives byte by byte is
                # looked at when its header is complete and when its body is, not each time.
                if len(partial) < self._wanted:
                    if len(partial) < HEADER_SIZE:
                        check_header(partial, self.limit)
                    return frames
                self._partial = None
                data = bytes(partial)
            end = self._split(data, at, frames, most)
            self._start = start + end - at
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
        """Append the whole frames in `data`, up to `most`; returns the offset after the last one."""
        size, limit = len(data), self.limit
        header = HEADER.unpack_from
        while at + HEADER_SIZE <= size and len(frames) < most:
            prefix, number, flags, suite, reserved, length, crc = header(data, at)
            if (
                prefix != _PREFIX
                or flags
                or suite
                or reserved
                or number not in MESSAGES
                or length + HEADER_SIZE > limit
            ):
                check_header(data[at : at + HEADER_SIZE], limit)
            end = at + HEADER_SIZE + length
            if end > size:
                break
            body = data[at + HEADER_SIZE : end]
            if crc32(body, crc32(_NO_CRC, crc32(data[at : at + CRC_OFFSET]))) != crc:
                name = MESSAGES[number].NAME
                raise BadChecksum(
                    f"{name} frame: its CRC-32 says {crc:08x}, but its bytes give "
                    f"{crc32(body, crc32(_NO_CRC, crc32(data[at : at + CRC_OFFSET]))):08x}"
                )
            frames.append(Frame(number, body))
            at = end
        return at
