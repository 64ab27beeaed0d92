"""Atomic file writing, and files that only their owner may read."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path
from typing import BinaryIO

__all__ = ["create_private", "make_private_folder", "open_private", "tighten", "write_file"]

#: Permission bits of everyone but the owner.
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def write_file(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Write a file atomically.

    A regular file is replaced completely or not at all, and keeps its owner and permissions. For a
    symbolic link, a device or a FIFO, the content is written to its target.

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
    if before is not None and not stat.S_ISREG(before.st_mode):
        target.write_bytes(data)
        return
    beside = target.with_name(f".{target.name}.{os.getpid()}.{os.urandom(4).hex()}")
    mode = 0o666 if before is None else 0o600  # not readable by more users than the old one
    try:
        # Exclusive: in a shared folder its name could be another user's symbolic link.
        with open(beside, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            file.write(data)
        if before is not None:
            beside.chmod(stat.S_IMODE(before.st_mode))
            with contextlib.suppress(PermissionError, AttributeError):  # Windows has no owners
                os.chown(beside, before.st_uid, before.st_gid)
        beside.replace(target)
    except OSError as error:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        if before is None or not isinstance(error, PermissionError):
            raise
        target.write_bytes(data)  # the folder is not writable, but the file is


def open_private(path: str | Path, flags: int) -> int:
    """Open a file; create it with mode 0600 if it does not exist. An `opener` for `open`."""
    return os.open(path, flags, 0o600)


def create_private(path: str | Path, buffering: int = -1) -> BinaryIO:
    """Open a binary file for writing; create it with mode 0600 if it does not exist.

    The mode of an existing file is kept: see `tighten`.
    """
    return open(path, "wb", buffering, opener=open_private)


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
