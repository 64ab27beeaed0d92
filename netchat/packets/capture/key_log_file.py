"""Key log file, which a TLS program may still be writing."""

from __future__ import annotations

import time
from pathlib import Path

from netchat.errors import CaptureError
from netchat.packets.tls.key_log import KeyLog
from netchat.wording import cannot

__all__ = ["KeyLogFile"]

#: Seconds between two looks at the file, if it is still being written.
_INTERVAL = 0.02

#: Bytes read at a time: a line is shorter than 300 bytes.
_CHUNK = 1024 * 1024


class KeyLogFile(KeyLog):
    """Secrets in a file, as written by programs that honour `SSLKEYLOGFILE`.

    Args:
        path: The file's name.
        is_growing: Whether to follow the file: it may not exist yet, and what is appended is read when
            a record needs it.

    Raises:
        CaptureError: The file cannot be read.
    """

    def __init__(self, path: str | Path, *, is_growing: bool = False) -> None:
        super().__init__()
        self._path = Path(path)
        self._is_growing = is_growing
        self._looked = float("-inf")
        self._identity: tuple[int, int] | None = None
        self._at = 0  # offset of the first byte that was not read
        self._rest = b""  # the beginning of a line
        try:
            self._read()
        except FileNotFoundError as error:
            if not is_growing:
                raise CaptureError(cannot("read", path, error)) from error
        except OSError as error:
            raise CaptureError(cannot("read", path, error)) from error

    def refresh(self) -> None:
        """Read what was appended to the file, if it is growing."""
        if not self._is_growing or time.monotonic() - self._looked < _INTERVAL:
            return
        try:
            self._read()
        except OSError:
            return  # it was removed; it may appear again

    def _read(self) -> None:
        self._looked = time.monotonic()
        with self._path.open("rb") as file:
            status = self._path.stat()
            identity = status.st_dev, status.st_ino
            if identity != self._identity or status.st_size < self._at:
                self._identity, self._at, self._rest = (
                    identity,
                    0,
                    b"",
                )  # another file, or a new one
            file.seek(self._at)
            while chunk := file.read(_CHUNK):
                self._at += len(chunk)
                lines, end, rest = (self._rest + chunk).rpartition(b"\n")
                self.add(lines + end)
                self._rest = rest[-_CHUNK:]
        if not self._is_growing:
            self.add(self._rest)
