"""Buffered input of a capture file, with file offsets for error messages."""

from __future__ import annotations

import zlib
from typing import Protocol

from netchat.errors import CaptureError

__all__ = ["CHUNK", "CaptureBuffer", "Readable"]

#: Bytes read at a time: enough to amortise the call, small enough for the cache.
CHUNK = 256 * 1024


class Readable(Protocol):
    """Binary file, or an object with its `read`: a pipe, a gzip stream."""

    def read(self, size: int, /) -> bytes | None:
        """Read up to `size` bytes; an empty result is the end."""


class CaptureBuffer:
    """Buffer that a reader of records refills as it moves on.

    The file is read in pieces rather than mapped, so that pipes and gzip streams are read the same way
    and memory stays constant however long the capture is.

    Args:
        file: The file to read.
        name: Its name in error messages.

    Attributes:
        offset: Offset of the buffer in the file, after decompression.
    """

    def __init__(self, file: Readable, name: str) -> None:
        self.name = name
        self.offset = 0
        self._file = file
        self._unread: CaptureError | None = None

    def more(self, buffer: bytes, at: int, need: int) -> bytes:
        """Drop the first `at` bytes of a buffer, and read more after it.

        Args:
            buffer: The bytes read before.
            at: Number of them that were processed.
            need: Number of bytes the result should have.

        Returns:
            The rest of the buffer and the bytes after it; shorter than `need` only at the end.
        """
        self.offset += at
        parts = [buffer[at:]]
        size = len(parts[0])
        while size < need and self._unread is None:
            try:
                piece = self._file.read(max(CHUNK, need - size))
            except (OSError, EOFError, zlib.error) as error:
                # A truncated gzip file: the bytes decompressed before are valid.
                self._unread = CaptureError(
                    f"{self.name}: cannot be read after byte {self.offset + size}: {error}"
                )
                break
            if not piece:
                break
            parts.append(piece)
            size += len(piece)
        return b"".join(parts)

    def padded(self, buffer: bytes, at: int) -> bool:
        """Return whether only zeros follow in the file, which pad it to a whole block.

        Args:
            buffer: The bytes read before.
            at: Index of the first zero in it.
        """
        rest = buffer[at:]
        while rest and not any(rest):
            rest = self.more(b"", 0, 1)
        return not rest

    def truncated(self, what: str, at: int, need: int, left: int) -> CaptureError:
        """Return the error for a record at `at` that the end of the file cuts off."""
        if self._unread is not None:
            return self._unread
        return CaptureError(
            f"{self.name} is truncated: {what} at byte {self.offset + at} needs {need} bytes, "
            f"but only {left} are left"
        )

    def bad(self, text: str, at: int) -> CaptureError:
        """Return the error for an invalid record; `at` is its index in the buffer."""
        return CaptureError(f"{self.name}: byte {self.offset + at}: {text}")

    def ended(self) -> None:
        """Check that the file ended, rather than became unreadable.

        Raises:
            CaptureError: The rest of the file could not be read.
        """
        if self._unread is not None:
            raise self._unread
