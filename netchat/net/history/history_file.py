"""The file of a history: private, locked, and checked for still being in its place."""

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

#: What SQLite keeps beside a database in WAL mode. A commit is only in the log at first.
_BESIDE = ("-wal", "-shm")

#: The byte that the lock is on: far from those that SQLite locks (from 1 GiB), and from any data.
_LOCK_BYTE = 1 << 62

#: `struct flock`: type, whence, start, length, process.
_FLOCK = struct.Struct("hhqqi")

#: Histories that this process has open. Closing any descriptor of a file drops the process's POSIX
#: locks on it, those of SQLite too, so a file that is in use must not even be opened.
_in_use: set[tuple[int, int]] = set()


class HistoryFile:
    """Opens, locks and watches the file; SQLite reads and writes it.

    The lock is on the file itself, so a hard link or a symlink leads to the same lock, and there is
    no lock file to delete.

    Args:
        path: its name. Made, with its folder, if it does not exist.
        opened: what closes it again.

    Attributes:
        notices: what the user should know, such as permissions that were changed.
        is_lost: the file was emptied, so nothing can be saved into it.

    Raises:
        HistoryError: another server has it open, or it is not a regular file.
        OSError: it cannot be opened.
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
        for file in self._beside():  # SQLite gives those that it makes the mode of the history
            tighten(file)

    def watch(self) -> None:
        """Remember the files that are open now, for `check`."""
        self._places = {file: _identity(file.stat()) for file in (self.path, *self._beside())}

    def in_place(self) -> bool:
        """Return whether the file's name leads to the file that is open: one fast system call."""
        try:
            status = os.stat(self._name)  # noqa: PTH116 - half the time of Path.stat
        except OSError:
            return False
        return _identity(status) == self._identity and status.st_size > 0

    def check(self) -> None:
        """Check that the names of all its files still lead to the files that are open.

        Raises:
            HistoryError: one was deleted, renamed, replaced or emptied: what is written now would
                be missing after a restart.
        """
        for file, identity in self._places.items():
            try:
                status = file.stat()
            except OSError as error:
                raise self._moved(file, "deleted or renamed") from error
            if _identity(status) != identity:
                raise self._moved(file, "replaced by another file")
            if not status.st_size and file is self.path:
                self.is_lost = True  # SQLite may go on to write some pages into it
        if self.is_lost:
            raise self._moved(self.path, "emptied")

    def _moved(self, file: Path, how: str) -> HistoryError:
        return HistoryError(
            f"{file} was {how} while the server had it open. Put it back, or restart the server "
            "to begin a new history; until then no message is acknowledged."
        )

    def _beside(self) -> list[Path]:
        real = self.path.resolve()  # SQLite follows symlinks before it adds these
        return [real.with_name(real.name + suffix) for suffix in _BESIDE]

    def _used(self) -> HistoryError:
        return HistoryError(
            f"The history {self.path} is in use by another server. "
            "Chat there with: netchat client. Or name another file with --history."
        )

    def _lock(self, fd: int, opened: contextlib.ExitStack) -> None:
        """Keep a second server out: both would give out the same sequence numbers.

        An open file description lock ends with the process, however that ends, does not depend on
        the file's name, and is not dropped when SQLite closes the file. `flock` would do too, but on
        NFS and on BSD it locks out SQLite itself.
        """
        command = getattr(fcntl, "F_OFD_SETLK", None)
        if command is None:
            self._lock_beside(opened)
            return
        try:
            fcntl.fcntl(fd, command, _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, _LOCK_BYTE, 1, 0))
        except (BlockingIOError, PermissionError) as error:
            raise self._used() from error
        except OSError:  # this kernel or file system has none
            self._lock_beside(opened)

    def _lock_beside(self, opened: contextlib.ExitStack) -> None:
        """Lock a file beside it by a transaction, where the system has no such locks."""
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
