"""Reading, checking, importing and purging a history without a server.

Reading does not change the file, and a server may have it open. Importing and purging need the file for
themselves.
"""

from __future__ import annotations

import contextlib
import secrets
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from netchat.chat.persistence import Batch, Change, EditRow, EventRow, RoomRow
from netchat.chat.room_codes import LOBBY, PRIVATE_MARK, read_code
from netchat.chat.room_moderation import RoomRules
from netchat.errors import CommandError, HistoryError, NotFound, PeerError
from netchat.net.history.purge import Purge
from netchat.net.history.sqlite_history import APPLICATION_ID, SqliteHistory
from netchat.net.history.stored_state import load_snapshot
from netchat.wire import Event, EventKind, FrameReader, RoomKind, SealedEvent, decode, encode
from netchat.wire.annotations import parse_annotation
from netchat.wording import cannot, many

__all__ = [
    "Imported",
    "StoredRoom",
    "import_events",
    "list_stored_rooms",
    "open_stored",
    "purge_history",
    "stored_frames",
    "verify_history",
]

#: Largest frame, in bytes: the largest value of `netchat serve --max-frame`.
_LARGEST_FRAME = 2**24

#: Bytes read from an archive at a time, and events per transaction.
_READ_SIZE, _WRITTEN_AT_ONCE = 2**16, 1000

#: Sequence numbers from which a room could not continue.
_LARGEST_SEQ = 2**62

_ROOMS = """
SELECT id, code, kind, gone, (SELECT count(*) FROM event WHERE room = room.id),
(SELECT coalesce(sum(length(frame)), 0) FROM event WHERE room = room.id),
(SELECT min(seq) FROM event WHERE room = room.id), (SELECT max(seq) FROM event WHERE room = room.id),
(SELECT count(*) FROM seat WHERE room = room.id), (SELECT rules FROM rules WHERE room = room.id)
FROM room ORDER BY gone, code
"""


class StoredRoom(NamedTuple):
    """A room in a history."""

    number: int
    code: str
    kind: RoomKind
    title: str
    is_deleted: bool
    """The room is gone, but its events are still kept."""

    events: int
    size: int
    """Bytes of its events."""

    first: int
    """Sequence number of its oldest event, or 0."""

    last: int
    """Sequence number of its newest event, or 0."""

    members: int


class Imported(NamedTuple):
    """Events that an import has added to a history."""

    rooms: dict[str, int]
    """Number of new events by room code."""

    known: int
    """Number of events that the history had already."""


@contextlib.contextmanager
def open_stored(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a history for reading; errors of SQLite are translated.

    Raises:
        NotFound: There is no such history.
        HistoryError: It cannot be read, or is damaged.
    """
    if not path.exists():
        raise NotFound(f"There is no history {path}.")
    try:
        uri = f"{path.absolute().as_uri()}?mode=ro"
        with contextlib.closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as file:
            (application,) = file.execute("PRAGMA application_id").fetchone()
            if application != APPLICATION_ID:
                raise HistoryError(f"{path} is not a netchat history.")
            file.execute("BEGIN")  # one state of the history, even if a server runs
            yield file
    except sqlite3.Error as error:
        raise HistoryError(
            f"{cannot('read', f'the history {path}', error)}. A damaged one can be copied: "
            f"netchat recover {path} NEW"
        ) from error


def list_stored_rooms(file: sqlite3.Connection) -> list[StoredRoom]:
    """Return the rooms of a history, without private conversations."""
    has_rules = file.execute("SELECT 1 FROM sqlite_master WHERE name = 'rules'").fetchone()
    query = (
        _ROOMS
        if has_rules
        else _ROOMS.replace("(SELECT rules FROM rules WHERE room = room.id)", "NULL")
    )
    rooms = []
    for number, code, kind, gone, events, size, first, last, members, rules in file.execute(query):
        if str(code).startswith(PRIVATE_MARK):
            continue
        known = RoomKind(kind) if kind in set(RoomKind) else RoomKind.ROOM
        rooms.append(
            StoredRoom(
                number,
                str(code),
                known,
                _title(rules),
                bool(gone),
                events,
                size,
                first or 0,
                last or 0,
                members,
            )
        )
    return rooms


def _title(rules: object) -> str:
    try:
        return RoomRules.load(rules).title if isinstance(rules, bytes) else ""
    except CommandError:
        return ""


def stored_frames(file: sqlite3.Connection, room: int) -> Iterator[bytes]:
    """Yield the EVENT frames of a room, in order.

    Raises:
        HistoryError: An event is damaged.
    """
    for seq, frame in file.execute(
        "SELECT seq, frame FROM event WHERE room = ? ORDER BY seq", (room,)
    ):
        if problem := _frame_problem(frame, seq=seq):
            raise HistoryError(f"event {seq} is damaged: {problem}")
        yield frame


def _decode(frame: bytes) -> Event | SealedEvent:
    """Decode one whole frame.

    Raises:
        PeerError: It is not one intact EVENT or SEALED_EVENT.
    """
    reader = FrameReader(_LARGEST_FRAME)
    found = reader.feed(frame)
    message = decode(found[0]) if len(found) == 1 and not reader.pending else None
    if not isinstance(message, Event | SealedEvent):
        raise PeerError("it is not one whole event")
    return message


def _frame_problem(frame: object, **fields: object) -> str:
    """Return what is wrong with a stored frame, compared with the columns of its row; or nothing."""
    if not isinstance(frame, bytes):
        return "it is not bytes"
    try:
        event = _decode(frame)
    except PeerError as error:
        return str(error)
    wrong = [name for name, value in fields.items() if getattr(event, name) != value]
    return f"{', '.join(wrong)} of the row and of its frame differ" if wrong else ""


def verify_history(file: sqlite3.Connection) -> Iterator[str]:
    """Check a history, and yield what is wrong: pages, tables, events, gaps and counters."""
    for (text,) in file.execute("PRAGMA integrity_check(20)"):
        if text != "ok":
            yield f"SQLite: {text}"
    try:
        load_snapshot(file)
    except ValueError as error:
        yield str(error)
    rooms: dict[int, str] = dict(file.execute("SELECT id, code FROM room"))
    last: dict[int, int] = {}
    counters: dict[tuple[int, int], int] = {}
    for room, seq, device, counter, moment, frame in file.execute(
        "SELECT room, seq, device, counter, time, frame FROM event ORDER BY room, seq"
    ):
        name = f"room {rooms.get(room, f'number {room}')}"
        if room not in rooms and room not in last:
            yield f"{name}: there are events, but no such room"
        row = {"seq": seq, "device": device, "counter": counter, "time": moment}
        if problem := _frame_problem(frame, **row, room=rooms.get(room, "")):
            yield f"{name}: event {seq}: {problem}"
        if room in last and seq != last[room] + 1:
            yield f"{name}: events {last[room] + 1} to {seq - 1} are missing"
        last[room] = seq
        if device:
            counters[room, device] = max(counter, counters.get((room, device), 0))
    for room, device, stored in file.execute("SELECT room, device, last FROM counter"):
        if counters.pop((room, device), 0) > stored:
            yield f"room {rooms.get(room, room)}: the counter of device {device} is too small"
    for room, device in counters:
        yield f"room {rooms.get(room, room)}: device {device} has messages, but no counter"


def read_archive(path: Path) -> Iterator[tuple[bytes, Event]]:
    """Yield the frames of an archive, with their events.

    Raises:
        HistoryError: The archive cannot be read, or contains something else than whole events.
    """
    reader = FrameReader(_LARGEST_FRAME)
    count = 0
    try:
        with path.open("rb") as archive:
            while data := archive.read(_READ_SIZE):
                for frame in reader.feed(data):
                    message = decode(frame)
                    if not isinstance(
                        message, Event
                    ):  # keys of sealed rooms depend on the log's identity
                        raise HistoryError(
                            f"{path}: frame {count + 1} is not an event of an open room."
                        )
                    count += 1
                    yield encode(message), message
    except OSError as error:
        raise HistoryError(cannot("read", path, error)) from error
    except PeerError as error:
        raise HistoryError(
            f"{path} is not an archive of `netchat history export`, or is damaged after "
            f"{many(count, 'event')}: {error}"
        ) from error
    if reader.pending:
        raise HistoryError(f"{path} ends within event {count + 1}.")


def import_events(archive: Path, target: Path) -> Imported:
    """Add the events of an archive to a history, which is created if it does not exist.

    A room that the history does not have is created. A room that it has must have the same events, as far
    as both have them; the archive continues it.

    Raises:
        HistoryError: The archive or the history cannot be used, the history is in use, or a room of both has
            different events. Nothing of that room was added.
    """
    events: dict[str, list[tuple[bytes, Event]]] = {}
    for frame, event in read_archive(archive):
        if (
            event.room != LOBBY and read_code(event.room) != event.room
        ) or not 0 < event.seq < _LARGEST_SEQ:
            raise HistoryError(f"{archive}: event {event.seq} of room {event.room!r} is invalid.")
        log = events.setdefault(event.room, [])
        if log and event.seq != log[-1][1].seq + 1:
            raise HistoryError(
                f"{archive}: in room {event.room}, event {event.seq} follows event {log[-1][1].seq}."
            )
        log.append((frame, event))
    with contextlib.closing(SqliteHistory(target)) as history:
        known = {room.code: (room, head) for room, head, _ in history.load().rooms}
        spare = history.load().next_id
        added: dict[str, int] = {}
        same = 0
        plan: list[tuple[RoomRow, list[tuple[bytes, Event]], bool]] = []
        for code, log in events.items():
            room, head = known.get(code, (None, 0))
            if room is None:
                room = RoomRow(
                    spare,
                    code,
                    RoomKind.LOBBY if code == LOBBY else RoomKind.ROOM,
                    secrets.randbits(63),
                )
                spare += 1
            new = _continuation(history, room, head, log)
            same += len(log) - len(new)
            added[code] = len(new)
            plan.append((room, new, code not in known))
        for room, new, is_new in plan:
            _add(history, room, new, is_new=is_new)
    return Imported(added, same)


def _continuation(
    history: SqliteHistory, room: RoomRow, head: int, log: list[tuple[bytes, Event]]
) -> list[tuple[bytes, Event]]:
    """Return the events after those that a room of the history has.

    Raises:
        HistoryError: The room has other events, or events are missing in between.
    """
    if not head:
        return log
    if log[0][1].seq > head + 1:
        raise HistoryError(
            f"Room {room.code} ends with event {head}, and the archive begins with event "
            f"{log[0][1].seq}: events are missing in between. Nothing was imported."
        )
    for frame, event in log:
        if event.seq > head:
            break
        stored, _ = history.read(room.id, event.seq, event.seq, 1)
        if stored and stored[0] != frame:
            raise HistoryError(
                f"Room {room.code} has an event {event.seq} that differs from the archive's. Import it "
                "into a new history, or remove the room first. Nothing was imported."
            )
    return [each for each in log if each[1].seq > head]


def _add(
    history: SqliteHistory,
    room: RoomRow,
    log: list[tuple[bytes, Event]],
    *,
    is_new: bool,
) -> None:
    changes: list[Change] = [room] if is_new else []
    for _, event in log:
        edit = parse_annotation(event.kind, event.text)
        if edit is not None and edit.kind is EventKind.EDIT:
            changes.append(EditRow(room.id, edit.target, event.seq))
    history.write([Batch(changes=changes)])
    counters: dict[tuple[int, int], int] = {}
    for start in range(0, len(log), _WRITTEN_AT_ONCE):
        rows = [
            EventRow(room.id, event.seq, event.device, event.counter, event.time, frame)
            for frame, event in log[start : start + _WRITTEN_AT_ONCE]
        ]
        for row in rows:
            if row.device:
                key = row.room, row.device
                stored = counters.get(key) or history.last_counter(*key)
                counters[key] = max(row.counter, stored)
        history.write([Batch(rows=rows, counters=counters)])


def purge_history(path: Path, keep: float) -> int:
    """Delete events older than some time, and return how many.

    Args:
        path: History, which no server has open.
        keep: Age in seconds.

    Raises:
        HistoryError: The history cannot be used, or some events could not be deleted.
    """
    if not path.exists():
        raise NotFound(f"There is no history {path}.")
    now = time.time()
    before = int(max((now - keep) * 1e6, -(2.0**62)))
    with contextlib.closing(SqliteHistory(path)) as history:
        purge = Purge(history, before, int(now * 1e6), at_once=True)
        while purge.step():
            pass
    if purge.problems:
        raise HistoryError(
            f"{many(purge.deleted, 'event')} deleted; not all could be: {purge.problems[0]}"
        )
    return purge.deleted
