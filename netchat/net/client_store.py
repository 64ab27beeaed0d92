"""What a client keeps on disk, so that even kill -9 loses nothing: one small SQLite file."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from pathlib import Path

from netchat.chat.credentials import DEVICE_KEY_SIZE
from netchat.chat.outbox import ClientState, RoomView
from netchat.errors import NetchatError
from netchat.files import make_private_folder, tighten
from netchat.wire import RoomKind, Send

__all__ = ["ClientStore"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS memory (id INTEGER PRIMARY KEY CHECK (id = 1), state TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS outbox (counter INTEGER PRIMARY KEY, room TEXT, text TEXT);
"""


class ClientStore:
    """The memory of one user on one server. One client at a time has it open.

    Args:
        path: the file; made if it is not there.

    Attributes:
        counter: of the last message in the memory as it was saved last.
        notice: what the user should know, such as permissions that were changed; or empty.

    Raises:
        NetchatError: the file is in use by another client, or is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.counter = 0
        self._kept: set[int] = set()
        self.notice = ""
        self._open()

    def _open(self) -> None:
        path = self.path
        try:
            make_private_folder(path.parent)
            # It holds the keys to the user's session. SQLite gives the files it puts beside it
            # the same mode, so it must have it from the beginning.
            path.touch(mode=0o600)
            if not path.is_file():
                raise NetchatError(f"The client's memory {path} is not a regular file.")
            self.notice = tighten(path)
        except OSError as error:
            why = error.strerror or error
            raise NetchatError(f"The client's memory {path} cannot be used: {why}.") from error
        self._file = sqlite3.connect(path, isolation_level=None, timeout=0)
        try:
            # Exclusive: the lock is held until the file is closed, or the process is gone.
            self._file.execute("PRAGMA locking_mode = exclusive")
            self._file.execute("PRAGMA journal_mode = wal")
            self._file.execute("PRAGMA synchronous = normal")
            self._file.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
            self._files = self._identities()
        except (sqlite3.Error, OSError) as error:
            self._file.close()
            raise NetchatError(f"The client's memory {path} cannot be used: {error}") from error

    def load(self) -> ClientState:
        """The memory as it was saved last; a new one if there is none.

        Raises:
            NetchatError: the file is damaged.
        """
        try:
            return self._load()
        except (sqlite3.Error, ValueError, LookupError, TypeError, AttributeError) as error:
            text = (
                f"The client's memory {self.path} is damaged: {error!r:.200}. "
                "Delete it to begin anew."
            )
            raise NetchatError(text) from error

    def _load(self) -> ClientState:
        row = self._file.execute("SELECT state FROM memory").fetchone()
        memory = ClientState()
        if row is None:
            return memory
        state = json.loads(_text(row[0]))
        memory.device_key = bytes.fromhex(state["device_key"])
        memory.token = bytes.fromhex(state["token"])
        memory.counter = _number(state["counter"])
        _check(len(memory.device_key) == DEVICE_KEY_SIZE, "device_key", state)
        for code, kind, peer, log, last in state["rooms"]:
            view = RoomView(_text(code), RoomKind(kind), _text(peer), _number(log), _number(last))
            memory.rooms[view.code] = view
        _check(isinstance(state["private"], dict), "private", state)
        for name, texts in state["private"].items():
            memory.private[name] = [_text(text) for text in texts]
        for counter, room, text in self._file.execute("SELECT * FROM outbox ORDER BY counter"):
            memory.outbox[counter] = Send(_number(counter), _text(room), _text(text))
            memory.counter = max(memory.counter, counter)
        self._kept = set(memory.outbox)
        self.counter = memory.counter
        return memory

    def save(self, memory: ClientState) -> None:
        """Keep the memory as it is now; only what has changed of the outbox is written.

        Raises:
            NetchatError: the disk is full or failing; what was saved before is still there.
        """
        state = {
            "device_key": memory.device_key.hex(),
            "token": memory.token.hex(),
            "counter": memory.counter,
            "rooms": [(v.code, v.kind, v.peer, v.log, v.last) for v in memory.rooms.values()],
            "private": memory.private,
        }
        made_again = self._put_back()
        if made_again:
            self._kept.clear()
        now = set(memory.outbox)
        new = [memory.outbox[counter] for counter in now - self._kept]
        old = [(counter,) for counter in self._kept - now]
        cursor = self._file.cursor()
        try:
            cursor.execute("BEGIN")
            cursor.execute("INSERT OR REPLACE INTO memory VALUES (1, ?)", (json.dumps(state),))
            if made_again:
                cursor.execute("DELETE FROM outbox")
            cursor.executemany("DELETE FROM outbox WHERE counter = ?", old)
            cursor.executemany(
                "INSERT INTO outbox VALUES (?,?,?)", [(s.counter, s.room, s.text) for s in new]
            )
            cursor.execute("COMMIT")
        except sqlite3.Error as error:
            with contextlib.suppress(sqlite3.Error):
                cursor.execute("ROLLBACK")
            raise NetchatError(
                f"The client's memory {self.path} cannot be saved: {error}"
            ) from error
        finally:
            cursor.close()
        self._kept = now
        self.counter = memory.counter

    def _put_back(self) -> bool:
        """Make the file again if it was deleted: all that was in it is in memory, too.

        Returns:
            Whether that was necessary.

        Raises:
            NetchatError: there is another file of its name now.
        """
        try:
            now = self._identities()
        except OSError:
            self.close()
            self._open()
            return True
        if now != self._files:
            raise NetchatError(f"The client's memory {self.path} was replaced by another file.")
        return False

    def _identities(self) -> list[tuple[int, int]]:
        real = self.path.resolve()  # SQLite follows symlinks before it adds "-wal"
        files = [real.stat(), real.with_name(f"{real.name}-wal").stat()]
        return [(file.st_dev, file.st_ino) for file in files]

    def close(self) -> None:
        """Close the file; another client may open it then."""
        with contextlib.suppress(sqlite3.Error):
            self._file.close()


def _check(condition: bool, name: str, state: object) -> None:
    if not condition:
        raise ValueError(f"{name} in {state!r:.80}")


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.40} is no text")
    return value


def _number(value: object) -> int:
    if not isinstance(value, int) or not 0 <= value < 2**63:
        raise ValueError(f"{value!r:.40} is no number from 0 to 2^63")
    return value
