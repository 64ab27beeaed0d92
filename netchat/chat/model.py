"""Sessions and rooms: the shared state of a chat.

Only `netchat.chat.apply` changes them. They know nothing of connections or of time.
"""

from __future__ import annotations

from typing import NamedTuple

from netchat.wire import RoomKind

__all__ = ["MemberKeys", "Room", "Session"]


class Session:
    """A user's name and rooms, which outlive the connection.

    Attributes:
        id: Session number, public.
        name: The user's name.
        device: The user's device id.
        token: Hash of the token that resumes it.
        previous: Hash of the token before that. It stays valid until the client proves that it has
            the new one by sending a request, because the WELCOME with the new token may be lost.
        server: Epoch of the server that has its connection, or 0 while the user is away.
        attachment: Number of connections it has had. A command about an earlier one is stale.
        rooms: The rooms that it is a member of, by code.
        keys: Public keys of the user's device for sealed messages, or empty.
    """

    __slots__ = (
        "attachment",
        "device",
        "id",
        "keys",
        "name",
        "previous",
        "rooms",
        "server",
        "token",
    )

    def __init__(self, number: int, name: str, device: int) -> None:
        self.id = number
        self.name = name
        self.device = device
        self.token = b""
        self.previous = b""
        self.server = 0
        self.attachment = 0
        self.rooms: dict[str, Room] = {}
        self.keys = b""

    @property
    def is_away(self) -> bool:
        """Whether the session has lost its connection."""
        return not self.server


class MemberKeys(NamedTuple):
    """Keys of a member's device, with the proof that it knows the room's secret."""

    epoch: int
    keys: bytes
    proof: bytes


class Room:
    """A room: its members and the state of its log.

    Attributes:
        id: Room number in the history.
        code: Room code.
        kind: Lobby, room or private room.
        log: Identity of its log.
        head: Sequence number of its last event.
        members: The sessions in it, connected or not.
        counters: The largest counter of each device that has sent a message recently.
        older_counters: The same before the last rotation.
        epoch: Number of the secret of a sealed room, or of a private room with sealed messages; else 0.
        check: Check value of that secret, or empty.
        devices: Keys of the members of a sealed room.
    """

    __slots__ = (
        "check",
        "code",
        "counters",
        "devices",
        "epoch",
        "head",
        "id",
        "kind",
        "log",
        "members",
        "older_counters",
    )

    def __init__(self, number: int, code: str, kind: RoomKind, log: int, head: int = 0) -> None:
        self.id = number
        self.code = code
        self.kind = kind
        self.log = log
        self.head = head
        self.members: dict[Session, None] = {}
        self.counters: dict[int, int] = {}
        self.older_counters: dict[int, int] = {}
        self.epoch = 0
        self.check = b""
        self.devices: dict[Session, MemberKeys] | None = None

    def last_counter(self, device: int) -> int | None:
        """Return the largest counter of a device, or None if only the history can know it."""
        last = self.counters.get(device)
        return self.older_counters.get(device) if last is None else last

    @property
    def is_over(self) -> bool:
        """Whether the other user has left a private room."""
        return self.kind is RoomKind.PRIVATE and len(self.members) < 2

    def peer_of(self, session: Session) -> str:
        """Return the name of the other member of a private room, or an empty string."""
        if self.kind is not RoomKind.PRIVATE:
            return ""
        return next((other.name for other in self.members if other is not session), "")
