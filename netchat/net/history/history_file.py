"""File of a history: private, locked, and checked for being moved or replaced."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import struct
from pathlib import Path

from netchat.errors import HistoryError
from netchat.files import make_private_folder, open_private, tighten

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["HistoryFile"]

#: Suffixes of SQLite's additional files in WAL mode. New commits are only in the log at first.
_SUFFIXES = ("-wal", "-shm")

#: Offset of the locked byte, far from those that SQLite locks (from 1 GiB), and from any data.
_LOCK_BYTE = 1 << 62

#: `struct flock`: type, whence, start, length, process.
_FLOCK = struct.Struct("hhqqi")

#: Histories that this process has open. Closing any descriptor of a file releases all of the process's
#: POSIX locks on it, including SQLite's, so a file in use must not be opened again.
_in_use: set[tuple[int, int]] = set()


class HistoryFile:
    """Locked file of a history, which SQLite reads and writes.

    The lock is on the file itself. Hard links and symlinks therefore share it, and there is no lock
    file to delete.

    Args:
        path: Path of the file; created, with its folder, if it does not exist.
        opened: Exit stack that closes the file.

    Attributes:
        notices: Warnings for the user, such as changed permissions.
        is_lost: Whether the file was emptied, so that nothing can be saved into it.

    Raises:
        HistoryError: Another server has the file open, or it is not a regular file.
        OSError: The file cannot be opened.
    """

    def __init__(self, path: Path, opened: contextlib.ExitStack) -> None:
        self.path = path
        self.notices: list[str] = []
        self.is_lost = False
        self._name = str(path)
        self._places: dict[Path, tuple[int, int]] = {}
        if not path.parent.exists():
            make_private_folder(path.parent)
        if path.exists():
            status = path.stat()
            if not stat.S_ISREG(status.st_mode):
                raise HistoryError(f"The history {path} is not a regular file.")
            if _identity(status) in _in_use:
                raise self._used()
        opened.callback(os.close, fd := open_private(path, os.O_RDWR | os.O_CREAT))
        self._identity = _identity(os.fstat(fd))
        self._lock(fd, opened)
        _in_use.add(self._identity)
        opened.callback(_in_use.discard, self._identity)
        self.notices += filter(None, [tighten(path)])
        for file in self._companions():  # SQLite creates these with the mode of the main file
            tighten(file)

    def watch(self) -> None:
        """Record the identity of the open files, for `check`."""
        self._places = {file: _identity(file.stat()) for file in (self.path, *self._companions())}

    def in_place(self) -> bool:
        """Return whether the path still names the open file, with one fast system call."""
        try:
            status = os.stat(self._name)  # noqa: PTH116 - half the time of Path.stat
        except OSError:
            return False
        return _identity(status) == self._identity and status.st_size > 0

    def check(self) -> None:
        """Check that the paths of all files still name the open files.

        Raises:
            HistoryError: A file was deleted, renamed, replaced or emptied. New data would be missing
                after a restart.
        """
        for file, identity in self._places.items():
            try:
                status = file.stat()
            except OSError as error:
                raise self._moved(file, "deleted or renamed") from error
            if _identity(status) != identity:
                raise self._moved(file, "replaced by another file")
            if not status.st_size and file is self.path:
                self.is_lost = True  # SQLite may still write some pages into it
        if self.is_lost:
            raise self._moved(self.path, "emptied")

    def _moved(self, file: Path, how: str) -> HistoryError:
        return HistoryError(
            f"{file} was {how} while the server had it open. Put it back, or restart the server "
            "to start a new history; until then no message is acknowledged."
        )

    def _companions(self) -> list[Path]:
        real = self.path.resolve()  # SQLite resolves symlinks before it adds a suffix
        return [real.with_name(real.name + suffix) for suffix in _SUFFIXES]

    def _used(self) -> HistoryError:
        return HistoryError(
            f"The history {self.path} is in use by another server. "
            "Connect to it with: netchat client. Or choose another file with --history."
        )

    def _lock(self, fd: int, opened: contextlib.ExitStack) -> None:
        """Lock the file against a second server, which would assign the same sequence numbers.

        An open file description lock ends with the process, does not depend on the file's name, and
        survives SQLite closing the file. `flock` would also do, but on NFS and BSD it blocks SQLite.
        """
        command = getattr(fcntl, "F_OFD_SETLK", None)
        if command is None:
            self._lock_beside(opened)
            return
        try:
            fcntl.fcntl(fd, command, _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, _LOCK_BYTE, 1, 0))
        except (BlockingIOError, PermissionError) as error:
            raise self._used() from error
        except OSError:  # not supported by this kernel or file system
            self._lock_beside(opened)

    def _lock_beside(self, opened: contextlib.ExitStack) -> None:
        """Lock a companion file with a transaction, on systems without such locks."""
        real = self.path.resolve()
        name = real.with_name(f"{real.name}-lock")
        lock = sqlite3.connect(name, isolation_level=None, check_same_thread=False, timeout=0)
        opened.callback(lock.close)
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            raise self._used() from error


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino
