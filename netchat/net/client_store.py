"""Crash-safe store for a client's session and unacknowledged messages: one small SQLite file."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from pathlib import Path

from netchat.chat.credentials import DEVICE_KEY_SIZE
from netchat.chat.outbox import (
    ClientState,
    OutgoingFile,
    OutgoingOffer,
    RoomView,
    SealingState,
)
from netchat.errors import NetchatError
from netchat.files import make_private_folder, tighten
from netchat.wire import Annotate, RoomKind, Send
from netchat.wire.annotations import ANNOTATIONS
from netchat.wire.file_offers import offer_text, parse_offer
from netchat.wording import cannot

__all__ = ["ClientStore"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS memory (id INTEGER PRIMARY KEY CHECK (id = 1), state TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS outbox (counter INTEGER PRIMARY KEY, room TEXT, text TEXT);
"""


class ClientStore:
    """State of one user on one server, on disk; only one client can open it at a time.

    Args:
        path: The file; created if it does not exist.

    Attributes:
        counter: Counter of the last message in the saved state.
        notice: Warning for the user, such as changed permissions; or an empty string.

    Raises:
        NetchatError: Another client uses the file, or it is damaged.
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
            # The file holds the session's secrets. Create it with mode 0600, which SQLite copies
            # to the journal files.
            path.touch(mode=0o600)
            if not path.is_file():
                raise NetchatError(f"The client's state file {path} is not a regular file.")
            self.notice = tighten(path)
        except OSError as error:
            raise self._problem("use", error) from error
        self._file = sqlite3.connect(path, isolation_level=None, timeout=0)
        try:
            # Exclusive: SQLite keeps the lock until the file is closed or the process ends.
            self._file.execute("PRAGMA locking_mode = exclusive")
            self._file.execute("PRAGMA journal_mode = wal")
            self._file.execute("PRAGMA synchronous = normal")
            self._file.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
            self._files = self._identities()
        except (sqlite3.Error, OSError) as error:
            self._file.close()
            raise self._problem("use", error) from error

    def _problem(self, do: str, error: Exception) -> NetchatError:
        return NetchatError(cannot(do, f"the client's state file {self.path}", error))

    def load(self) -> ClientState:
        """Return the saved state, or a new one if nothing is saved.

        Raises:
            NetchatError: The file is damaged.
        """
        try:
            return self._load()
        except (sqlite3.Error, ValueError, LookupError, TypeError, AttributeError) as error:
            text = (
                f"The client's state file {self.path} is damaged: {error!r:.200}. "
                "Delete it to start a new session."
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
        for annotation in state.get("annotations", []):
            counter, kind, target, room, text = annotation
            _check(kind in ANNOTATIONS, "annotations", state)
            memory.outbox[_number(counter)] = Annotate(
                counter, kind, _number(target), _text(room), _text(text)
            )
            memory.counter = max(memory.counter, counter)
        for counter, room, text in state.get("offers", []):
            _check(parse_offer(_text(text)) is not None, "offers", state)
            memory.outbox[_number(counter)] = OutgoingOffer(counter, _text(room), text)
            memory.counter = max(memory.counter, counter)
        memory.outbox = dict(sorted(memory.outbox.items()))
        for number, room, text, size, source in state.get("uploads", []):
            offer = parse_offer(_text(text))
            if offer is None:
                raise ValueError(f"uploads in {state!r:.80}")
            memory.uploads[_number(number)] = OutgoingFile(
                number, _text(room), offer, _number(size), _text(source)
            )
        _check(isinstance(state.get("sealing", {}), dict), "sealing", state)
        memory.sealing = SealingState(state.get("sealing", {}))
        self._kept = _messages(memory)
        self.counter = memory.counter
        return memory

    def save(self, memory: ClientState) -> None:
        """Save the state; of the outbox, write only the changes.

        Args:
            memory: State to save.

        Raises:
            NetchatError: The disk is full or failing; the previously saved state is intact.
        """
        state = {
            "device_key": memory.device_key.hex(),
            "token": memory.token.hex(),
            "counter": memory.counter,
            "rooms": [(v.code, v.kind, v.peer, v.log, v.last) for v in memory.rooms.values()],
            "private": memory.private,
        }
        offers = [one for one in memory.outbox.values() if isinstance(one, OutgoingOffer)]
        if offers:
            state["offers"] = [tuple(offer) for offer in offers]
        annotations = [one for one in memory.outbox.values() if isinstance(one, Annotate)]
        if annotations:
            state["annotations"] = [
                (one.counter, one.kind, one.target, one.room, one.text) for one in annotations
            ]
        uploads = [
            (file.transfer, file.room, offer_text(file.offer), file.size, file.source)
            for file in memory.uploads.values()
            if file.source
        ]
        if uploads:
            state["uploads"] = uploads
        if sealing := memory.sealing.dump():
            state["sealing"] = sealing
        recreated = self._recreate_if_deleted()
        if recreated:
            self._kept.clear()
        now = _messages(memory)
        new = [memory.outbox[counter] for counter in now - self._kept]
        old = [(counter,) for counter in self._kept - now]
        cursor = self._file.cursor()
        try:
            cursor.execute("BEGIN")
            cursor.execute("INSERT OR REPLACE INTO memory VALUES (1, ?)", (json.dumps(state),))
            if recreated:
                cursor.execute("DELETE FROM outbox")
            cursor.executemany("DELETE FROM outbox WHERE counter = ?", old)
            cursor.executemany(
                "INSERT INTO outbox VALUES (?,?,?)", [(s.counter, s.room, s.text) for s in new]
            )
            cursor.execute("COMMIT")
        except sqlite3.Error as error:
            with contextlib.suppress(sqlite3.Error):
                cursor.execute("ROLLBACK")
            raise self._problem("write", error) from error
        finally:
            cursor.close()
        self._kept = now
        self.counter = memory.counter

    def _recreate_if_deleted(self) -> bool:
        """Recreate the file if it was deleted; its whole content is also in memory.

        Returns:
            Whether the file had been deleted.

        Raises:
            NetchatError: Another file has replaced it.
        """
        try:
            now = self._identities()
        except OSError:
            self.close()
            self._open()
            return True
        if now != self._files:
            raise NetchatError(f"The client's state file {self.path} was replaced by another file.")
        return False

    def _identities(self) -> list[tuple[int, int]]:
        real = self.path.resolve()  # SQLite follows symlinks before it adds "-wal"
        files = [real.stat(), real.with_name(f"{real.name}-wal").stat()]
        return [(file.st_dev, file.st_ino) for file in files]

    def close(self) -> None:
        """Close the file, so that another client can open it."""
        with contextlib.suppress(sqlite3.Error):
            self._file.close()


def _messages(memory: ClientState) -> set[int]:
    """Return the counters of the messages in the outbox that have a row of their own."""
    return {counter for counter, one in memory.outbox.items() if isinstance(one, Send)}


def _check(condition: bool, name: str, state: object) -> None:
    if not condition:
        raise ValueError(f"{name} in {state!r:.80}")


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.40} must be a string")
    return value


def _number(value: object) -> int:
    if not isinstance(value, int) or not 0 <= value < 2**63:
        raise ValueError(f"{value!r:.40} must be an integer from 0 to 2^63 - 1")
    return value
