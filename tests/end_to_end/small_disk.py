"""A small file system in memory, for tests that fill it."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

__all__ = ["DiskUnavailable", "small_disk"]


class DiskUnavailable(Exception):
    """No file system can be mounted here, and why."""


@contextlib.contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """Mount a tmpfs on a new folder.

    Raises:
        DiskUnavailable: That is not possible here.
    """
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        raise DiskUnavailable("a small tmpfs can be mounted by root only")
    if shutil.which("mount") is None:
        raise DiskUnavailable("the mount command is missing")
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        raise DiskUnavailable("mounting a tmpfs is not permitted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
