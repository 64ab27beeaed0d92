"""Changes that a chat server stores in its history, and the interface that reads them back.

The hub does no I/O. It fills a `Batch`, which the driver writes to a history in one transaction.
Only after the driver has committed the batch does the hub send its events.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from netchat.chat.commit_actions import CommitAction
from netchat.chat.connection import RoomFeed

__all__ = [
    "AccountDeleted",
    "AccountRow",
    "AuditRow",
    "Batch",
    "Change",
    "DeviceDeleted",
    "DeviceRow",
    "EditRow",
    "EpochRow",
    "EventErased",
    "EventRow",
    "HistoryCleared",
    "HistoryReader",
    "InvitationDeleted",
    "InvitationRow",
    "LogPosition",
    "MembershipDeleted",
    "MembershipRow",
    "RoomDeleted",
    "RoomRow",
    "RulesRow",
    "SessionDeleted",
    "SessionRow",
    "Snapshot",
]


#: Memory of one change or action, in bytes; measured with tracemalloc.
STEP_BYTES = 256


class EventRow(NamedTuple):
    """One event of a room's log; `frame` is the complete EVENT frame, the same for all members."""

    room: int
    seq: int
    device: int
    counter: int
    time: int
    frame: bytes


class RoomRow(NamedTuple):
    """A new room."""

    id: int
    code: str
    kind: int
    log: int


class RoomDeleted(NamedTuple):
    """The deletion of a room. Its code becomes free; its events stay until they are purged."""

    id: int


class SessionRow(NamedTuple):
    """A new session, or its new token or name. Tokens are stored as SHA-256 hashes only."""

    id: int
    token: bytes
    previous: bytes
    device: int
    name: str


class SessionDeleted(NamedTuple):
    """The end of a session."""

    id: int


class MembershipRow(NamedTuple):
    """A new membership of a session in a room."""

    session: int
    room: int


class MembershipDeleted(NamedTuple):
    """The end of a membership."""

    session: int
    room: int


class AccountRow(NamedTuple):
    """A new account, or a change to one. It holds no password and no token, only their hashes."""

    id: int
    name: str
    password: str
    version: int
    role: int
    created: int
    session: int
    """Number of its session, or 0."""
    logins: bytes
    """Its devices (`netchat.chat.state_records.pack_logins`)."""


class AccountDeleted(NamedTuple):
    """The removal of an account."""

    id: int


class InvitationRow(NamedTuple):
    """A new invitation, by the hash of its code."""

    secret: bytes
    expires: int


class InvitationDeleted(NamedTuple):
    """The use or the end of an invitation."""

    secret: bytes


class RulesRow(NamedTuple):
    """New rules of a room (`RoomRules.dump`)."""

    room: int
    rules: bytes


class HistoryCleared(NamedTuple):
    """A room whose events before `floor` are deleted, once the rest of the batch is durable."""

    room: int
    floor: int


class AuditRow(NamedTuple):
    """A moderator's action, for the audit log."""

    id: int
    time: int
    actor: str
    """Name of the moderator; empty for the operator of the server."""

    action: int
    room: str
    """Code of the room."""

    target: str
    seconds: int
    text: str
    """The reason or the title."""


class EpochRow(NamedTuple):
    """The epoch of a room with sealed messages, and the check value of its secret."""

    room: int
    epoch: int
    check: bytes


class DeviceRow(NamedTuple):
    """Keys of a session's device, as a member of a sealed room (or 0: for private messages)."""

    session: int
    room: int
    epoch: int
    keys: bytes
    proof: bytes


class DeviceDeleted(NamedTuple):
    """The deletion of such keys."""

    session: int
    room: int


class EditRow(NamedTuple):
    """An edit of a message, which must be erased together with it."""

    room: int
    target: int
    """Sequence number of the message."""

    seq: int
    """Sequence number of the edit."""


class EventErased(NamedTuple):
    """A deleted message. Its event and those of its edits are replaced by ERASED."""

    room: int
    seq: int
    sha256: bytes
    """SHA-256 of the file that it offered, or empty."""


class LogPosition(NamedTuple):
    """The shared state at a position in the log of a cluster, from which a server can continue."""

    checkpoint: bytes
    """The position, in the form of the cluster's log."""

    state: bytes
    """The shared state there (`SharedState.dump`)."""


Change = (
    RoomRow
    | RoomDeleted
    | SessionRow
    | SessionDeleted
    | MembershipRow
    | MembershipDeleted
    | AccountRow
    | AccountDeleted
    | InvitationRow
    | InvitationDeleted
    | RulesRow
    | AuditRow
    | HistoryCleared
    | EpochRow
    | DeviceRow
    | DeviceDeleted
    | EditRow
    | EventErased
)


@dataclass(slots=True)
class Batch:
    """The changes of one transaction, and the actions to take once it is durable.

    Attributes:
        rows: Events, in the order of each room's log.
        changes: Other changes, in order.
        counters: The largest counter in `rows`, by room number and device.
        frames: New EVENT frames by room, to be sent to its members.
        before: Actions to carry out, in order, once the batch is durable, before `frames` are sent.
        after: Actions to carry out, in order, once `frames` have been sent.
        uncommon: Rooms whose `frames` include an event that some clients get in another form.
        left: Memberships that the batch ends, by session and room number.
        size: Size of its events, in bytes.
        position: In a cluster from time to time, the shared state after the batch, with its position in
            the log.
    """

    rows: list[EventRow] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    counters: dict[tuple[int, int], int] = field(default_factory=dict)
    frames: dict[RoomFeed, list[bytes]] = field(default_factory=dict)
    before: list[CommitAction] = field(default_factory=list)
    after: list[CommitAction] = field(default_factory=list)
    uncommon: set[RoomFeed] = field(default_factory=set)
    left: set[tuple[int, int]] = field(default_factory=set)
    size: int = 0
    position: LogPosition | None = None

    def __bool__(self) -> bool:
        return bool(self.rows or self.changes or self.before or self.after or self.position)

    @property
    def weight(self) -> int:
        """Approximate memory of the batch, in bytes."""
        return self.size + STEP_BYTES * (len(self.changes) + len(self.before) + len(self.after))


@dataclass(slots=True)
class Snapshot:
    """The state stored in a history when a server starts.

    Attributes:
        rooms: The rooms, each with the sequence numbers of its last and its oldest kept event.
        sessions: The sessions that can be resumed.
        memberships: The memberships of those sessions.
        next_id: A number above those of all stored rooms, sessions and accounts.
        state: The shared state of a server in a cluster (`SharedState.dump`), or empty. It may be
            older than the rest.
        accounts: The accounts.
        invitations: The invitations that are not used yet.
        rules: The rules of those rooms that have any.
        epochs: The epochs of rooms with sealed messages.
        devices: The device keys of the sessions.
    """

    rooms: list[tuple[RoomRow, int, int]] = field(default_factory=list)
    sessions: list[SessionRow] = field(default_factory=list)
    memberships: list[MembershipRow] = field(default_factory=list)
    next_id: int = 1
    state: bytes = b""
    accounts: list[AccountRow] = field(default_factory=list)
    invitations: list[InvitationRow] = field(default_factory=list)
    rules: list[RulesRow] = field(default_factory=list)
    epochs: list[EpochRow] = field(default_factory=list)
    devices: list[DeviceRow] = field(default_factory=list)


class HistoryReader(Protocol):
    """The interface through which the hub reads a history. Each call is one index lookup."""

    def read(self, room: int, first: int, last: int, max_bytes: int) -> tuple[list[bytes], int]:
        """Return the EVENT frames from `first` to `last`, up to about `max_bytes`.

        Returns:
            The frames in order, and the sequence number of the first one (0 without any).
            They end before an event that is missing or damaged.

        Raises:
            HistoryError: The first event is damaged; see `resume`.
        """

    def resume(self, room: int, first: int, last: int) -> int:
        """Find a readable event after a damaged one.

        Args:
            room: Room number.
            first: Sequence number of a damaged event.
            last: Sequence number of the last requested event.

        Returns:
            A later event that can be read, or `last + 1`. Readable events between several damaged
            parts may be skipped.
        """

    def last_counter(self, room: int, device: int) -> int:
        """Return the largest counter that a device has used in a room, or 0.

        Raises:
            HistoryError: The counter is damaged.
        """

    def find(self, room: int, device: int, counter: int, first: int) -> int:
        """Return the sequence number of a message, or 0 if it is not at `first` or later.

        Raises:
            HistoryError: The events to search are damaged.
        """
