"""The shared state of a chat: what every server derives from the log of commands."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

from netchat.chat.model import Account, MemberKeys, Role, Room, Session
from netchat.chat.name_table import NameTable
from netchat.chat.persistence import Snapshot
from netchat.chat.room_moderation import RoomRules
from netchat.chat.state_records import (
    AccountRecord,
    ChatRecord,
    InvitationRecord,
    ReadMarkerRecord,
    RoomRulesRecord,
    SealedDeviceRecord,
    SealedRoomRecord,
    ServerRecord,
    StateRecords,
    pack_logins,
    pack_pairs,
    pack_room,
    pack_session,
    pack_state,
    unpack_logins,
    unpack_pairs,
    unpack_state,
)
from netchat.errors import CommandError
from netchat.wire import RoomKind

__all__ = ["SharedState"]


class SharedState:
    """Sessions, names, rooms and memberships; only `netchat.chat.apply` changes them.

    Args:
        snapshot: The state stored in a history; by default an empty chat.

    Attributes:
        servers: The names of the servers whose commands are accepted, by the epoch of their lease.
        epoch: The largest epoch so far.
        sessions: All sessions by number.
        by_device: The sessions by device id.
        by_token: The sessions by the hash of each token that resumes them.
        by_name: The names in use.
        rooms: The rooms by code.
        privates: The private rooms by the numbers of their two sessions.
        accounts: The accounts by number.
        account_names: The registered names.
        logins: The account and the device of each token that logs in, by its hash. The tokens of sessions
            are in `by_token`.
        invitations: The expiry of each unused invitation, by the hash of its code.
        next_id: The next number for a room, session or account.
    """

    def __init__(self, snapshot: Snapshot | None = None) -> None:
        self.servers: dict[int, str] = {}
        self.epoch = 0
        self.sessions: dict[int, Session] = {}
        self.by_device: dict[int, Session] = {}
        self.by_token: dict[bytes, Session] = {}
        self.by_name: NameTable[Session] = NameTable()
        self.rooms: dict[str, Room] = {}
        self.privates: dict[frozenset[int], Room] = {}
        self.accounts: dict[int, Account] = {}
        self.account_names: NameTable[Account] = NameTable()
        self.logins: dict[bytes, tuple[Account, int]] = {}
        self.invitations: dict[bytes, int] = {}
        self.next_id = 1
        if snapshot is not None:
            self._restore(snapshot)

    def new_id(self) -> int:
        """Return an unused number for a room, session or account."""
        self.next_id += 1
        return self.next_id - 1

    def is_connected(self, number: int) -> bool:
        """Return whether the session with this number has a connection."""
        session = self.sessions.get(number)
        return session is not None and not session.is_away

    def knows_token(self, token: bytes) -> bool:
        """Return whether the hash of a token is in use."""
        return token in self.by_token or token in self.logins

    def add_account(self, account: Account) -> None:
        """Add an account under its name."""
        self.accounts[account.id] = account
        self.account_names.add(account)

    def remove_account(self, account: Account) -> None:
        """Remove an account without a session."""
        del self.accounts[account.id]
        self.account_names.remove(account)

    def digest(self) -> bytes:
        """Return a hash of the state. Servers that have applied the same commands have the same."""
        return hashlib.sha256(self.dump()).digest()

    def dump(self) -> bytes:
        """Return the whole state as bytes, from which `load` starts another server."""
        rooms = sorted(self.rooms.values(), key=lambda room: room.id)
        sessions = [session for _, session in sorted(self.sessions.items())]
        memberships = ((s.id, room.id) for s in sessions for room in s.rooms.values())
        return pack_state(
            [ChatRecord(self.next_id, self.epoch, pack_pairs(memberships)).encode()],
            [ServerRecord(epoch, name).encode() for epoch, name in sorted(self.servers.items())],
            [_pack_room(room) for room in rooms],
            [_pack_session(session) for session in sessions],
            [_pack_account(account) for _, account in sorted(self.accounts.items())],
            [InvitationRecord(*pair).encode() for pair in sorted(self.invitations.items())],
            [
                RoomRulesRecord(room.id, room.rules.dump()).encode()
                for room in rooms
                if room.rules is not None
            ],
            [SealedRoomRecord(r.code, r.epoch, r.check).encode() for r in rooms if r.epoch],
            [*_pack_devices(rooms, sessions)],
            [
                ReadMarkerRecord(number, pack_pairs(account.read.items())).encode()
                for number, account in sorted(self.accounts.items())
                if account.read
            ],
        )

    @classmethod
    def load(cls, data: bytes) -> SharedState:
        """Return the state that `dump` wrote.

        Raises:
            CommandError: The bytes are not a valid state.
        """
        state, records = cls(), unpack_state(data)
        try:
            state._load(records)
        except (KeyError, ValueError) as error:
            raise CommandError(f"the snapshot of the state is inconsistent: {error}") from error
        return state

    def _load(self, records: StateRecords) -> None:
        (chat,) = records.chat
        self.next_id, self.epoch = chat.next_id, chat.epoch
        self.servers = {server.epoch: server.name for server in records.servers}
        rooms: dict[int, Room] = {}
        for r in records.rooms:
            room = Room(r.id, r.code, RoomKind(r.kind), r.log, r.head)
            room.counters = dict(unpack_pairs(r.counters))
            room.older_counters = dict(unpack_pairs(r.older_counters))
            rooms[r.id] = self.rooms[r.code] = room
        for stored in records.rules:
            rooms[stored.room].rules = RoomRules.load(stored.rules)
        for s in records.sessions:
            session = Session(s.id, s.name, s.device)
            session.server, session.attachment = s.server, s.attachment
            session.token, session.previous = s.token, s.previous
            self._add(session)
        self._seat(rooms, unpack_pairs(chat.memberships))
        for a in records.accounts:
            self._add_account(
                Account(a.id, a.name, a.password, Role(a.role), a.created),
                a.version,
                a.session,
                a.logins,
            )
        self.invitations = {record.secret: record.expires for record in records.invitations}
        for marker in records.markers:
            self.accounts[marker.account].read = dict(unpack_pairs(marker.markers))
        for sealed in records.sealed_rooms:
            room = self.rooms[sealed.room]
            room.epoch, room.check = sealed.epoch, sealed.check
        for device in records.sealed_devices:
            keys = MemberKeys(device.epoch, device.keys, device.proof)
            self._add_keys(device.session, self.rooms[device.room] if device.room else None, keys)

    def _restore(self, snapshot: Snapshot) -> None:
        rooms: dict[int, Room] = {}
        for row, head, _ in snapshot.rooms:
            room = Room(row.id, row.code, RoomKind(row.kind), row.log, head)
            rooms[row.id] = self.rooms[row.code] = room
        for rules in snapshot.rules:
            rooms[rules.room].rules = RoomRules.load(rules.rules)
        for saved in snapshot.sessions:
            session = Session(saved.id, saved.name, saved.device)
            session.token, session.previous = saved.token, saved.previous
            self._add(session)
        self._seat(rooms, snapshot.memberships)
        for a in snapshot.accounts:
            self._add_account(
                Account(a.id, a.name, a.password, Role(a.role), a.created),
                a.version,
                a.session,
                a.logins,
            )
        self.invitations = {row.secret: row.expires for row in snapshot.invitations}
        for account, room_number, seq in snapshot.markers:
            if account in self.accounts:
                self.accounts[account].read[room_number] = seq
        for number, epoch, check in snapshot.epochs:
            if (known := rooms.get(number)) is not None:
                known.epoch, known.check = epoch, check
        for number, of, epoch, keys, proof in snapshot.devices:
            if number in self.sessions and (not of or of in rooms):
                self._add_keys(number, rooms.get(of), MemberKeys(epoch, keys, proof))
        self.next_id = snapshot.next_id

    def _add_account(self, account: Account, version: int, session: int, logins: bytes) -> None:
        account.version = version
        account.session = self.sessions.get(session)
        if account.session is not None:
            account.session.account = account
        account.logins = unpack_logins(logins)
        for device, tokens in account.logins.items():
            for token in filter(None, tokens):
                self.logins[token] = account, device
        self.add_account(account)

    def _add(self, session: Session) -> None:
        self.sessions[session.id] = self.by_device[session.device] = session
        self.by_name.add(session)
        for token in filter(None, (session.token, session.previous)):
            self.by_token[token] = session

    def _add_keys(self, number: int, room: Room | None, keys: MemberKeys) -> None:
        """Restore the keys of a session's device, in a room or for private messages."""
        session = self.sessions[number]
        if room is None:
            session.keys = keys.keys
        elif session in room.members:
            room.devices = {**(room.devices or {}), session: keys}

    def _seat(self, rooms: dict[int, Room], memberships: Iterable[tuple[int, int]]) -> None:
        """Restore memberships, given as numbers of session and room."""
        for number, room_number in memberships:
            session, room = self.sessions[number], rooms[room_number]
            session.rooms[room.code] = room
            room.members[session] = None
        for room in rooms.values():
            if room.kind is RoomKind.PRIVATE and len(room.members) == 2:
                self.privates[frozenset(s.id for s in room.members)] = room


def _pack_devices(rooms: Iterable[Room], sessions: Iterable[Session]) -> Iterator[bytes]:
    for session in sessions:
        if session.keys:
            yield SealedDeviceRecord(session.id, "", 0, session.keys, b"").encode()
    for room in rooms:
        for session, (epoch, keys, proof) in sorted(
            (room.devices or {}).items(), key=lambda item: item[0].id
        ):
            yield SealedDeviceRecord(session.id, room.code, epoch, keys, proof).encode()


def _pack_room(room: Room) -> bytes:
    # Counters are in the order of the commands that added them, which is the same on all servers.
    return pack_room(
        room.id,
        room.log,
        room.head,
        room.kind,
        room.code,
        pack_pairs(room.counters.items()),
        pack_pairs(room.older_counters.items()),
    )


def _pack_session(session: Session) -> bytes:
    return pack_session(
        session.id,
        session.device,
        session.server,
        session.attachment,
        session.token,
        session.previous,
        session.name,
    )


def _pack_account(account: Account) -> bytes:
    return AccountRecord(
        account.id,
        account.created,
        account.version,
        account.session.id if account.session is not None else 0,
        account.role,
        account.name,
        account.password,
        pack_logins(account.logins),
    ).encode()
