"""Catalogue of a server's files: what each room has, and how much space users and server have left."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from netchat.chat.file_jobs import PartialKey, StoredFile
from netchat.chat.settings import Settings
from netchat.wording import show_size

__all__ = ["FileCatalog"]


class FileCatalog:
    """Files by room, and the space that they and incomplete uploads take up.

    A file that several rooms have is stored once, but counts for each user who has uploaded it.

    Args:
        settings: Limits.
        files: The complete files.
        partials: The incomplete ones, each with the time of its last change, in microseconds since 1970.

    Attributes:
        files: The complete files, by log of the room and SHA-256.
        partials: Time of the last change of each incomplete file.
    """

    def __init__(
        self,
        settings: Settings,
        files: Iterable[StoredFile] = (),
        partials: Iterable[tuple[PartialKey, int]] = (),
    ) -> None:
        self.files: dict[tuple[int, bytes], StoredFile] = {}
        self.partials: dict[PartialKey, int] = {}
        self._settings = settings
        self._rooms: dict[bytes, int] = {}  # number of rooms that have each file
        self._used: dict[str, int] = {}  # bytes by owner
        self._total = 0
        for file in files:
            self.add(file)
        for key, time in partials:
            self.begin(key, time)

    def find(self, log: int, sha256: bytes, size: int) -> StoredFile | None:
        """Return a room's file, or None."""
        found = self.files.get((log, sha256))
        return found if found is not None and found.size == size else None

    def get(self, log: int, sha256: bytes) -> StoredFile | None:
        """Return a room's file of any size, or None."""
        return self.files.get((log, sha256))

    def add(self, file: StoredFile) -> None:
        """Add a complete file to a room, or its new time."""
        known = self.files.get((file.log, file.sha256))
        self.files[file.log, file.sha256] = file
        if known is not None:
            self._use(known.owner, -known.size)
            self._use(file.owner, file.size)
            return
        rooms = self._rooms[file.sha256] = self._rooms.get(file.sha256, 0) + 1
        if rooms == 1:
            self._total += file.size
        self._use(file.owner, file.size)

    def remove(self, files: Collection[StoredFile]) -> tuple[bytes, ...]:
        """Remove files from rooms; return the SHA-256 of those that no room has any more."""
        deleted = []
        for file in files:
            del self.files[file.log, file.sha256]
            self._use(file.owner, -file.size)
            self._rooms[file.sha256] -= 1
            if not self._rooms[file.sha256]:
                del self._rooms[file.sha256]
                self._total -= file.size
                deleted.append(file.sha256)
        return tuple(deleted)

    def begin(self, key: PartialKey, time: int) -> None:
        """Reserve the space of an upload."""
        if key not in self.partials:
            self._total += key.size
            self._use(key.owner, key.size)
        self.partials[key] = time

    def end(self, key: PartialKey) -> None:
        """Release the space of an upload."""
        if self.partials.pop(key, None) is not None:
            self._total -= key.size
            self._use(key.owner, -key.size)

    def quota_problem(self, key: PartialKey) -> str:
        """Return why there is no space for an upload, or an empty string."""
        if key in self.partials:
            return ""
        limits = self._settings
        used = self._used.get(key.owner, 0)
        if used + key.size > limits.file_quota:
            return (
                f"Your files on this server take up {show_size(used)} of {show_size(limits.file_quota)}; "
                f"there is no space for {show_size(key.size)} more until some expire."
            )
        if self._total + key.size > limits.file_space:
            return (
                f"The files of all users take up {show_size(self._total)} of "
                f"{show_size(limits.file_space)}; there is no space for {show_size(key.size)} more "
                "until some expire."
            )
        return ""

    def expired(self, before: int, logs: Collection[int]) -> list[StoredFile]:
        """Return the files that were offered before a time, and those of rooms that are gone.

        Args:
            before: The time, in microseconds since 1970.
            logs: Identities of the logs of all rooms.
        """
        return [file for file in self.files.values() if file.time < before or file.log not in logs]

    def in_room(self, log: int) -> list[StoredFile]:
        """Return the files of a room."""
        return [file for file in self.files.values() if file.log == log]

    def _use(self, owner: str, size: int) -> None:
        used = self._used.get(owner, 0) + size
        if used:
            self._used[owner] = used
        else:
            self._used.pop(owner, None)
