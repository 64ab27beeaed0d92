"""Transfers of files on one connection, as the server sees them."""

from __future__ import annotations

from collections import deque
from typing import Any, NamedTuple

from netchat.chat.file_jobs import PartialKey
from netchat.chat.transfer_window import TransferWindow

__all__ = ["ConnectionTransfers", "FileRange", "ServerUpload"]


class ServerUpload:
    """An upload on a connection.

    Attributes:
        connection: The connection.
        request: Number of the UPLOAD.
        key: Identity of the incomplete file.
        log: Identity of the log of its room.
        received: Offset of the next byte from the client.
        stored: Bytes on disk.
        limit: Offset up to which the client may send.
        told: Value of `stored` in the last UPLOAD_STATE.
        is_open: Whether the incomplete file is open, so that CHUNKs are expected.
        is_over: Whether it has ended.
        window: Bytes that may be on their way.
    """

    __slots__ = (
        "connection", "is_open", "is_over", "key", "limit", "log", "received", "request", "stored", "told",
        "window",
    )  # fmt: skip

    def __init__(
        self, connection: Any, request: int, key: PartialKey, log: int, now: float
    ) -> None:
        self.connection, self.request, self.key, self.log = connection, request, key, log
        self.received = self.stored = self.limit = self.told = 0
        self.is_open = self.is_over = False
        self.window = TransferWindow(now)


class FileRange(NamedTuple):
    """Bytes of a file that a client waits for."""

    request: int
    sha256: bytes
    offset: int
    end: int


class ConnectionTransfers:
    """Transfers on one connection.

    Attributes:
        uploads: Uploads by request number, also recently ended ones.
        ranges: What the client has requested and the server has not read yet.
        ready: Frames to send, with the range to read again if they are discarded.
        is_reading: Whether a job reads for this connection.
    """

    __slots__ = ("is_reading", "ranges", "ready", "ready_bytes", "uploads")

    def __init__(self) -> None:
        self.uploads: dict[int, ServerUpload] = {}
        self.ranges: deque[FileRange] = deque()
        self.ready: deque[tuple[bytes, FileRange]] = deque()
        self.ready_bytes = 0
        self.is_reading = False

    @property
    def downloads(self) -> int:
        """Number of ranges that are not completely sent."""
        return len(self.ranges) + len(self.ready)

    @property
    def is_sending(self) -> bool:
        """Whether the client waits for bytes of a file."""
        return bool(self.ranges or self.ready)

    @property
    def active_uploads(self) -> int:
        """Number of uploads that have not ended."""
        return sum(not upload.is_over for upload in self.uploads.values())
