"""Reading and writing of the files that a client sends and saves; `netchat.chat.client_files` has the rules.

Disk work and hashing run in threads, a megabyte at a time.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import mimetypes
import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from netchat.chat.client_events import FileEnded
from netchat.chat.names import fold
from netchat.chat.outbox import OutgoingFile
from netchat.errors import NetchatError, Refused, SealingError
from netchat.files import sync_folder
from netchat.wire import ErrorCode, Private, RoomKind
from netchat.wire.file_offers import FileOffer, clean_name
from netchat.wording import cannot

if TYPE_CHECKING:
    from netchat.chat.client import ChatClient
    from netchat.chat.sealing.sealed_file import FileOpener, FileSealer

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

__all__ = ["ClientTransfers", "free_path"]

#: Bytes to hash at a time.
_BLOCK = 1024 * 1024

#: Bytes of a download after which the system begins to write them to the disk.
_WRITE_BEHIND = 8 * 1024 * 1024

#: Seconds to wait until it is known whether a private room is sealed.
_KEYS_TIMEOUT = 5.0

_CHANGED = "the file has changed while it was being sent"


class _Driver(Protocol):
    """Part of the client driver that transfers use."""

    core: ChatClient

    def flush(self) -> None:
        """Send the core's pending data."""

    def flush_or_drop(self) -> None:
        """Flush, or drop the connection."""


class _Stamp(NamedTuple):
    """Properties by which a changed file is noticed."""

    size: int
    modified: int
    inode: int


class _SourceFile:
    """An open file that is sent.

    Attributes:
        offer: Its offer.
        size: Bytes to upload.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        self._stamp = self._stamped()
        self.offer = FileOffer(self._stamp.size, b"", "", "")
        self.size = self._stamp.size
        self._sealer: FileSealer | None = None

    def _stamped(self) -> _Stamp:
        status = os.fstat(self._file)
        return _Stamp(status.st_size, status.st_mtime_ns, status.st_ino)

    def prepare(self, offer: FileOffer) -> None:
        """Compute the SHA-256 of what is uploaded; with a key, of the sealed form."""
        self._seal(offer)
        digest = hashlib.sha256()
        for offset in range(0, self.size, _BLOCK):
            digest.update(self._take(offset, min(_BLOCK, self.size - offset)))
        self.check()
        self.offer = offer._replace(sha256=digest.digest(), size=self._stamp.size)

    def restore(self, offer: FileOffer) -> None:
        """Continue with the offer of an earlier process."""
        self._seal(offer)
        self.offer = offer

    def _seal(self, offer: FileOffer) -> None:
        if offer.key:
            from netchat.chat.sealing.sealed_file import FileSealer, sealed_size

            self._sealer = FileSealer(offer.key, self._stamp.size)
            self.size = sealed_size(self._stamp.size)

    def check(self) -> None:
        """Check that the file is as it was.

        Raises:
            OSError: It has changed.
        """
        if self._stamped() != self._stamp:
            raise OSError(0, _CHANGED)

    def read(self, offset: int, length: int) -> bytes:
        """Return bytes of what is uploaded.

        Raises:
            OSError: The file has changed, or cannot be read.
        """
        data = self._take(offset, length)
        self.check()
        return data

    def _take(self, offset: int, length: int) -> bytes:
        if self._sealer is None:
            data = self._read(offset, length)
        else:
            data = self._sealer.seal(
                self._read(*self._sealer.plain_range(offset, length)), offset, length
            )
        if len(data) != length:
            raise OSError(0, _CHANGED)
        return data

    def _read(self, offset: int, length: int) -> bytes:
        os.lseek(self._file, offset, os.SEEK_SET)
        parts, left = [], length
        while left and (part := os.read(self._file, left)):
            parts.append(part)
            left -= len(part)
        return b"".join(parts)

    def close(self) -> None:
        """Close the file."""
        with contextlib.suppress(OSError):
            os.close(self._file)
        self._file = -1


class _TargetFile:
    """A file that is received: first a hidden partial file beside it.

    Attributes:
        offset: Bytes of the stored form that are complete.
        size: Bytes of the stored form.
    """

    def __init__(self, path: Path, offer: FileOffer) -> None:
        self.path, self.offer = path, offer
        self._partial, self._file = _open_partial(path, offer)
        self._hash = hashlib.sha256()
        self.offset, self.size = 0, offer.size
        self._written = self._begun = (
            0  # bytes of the file, and those that the system was asked to write
        )
        self._opener: FileOpener | None = None
        try:
            self._resume()
        except BaseException:
            os.close(self._file)
            raise

    def _resume(self) -> None:
        """Continue a partial file of an earlier attempt, as far as it is complete."""
        offer, size = self.offer, os.fstat(self._file).st_size
        if size > offer.size:
            size = 0
        if not offer.key:
            for offset in range(0, size, _BLOCK):
                self._hash.update(os.read(self._file, min(_BLOCK, size - offset)))
            self.offset = size
        else:
            from netchat.chat.sealing.sealed_file import (
                PART_SIZE,
                FileOpener,
                FileSealer,
                sealed_size,
            )

            parts = size // PART_SIZE
            self.size = sealed_size(offer.size)
            sealer, sealed = FileSealer(offer.key, offer.size), sealed_size(PART_SIZE)
            for part in range(parts):
                plain = os.read(self._file, PART_SIZE)
                self._hash.update(sealer.seal(plain, part * sealed, sealed))
            self.offset, size = parts * sealed, parts * PART_SIZE
            self._opener = FileOpener(offer.key, offer.size, parts)
        os.ftruncate(self._file, size)
        os.lseek(self._file, size, os.SEEK_SET)
        self._written = self._begun = size

    def write(self, pieces: list[bytes]) -> int:
        """Append bytes of the stored form; return the new offset.

        Raises:
            OSError: The file cannot be written.
            SealingError: The bytes were changed.
        """
        for data in pieces:
            self._hash.update(data)
            self.offset += len(data)
            view = memoryview(self._opener.open(data) if self._opener is not None else data)
            while view:
                count = os.write(self._file, view)
                self._written += count
                view = view[count:]
        if self._written - self._begun >= _WRITE_BEHIND:
            self._begin_writing()
        return self.offset

    def _begin_writing(self) -> None:
        """Ask the system to write what it has, without waiting: the fsync at the end has less to do."""
        if hasattr(os, "posix_fadvise"):
            size = self._written - self._begun
            os.posix_fadvise(self._file, self._begun, size, os.POSIX_FADV_DONTNEED)
        self._begun = self._written

    def finish(self) -> Path:
        """Check the SHA-256, give the file its name, and return its path.

        Raises:
            OSError: The bytes are wrong, or the file cannot be written.
        """
        if self._hash.digest() != self.offer.sha256:
            self.discard()
            raise OSError(0, "its bytes do not have the SHA-256 of the offer")
        os.fsync(self._file)
        self.close()
        path = free_path(self.path)
        self._partial.chmod(0o666 & ~_umask())
        self._partial.rename(path)
        sync_folder(path.parent)
        return path

    def discard(self) -> None:
        """Delete the partial file."""
        self.close()
        self._partial.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the partial file."""
        with contextlib.suppress(OSError):
            os.close(self._file)
        self._file = -1


def _open_partial(path: Path, offer: FileOffer) -> tuple[Path, int]:
    """Open the partial file of an offer, or another one if a process is writing to it."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
    number = 0
    while True:
        number += 1
        more = f"-{number}" if number > 1 else ""
        partial = path.with_name(f".netchat-{offer.sha256.hex()[:16]}{more}.part")
        file = os.open(partial, flags, 0o600)
        if fcntl is None:
            return partial, file
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(file).st_nlink:
                return partial, file
        except BlockingIOError:
            pass
        os.close(file)


def _file_in(path: Path, name: str) -> Path:
    """Return the path of the file to create: itself, or the name in a folder."""
    return path / name if path.is_dir() else path


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def free_path(path: Path) -> Path:
    """Return a path that does not exist: the given one, or one with a number before the suffix."""
    number = 1
    free = path
    while free.is_symlink() or free.exists():
        number += 1
        free = path.with_name(f"{path.stem} ({number}){path.suffix}")
    return free


class ClientTransfers:
    """Files that a client sends and saves.

    Args:
        driver: The client's driver.
    """

    def __init__(self, driver: _Driver) -> None:
        self._driver = driver
        self._sources: dict[int, _SourceFile] = {}
        self._targets: dict[int, _TargetFile] = {}
        self._incoming: dict[int, list[bytes]] = {}  # bytes to write, by transfer
        self._writing: set[int] = set()
        self._saving: set[tuple[Path, bytes]] = set()  # folder and SHA-256 of each partial file
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_restored = self._is_closed = False
        self._reading: set[int] = set()

    @property
    def is_busy(self) -> bool:
        """Whether a transfer is in progress, or a file is being prepared."""
        return bool(self._tasks) or self._driver.core.files.is_busy

    # -- sending --------------------------------------------------------------------------------

    async def send(
        self, room: str, path: Path, *, name: str = "", media_type: str = "", keep: bool = True
    ) -> int:
        """Upload a file and offer it to a room; `FileEnded` follows.

        Args:
            room: Code of the room.
            path: The file.
            name: Name for the offer; by default that of the file.
            media_type: Media type; by default the one of the name's suffix.
            keep: Continue after a restart, if the client has a store.

        Returns:
            Number of the transfer.

        Raises:
            NetchatError: The file cannot be read.
            Refused: The user is not in the room, or the server transfers no files.
        """
        core = self._driver.core
        if room not in core.memory.rooms:
            raise Refused(ErrorCode.NOT_A_MEMBER, f"You are not in room {room}.")
        if core.online and not core.files.is_supported:
            raise Refused(ErrorCode.NO_FILES, "This server does not transfer files.")
        is_sealed = await self._is_sealed(room)
        name = clean_name(name or path.name)
        media_type = media_type or mimetypes.guess_type(name)[0] or ""
        source = await self._open(path)
        try:
            key = b""
            if is_sealed:
                from netchat.chat.sealing.sealed_file import new_file_key

                key = new_file_key()
            offer = FileOffer(source.size, b"", media_type, name, key)
            cwd = await asyncio.to_thread(Path.cwd)
            await asyncio.to_thread(source.prepare, offer)
            kept = str(cwd / path) if keep else ""
            transfer = core.files.upload(room, source.offer, source.size, kept)
        except (OSError, KeyError) as error:
            source.close()
            raise NetchatError(cannot("send", path, error)) from error
        except BaseException:
            source.close()
            raise
        self._sources[transfer] = source
        self._driver.flush()
        return transfer

    def start_sending(self, room: str, path: Path, *, to: str = "") -> None:
        """Send a file in the background, to a room or a user; `FileEnded` follows in any case."""

        async def send() -> None:
            await self.send(room or await self._private_room(to), path)

        self._start(self._reporting(send(), room, path.name, is_upload=True))

    def start_saving(self, room: str, offer: FileOffer, path: Path) -> None:
        """Save an offered file in the background; `FileEnded` follows in any case."""
        self._start(
            self._reporting(self.save(room, offer, path), room, offer.name, is_upload=False)
        )

    async def _reporting(
        self, work: Coroutine[Any, Any, Any], room: str, name: str, *, is_upload: bool
    ) -> None:
        """Start a transfer; report why if it cannot be started."""
        try:
            await work
        except NetchatError as error:
            code = error.code if isinstance(error, Refused) else 0
            ended = FileEnded(0, room, name, is_upload, str(error), code)
            self._driver.core.events.append(ended)
            self._driver.flush_or_drop()

    async def _private_room(self, name: str) -> str:
        """Return the code of the private room with a user, after opening it if necessary."""
        core, loop, wanted = self._driver.core, asyncio.get_running_loop(), fold(name)
        deadline, request = loop.time() + _KEYS_TIMEOUT, 0
        while True:
            for view in core.memory.rooms.values():
                if view.kind is RoomKind.PRIVATE and fold(view.peer) == wanted:
                    return view.code
            if not request:
                request = core.ask(lambda number: Private(number, name))
                self._driver.flush()
            elif request not in core.requests or loop.time() > deadline:
                raise Refused(ErrorCode.NO_SUCH_USER, f"{name} cannot be reached.")
            await asyncio.sleep(0.02)

    async def _is_sealed(self, room: str) -> bool:
        core = self._driver.core
        deadline = asyncio.get_running_loop().time() + _KEYS_TIMEOUT
        while True:
            sealing = core.sealing
            answer = sealing.seals_files(room) if sealing is not None else False
            if answer is not None or asyncio.get_running_loop().time() > deadline:
                return bool(answer)
            await asyncio.sleep(0.02)

    async def _open(self, path: Path) -> _SourceFile:
        def open_file() -> _SourceFile:
            if not path.is_file():
                problem = "is a folder" if path.is_dir() else "is no regular file"
                raise OSError(0, problem if path.exists() else "No such file")
            return _SourceFile(path)

        try:
            return await asyncio.to_thread(open_file)
        except OSError as error:
            raise NetchatError(cannot("send", path, error)) from error

    def _restore(self) -> None:
        """Reopen the files that an earlier process was sending."""
        self._is_restored = True
        files = self._driver.core.files
        for file in list(self._driver.core.memory.uploads.values()):
            if file.transfer not in self._sources and (problem := self._reopen(file)):
                files.fail(file.transfer, problem)

    def _reopen(self, file: OutgoingFile) -> str:
        try:
            source = _SourceFile(Path(file.source))
            source.restore(file.offer)
        except OSError as error:
            return cannot("read", file.source or "the file", error)
        if source.size != file.size:
            source.close()
            return _CHANGED
        self._sources[file.transfer] = source
        return ""

    # -- saving ---------------------------------------------------------------------------------

    async def save(self, room: str, offer: FileOffer, path: Path) -> int:
        """Download an offered file; `FileEnded` follows.

        Args:
            room: Code of the room.
            offer: The offer.
            path: File to create, or a folder. If the file exists, the name gets a number.

        Returns:
            Number of the transfer.

        Raises:
            NetchatError: The file cannot be created.
            Refused: The server transfers no files.
        """
        core = self._driver.core
        path = await asyncio.to_thread(_file_in, path, offer.name)
        partial = path.parent, offer.sha256
        if partial in self._saving:
            raise NetchatError(f"{offer.name} is already being saved there.")
        self._saving.add(partial)
        target = None
        try:
            target = await asyncio.to_thread(_TargetFile, path, offer)
            transfer = core.files.download(
                room, offer.name, offer.sha256, target.size, target.offset
            )
        except BaseException as error:
            self._saving.discard(partial)
            if target is not None:
                target.close()
            if isinstance(error, OSError):
                raise NetchatError(cannot("create", path, error)) from error
            raise
        self._targets[transfer] = target
        if target.offset == target.size:
            self._start(self._finish(transfer, target))
        self._driver.flush()
        return transfer

    # -- called by the driver -------------------------------------------------------------------

    def pump(self) -> None:
        """Start the reads and writes that the core needs."""
        files = self._driver.core.files
        if self._is_closed:
            return
        if not self._is_restored:
            self._restore()
        for transfer, _, data in files.take_data():
            self._incoming.setdefault(transfer, []).append(data)
        for transfer in list(self._incoming):
            if transfer not in self._writing:
                self._writing.add(transfer)
                self._start(self._write(transfer))
        for read in files.take_reads():
            self._reading.add(read.transfer)
            self._start(self._read(*read))

    def ended(self, transfer: int) -> None:
        """Close the files of a transfer, as soon as no thread uses them."""
        source, target = self._sources.pop(transfer, None), self._targets.pop(transfer, None)
        if source is not None and transfer not in self._reading:
            source.close()
        if target is not None and transfer not in self._writing:
            target.close()
        if target is not None:
            self._saving.discard((target.path.parent, target.offer.sha256))
        self._incoming.pop(transfer, None)

    async def close(self) -> None:
        """Stop all transfers; they can be resumed."""
        self._is_closed = True
        while self._tasks:  # a thread may still be reading or writing
            await asyncio.wait(self._tasks)
        for transfer in [*self._sources, *self._targets]:
            self.ended(transfer)

    def _start(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, work: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(None, work, *arguments)

    async def _read(self, transfer: int, offset: int, length: int) -> None:
        core, source = self._driver.core, self._sources.get(transfer)
        try:
            if source is None:
                return
            data = await self._run(source.read, offset, length)
        except OSError as error:
            core.files.fail(transfer, error.strerror or str(error))
        else:
            core.files.provide(transfer, offset, data)
        finally:
            self._reading.discard(transfer)
            if source is not None and transfer not in self._sources:
                source.close()
        self._driver.flush_or_drop()

    async def _write(self, transfer: int) -> None:
        core, target = self._driver.core, self._targets.get(transfer)
        try:
            while (
                target is not None
                and transfer in self._targets
                and not self._is_closed
                and (pieces := self._incoming.pop(transfer, None))
            ):
                offset = await self._run(target.write, pieces)
                core.files.written(transfer, offset)
                self._driver.flush_or_drop()
                if offset == target.size:
                    await self._finish(transfer, target)
        except SealingError as error:
            await self._run(target.discard)  # type: ignore[union-attr]
            core.files.fail(transfer, str(error))
            self._driver.flush_or_drop()
        except OSError as error:
            core.files.fail(transfer, cannot("write", "the file", error))
            self._driver.flush_or_drop()
        finally:
            self._writing.discard(transfer)
            if transfer not in self._targets:  # the transfer has ended
                self._incoming.pop(transfer, None)
                if target is not None:
                    target.close()

    async def _finish(self, transfer: int, target: _TargetFile) -> None:
        files = self._driver.core.files
        try:
            path = await self._run(target.finish)
        except OSError as error:
            files.fail(transfer, cannot("save", target.offer.name, error))
        else:
            files.finish(transfer, str(path))
        self._driver.flush_or_drop()
