"""Recovery of a damaged history into a new one.

It uses two methods, because damage can be anywhere: reading each table around the damaged rows, and
searching the file's bytes for EVENT frames, whose CRC-32 proves that they are intact.
"""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
import secrets
import shutil
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from netchat.chat.persistence import (
    AccountRow,
    AuditRow,
    Batch,
    Change,
    DeviceRow,
    EditRow,
    EpochRow,
    EventRow,
    InvitationRow,
    MembershipRow,
    RoomRow,
    RulesRow,
    SessionRow,
)
from netchat.chat.room_codes import LOBBY, PRIVATE_MARK
from netchat.chat.room_moderation import RoomRules
from netchat.errors import HistoryError, PeerError
from netchat.files import make_private_folder, sync_folder
from netchat.net.history.damage import after_damage
from netchat.net.history.history_file import HistoryFile
from netchat.net.history.sqlite_history import SqliteHistory
from netchat.net.history.stored_state import (
    account_problem,
    audit_problem,
    device_problem,
    epoch_problem,
    invitation_problem,
    membership_problem,
    room_problem,
    rules_problem,
    session_problem,
)
from netchat.wire import (
    HEADER_SIZE,
    Event,
    EventKind,
    FrameReader,
    RoomKind,
    SealedEvent,
    decode,
)
from netchat.wire.annotations import parse_annotation
from netchat.wire.frame import MAGIC, VERSION
from netchat.wording import cannot

__all__ = ["Recovered", "recover"]

_EVENT_PREFIXES = [MAGIC + bytes([VERSION, kind.TYPE]) for kind in (Event, SealedEvent)]

_LARGEST = 2**63 - 1

#: Largest frame, in bytes: the largest value of `netchat serve --max-frame`.
_LARGEST_FRAME = 2**24

#: Events per transaction of the new history.
_WRITTEN_AT_ONCE = 1000

#: Larger sequence numbers are damage, because a room must be able to continue after its last event.
_LARGEST_SEQ = 2**62

#: EVENT frames by room code and sequence number.
_Frames = dict[str, dict[int, bytes]]


@dataclass
class Recovered:
    """Readable content of a damaged history."""

    rooms: dict[str, RoomRow] = field(default_factory=dict)
    """Rooms by code."""
    sessions: list[SessionRow] = field(default_factory=list)
    """Sessions that can still be resumed."""
    memberships: list[MembershipRow] = field(default_factory=list)
    """Memberships of these sessions."""
    accounts: list[AccountRow] = field(default_factory=list)
    """Accounts. Without them, guests could take the names."""
    invitations: list[InvitationRow] = field(default_factory=list)
    """Unused invitations."""
    rules: list[RulesRow] = field(default_factory=list)
    """Settings of these rooms that moderators have made."""
    audit: list[AuditRow] = field(default_factory=list)
    """Entries of the audit log."""
    epochs: dict[int, EpochRow] = field(default_factory=dict)
    """Epochs and check values of sealed rooms, by room number."""
    devices: list[DeviceRow] = field(default_factory=list)
    """Device keys of the sessions, for private messages. Proofs for rooms depend on the log's identity."""
    damaged: list[str] = field(default_factory=list)
    """Tables of which some rows may be missing."""
    counters: dict[tuple[int, int], int] = field(default_factory=dict)
    """Largest counter by room number and device."""
    frames: dict[str, dict[int, bytes]] = field(default_factory=dict)
    """EVENT frames by room code and sequence number."""
    purged_before: int = -_LARGEST
    """Time up to which events were purged."""

    @property
    def events(self) -> int:
        """Number of recovered events."""
        return sum(map(len, self.frames.values()))

    def floor(self, code: str) -> int:
        """Return the sequence number before which a moderator has cleared a room, or 0."""
        number = self.rooms[code].id if code in self.rooms else 0
        return next(
            (RoomRules.load(row.rules).floor for row in self.rules if row.room == number), 0
        )

    def missing(self, code: str) -> int:
        """Return the number of missing events between a room's first and last event."""
        seqs = self.frames.get(code)
        return max(seqs) - min(seqs) + 1 - len(seqs) if seqs else 0


def recover(source: Path, target: Path) -> Recovered:
    """Copy the readable parts of a history into a new one.

    Every room gets a new log identity. The end of its log may be missing, and a client that has seen
    those events must not confuse them with later events that reuse their sequence numbers.

    Args:
        source: Damaged history, whose permissions may be restricted; nothing else in it is changed.
        target: New history.

    Returns:
        The recovered content.

    Raises:
        HistoryError: The source is in use or cannot be read, or the target exists.
    """
    if target.exists():
        raise HistoryError(f"{target} already exists; choose a new file.")
    if not source.exists():
        raise HistoryError(f"There is no history {source}.")
    found = Recovered()
    try:
        with contextlib.ExitStack() as opened:
            HistoryFile(source, opened)
            # SQLite merges the log into the file it opens, so open a copy.
            folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
            real = source.resolve()  # SQLite follows symlinks before it adds "-wal"
            files = [f for f in (real, real.with_name(f"{real.name}-wal")) if f.exists()]
            for file in files:
                shutil.copyfile(file, folder / file.name)
            copy = sqlite3.connect(folder / real.name)
            opened.callback(copy.close)
            _read_tables(copy, found)
            carved: _Frames = {}
            for file in files:
                for frame in _carve_file(file):
                    _keep(carved, frame, found.frames)
            _add_carved(found, carved)
    except OSError as error:
        raise HistoryError(cannot("read", f"the history {source}", error)) from error
    if not found.frames and not found.rooms:
        raise HistoryError(f"{source} contains no readable netchat history.")
    try:
        _write_file(target, found)
    except OSError as error:
        raise HistoryError(cannot("write", target, error)) from error
    except HistoryError as error:  # it names the temporary file
        raise HistoryError(cannot("write", target, error.__cause__ or error)) from error
    return found


def _write_file(target: Path, found: Recovered) -> None:
    """Write a history completely or not at all."""
    if not target.parent.exists():
        make_private_folder(target.parent)
    with tempfile.TemporaryDirectory(prefix=".netchat-", dir=target.parent) as folder:
        new = Path(folder) / "history.db"
        with contextlib.closing(SqliteHistory(new)) as history:
            _write(history, found)
        if new.with_name(f"{new.name}-wal").exists():  # SQLite could not merge its log
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        new.replace(target)
    sync_folder(target.parent)


def _read_tables(file: sqlite3.Connection, found: Recovered) -> None:
    with contextlib.suppress(sqlite3.Error):
        row = file.execute("SELECT before FROM purge WHERE typeof(before) = 'integer'").fetchone()
        found.purged_before = row[0] if row else found.purged_before
    problem = room_problem()
    table = _Table(file, found.damaged)
    for row in table.scan("room", "SELECT id, code, kind, log FROM room WHERE NOT gone AND id {}"):
        room = RoomRow(*row)
        if not problem(room):
            found.rooms[room.code] = room
    problem_of_session = session_problem()
    sessions = (
        SessionRow(*row)
        for row in table.scan(
            "session", "SELECT id, token, previous, device, name FROM session WHERE id {}"
        )
    )
    found.sessions = [session for session in sessions if not problem_of_session(session)]
    problem_of_account = account_problem()
    accounts = map(AccountRow._make, table.scan("account", "SELECT * FROM account WHERE id {}"))
    found.accounts = [account for account in accounts if not problem_of_account(account)]
    order = "SELECT * FROM invitation ORDER BY secret"
    invitations = map(InvitationRow._make, table.ends("invitation", order, f"{order} DESC"))
    found.invitations = [row for row in invitations if not invitation_problem(row)]
    numbers = {room.id for room in found.rooms.values()}
    problem_of_membership = membership_problem(numbers, {session.id for session in found.sessions})
    for session in found.sessions:
        query = "SELECT room FROM seat WHERE session = ? AND room {}"
        seats = [
            MembershipRow(session.id, room) for (room,) in table.scan("seat", query, session.id)
        ]
        found.memberships += [seat for seat in seats if not problem_of_membership(seat)]
        query = "SELECT room, session, epoch, public_keys, proof FROM device WHERE session = ? AND room {}"
        for room_number, *rest in table.scan("device", query, session.id):
            device = DeviceRow(rest[0], room_number, *rest[1:])
            if not room_number and not device_problem(device):
                found.devices.append(device)
    audit = map(AuditRow._make, table.scan("audit", "SELECT * FROM audit WHERE id {}"))
    found.audit = [entry for entry in audit if not audit_problem(entry)]
    problem_of_rules = rules_problem(numbers)
    for row in table.scan("rules", "SELECT room, rules FROM rules WHERE room {}"):
        rules = RulesRow(*row)
        if not problem_of_rules(rules):
            found.rules.append(rules)
    sealed = {room.id for room in found.rooms.values() if room.kind == RoomKind.SEALED}
    for row in table.scan("epoch", "SELECT room, epoch, secret_check FROM epoch WHERE room {}"):
        epoch = EpochRow(*row)
        if epoch.room in sealed and epoch.epoch and not epoch_problem(epoch):
            found.epochs[epoch.room] = epoch
    for number in sorted(numbers):
        query = "SELECT device, last FROM counter WHERE room = ? AND device {}"
        for device, last in table.scan("counter", query, number):
            if isinstance(last, int):
                found.counters[number, device] = last
        query = "SELECT seq, frame FROM event WHERE room = ? AND seq {}"
        for _, frame in table.scan("event", query, number):
            if isinstance(frame, bytes):
                _keep(found.frames, frame)


class _Table:
    """Reader of damaged tables.

    Args:
        file: Database.
        damaged: Receives the names of tables that are damaged.
    """

    def __init__(self, file: sqlite3.Connection, damaged: list[str]) -> None:
        self._file, self._damaged = file, damaged

    def scan(self, name: str, query: str, *values: int) -> Iterator[tuple[Any, ...]]:
        """Yield rows in the order of their first column, an integer, skipping damaged ones.

        Args:
            name: Name of the table.
            query: Query with `{}` in place of a comparison with the first column.
            values: Other parameters of the query.
        """
        after = query.format("> ? ORDER BY 1")
        at = -1

        def readable(number: int) -> bool:
            with contextlib.suppress(sqlite3.Error):
                self._file.execute(after + " LIMIT 1", (*values, number - 1)).fetchone()
                return True
            return False

        while at < _LARGEST:
            try:
                for row in self._file.execute(after, (*values, at)):
                    if not isinstance(row[0], int):
                        return  # other types sort after all numbers
                    at = row[0]
                    yield row
            except sqlite3.Error as error:
                self._note(name, error)
                at = after_damage(at + 1, _LARGEST, readable) - 1
            else:
                return

    def ends(self, name: str, *queries: str) -> Iterator[tuple[Any, ...]]:
        """Yield the rows before and after the damaged part of a table.

        Args:
            name: Name of the table.
            queries: Queries of all rows, in ascending and in descending order.
        """
        known = set()
        for query in queries:
            try:
                for row in self._file.execute(query):
                    if row not in known:
                        known.add(row)
                        yield row
            except sqlite3.Error as error:
                self._note(name, error)
            else:
                return

    def _note(self, name: str, error: sqlite3.Error) -> None:
        """Note damage, but not a table that a history of an earlier version does not have."""
        if not isinstance(error, sqlite3.OperationalError) and name not in self._damaged:
            self._damaged.append(name)


def _carve_file(path: Path) -> Iterator[bytes]:
    """Yield candidates for EVENT frames anywhere in a file."""
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size:
            # Mapped, so that the system reads pages when they are needed, and drops them after that.
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                yield from _carve(data)


def _carve(data: mmap.mmap) -> Iterator[bytes]:
    for prefix in _EVENT_PREFIXES:
        at = data.find(prefix)
        while at >= 0:
            end = at + HEADER_SIZE + int.from_bytes(data[at + 8 : at + 12], "big")
            if end <= min(len(data), at + _LARGEST_FRAME):
                yield data[at:end]
            at = data.find(prefix, at + 1)


def _event(frame: bytes) -> Event | SealedEvent | None:
    """Return the event of an intact EVENT frame that a history can store, or None."""
    try:
        (event,) = map(decode, FrameReader(len(frame)).feed(frame))
    except (PeerError, ValueError):
        return None
    if not isinstance(event, Event | SealedEvent) or not 0 < event.seq < _LARGEST_SEQ:
        return None
    return event if max(event.time, event.device, event.counter) <= _LARGEST else None


def _keep(frames: _Frames, frame: bytes, known: _Frames | None = None) -> None:
    """Store a frame by its room and sequence number, if it is an event and not known yet."""
    event = _event(frame)
    if event is not None and event.seq not in (known or {}).get(event.room, ()):
        frames.setdefault(event.room, {}).setdefault(event.seq, frame)


def _add_carved(found: Recovered, carved: _Frames) -> None:
    """Add the events that only the file's bytes contain, except those that a purge deleted.

    SQLite does not overwrite deleted rows at once. A purge deletes the oldest events of a room, and
    never the last one. Events after one that is certainly left were therefore not purged.
    """
    for code, frames in carved.items():
        floor = found.floor(code)
        left = set(found.frames.get(code, ()))
        left |= {seq for seq, frame in frames.items() if _time(frame) >= found.purged_before}
        if code in found.rooms:
            left.add(max(*frames, *found.frames.get(code, ()), 0))
        for seq, frame in frames.items():
            if left and seq >= max(min(left), floor):
                found.frames.setdefault(code, {}).setdefault(seq, frame)


def _time(frame: bytes) -> int:
    event = _event(frame)
    assert event is not None
    return event.time


def _write(history: SqliteHistory, found: Recovered) -> None:
    used = [room.id for room in found.rooms.values()]
    used += [session.id for session in found.sessions]
    used += [account.id for account in found.accounts]
    spare = max(used, default=0) + 1
    for code in found.frames:
        if code not in found.rooms:
            found.rooms[code] = RoomRow(spare, code, _kind(code, found.frames[code].values()), 0)
            spare += 1
    rooms = [room._replace(log=secrets.randbits(63)) for room in found.rooms.values()]
    changes: list[Change] = [*rooms, *found.sessions, *found.memberships]
    changes += [*found.accounts, *found.invitations]
    changes += [*found.rules, *found.audit, *found.devices]
    changes += filter(None, (_epoch(room, found) for room in rooms))
    history.write([Batch(changes=changes)])
    for room in rooms:
        frames = iter(sorted(found.frames.get(room.code, {}).items()))
        while rows := [_row(room.id, frame) for _, frame in islice(frames, _WRITTEN_AT_ONCE)]:
            for row in rows:
                if row.device:
                    key = row.room, row.device
                    found.counters[key] = max(row.counter, found.counters.get(key, 0))
            history.write([Batch(rows=rows, changes=[*_edits(rows)])])
    history.write([Batch(counters=found.counters)])


def _edits(rows: Iterable[EventRow]) -> Iterator[EditRow]:
    """Yield which of a room's events edit an earlier one."""
    for row in rows:
        event = _event(row.frame)
        if isinstance(event, Event):
            edit = parse_annotation(event.kind, event.text)
            if edit is not None and edit.kind is EventKind.EDIT:
                yield EditRow(row.room, edit.target, row.seq)


def _row(room: int, frame: bytes) -> EventRow:
    (event,) = map(decode, FrameReader(len(frame)).feed(frame))
    assert isinstance(event, Event | SealedEvent)
    return EventRow(room, event.seq, event.device, event.counter, event.time, frame)


def _epoch(room: RoomRow, found: Recovered) -> EpochRow | None:
    """Return the epoch of a sealed room, from its last REKEY if that is later; None if it is unknown.

    The epochs of a private room start at 0 again: its members exchange a new secret.
    """
    if room.kind != RoomKind.SEALED:
        return None
    known = found.epochs.get(room.id)
    for _, frame in sorted(found.frames.get(room.code, {}).items(), reverse=True):
        event = _event(frame)
        rekey = event.sealed[0] if isinstance(event, SealedEvent) and event.sealed else None
        if rekey is not None and rekey.kind == EventKind.REKEY:
            if known is None or rekey.epoch > known.epoch:
                return EpochRow(room.id, rekey.epoch, rekey.check)
            break
    return known


def _kind(code: str, frames: Iterable[bytes]) -> RoomKind:
    """Return the kind of a room, judging by its code and its events."""
    if code == LOBBY:
        return RoomKind.LOBBY
    if code.startswith(PRIVATE_MARK):
        return RoomKind.PRIVATE
    is_sealed = any(isinstance(_event(frame), SealedEvent) for frame in frames)
    return RoomKind.SEALED if is_sealed else RoomKind.ROOM
