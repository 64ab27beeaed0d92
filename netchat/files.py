"""Files that are written as a whole."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path

__all__ = ["write_file"]


def write_file(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Write a file.

    A regular file is replaced as a whole or not at all, and keeps its owner and permissions. A
    symbolic link, a device or a FIFO stays what it is: the content is written through to its target.

    Args:
        path: The file.
        content: Bytes, or text, which is written as UTF-8; what UTF-8 cannot encode is escaped.

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
    beside = target.with_name(f".{target.name}.{os.getpid()}.{secrets.token_hex(4)}")
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
        target.write_bytes(data)  # the folder is not ours, but the file is
