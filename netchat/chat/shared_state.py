"""The shared state of a chat: what every server derives from the log of commands."""

from __future__ import annotations

import hashlib

from netchat.chat.model import Room, Session
from netchat.chat.name_table import NameTable
from netchat.chat.persistence import Snapshot
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
        next_id: The next number for a room or session.
    """

    def __init__(self, snapshot: Snapshot | None = None) -> None:
        self.servers: dict[int, str] = {}
        self.epoch = 0
        self.sessions: dict[int, Session] = {}
        self.by_device: dict[int, Session] = {}
        self.by_token: dict[bytes, Session] = {}
        self.by_name = NameTable()
        self.rooms: dict[str, Room] = {}
        self.privates: dict[frozenset[int], Room] = {}
        self.next_id = 1
        if snapshot is not None:
            self._restore(snapshot)

    def new_id(self) -> int:
        """Return an unused number for a room or session."""
        self.next_id += 1
        return self.next_id - 1

    def is_connected(self, number: int) -> bool:
        """Return whether the session with this number has a connection."""
        session = self.sessions.get(number)
        return session is not None and not session.is_away

    def digest(self) -> bytes:
        """Return a hash of the state. Two servers that applied the same commands have the same."""
        servers = sorted(self.servers.items())
        rooms = [
            (
                room.id,
                code,
                int(room.kind),
                room.log,
                room.head,
                [member.id for member in room.members],
                sorted(room.counters.items()),
                sorted(room.older_counters.items()),
            )
            for code, room in sorted(self.rooms.items())
        ]
        sessions = [
            (
                number,
                session.name,
                session.device,
                session.token,
                session.previous,
                session.server,
                session.attachment,
                [room.id for room in session.rooms.values()],
            )
            for number, session in sorted(self.sessions.items())
        ]
        content = repr((self.next_id, self.epoch, servers, rooms, sessions))
        return hashlib.sha256(content.encode("utf-8", "backslashreplace")).digest()

    def _restore(self, snapshot: Snapshot) -> None:
        rooms: dict[int, Room] = {}
        for row, head, _ in snapshot.rooms:
            room = Room(row.id, row.code, RoomKind(row.kind), row.log, head)
            rooms[row.id] = self.rooms[row.code] = room
        for saved in snapshot.sessions:
            session = Session(saved.id, saved.name, saved.device)
            session.token, session.previous = saved.token, saved.previous
            self.sessions[saved.id] = self.by_device[saved.device] = session
            self.by_name.add(session)
            self.by_token[saved.token] = session
            if saved.previous:
                self.by_token[saved.previous] = session
        for member in snapshot.memberships:
            room, session = rooms[member.room], self.sessions[member.session]
            session.rooms[room.code] = room
            room.members[session] = None
        for room in rooms.values():
            if room.kind is RoomKind.PRIVATE and len(room.members) == 2:
                self.privates[frozenset(s.id for s in room.members)] = room
        self.next_id = snapshot.next_id
