"""Work on the files of a server, as data: `netchat.net.files` carries it out, away from the event loop.

Each job about the same partial file is carried out after those before it. `Hub.file_job_done` takes the
result, with the upload (`ServerUpload`) or connection that it is for.
"""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = [
    "ClosePartial",
    "DropPartial",
    "FileJob",
    "FileJobResult",
    "FinishPartial",
    "OpenPartial",
    "PartialKey",
    "ReadStored",
    "RemoveStored",
    "StoredFile",
    "WritePartial",
]


class PartialKey(NamedTuple):
    """Identity of an incomplete upload."""

    owner: str
    """The user (`netchat.chat.file_service.owner_of`)."""

    sha256: bytes
    size: int


class StoredFile(NamedTuple):
    """A complete file of a room."""

    log: int
    """Identity of the room's log."""

    sha256: bytes
    size: int
    owner: str
    time: int
    """Time at which it was uploaded or offered last, in microseconds since 1970."""


class OpenPartial(NamedTuple):
    """Open an incomplete file, or create it. The result is the number of bytes that it has."""

    upload: Any
    key: PartialKey


class WritePartial(NamedTuple):
    """Append bytes to an incomplete file. The result is its new size."""

    upload: Any
    key: PartialKey
    data: bytes


class FinishPartial(NamedTuple):
    """Compare the SHA-256, and make the file complete and durable.

    The result is whether the SHA-256 is right; if not, the file is deleted.
    """

    upload: Any
    key: PartialKey
    stored: StoredFile


class ClosePartial(NamedTuple):
    """Close an incomplete file, and keep it."""

    key: PartialKey


class DropPartial(NamedTuple):
    """Delete an incomplete file."""

    key: PartialKey


class ReadStored(NamedTuple):
    """Read a part of a file. The result is a list of CHUNK frames."""

    connection: Any
    request: int
    """Number of the DOWNLOAD."""

    sha256: bytes
    offset: int
    length: int


class RemoveStored(NamedTuple):
    """Remove files from rooms, and delete those that are in no other room."""

    files: tuple[StoredFile, ...]
    deleted: tuple[bytes, ...]
    """SHA-256 of the files to delete."""


FileJob = (
    OpenPartial
    | WritePartial
    | FinishPartial
    | ClosePartial
    | DropPartial
    | ReadStored
    | RemoveStored
)

#: Result of a job; an OSError if it has failed.
FileJobResult = int | bool | list[bytes] | OSError | None
