"""What a client keeps on disk, so that even kill -9 loses nothing: one small SQLite file."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from pathlib import Path

from netchat.chat.outbox import ClientMemory, View
from netchat.errors import NetchatError
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

    Raises:
        NetchatError: the file is in use by another client, or is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.counter = 0
        self._kept: set[int] = set()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # It holds the keys to the user's session. SQLite gives the files it puts beside it
            # the same mode, so it must have it from the beginning.
            path.touch(mode=0o600)
            path.chmod(0o600)
        except OSError as error:
            raise NetchatError(f"The client's memory {path} cannot be used: {error}") from error
        try:
            self._file = sqlite3.connect(path, isolation_level=None, timeout=0)
            # Exclusive: the lock is held until the file is closed, or the process is gone.
            self._file.execute("PRAGMA locking_mode = exclusive")
            self._file.execute("PRAGMA journal_mode = wal")
            self._file.execute("PRAGMA synchronous = normal")
            self._file.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
        except sqlite3.Error as error:
            self._file.close()
            raise NetchatError(f"The client's memory {path} cannot be used: {error}") from error

    def load(self) -> ClientMemory:
        """The memory as it was saved last; a new one if there is none.

        Raises:
            NetchatError: the file is damaged.
        """
        try:
            return self._load()
        except (sqlite3.Error, ValueError, LookupError, TypeError) as error:
            text = (
                f"The client's memory {self.path} is damaged: {error!r}. Delete it to begin anew."
            )
            raise NetchatError(text) from error

    def _load(self) -> ClientMemory:
        row = self._file.execute("SELECT state FROM memory").fetchone()
        memory = ClientMemory()
        if row is None:
            return memory
        state = json.loads(row[0])
        memory.device_key = bytes.fromhex(state["device_key"])
        memory.token = bytes.fromhex(state["token"])
        memory.counter = state["counter"]
        for code, kind, peer, log, last in state["rooms"]:
            memory.rooms[code] = View(code, RoomKind(kind), peer, log, last)
        memory.private = state["private"]
        for counter, room, text in self._file.execute("SELECT * FROM outbox ORDER BY counter"):
            memory.outbox[counter] = Send(counter, room, text)
            memory.counter = max(memory.counter, counter)
        self._kept = set(memory.outbox)
        self.counter = memory.counter
        return memory

    def save(self, memory: ClientMemory) -> None:
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
        now = set(memory.outbox)
        new = [memory.outbox[counter] for counter in now - self._kept]
        old = [(counter,) for counter in self._kept - now]
        cursor = self._file.cursor()
        try:
            cursor.execute("BEGIN")
            cursor.execute("INSERT OR REPLACE INTO memory VALUES (1, ?)", (json.dumps(state),))
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

    def close(self) -> None:
        """Close the file; another client may open it then."""
        with contextlib.suppress(sqlite3.Error):
            self._file.close()
