"""Files of a server on disk, each stored once by its SHA-256.

The folder has the complete files, the incomplete uploads, and an index that says which room has which file.
Complete files without an entry in the index, and entries without their file, are removed at the start: a
crash has left them.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import shutil
import sqlite3
import tempfile
from collections import OrderedDict
from pathlib import Path

from netchat.chat.file_jobs import (
    ClosePartial,
    DropPartial,
    FileJob,
    FileJobResult,
    FinishPartial,
    OpenPartial,
    PartialKey,
    ReadStored,
    RemoveStored,
    StoredFile,
    WritePartial,
)
from netchat.errors import HistoryError
from netchat.files import make_private_folder, sync_folder
from netchat.wire import MAX_CHUNK, Chunk, encode
from netchat.wording import cannot

__all__ = ["FileStore"]

#: Bytes of the disk that uploads leave free, for the history.
RESERVE = 64 * 1024 * 1024

#: Bytes to hash at a time.
_BLOCK = 1024 * 1024

#: Bytes after which the system begins to write an upload to the disk, so that the last ones do not have to
#: wait for all others.
_WRITE_BEHIND = 8 * 1024 * 1024

#: Complete files that stay open, for reading.
_OPEN_FILES = 64

_SCHEMA = """
CREATE TABLE IF NOT EXISTS files (
    log INTEGER, sha256 BLOB, size INTEGER, owner TEXT, time INTEGER, PRIMARY KEY (log, sha256)
) WITHOUT ROWID;
"""

_PARTIAL = re.compile(r"(account|device)-([0-9]{1,20})-([0-9a-f]{64})-([0-9]{1,19})")


class _Partial:
    """An incomplete file that is open."""

    def __init__(self, path: Path) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        self.file = os.open(path, flags, 0o600)
        self.hash = hashlib.sha256()
        self.size = 0
        self.begun = 0  # bytes that the system has been asked to write
        try:
            while block := os.read(self.file, _BLOCK):
                self.hash.update(block)
                self.size += len(block)
        except OSError:
            os.close(self.file)
            raise
        self.begun = self.size

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            count = os.write(self.file, view)
            self.hash.update(view[:count])
            self.size += count
            view = view[count:]
        if self.size - self.begun >= _WRITE_BEHIND:
            self._begin_writing()

    def _begin_writing(self) -> None:
        """Ask the system to write what it has, without waiting."""
        if hasattr(os, "posix_fadvise"):
            size = self.size - self.begun
            os.posix_fadvise(self.file, self.begun, size, os.POSIX_FADV_DONTNEED)
        self.begun = self.size


class FileStore:
    """Files of a server.

    `run` carries out jobs: those about reading in one thread, all others in another one.

    Args:
        folder: The folder, created with the first file; None takes a temporary one, which `close` deletes.
        fsync: Whether a complete file must be on the disk.

    Raises:
        HistoryError: The folder cannot be used.
    """

    def __init__(self, folder: Path | None, *, fsync: bool = True) -> None:
        self._folder, self._is_temporary = folder, folder is None
        self._fsync = fsync
        self._index: sqlite3.Connection | None = None
        self._partials: dict[PartialKey, _Partial] = {}
        self._open: OrderedDict[bytes, int] = OrderedDict()
        self.files: list[StoredFile] = []
        """The complete files at the start."""
        self.partials: list[tuple[PartialKey, int]] = []
        """The incomplete files at the start, each with its time in microseconds since 1970."""
        if folder is not None and folder.exists():
            try:
                self._load(folder)
            except (OSError, sqlite3.Error) as error:
                self.close()
                raise HistoryError(cannot("use", f"the files in {folder}", error)) from error

    # -- the start ------------------------------------------------------------------------------

    def _load(self, folder: Path) -> None:
        self._prepare(folder)
        assert self._index is not None
        rows = [StoredFile(*row) for row in self._index.execute("SELECT * FROM files")]
        sizes = self._sizes(folder)
        missing = [row for row in rows if sizes.get(row.sha256) != row.size]
        self._forget(missing)
        self.files = [row for row in rows if sizes.get(row.sha256) == row.size]
        for sha256 in set(sizes) - {row.sha256 for row in self.files}:
            self._path(sha256).unlink()
        for path in (folder / "partial").iterdir():
            found = _PARTIAL.fullmatch(path.name)
            if found is None:
                continue
            kind, number, digest, size = found.groups()
            key = PartialKey(f"{kind}:{number}", bytes.fromhex(digest), int(size))
            self.partials.append((key, int(path.stat().st_mtime * 1e6)))

    def _sizes(self, folder: Path) -> dict[bytes, int]:
        """Return the sizes of the complete files by SHA-256."""
        sizes = {}
        for path in (folder / "complete").glob("??/*"):
            if re.fullmatch("[0-9a-f]{64}", path.name):
                sizes[bytes.fromhex(path.name)] = path.stat().st_size
        return sizes

    def _prepare(self, folder: Path) -> None:
        """Create the folder and open the index."""
        make_private_folder(folder)
        for name in ("complete", "partial"):
            make_private_folder(folder / name)
        path = folder / "files.db"
        path.touch(mode=0o600)
        self._index = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._index.execute("PRAGMA journal_mode = wal")
        self._index.execute(f"PRAGMA synchronous = {'full' if self._fsync else 'normal'}")
        self._index.executescript(_SCHEMA)

    def _ready(self) -> Path:
        """Return the folder, after creating it if necessary."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="netchat-files-"))
        if self._index is None:
            try:
                self._prepare(self._folder)
            except sqlite3.Error as error:
                raise OSError(errno.EIO, str(error)) from error
        return self._folder

    # -- jobs -----------------------------------------------------------------------------------

    def run(self, job: FileJob) -> FileJobResult:
        """Carry out a job, and return its result."""
        try:
            match job:
                case ReadStored():
                    return self._read(job)
                case WritePartial(_, key, data):
                    return self._write(key, data)
                case OpenPartial(_, key):
                    return self._begin(key)
                case FinishPartial():
                    return self._finish(job.key, job.stored)
                case ClosePartial(key):
                    self._close(key)
                case DropPartial(key):
                    self._close(key)
                    if self._index is not None:
                        self._partial_path(key).unlink(missing_ok=True)
                case RemoveStored(files, deleted):
                    self._forget(files)
                    for sha256 in deleted:
                        self._path(sha256).unlink(missing_ok=True)
        except OSError as error:
            return error
        except sqlite3.Error as error:
            return OSError(errno.EIO, f"the index of files: {error}")
        return None

    def _begin(self, key: PartialKey) -> int:
        folder = self._ready()
        partial = self._partials.get(key)
        if partial is None:
            partial = _Partial(self._partial_path(key))
            if partial.size > key.size:  # from elsewhere
                os.ftruncate(partial.file, 0)
                partial.hash, partial.size, partial.begun = hashlib.sha256(), 0, 0
            self._partials[key] = partial
        free = shutil.disk_usage(folder).free - RESERVE
        if key.size - partial.size > free:
            raise OSError(errno.ENOSPC, "the disk of the server is full")
        return partial.size

    def _write(self, key: PartialKey, data: bytes) -> int:
        partial = self._partials.get(key)
        if partial is None:
            raise OSError(errno.EBADF, "the upload has ended")
        partial.write(data)
        return partial.size

    def _finish(self, key: PartialKey, stored: StoredFile) -> bool:
        partial = self._partials[key]
        is_right = partial.hash.digest() == key.sha256
        if is_right and self._fsync:
            os.fsync(partial.file)
        self._close(key)
        source, target = self._partial_path(key), self._path(key.sha256)
        if not is_right:
            source.unlink(missing_ok=True)
            return False
        # First the entry: if there is no space for it, the incomplete file stays.
        assert self._index is not None
        self._index.execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?)", stored)
        if target.exists():
            source.unlink()
        else:
            make_private_folder(target.parent)
            source.replace(target)
            if self._fsync:
                sync_folder(target.parent)
                sync_folder(target.parent.parent)
        return True

    def _close(self, key: PartialKey) -> None:
        partial = self._partials.pop(key, None)
        if partial is not None:
            os.close(partial.file)

    def _read(self, job: ReadStored) -> list[bytes]:
        file = self._open.get(job.sha256)
        if file is None:
            flags = os.O_RDONLY | getattr(os, "O_BINARY", 0)
            file = os.open(self._path(job.sha256), flags)
            self._open[job.sha256] = file
            if len(self._open) > _OPEN_FILES:
                os.close(self._open.popitem(last=False)[1])
        self._open.move_to_end(job.sha256)
        frames, end = [], job.offset + job.length
        for offset in range(job.offset, end, MAX_CHUNK):
            data = _read_at(file, min(MAX_CHUNK, end - offset), offset)
            frames.append(encode(Chunk(job.request, offset, data)))
        return frames

    def _forget(self, files: list[StoredFile] | tuple[StoredFile, ...]) -> None:
        if self._index is not None and files:
            keys = [(file.log, file.sha256) for file in files]
            self._index.execute("BEGIN")
            self._index.executemany("DELETE FROM files WHERE log = ? AND sha256 = ?", keys)
            self._index.execute("COMMIT")

    def _path(self, sha256: bytes) -> Path:
        if self._folder is None:
            raise FileNotFoundError(errno.ENOENT, "there are no files")
        return self._folder / "complete" / sha256.hex()[:2] / sha256.hex()

    def _partial_path(self, key: PartialKey) -> Path:
        assert self._folder is not None
        owner = key.owner.replace(":", "-")
        return self._folder / "partial" / f"{owner}-{key.sha256.hex()}-{key.size}"

    def close(self) -> None:
        """Close all files, and delete a temporary folder."""
        for key in list(self._partials):
            self._close(key)
        while self._open:
            os.close(self._open.popitem()[1])
        if self._index is not None:
            self._index.close()
            self._index = None
        if self._is_temporary and self._folder is not None:
            with contextlib.suppress(OSError):
                shutil.rmtree(self._folder)
            self._folder = None


def _read_at(file: int, size: int, offset: int) -> bytes:
    os.lseek(file, offset, os.SEEK_SET)  # one thread reads; Windows has no pread
    data = os.read(file, size)
    if len(data) < size:
        raise FileNotFoundError(errno.ENOENT, "the file is incomplete")
    return data
