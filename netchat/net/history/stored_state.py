"""Validated reading of accounts, rooms, sessions and memberships from a history.

A damaged disk, or another program, can leave any value in any column.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from typing import Any

from netchat.chat.model import Role
from netchat.chat.persistence import (
    AccountRow,
    AuditRow,
    DeviceRow,
    EpochRow,
    InvitationRow,
    MembershipRow,
    ReadMarkerRow,
    RoomRow,
    RulesRow,
    SessionRow,
    Snapshot,
)
from netchat.chat.room_moderation import RoomRules
from netchat.chat.state_records import unpack_logins
from netchat.errors import CommandError
from netchat.net.history.cluster_member import load_state
from netchat.wire import RoomKind

__all__ = [
    "account_problem",
    "audit_problem",
    "device_problem",
    "epoch_problem",
    "invitation_problem",
    "load_snapshot",
    "marker_problem",
    "membership_problem",
    "read_audit",
    "room_problem",
    "rules_problem",
    "session_problem",
]

#: Maximum length of a stored name or code, longer than any version has allowed.
_LONGEST = 256

_ROOMS = """
SELECT id, code, kind, log, (SELECT max(seq) FROM event WHERE room = id),
(SELECT min(seq) FROM event WHERE room = id) FROM room WHERE NOT gone
"""


def load_snapshot(file: sqlite3.Connection) -> Snapshot:
    """Read the state that a server needs when it starts.

    Raises:
        sqlite3.Error: SQLite finds the file damaged.
        ValueError: A row is invalid; the text names the table and the row.
    """
    found = file.execute(_ROOMS).fetchall()
    for *_, head, oldest in found:
        if not (_is_id(head or 0) and _is_id(oldest or 1)):
            raise ValueError(f"table event has the sequence numbers {oldest!r:.40} to {head!r:.40}")
    rooms = [(RoomRow(*row[:4]), row[4] or 0, row[5] or 1) for row in found]
    sessions = [
        SessionRow(*row)
        for row in file.execute("SELECT id, token, previous, device, name FROM session")
    ]
    memberships = [MembershipRow(*row) for row in file.execute("SELECT session, room FROM seat")]
    _check("room", (room for room, _, _ in rooms), room_problem())
    _check("session", sessions, session_problem())
    _check(
        "seat",
        memberships,
        membership_problem({room.id for room, _, _ in rooms}, {s.id for s in sessions}),
    )
    accounts = [AccountRow(*row) for row in file.execute("SELECT * FROM account ORDER BY id")]
    invitations = [InvitationRow(*row) for row in file.execute("SELECT * FROM invitation")]
    _check("account", accounts, account_problem())
    _check("invitation", invitations, invitation_problem)
    numbers = {room.id for room, _, _ in rooms}
    rules = [RulesRow(*row) for row in file.execute("SELECT room, rules FROM rules")]
    _check("rules", rules, rules_problem(numbers))
    bans = (ban for row in rules for ban in RoomRules.load(row.rules).bans)
    (top,) = file.execute(
        "SELECT max(coalesce((SELECT max(id) FROM room), 0),"
        " coalesce((SELECT max(id) FROM session), 0), coalesce((SELECT max(id) FROM account), 0),"
        " coalesce((SELECT max(id) FROM audit), 0))"
    ).fetchone()
    top = max(top, *bans, 0) if isinstance(top, int) else top
    if not _is_id(top):
        raise ValueError(f"table room, session or account has the id {top}")
    # Fail early if this table is unreadable: without it, duplicates cannot be detected.
    file.execute("SELECT last FROM counter LIMIT 1").fetchone()
    epochs = [EpochRow(*row) for row in file.execute("SELECT room, epoch, secret_check FROM epoch")]
    devices = [
        DeviceRow(*row)
        for row in file.execute("SELECT session, room, epoch, public_keys, proof FROM device")
    ]
    markers = [
        ReadMarkerRow(*row) for row in file.execute("SELECT account, room, seq FROM read_marker")
    ]
    _check("read_marker", markers, marker_problem)
    _check("epoch", epochs, epoch_problem)
    _check("device", devices, device_problem)
    return Snapshot(
        rooms,
        sessions,
        memberships,
        top + 1,
        load_state(file),
        accounts=accounts,
        invitations=invitations,
        rules=rules,
        markers=markers,
        epochs=epochs,
        devices=devices,
    )


def read_audit(file: sqlite3.Connection, count: int) -> list[AuditRow]:
    """Return the last entries of the audit log, newest first; invalid ones are skipped."""
    rows = file.execute("SELECT * FROM audit ORDER BY id DESC LIMIT ?", (count,))
    return [entry for entry in (AuditRow(*row) for row in rows) if not audit_problem(entry)]


def audit_problem(row: AuditRow) -> str:
    """Return what is wrong with an entry of the audit log, or an empty string."""
    kinds = (int, int, str, int, str, str, int, str)
    is_valid = all(isinstance(value, kind) for value, kind in zip(row, kinds, strict=True))
    return "" if is_valid else "a column has a value of another type"


def rules_problem(rooms: set[int]) -> Callable[[RulesRow], str]:
    """Return a function that describes what is wrong with the rules of a room."""

    def problem(row: Any) -> str:
        if row.room not in rooms:
            return "the room does not exist"
        if not isinstance(row.rules, bytes):
            return "rules must be bytes"
        try:
            RoomRules.load(row.rules)
        except CommandError as error:
            return str(error)
        return ""

    return problem


def marker_problem(row: ReadMarkerRow) -> str:
    """Return what is wrong with a read marker, or an empty string."""
    return "" if all(map(_is_id, row)) else "the numbers must be whole numbers"


def epoch_problem(row: EpochRow) -> str:
    """Return what is wrong with the epoch of a room, or an empty string."""
    is_valid = 0 <= _number(row.epoch) < 2**32 and isinstance(row.check, bytes)
    return "" if is_valid else "the epoch must be a whole number, the check value bytes"


def device_problem(row: DeviceRow) -> str:
    """Return what is wrong with the keys of a device, or an empty string."""
    is_valid = isinstance(row.keys, bytes) and isinstance(row.proof, bytes)
    if is_valid and 0 <= _number(row.epoch) < 2**32:
        return ""
    return "the epoch must be a whole number, keys and proof bytes"


def _number(value: object) -> int:
    return value if isinstance(value, int) else -1


def _check(table: str, rows: Iterable[Any], problem: Callable[[Any], str]) -> None:
    for row in rows:
        if why := problem(row):
            raise ValueError(f"table {table} has {tuple(row)!r:.120}: {why}")


def room_problem() -> Callable[[RoomRow], str]:
    """Return a function that describes what is wrong with a room; call it once for each."""
    codes: set[str] = set()

    def problem(room: Any) -> str:
        if not (_is_id(room.id) and _is_count(room.log)):
            return "id and log must be whole numbers"
        if not _is_text(room.code):
            return "code must be a short text"
        if room.kind not in set(RoomKind):
            return f"kind must be one of {', '.join(str(int(kind)) for kind in RoomKind)}"
        if room.code in codes:
            return "another room has the same code"
        codes.add(room.code)
        return ""

    return problem


def session_problem() -> Callable[[SessionRow], str]:
    """Return a function that describes what is wrong with a session; call it once for each."""
    devices: set[int] = set()

    def problem(session: Any) -> str:
        if not (_is_id(session.id) and _is_count(session.device)):
            return "id and device must be whole numbers"
        if not (isinstance(session.token, bytes) and isinstance(session.previous, bytes)):
            return "token and previous must be bytes"
        if not _is_text(session.name):
            return "name must be a short text"
        if session.device in devices:
            return "another session has the same device"
        devices.add(session.device)
        return ""

    return problem


def account_problem() -> Callable[[AccountRow], str]:
    """Return a function that describes what is wrong with an account; call it once for each."""
    names: set[str] = set()
    sessions: set[int] = set()

    def problem(account: Any) -> str:
        numbers = (account.id, account.version, account.created, account.session)
        if not all(map(_is_count, numbers)) or not _is_id(account.id):
            return "id, version, created and session must be whole numbers"
        if not (_is_text(account.name) and _is_text(account.password)):
            return "name and password must be short texts"
        if account.role not in set(Role):
            return f"role must be one of {', '.join(str(int(role)) for role in Role)}"
        if not _are_logins(account.logins):
            return "logins must be the encoded devices"
        if account.name in names or account.session in sessions:
            return "another account has the same name or session"
        names.add(account.name)
        sessions.update(filter(None, [account.session]))
        return ""

    return problem


def invitation_problem(invitation: Any) -> str:
    """Return what is wrong with an invitation, or an empty string."""
    is_valid = isinstance(invitation.secret, bytes) and _is_count(invitation.expires)
    return "" if is_valid else "secret must be bytes, and expires a whole number"


def _are_logins(value: object) -> bool:
    try:
        return isinstance(value, bytes) and all(map(_is_count, unpack_logins(value)))
    except ValueError:
        return False


def membership_problem(rooms: set[int], sessions: set[int]) -> Callable[[MembershipRow], str]:
    """Return a function that describes what is wrong with a membership."""

    def problem(membership: MembershipRow) -> str:
        is_known = membership.room in rooms and membership.session in sessions
        return "" if is_known else "the room or session does not exist"

    return problem


def _is_count(value: object) -> bool:
    return isinstance(value, int) and 0 <= value < 2**63


def _is_id(value: object) -> bool:
    """Return whether a value can be an id or a sequence number, with room for later ones."""
    return isinstance(value, int) and 0 <= value < 2**62


def _is_text(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST
