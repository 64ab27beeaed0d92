"""History on disk: one SQLite file, written by one thread and read by the event loop.

There is one row per event, keyed by room and sequence number. A second table stores the largest
counter of each device per room. Both are written in one transaction, which guarantees that no message
is stored twice. (A unique index on device and counter would do the same at twice the total cost.) WAL
lets readers and the writer work concurrently.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import sqlite3
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from netchat.chat.persistence import (
    AccountDeleted,
    AccountRow,
    AuditRow,
    Batch,
    DeviceDeleted,
    DeviceRow,
    EditRow,
    EpochRow,
    EventErased,
    InvitationDeleted,
    InvitationRow,
    MembershipDeleted,
    MembershipRow,
    RoomDeleted,
    RoomRow,
    RulesRow,
    SessionDeleted,
    SessionRow,
    Snapshot,
)
from netchat.chat.shared_state import SharedState
from netchat.errors import HistoryError
from netchat.net.history.cluster_member import (
    SAVE_POSITION,
    ClusterIdentity,
    copy_database,
    create_membership,
    load_membership,
    replace_database,
    temporary_file,
)
from netchat.net.history.damage import after_damage
from netchat.net.history.erasure import erased_frame
from netchat.net.history.history_file import HistoryFile
from netchat.net.history.purge import DueRoom, PostponedPurge
from netchat.net.history.stored_state import load_snapshot, read_audit
from netchat.wire import HEADER_SIZE, Event, SealedEvent, checksum, seal
from netchat.wording import cannot

__all__ = ["ACCOUNTS_VERSION", "APPLICATION_ID", "SCHEMA_VERSION", "SqliteHistory", "recovery_hint"]

#: Version of the schema, stored in the file's header (`PRAGMA user_version`).
SCHEMA_VERSION = 1

#: Version of a history with accounts. A netchat without accounts refuses it: it would give their names
#: to guests.
ACCOUNTS_VERSION = 2

#: `PRAGMA application_id`: "NCP1", which identifies the file as a netchat history.
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

# Added after the tables above: created when an older history is opened. Older versions ignore
# `postponed`; a second row of `purge` would mislead them.
_LATER_TABLES = """
CREATE TABLE IF NOT EXISTS purge (id INTEGER PRIMARY KEY, before INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS postponed (
    id INTEGER PRIMARY KEY, at INTEGER NOT NULL, before INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS account (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL,
    password TEXT NOT NULL,                  -- argon2id, in its standard encoding
    version INTEGER NOT NULL,                -- number of changes of the password
    role INTEGER NOT NULL,
    created INTEGER NOT NULL,                -- microseconds since 1970
    session INTEGER NOT NULL,                -- its session, or 0
    logins BLOB NOT NULL                     -- its devices, with the SHA-256 of their tokens
);
CREATE TABLE IF NOT EXISTS invitation (
    secret BLOB PRIMARY KEY,                 -- SHA-256 of its code
    expires INTEGER NOT NULL                 -- microseconds since 1970, or 0
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rules (room INTEGER PRIMARY KEY, rules BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS audit (
    id INTEGER PRIMARY KEY,
    time INTEGER NOT NULL,                   -- microseconds since 1970
    actor TEXT NOT NULL,                     -- empty: the operator of the server
    action INTEGER NOT NULL, room TEXT NOT NULL, target TEXT NOT NULL, seconds INTEGER NOT NULL,
    text TEXT NOT NULL
);
-- Edits of messages, which are erased together with them.
CREATE TABLE IF NOT EXISTS edit (
    room INTEGER, target INTEGER, seq INTEGER, PRIMARY KEY (room, target, seq)
) WITHOUT ROWID;
-- Of rooms with sealed messages: number of the secret, and its check value.
CREATE TABLE IF NOT EXISTS epoch (
    room INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, secret_check BLOB NOT NULL
);
-- Public keys of the sessions' devices, in a sealed room or (room 0) for private messages.
CREATE TABLE IF NOT EXISTS device (
    session INTEGER, room INTEGER, epoch INTEGER NOT NULL, public_keys BLOB NOT NULL,
    proof BLOB NOT NULL, PRIMARY KEY (session, room)
) WITHOUT ROWID;
"""

# Each of these statements writes many rows. One statement per row would release the GIL for each row,
# and wait each time until the event loop releases it.
_INSERT_EVENTS = "INSERT INTO event VALUES {}"
# After a restart, a server of a cluster applies some commands again.
_INSERT_NEW_EVENTS = "INSERT OR IGNORE INTO event VALUES {}"
_SET_COUNTERS = "INSERT INTO counter VALUES {} ON CONFLICT DO UPDATE SET last = excluded.last"

# The changes of each table. They keep their order in a table; those of different tables commute.
_CHANGES: tuple[dict[type, str], ...] = (
    {
        RoomRow: "INSERT INTO room (id, code, kind, log) VALUES {} ON CONFLICT DO NOTHING",
        RoomDeleted: "UPDATE room SET gone = 1 WHERE id IN (VALUES {})",
    },
    {
        SessionRow: "INSERT OR REPLACE INTO session VALUES {}",
        SessionDeleted: "DELETE FROM session WHERE id IN (VALUES {})",
    },
    {
        MembershipRow: "INSERT OR IGNORE INTO seat VALUES {}",
        MembershipDeleted: "DELETE FROM seat WHERE (session, room) IN (VALUES {})",
        RoomDeleted: "DELETE FROM seat WHERE room IN (VALUES {})",
    },
    {
        AccountRow: "INSERT OR REPLACE INTO account VALUES {}",
        AccountDeleted: "DELETE FROM account WHERE id IN (VALUES {})",
    },
    {
        InvitationRow: "INSERT OR REPLACE INTO invitation VALUES {}",
        InvitationDeleted: "DELETE FROM invitation WHERE secret IN (VALUES {})",
    },
    {
        RulesRow: "INSERT OR REPLACE INTO rules VALUES {}",
        RoomDeleted: "DELETE FROM rules WHERE room IN (VALUES {})",
    },
    {AuditRow: "INSERT OR IGNORE INTO audit VALUES {}"},
    {EditRow: "INSERT OR IGNORE INTO edit VALUES {}"},
    {EpochRow: "INSERT OR REPLACE INTO epoch VALUES {}"},
    {
        DeviceRow: "INSERT OR REPLACE INTO device VALUES {}",
        DeviceDeleted: "DELETE FROM device WHERE (session, room) IN (VALUES {})",
    },
)

# Rows per statement. Powers of two keep the number of prepared statements small.
_GROUPS = tuple(1 << n for n in range(8, -1, -1))

# SQLite errors that mean permanent damage.
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}

#: Number of rooms to examine per step of a purge: a few milliseconds of work.
_ROOMS_AT_ONCE = 256

_READ = "SELECT seq, frame FROM event WHERE room = ? AND seq BETWEEN ? AND ? ORDER BY seq"

# Fields that identify an intact EVENT. `FrameReader` checks these and more, but takes four times as long,
# and the answer to a HISTORY contains up to a thousand events.
_EVENT_STARTS = (seal(Event.TYPE, b"")[:8], seal(SealedEvent.TYPE, b"")[:8])
_START_SIZE = 8
_LENGTH_CRC_SEQ = struct.Struct(">IIq")

_OLDEST = "SELECT min(seq) FROM event WHERE room = ?"

# Rooms whose oldest event is too old and not the last one, and deleted rooms.
_DUE = """
SELECT id, time FROM (
    SELECT room.id, room.gone, event.time, event.seq FROM room LEFT JOIN event
    ON event.room = room.id AND seq = (SELECT min(seq) FROM event WHERE event.room = room.id)
    WHERE room.id BETWEEN ? AND ?
) WHERE (time IS NULL OR time < ?)
AND (gone OR seq < (SELECT max(seq) FROM event WHERE event.room = id))
"""

# A message and its edits.
_ERASED = """
SELECT seq, frame FROM event WHERE room = :room AND seq = :seq UNION ALL
SELECT event.seq, frame FROM edit JOIN event ON event.room = edit.room AND event.seq = edit.seq
WHERE edit.room = :room AND target = :seq
"""

_PURGE_EDITS = """
DELETE FROM edit WHERE room = :room
AND target < (SELECT coalesce(min(seq), target + 1) FROM event WHERE room = :room)
"""

_CLEAR = "DELETE FROM event WHERE room = ? AND seq < min(?, (SELECT min(seq) FROM event WHERE room = ?) + ?)"

# Examine the oldest events in order, up to the first that is recent enough to keep.
_PURGE = """
DELETE FROM event WHERE room = :room AND seq < min(
    (SELECT coalesce(min(CASE WHEN time < :before THEN NULL ELSE seq END), max(seq) + 1)
     FROM (SELECT seq, time FROM event WHERE room = :room ORDER BY seq LIMIT :most)),
    (SELECT max(seq) FROM event WHERE room = :room)
    + coalesce((SELECT gone FROM room WHERE id = :room), 0)
)
"""


class SqliteHistory:
    """History in a file.

    The writer thread calls `write` and the methods marked "writer thread only"; another thread calls
    the rest.

    Args:
        path: The file; created if it does not exist.
        fsync: Wait for the disk at each commit. Without it, a power failure (but not a crash of the
            program) may lose the last messages.

    Attributes:
        path: The file.

    Raises:
        HistoryError: The file cannot be opened, is not a history, or is in use.
    """

    def __init__(self, path: Path, *, fsync: bool = True) -> None:
        self.fsync = fsync
        self.path = path
        self._insert_events = _INSERT_EVENTS
        with contextlib.ExitStack() as opened:
            try:
                self._file = HistoryFile(path, opened)
                self._writer = self._open(opened)
                with contextlib.closing(self._writer.cursor()) as cursor:
                    self._prepare(cursor, fsync=fsync)
                self._reader = self._open(opened)
                self._reader.execute("PRAGMA query_only = on")
                self._reader.execute("SELECT count(*) FROM sqlite_master").fetchone()
                self._file.watch()
            except OSError as error:
                text = cannot("use", f"the history {path}", error)
                raise HistoryError(f"{text}.") from error
            except sqlite3.Error as error:
                raise self._unusable("use", error) from error
            self._opened = opened.pop_all()

    @property
    def notices(self) -> list[str]:
        """Warnings for the user, such as changed permissions."""
        return self._file.notices

    def _open(self, opened: contextlib.ExitStack) -> sqlite3.Connection:
        file = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=2)
        opened.callback(file.close)
        return file

    def _prepare(self, cursor: sqlite3.Cursor, *, fsync: bool) -> None:
        (version,) = cursor.execute("PRAGMA user_version").fetchone()
        (application,) = cursor.execute("PRAGMA application_id").fetchone()
        (tables,) = cursor.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if tables and application != APPLICATION_ID:
            raise HistoryError(f"{self.path} is a database, but not a netchat history.")
        if tables and version not in (SCHEMA_VERSION, ACCOUNTS_VERSION):
            raise HistoryError(
                f"The history {self.path} has version {version}, but this netchat supports only "
                f"versions {SCHEMA_VERSION} and {ACCOUNTS_VERSION}."
            )
        self._has_accounts = bool(tables) and version == ACCOUNTS_VERSION
        cursor.execute("PRAGMA journal_mode = wal")
        cursor.execute("PRAGMA secure_delete = on")  # for `clear_room`
        cursor.execute(f"PRAGMA synchronous = {'full' if fsync else 'normal'}")
        if not tables:
            script = (
                f"PRAGMA user_version = {SCHEMA_VERSION}; PRAGMA application_id = {APPLICATION_ID};"
            )
            cursor.executescript(f"BEGIN; {script} {_SCHEMA} COMMIT;")
        cursor.executescript(_LATER_TABLES)

    def _unusable(self, do: str, error: sqlite3.Error | OSError) -> HistoryError:
        """Return an error, with a hint for recovery if the file is damaged."""
        damaged = getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED
        hint = f" {recovery_hint(self.path)}" if damaged else ""
        return HistoryError(f"{cannot(do, f'the history {self.path}', error)}.{hint}")

    def load(self) -> Snapshot:
        """Return the rooms, sessions and memberships for the start of a server.

        Raises:
            HistoryError: The file is damaged.
        """
        try:
            return load_snapshot(self._reader)
        except (sqlite3.Error, ValueError) as error:
            raise HistoryError(
                f"The history {self.path} is damaged: {error}. {recovery_hint(self.path)}"
            ) from error

    def join_cluster(self, name: str) -> ClusterIdentity:
        """Return this server's membership in a cluster, a new one if the history has none.

        Raises:
            HistoryError: The history belongs to another cluster, or is damaged.
        """
        with self._translating_errors("use"):
            found = load_membership(self._writer)
            if found is None:
                state = SharedState(self.load()).dump()
                found = create_membership(self._writer, name, state)
        if found.name != name:
            raise HistoryError(
                f"The history {self.path} belongs to the cluster {found.name}, not {name}: choose "
                f"another file with --history, or --cluster-name {found.name}."
            )
        self._insert_events = _INSERT_NEW_EVENTS
        return found

    def temporary_file(self) -> IO[bytes]:
        """Create a file next to the history, which is deleted when it is closed."""
        with self._translating_errors("copy"):
            return temporary_file(self.path)

    def copy(self) -> tuple[IO[bytes], bytes]:
        """Copy the file for another server, and return the copy and its position in the cluster's log.

        Closing the copy deletes it. May run in any thread.
        """
        with self._translating_errors("copy"):
            return copy_database(self.path)

    def replace(self, copy: Path) -> None:
        """Replace everything but the membership with the content of another server's file.

        Writer thread only. It changes the membership in the copy.
        """
        with self._translating_errors("replace"):
            replace_database(self._writer, copy)

    def in_place(self) -> bool:
        """Return whether the path still names the open file; fast."""
        return self._file.in_place()

    def check(self) -> None:
        """Check that committed data is in the file that the next start will open.

        Raises:
            HistoryError: The file was deleted, renamed or replaced since it was opened.
        """
        self._file.check()

    def rescue(self) -> None:
        """Merge the log into the file, which may have been moved without it; writer thread only."""
        if self._file.is_lost:
            return
        with contextlib.suppress(sqlite3.Error):
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def write(self, batches: list[Batch]) -> None:
        """Make batches durable in one transaction.

        Raises:
            HistoryError: The disk is full or failing; nothing was written.
        """
        cursor = self._writer.cursor()
        try:
            cursor.execute("BEGIN IMMEDIATE")
            for batch in batches:
                if not self._has_accounts and any(type(c) is AccountRow for c in batch.changes):
                    cursor.execute(f"PRAGMA user_version = {ACCOUNTS_VERSION}")
                for statements in _CHANGES:
                    changes = (change for change in batch.changes if type(change) in statements)
                    for kind, rows in itertools.groupby(changes, type):
                        _execute(cursor, statements[kind], list(rows))
                _execute(cursor, self._insert_events, batch.rows)
                counters = [(*key, last) for key, last in batch.counters.items()]
                _execute(cursor, _SET_COUNTERS, counters)
                for change in batch.changes:
                    if type(change) is EventErased:
                        _erase(cursor, change)
                if batch.position is not None:
                    cursor.execute(SAVE_POSITION, batch.position)
            cursor.execute("COMMIT")
        except sqlite3.Error as error:
            with contextlib.suppress(sqlite3.Error):
                cursor.execute("ROLLBACK")
            raise self._unusable("write", error) from error
        finally:
            cursor.close()

    def last_purge(self) -> int | None:
        """Return the time up to which the last purge deleted, or None before the first."""
        with self._translating_errors("purge"):
            row = self._writer.execute("SELECT before FROM purge").fetchone()
            return row[0] if row and isinstance(row[0], int) else None

    def end_purge(self, before: int) -> None:
        """Record the time up to which a purge has deleted."""
        with self._translating_errors("purge"):
            self._writer.execute("INSERT OR REPLACE INTO purge VALUES (1, ?)", (before,))
            self._writer.execute("DELETE FROM audit WHERE time < ?", (before,))

    def postponed_purge(self) -> PostponedPurge | None:
        """Return the postponed purge, or None without one."""
        with self._translating_errors("purge"):
            row = self._writer.execute("SELECT at, before FROM postponed").fetchone()
            is_valid = row and all(isinstance(value, int) for value in row)
            return PostponedPurge(*row) if is_valid else None

    def postpone_purge(self, postponed: PostponedPurge | None) -> None:
        """Record a postponed purge; None removes it."""
        with self._translating_errors("purge"):
            if postponed is None:
                self._writer.execute("DELETE FROM postponed")
            else:
                self._writer.execute("INSERT OR REPLACE INTO postponed VALUES (1,?,?)", postponed)

    def due(self, before: int) -> Iterator[list[DueRoom]]:
        """Yield the rooms with events to purge, in short steps; writer thread only.

        Raises:
            HistoryError: The list of rooms cannot be read.
        """
        last = 0
        while True:
            with self._translating_errors("purge"):
                rows = self._writer.execute(
                    "SELECT id FROM room WHERE id > ? ORDER BY id LIMIT ?", (last, _ROOMS_AT_ONCE)
                )
                rooms = [room for (room,) in rows]
            if not rooms:
                return
            last = rooms[-1]
            yield list(self._due(rooms, before))

    def _due(self, rooms: list[int], before: int) -> Iterator[DueRoom]:
        """Yield rooms to purge, bisecting around rooms whose events cannot be read."""
        try:
            rows = self._writer.execute(_DUE, (rooms[0], rooms[-1], before)).fetchall()
        except sqlite3.Error as error:
            if len(rooms) == 1:
                yield DueRoom(rooms[0], None, str(self._unusable("purge", error)))
                return
            half = len(rooms) // 2
            yield from self._due(rooms[:half], before)
            yield from self._due(rooms[half:], before)
        else:
            yield from itertools.starmap(DueRoom, rows)

    def purge_room(self, room: int, before: int, most: int) -> tuple[int, int]:
        """Delete a room's oldest events, up to the first that is not older than a time.

        A room's last event always stays, so that its sequence numbers continue. A deleted room is
        removed with its last event. Writer thread only.

        Args:
            room: Number of the room.
            before: Time in microseconds since 1970.
            most: Maximum number of events to delete.

        Returns:
            Number of deleted events, and sequence number of the oldest remaining event, or 1.

        Raises:
            HistoryError: The events cannot be deleted; none was.
        """
        with (
            self._translating_errors("purge"),
            contextlib.closing(self._writer.cursor()) as cursor,
        ):
            try:
                cursor.execute("BEGIN IMMEDIATE")
                cursor.execute(_PURGE, {"room": room, "before": before, "most": most})
                deleted = cursor.rowcount
                cursor.execute(_PURGE_EDITS, {"room": room})
                (oldest,) = cursor.execute(_OLDEST, (room,)).fetchone()
                if oldest is None:
                    cursor.execute("DELETE FROM room WHERE id = ? AND gone", (room,))
                    if cursor.rowcount:
                        cursor.execute("DELETE FROM counter WHERE room = ?", (room,))
                cursor.execute("COMMIT")
            except sqlite3.Error:
                with contextlib.suppress(sqlite3.Error):
                    cursor.execute("ROLLBACK")
                raise
        return deleted, oldest or 1

    def clear_room(self, room: int, floor: int, most: int) -> bool:
        """Delete up to `most` of a room's events before `floor`; writer thread only.

        SQLite overwrites what it deletes. Once nothing is left to delete, the write-ahead log is
        truncated, too: it may contain the deleted events.

        Returns:
            Whether the method must be called again.

        Raises:
            HistoryError: The events cannot be deleted.
        """
        with self._translating_errors("clear"):
            deleted = self._writer.execute(_CLEAR, (room, floor, room, most)).rowcount
            if deleted:
                return True
            self._writer.execute(_PURGE_EDITS, {"room": room})
            (is_busy, *_) = self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            return bool(is_busy)

    def audit(self, count: int) -> list[AuditRow]:
        """Return the last entries of the audit log, newest first.

        Raises:
            HistoryError: The file is damaged.
        """
        with self._translating_errors("read"):
            return read_audit(self._reader, count)

    def read(self, room: int, first: int, last: int, max_bytes: int) -> tuple[list[bytes], int]:
        """Return EVENT frames of a room; see `netchat.chat.persistence.HistoryReader.read`."""
        frames: list[bytes] = []
        begin = size = 0
        with contextlib.closing(self._reader.cursor()) as cursor:
            try:
                for seq, frame in cursor.execute(_READ, (room, first, last)):
                    begin = begin or seq
                    # One query for all rows is faster; a gap or a damaged row ends the result.
                    if seq != begin + len(frames) or not _is_event(frame, seq):
                        raise HistoryError(f"event {seq} is damaged")
                    size += len(frame)
                    if frames and size > max_bytes:
                        break
                    frames.append(frame)
            except (sqlite3.Error, HistoryError) as error:
                if not frames:
                    raise self._unreadable(room, error) from error
        return frames, begin

    def resume(self, room: int, first: int, last: int) -> int:
        """Find a readable event after damage; see `netchat.chat.persistence.HistoryReader.resume`."""

        def readable(seq: int) -> bool:
            with contextlib.suppress(HistoryError):
                return bool(self.read(room, seq, last, 1)[0])
            return False

        return after_damage(first, last, readable)

    def last_counter(self, room: int, device: int) -> int:
        """Return the largest counter that a device has used in a room; 0 without one."""
        return self._number(
            room, "SELECT last FROM counter WHERE room = ? AND device = ?", (room, device)
        )

    def find(self, room: int, device: int, counter: int, first: int) -> int:
        """Return the sequence number of a message, from `first` on; 0 if it is not stored."""
        return self._number(
            room,
            "SELECT seq FROM event WHERE room = ? AND seq >= ? AND device = ? AND counter = ?",
            (room, first, device, counter),
        )

    def _number(self, room: int, query: str, values: tuple[int, ...]) -> int:
        try:
            row = self._reader.execute(query, values).fetchone()
        except sqlite3.Error as error:
            raise self._unreadable(room, error) from error
        if row is None:
            return 0
        if not isinstance(row[0], int):
            raise self._unreadable(room, f"{row[0]!r:.40} is not a number")
        return row[0]

    def _unreadable(self, room: int, error: object) -> HistoryError:
        return HistoryError(
            f"The history {self.path} is damaged: part of room {room} cannot be read: {error}."
        )

    @contextlib.contextmanager
    def _translating_errors(self, do: str) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise self._unusable(do, error) from error

    def close(self) -> None:
        """Close the file, and merge the write-ahead log into it."""
        with contextlib.suppress(sqlite3.Error):
            self._opened.close()


def recovery_hint(path: Path) -> str:
    """Return the command that recovers a damaged history."""
    new = path.with_name(f"{path.stem}-recovered.db")
    return f"Copy the readable parts into a new file: netchat recover {path} {new}"


def _is_event(frame: object, seq: object) -> bool:
    """Return whether stored bytes are the intact EVENT frame of a sequence number."""
    return (
        isinstance(frame, bytes)
        and len(frame) >= _START_SIZE + _LENGTH_CRC_SEQ.size
        and frame.startswith(_EVENT_STARTS)
        and _LENGTH_CRC_SEQ.unpack_from(frame, _START_SIZE)
        == (len(frame) - HEADER_SIZE, checksum(frame), seq)
    )


def _erase(cursor: sqlite3.Cursor, erased: EventErased) -> None:
    """Replace a deleted message and its edits."""
    rows = cursor.execute(_ERASED, {"room": erased.room, "seq": erased.seq}).fetchall()
    for seq, frame in rows:
        if _is_event(frame, seq) and (new := erased_frame(frame)) is not None:
            cursor.execute(
                "UPDATE event SET frame = ? WHERE room = ? AND seq = ?", (new, erased.room, seq)
            )


def _execute(
    cursor: sqlite3.Cursor, statement: str, rows: Sequence[tuple[int | str | bytes, ...]]
) -> None:
    """Execute a statement for many rows, a few hundred at a time."""
    at = 0
    for count in _GROUPS:
        while len(rows) - at >= count:
            values = [value for row in rows[at : at + count] for value in row]
            cursor.execute(_expanded(statement, count, len(rows[at])), values)
            at += count


@functools.cache
def _expanded(statement: str, rows: int, columns: int) -> str:
    """Return a statement with placeholders for a number of rows and columns."""
    row = f"({','.join('?' * columns)})"
    return statement.format(",".join([row] * rows))
