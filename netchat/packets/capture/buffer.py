"""The bytes of a capture file in large pieces, with the place in the file for error texts."""

from __future__ import annotations

import zlib
from typing import Protocol

from netchat.errors import CaptureError

__all__ = ["CHUNK", "Readable", "CaptureBuffer"]

#: Bytes read at a time. Large enough that the call costs nothing, small enough for the cache.
CHUNK = 256 * 1024


class Readable(Protocol):
    """A binary file, or what looks like one: a pipe, a gzip stream."""

    def read(self, size: int, /) -> bytes | None:
        """Up to `size` bytes; none at the end."""


class CaptureBuffer:
    """Refills the buffer that a reader of records walks through.

    Pieces rather than a mapping of the whole file: a pipe and a gzip stream are read the same
    way, and memory stays at one piece however long the capture is.

    Args:
        file: where the bytes come from.
        name: what error texts call it.

    Attributes:
        offset: where in the file the buffer begins. In a compressed file: in what was unpacked.
    """

    def __init__(self, file: Readable, name: str) -> None:
        self.name = name
        self.offset = 0
        self._file = file
        self._unread: CaptureError | None = None

    def more(self, buffer: bytes, at: int, need: int) -> bytes:
        """Drop the first `at` bytes of a buffer, and read on behind it.

        Args:
            buffer: what was read before.
            at: how much of it is done with.
            need: bytes the result should have.

        Returns:
            The rest of the buffer and what follows it; shorter than `need` only at the end.
        """
        self.offset += at
        parts = [buffer[at:]]
        size = len(parts[0])
        while size < need and self._unread is None:
            try:
                piece = self._file.read(max(CHUNK, need - size))
            except (OSError, EOFError, zlib.error) as error:
                # A gzip file that was cut short: what came out of it before is whole.
                self._unread = CaptureError(
                    f"{self.name}: cannot be read behind byte {self.offset + size}: {error}"
                )
                break
            if not piece:
                break
            parts.append(piece)
            size += len(piece)
        return b"".join(parts)

    def padded(self, buffer: bytes, at: int) -> bool:
        """Whether nothing but zeros follows in the file: they pad it to a whole block.

        Args:
            buffer: what was read before.
            at: where the zeros begin in it.
        """
        rest = buffer[at:]
        while rest and not any(rest):
            rest = self.more(b"", 0, 1)
        return not rest

    def truncated(self, what: str, at: int, need: int, left: int) -> CaptureError:
        """The error for a record that the end of the file cuts off; `at` is in the buffer."""
        if self._unread is not None:
            return self._unread
        return CaptureError(
            f"{self.name} is cut short: {what} at byte {self.offset + at} needs {need} bytes, "
            f"{left} are left"
        )

    def bad(self, text: str, at: int) -> CaptureError:
        """The error for a record that cannot be right; `at` is in the buffer."""
        return CaptureError(f"{self.name}: byte {self.offset + at}: {text}")

    def ended(self) -> None:
        """Check that the end was the end, and not a piece that could not be read.

        Raises:
            CaptureError: the file could not be read on.
        """
        if self._unread is not None:
            raise self._unread
