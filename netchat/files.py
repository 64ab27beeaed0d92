"""Atomic file writing, and files that only their owner may read."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

__all__ = [
    "create_new",
    "create_private",
    "give_to_sudo_user",
    "make_private_folder",
    "open_private",
    "replacement",
    "sync_folder",
    "tighten",
    "write_file",
]

#: Permission bits of everyone but the owner.
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def write_file(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Write a file atomically.

    A regular file is replaced completely or not at all, and keeps its owner and permissions. For a
    symbolic link, a device, a FIFO or another user's file, the content is written to its target.

    Args:
        path: The file.
        content: Bytes, or text, which is encoded as UTF-8 with escapes for lone surrogates.

    Raises:
        OSError: The file cannot be written.
    """
    target = Path(path)
    data = content.encode(errors="backslashreplace") if isinstance(content, str) else content
    try:
        before = target.lstat()
    except FileNotFoundError:
        before = None
    if before is not None and not (stat.S_ISREG(before.st_mode) and _is_ours(before)):
        target.write_bytes(data)
        return
    try:
        with replacement(target) as new, open(new, "wb", closefd=False) as file:
            file.write(data)
    except PermissionError:
        if before is None:
            raise
        target.write_bytes(data)  # the folder is not writable, but the file is


@contextlib.contextmanager
def replacement(target: Path) -> Iterator[int]:
    """Yield the descriptor of a new file, which replaces a regular file at the end.

    The new file gets the owner and the permissions of the old one. It is on the disk before it gets
    its name, so that a crash or a power failure leaves the old file or the new one.

    Args:
        target: File to replace; it need not exist.

    Raises:
        OSError: The file cannot be replaced; it is unchanged.
    """
    try:
        before = target.stat()
    except FileNotFoundError:
        before = None
    # A random name: in a shared folder, a predictable one could be another user's symbolic link.
    # It is short, because the target's name may be as long as the file system allows.
    beside = target.with_name(f".netchat-{os.urandom(8).hex()}")
    mode = 0o666 if before is None else 0o600  # not readable by more users than the old one
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    file = os.open(beside, flags, mode)
    try:
        try:
            yield file
            if before is not None:
                _copy_owner_and_mode(before, file, beside)
            os.fsync(file)
        finally:
            os.close(file)
        beside.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise
    sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable, on systems that support it."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _is_ours(status: os.stat_result) -> bool:
    """Return whether this user can create a file with the same owner."""
    return os.name == "nt" or os.geteuid() in (0, status.st_uid)


def _copy_owner_and_mode(status: os.stat_result, file: int, path: Path) -> None:
    mode = stat.S_IMODE(status.st_mode)
    if os.name == "nt":
        path.chmod(mode)
        return
    # By the descriptor: the folder's owner could replace the name by a link to another user's file.
    try:
        os.fchown(file, status.st_uid, status.st_gid)
    except PermissionError:  # the group is not one of this user's: give its rights to no other
        mode &= ~stat.S_IRWXG
    os.fchmod(file, mode)


def open_private(path: str | Path, flags: int) -> int:
    """Open a file; create it with mode 0600 if it does not exist. An `opener` for `open`."""
    return os.open(path, flags, 0o600)


def create_private(path: str | Path, buffering: int = -1) -> BinaryIO:
    """Open a binary file for writing; create it with mode 0600 if it does not exist.

    The mode of an existing file is kept: see `tighten`.
    """
    return open(path, "wb", buffering, opener=open_private)


def create_new(path: str | Path, buffering: int = -1, *, folder: int | None = None) -> BinaryIO:
    """Open a new binary file for writing, with mode 0600.

    An existing file of that name is removed first, and links are not followed: in a folder of another
    user, the name may be a link to a file that only this process may write.

    Args:
        path: The file.
        buffering: Size of the buffer, in bytes, as for `open`.
        folder: Descriptor of the folder that a relative path starts from, where the system has them.

    Raises:
        OSError: The file cannot be removed or created.
    """

    def opener(name: str, flags: int) -> int:
        exclusive = os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
        return os.open(name, (flags & ~os.O_TRUNC) | exclusive, 0o600, dir_fd=folder)

    with contextlib.suppress(FileNotFoundError):
        os.unlink(path, dir_fd=folder)
    return open(path, "wb", buffering, opener=opener)


def give_to_sudo_user(descriptor: int) -> None:
    """Give an open file or folder to the user who called sudo, if root runs this process for that user.

    Raises:
        OSError: The file system does not permit it.
    """
    uid = int(os.environ.get("SUDO_UID", "0"))
    if uid and os.geteuid() == 0:
        os.fchown(descriptor, uid, int(os.environ.get("SUDO_GID", str(uid))))


def make_private_folder(path: Path) -> None:
    """Create a folder with mode 0700, and its parents with the default mode."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)


def tighten(path: Path) -> str:
    """Remove the permissions of all users but the owner from a file or folder.

    Devices, FIFOs, files of other users and missing files are not changed.

    Returns:
        One sentence for the user, or an empty string if nothing was changed.
    """
    if os.name == "nt":  # file modes do not control access on Windows
        return ""
    with contextlib.suppress(OSError):
        status = path.stat()
        mode = stat.S_IMODE(status.st_mode)
        ours = os.geteuid() in (status.st_uid, 0)
        plain = stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)
        if ours and plain and mode & _OTHERS:
            path.chmod(mode & ~_OTHERS)
            return f"Other users could access {path} (mode {mode:04o}); now only you can."
    return ""
