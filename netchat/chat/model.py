"""Accounts, sessions and rooms: the shared state of a chat.

Only `netchat.chat.apply` changes them. They depend neither on connections nor on the time.
"""

from __future__ import annotations

from typing import NamedTuple

from netchat.chat.room_moderation import RoomRules
from netchat.wire import Role, RoomKind

__all__ = ["Account", "DeviceLogin", "MemberKeys", "Role", "Room", "Session"]


#: Hashes of the current and the previous token of a device; empty after it has logged out.
DeviceLogin = tuple[bytes, bytes]


class Account:
    """A registered name, which belongs to the holder of its password.

    Attributes:
        id: Account number, public.
        name: The registered name.
        password: Encoded argon2id hash of the password.
        version: Number of changes of the password. A check of an earlier password is stale.
        role: Rights of the account.
        created: Time of the registration, in microseconds since 1970.
        session: Its session, or None while it has none.
        logins: The devices that have logged in before, except that of its session, by device id, the most
            recently used one last.
        read: Sequence numbers of the last events that its owner has read, by room number.
    """

    __slots__ = (
        "created", "id", "logins", "name", "password", "read", "role", "session", "version",
    )  # fmt: skip

    def __init__(self, number: int, name: str, password: str, role: Role, created: int) -> None:
        self.id = number
        self.name = name
        self.password = password
        self.version = 0
        self.role = role
        self.created = created
        self.session: Session | None = None
        self.logins: dict[int, DeviceLogin] = {}
        self.read: dict[int, int] = {}

    def knows(self, device: int) -> bool:
        """Return whether a device has logged in to this account before."""
        session = self.session
        return device in self.logins or (session is not None and session.device == device)


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
        account: The account that it belongs to, or None for a guest.
        keys: Public keys of the user's device for sealed messages, or empty.
    """

    __slots__ = (
        "account", "attachment", "device", "id", "keys", "name", "previous", "rooms", "server", "token",
    )  # fmt: skip

    def __init__(self, number: int, name: str, device: int) -> None:
        self.id = number
        self.name = name
        self.device = device
        self.token = b""
        self.previous = b""
        self.server = 0
        self.attachment = 0
        self.rooms: dict[str, Room] = {}
        self.account: Account | None = None
        self.keys = b""

    @property
    def role(self) -> Role:
        """Rights of the session's account; a guest has those of a member."""
        return self.account.role if self.account is not None else Role.MEMBER

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
        older_counters: The counters before the last rotation.
        rules: What moderators have set, or None if they never have.
        epoch: Number of the secret of a sealed room, or of a private room with sealed messages; or 0.
        check: Check value of that secret, or empty.
        devices: Keys of the members of a sealed room.
    """

    __slots__ = (
        "check", "code", "counters", "devices", "epoch", "head", "id", "kind", "log", "members",
        "older_counters", "rules",
    )  # fmt: skip

    def __init__(self, number: int, code: str, kind: RoomKind, log: int, head: int = 0) -> None:
        self.id = number
        self.code = code
        self.kind = kind
        self.log = log
        self.head = head
        self.members: dict[Session, None] = {}
        self.counters: dict[int, int] = {}
        self.older_counters: dict[int, int] = {}
        self.rules: RoomRules | None = None
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

    @property
    def title(self) -> str:
        """The room's title, or an empty string."""
        return self.rules.title if self.rules is not None else ""

    def peer_of(self, session: Session) -> str:
        """Return the name of the other member of a private room, or an empty string."""
        if self.kind is not RoomKind.PRIVATE:
            return ""
        return next((other.name for other in self.members if other is not session), "")
