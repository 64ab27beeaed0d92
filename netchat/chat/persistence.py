"""What the rules of the chat ask to be made durable, and what they need to read back.

The hub does no I/O. It fills a `Batch`; whoever drives it writes the batch to a history in one
transaction, and then tells the hub, which only then lets anybody see it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from netchat.chat.model import Room

__all__ = [
    "Batch",
    "Change",
    "EventRow",
    "HistoryReader",
    "MembershipDeleted",
    "MembershipRow",
    "RoomDeleted",
    "RoomRow",
    "SessionDeleted",
    "SessionRow",
    "Snapshot",
]


#: Bytes of memory that a change, or a step to be done later, takes; measured with tracemalloc.
STEP_BYTES = 256


class EventRow(NamedTuple):
    """One event of a room's log; `frame` is the whole EVENT frame as every member gets it."""

    room: int
    seq: int
    device: int
    counter: int
    time: int
    frame: bytes


class RoomRow(NamedTuple):
    """A room begins."""

    id: int
    code: str
    kind: int
    log: int


class RoomDeleted(NamedTuple):
    """A room's code is free again. Its events stay for as long as history is kept."""

    id: int


class SessionRow(NamedTuple):
    """A session begins, or got a new token or name. Tokens are stored as SHA-256 only."""

    id: int
    token: bytes
    previous: bytes
    device: int
    name: str


class SessionDeleted(NamedTuple):
    """A session is over."""

    id: int


class MembershipRow(NamedTuple):
    """A session is a member of a room from now on."""

    session: int
    room: int


class MembershipDeleted(NamedTuple):
    """A session is no longer a member of a room."""

    session: int
    room: int


Change = RoomRow | RoomDeleted | SessionRow | SessionDeleted | MembershipRow | MembershipDeleted


@dataclass(slots=True)
class Batch:
    """What one transaction makes durable, and what may happen once it has.

    Attributes:
        rows: events, in the order of each room's log.
        changes: everything else, in order.
        counters: by room number and device, the largest counter that `rows` have.
        frames: each room's new EVENT frames, to be joined and sent to its members.
        before: done when the batch is durable, before the frames are sent.
        after: done when they have been sent.
        left: by session and room number, the memberships that it ends.
        size: bytes of the events in it.
    """

    rows: list[EventRow] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    counters: dict[tuple[int, int], int] = field(default_factory=dict)
    frames: dict[Room, list[bytes]] = field(default_factory=dict)
    before: list[Callable[[], None]] = field(default_factory=list)
    after: list[Callable[[], None]] = field(default_factory=list)
    left: set[tuple[int, int]] = field(default_factory=set)
    size: int = 0

    def __bool__(self) -> bool:
        return bool(self.rows or self.changes or self.before or self.after)

    @property
    def weight(self) -> int:
        """About how many bytes of memory it holds."""
        return self.size + STEP_BYTES * (len(self.changes) + len(self.before) + len(self.after))


@dataclass(slots=True)
class Snapshot:
    """What a history knows when a server starts.

    Attributes:
        rooms: the rooms there are, each with the last and the oldest kept sequence number.
        sessions: the sessions that may be resumed.
        seats: who is in which room.
        next_id: a number above every room's and session's that is kept.
    """

    rooms: list[tuple[RoomRow, int, int]] = field(default_factory=list)
    sessions: list[SessionRow] = field(default_factory=list)
    memberships: list[MembershipRow] = field(default_factory=list)
    next_id: int = 1


class HistoryReader(Protocol):
    """The part of a history that the hub reads. Each call is one look-up in an index."""

    def read(self, room: int, first: int, last: int, max_bytes: int) -> tuple[list[bytes], int]:
        """EVENT frames from `first` to `last`, but no more than about `max_bytes`.

        Returns:
            The frames, in order, and the sequence number of the first one (0 if there is none).
            They end before an event that is missing or damaged.

        Raises:
            HistoryError: the first of them is damaged; see `resume`.
        """

    def resume(self, room: int, first: int, last: int) -> int:
        """Find an event after damage.

        Args:
            room: the room's number.
            first: an event that cannot be read.
            last: the last event that is wanted.

        Returns:
            A later event that can be read, or `last + 1`. Where the damage has more than one
            part, readable events between them may be left out.
        """

    def last_counter(self, room: int, device: int) -> int:
        """The largest counter a device has used in a room, 0 if none.

        Raises:
            HistoryError: it is damaged.
        """

    def find(self, room: int, device: int, counter: int, first: int) -> int:
        """The sequence number that a message got, from `first` on; 0 if it is not there.

        Raises:
            HistoryError: what has to be searched is damaged.
        """
