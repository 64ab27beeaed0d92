"""Resume file of a run, locked for one run at a time; a full disk does not end the run."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import sys
from pathlib import Path

from netchat.bench.results import Results
from netchat.errors import BenchError
from netchat.files import replacement
from netchat.wording import cannot

try:
    import fcntl
except ImportError:  # not on Windows, where two runs on one file are not noticed
    fcntl = None  # type: ignore[assignment]

_LOCKS: bool = fcntl is not None

__all__ = ["ResumeFile"]


class ResumeFile:
    """File that keeps the state of a run.

    Each save replaces the file, so a crash leaves either the old or the new one. The lock is on the
    file itself, not on its name: the new file is locked before it replaces the old one.

    Args:
        path: The file; a symbolic link is followed.

    Raises:
        BenchError: Another run uses the file, it cannot be read, or it does not contain results.
    """

    before: Results | None
    """Results that the file contained; None if it did not exist."""
    unsaved: str
    """Reason why the last save failed; empty if it succeeded."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._name, self._path = os.fspath(path), Path(os.path.realpath(path))
        self._locked: int | None = None
        self.before: Results | None = None
        self.unsaved = ""
        self._told = self._created = False
        try:
            self._exists = self._open()
            if self._exists:
                self.before = Results.read(self._path)
        except BaseException:
            self.close()
            raise

    def save(self, results: Results) -> None:
        """Replace the file; report the first failure, and continue: a later save may succeed."""
        try:
            self._replace(json.dumps(results.as_dict(), indent=1) + "\n")
            self.unsaved = ""
        except OSError as error:
            self.unsaved = f"{cannot('write', self._name, error)}."
            if not self._told:
                self._told = True
                print(  # noqa: T201 - the user may want to free space during a long run
                    f"netchat: {self.unsaved} The run continues in memory.",
                    file=sys.stderr, flush=True,
                )  # fmt: skip

    def close(self) -> None:
        """Release the file."""
        if self._created:
            self._path.unlink(missing_ok=True)
        self._release()

    def _open(self) -> bool:
        """Lock the file, and return whether it exists."""
        for _ in range(100):
            try:
                if not stat.S_ISREG(self._path.stat().st_mode):
                    raise BenchError(f"{self._name} is not a regular file.")
                file = os.open(self._path, os.O_RDWR)
            except FileNotFoundError:
                return False
            except OSError as error:
                raise BenchError(cannot("use", self._name, error)) from error
            self._hold(file)
            if self._locked is None:
                return True
            self._lock(file)
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(file), self._path.stat()):
                    return True
            # The run that held the lock has just replaced the file: try the new one.
        raise BenchError(f"{self._name} is in use by another run.")

    def _lock(self, file: int) -> None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BenchError(
                f"{self._name} is in use by another run: wait for it, or use another file."
            ) from None
        except OSError:
            pass  # a file system without locks

    def _replace(self, content: str) -> None:
        if not self._exists:
            self._create()
        with contextlib.ExitStack() as failed:
            with replacement(self._path) as file:
                with os.fdopen(os.dup(file), "w", encoding="utf-8") as stream:
                    stream.write(content)
                if self._locked is not None:
                    self._lock(file)
                held = os.dup(file)  # shares the lock
                failed.callback(os.close, held)
            failed.pop_all()
        self._created = False
        self._hold(held)

    def _create(self) -> None:
        """Create the file; it is deleted if nothing is ever saved to it."""
        try:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        except FileExistsError:
            raise BenchError(f"{self._name} has just been created by another run.") from None
        self._exists = self._created = True
        if _LOCKS:
            self._lock(file)
        self._hold(file)

    def _hold(self, file: int) -> None:
        """Keep a locked file open instead of the previous one; without locks, close it."""
        self._release()
        if _LOCKS:
            self._locked = file
        else:
            os.close(file)

    def _release(self) -> None:
        if self._locked is not None:
            os.close(self._locked)
            self._locked = None
