"""The history on disk: one SQLite file, written by one thread, read by the event loop.

A row an event, keyed by room and sequence number, and a row for each device that has spoken in a
room, with the largest counter it has used: written in one transaction, they are what "no message
twice" rests on. (A unique index on device and counter would say the same, at twice the cost of
everything else.) WAL keeps readers and the writer out of each other's way.
"""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

from netchat.chat.journal import (
    Batch,
    EventRow,
    RoomGone,
    RoomRow,
    SeatGone,
    SeatRow,
    SessionGone,
    SessionRow,
    Snapshot,
)
from netchat.errors import HistoryError

__all__ = ["SqliteHistory"]

#: Written into the file's header (`PRAGMA user_version`): which shape the tables have.
SCHEMA_VERSION = 1

#: `PRAGMA application_id`: "NCP1", so that `file` and we know one of ours.
APPLICATION_ID = 0x4E435031

_SCHEMA = """
CREATE TABLE room (
    id INTEGER PRIMARY KEY, code TEXT NOT NULL, kind INTEGER NOT NULL, log INTEGER NOT NULL,
    gone INTEGER NOT NULL DEFAULT 0          -- 1: its code is free, its events may still be kept
);
CREATE TABLE session (
    id INTEGER PRIMARY KEY, token BLOB NOT NULL, previous BLOB NOT NULL, device INTEGER NOT NULL,
    name TEXT NOT NULL
);
CREATE TABLE seat (session INTEGER, room INTEGER, PRIMARY KEY (session, room)) WITHOUT ROWID;
CREATE TABLE event (
    room INTEGER, seq INTEGER, device INTEGER, counter INTEGER,
    time INTEGER,                            -- microseconds since 1970
    frame BLOB,                              -- the EVENT frame as it was sent
    PRIMARY KEY (room, seq)
) WITHOUT ROWID;
CREATE TABLE counter (
    room INTEGER, device INTEGER, last INTEGER NOT NULL, PRIMARY KEY (room, device)
) WITHOUT ROWID;
"""

# One statement that inserts many rows runs without the GIL from beginning to end; a statement a
# row (executemany) would ask for the GIL back at each row, and wait for the event loop each time.
# Powers of two keep the number of prepared statements small.
_GROUPS = (256, 64, 16, 4, 1)
_INSERT = {n: "INSERT INTO event VALUES " + ",".join(["(?,?,?,?,?,?)"] * n) for n in _GROUPS}
_COUNT = "INSERT INTO counter VALUES (?,?,?) ON CONFLICT DO UPDATE SET last = excluded.last"


class SqliteHistory:
    """A history in a file. `write` is called by one thread, everything else by another one.

    Args:
        path: the file; made if it is not there.
        fsync: wait for the disk at each commit. Without it a power cut (not a crash of the
            program) may lose the last moments.

    Raises:
        HistoryError: the file cannot be opened, is not a history, or is in use.
    """

    def __init__(self, path: Path, *, fsync: bool = True) -> None:
        self.path = path
        with contextlib.ExitStack() as opened:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._lock(opened)
                self._writer = self._open(opened)
                with contextlib.closing(self._writer.cursor()) as cursor:
                    self._prepare(cursor, fsync=fsync)
                self._reader = self._open(opened)
                self._reader.execute("PRAGMA query_only = on")
            except (OSError, sqlite3.Error) as error:
                raise HistoryError(f"The history {path} cannot be used: {error}") from error
            self._opened = opened.pop_all()

    def _lock(self, opened: contextlib.ExitStack) -> None:
        """Keep a second server out: both would give out the same numbers.

        A transaction on a file beside it, because it works on every system, and ends with the
        process, however that ends.
        """
        beside = self.path.with_name(f"{self.path.name}-lock")
        lock = sqlite3.connect(beside, isolation_level=None, check_same_thread=False, timeout=0)
        opened.callback(lock.close)
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            raise HistoryError(
                f"The history {self.path} is in use by another server. "
                "Chat there with: netchat client. Or name another file with --history."
            ) from error

    def _open(self, opened: contextlib.ExitStack) -> sqlite3.Connection:
        file = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=2)
        opened.callback(file.close)
        return file

    def _prepare(self, cursor: sqlite3.Cursor, *, fsync: bool) -> None:
        (version,) = cursor.execute("PRAGMA user_version").fetchone()
        (application,) = cursor.execute("PRAGMA application_id").fetchone()
        (tables,) = cursor.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if tables and application != APPLICATION_ID:
            raise HistoryError(f"{self.path} is a database, but not a history of netchat.")
        if tables and version != SCHEMA_VERSION:
            raise HistoryError(
                f"The history {self.path} has version {version}; this netchat reads {SCHEMA_VERSION}."
            )
        cursor.execute("PRAGMA journal_mode = wal")
        cursor.execute(f"PRAGMA synchronous = {'full' if fsync else 'normal'}")
        if not tables:
            script = (
                f"PRAGMA user_version = {SCHEMA_VERSION}; PRAGMA application_id = {APPLICATION_ID};"
            )
            cursor.executescript(f"BEGIN; {script} {_SCHEMA} COMMIT;")

    def load(self) -> Snapshot:
        """What a server needs to know of the past when it starts."""
        query = self._reader.execute
        rooms = [
            (RoomRow(*row[:4]), row[4] or 0, row[5] or 1)
            for row in query(
                "SELECT id, code, kind, log, (SELECT max(seq) FROM event WHERE room = id),"
                " (SELECT min(seq) FROM event WHERE room = id) FROM room WHERE NOT gone"
            )
        ]
        sessions = [SessionRow(*row) for row in query("SELECT * FROM session")]
        seats = [SeatRow(*row) for row in query("SELECT * FROM seat")]
        (top,) = query(
            "SELECT max(coalesce((SELECT max(id) FROM room), 0),"
            " coalesce((SELECT max(id) FROM session), 0))"
        ).fetchone()
        return Snapshot(rooms, sessions, seats, top + 1)

    def write(self, batches: list[Batch]) -> None:
        """Make batches durable, all or nothing.

        Raises:
            HistoryError: the disk is full or failing; nothing was written.
        """
        cursor = self._writer.cursor()
        try:
            cursor.execute("BEGIN IMMEDIATE")
            for batch in batches:
                for change in batch.changes:
                    _apply(cursor, change)
                _insert(cursor, batch.rows)
                cursor.executemany(_COUNT, [(*key, last) for key, last in batch.counters.items()])
            cursor.execute("COMMIT")
        except sqlite3.Error as error:
            with contextlib.suppress(sqlite3.Error):
                cursor.execute("ROLLBACK")
            raise HistoryError(f"The history {self.path} cannot be written: {error}") from error
        finally:
            cursor.close()

    def purge(self, before: int) -> int:
        """Delete events older than a time, in microseconds since 1970.

        A room's last event always stays, so that its numbers go on.

        Returns:
            How many were deleted.
        """
        cursor = self._writer.cursor()
        try:
            cursor.execute("BEGIN IMMEDIATE")
            cursor.execute(
                "DELETE FROM event WHERE time < ? AND (seq < (SELECT max(seq) FROM event AS newest"
                " WHERE newest.room = event.room) OR room IN (SELECT id FROM room WHERE gone))",
                (before,),
            )
            deleted = cursor.rowcount
            cursor.execute(
                "DELETE FROM room WHERE gone AND NOT EXISTS"
                " (SELECT 1 FROM event WHERE event.room = room.id)"
            )
            cursor.execute("DELETE FROM counter WHERE room NOT IN (SELECT id FROM room)")
            cursor.execute("COMMIT")
        except sqlite3.Error as error:
            with contextlib.suppress(sqlite3.Error):
                cursor.execute("ROLLBACK")
            raise HistoryError(f"The history {self.path} cannot be purged: {error}") from error
        finally:
            cursor.close()
        return deleted

    def oldest(self, room: int) -> int:
        """The oldest event that is kept of a room; 1 if it has none."""
        (seq,) = self._reader.execute(
            "SELECT min(seq) FROM event WHERE room = ?", (room,)
        ).fetchone()
        return seq or 1

    def read(self, room: int, first: int, last: int, max_bytes: int) -> tuple[list[bytes], int]:
        """EVENT frames of a room; see `netchat.chat.journal.HistoryReader.read`."""
        frames: list[bytes] = []
        begin = size = 0
        cursor = self._reader.execute(
            "SELECT seq, frame FROM event WHERE room = ? AND seq BETWEEN ? AND ? ORDER BY seq",
            (room, first, last),
        )
        for seq, frame in cursor:
            begin = begin or seq
            size += len(frame)
            if frames and size > max_bytes:
                break
            frames.append(frame)
        cursor.close()
        return frames, begin

    def last_counter(self, room: int, device: int) -> int:
        """The largest counter a device has used in a room, 0 if none."""
        row = self._reader.execute(
            "SELECT last FROM counter WHERE room = ? AND device = ?", (room, device)
        ).fetchone()
        return row[0] if row else 0

    def find(self, room: int, device: int, counter: int, first: int) -> int:
        """The sequence number that a message got, from `first` on; 0 if it is not there."""
        row = self._reader.execute(
            "SELECT seq FROM event WHERE room = ? AND seq >= ? AND device = ? AND counter = ?",
            (room, first, device, counter),
        ).fetchone()
        return row[0] if row else 0

    def close(self) -> None:
        """Close the file; the write-ahead log is folded into it."""
        self._opened.close()


def _insert(cursor: sqlite3.Cursor, rows: list[EventRow]) -> None:
    at = 0
    for count in _GROUPS:
        while len(rows) - at >= count:
            values = [value for row in rows[at : at + count] for value in row]
            cursor.execute(_INSERT[count], values)
            at += count


def _apply(cursor: sqlite3.Cursor, change: object) -> None:
    match change:
        case RoomRow():
            cursor.execute("INSERT INTO room (id, code, kind, log) VALUES (?,?,?,?)", change)
        case RoomGone():
            cursor.execute("UPDATE room SET gone = 1 WHERE id = ?", change)
            cursor.execute("DELETE FROM seat WHERE room = ?", change)
        case SessionRow():
            cursor.execute("INSERT OR REPLACE INTO session VALUES (?,?,?,?,?)", change)
        case SessionGone():
            cursor.execute("DELETE FROM session WHERE id = ?", change)
        case SeatRow():
            cursor.execute("INSERT OR IGNORE INTO seat VALUES (?,?)", change)
        case SeatGone():
            cursor.execute("DELETE FROM seat WHERE session = ? AND room = ?", change)
        case _:
            raise AssertionError(f"no table for {change!r}")
