"""A room: its members, where its log stands, and its most recent frames."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from netchat.wire import HEADER_SIZE, RoomKind

if TYPE_CHECKING:
    from netchat.chat.model.connection import Connection
    from netchat.chat.model.session import Session

__all__ = ["TAIL_BYTES", "Room", "Tail"]

#: Bytes of recent frames that a room keeps, so that most who fell behind are served without the
#: history: a few seconds of a busy room.
TAIL_BYTES = 256 * 1024


class _Chunk(NamedTuple):
    first: int
    last: int
    data: bytes


class Tail:
    """The last frames of a room, as they were sent: one chunk a batch."""

    __slots__ = ("_chunks", "_size")

    def __init__(self) -> None:
        self._chunks: deque[_Chunk] = deque()
        self._size = 0

    def add(self, first: int, last: int, data: bytes) -> None:
        """Keep the frames `first` to `last`; drop old ones beyond `TAIL_BYTES`.

        A chunk that is too large by itself is dropped too: it would be sent in one piece.
        """
        self._chunks.append(_Chunk(first, last, data))
        self._size += len(data)
        while self._size > TAIL_BYTES:
            self._size -= len(self._chunks.popleft().data)

    def behind(self, seq: int) -> tuple[bytes, int] | None:
        """The frames that follow `seq` in one chunk, and the last one's number; None if not here."""
        if not self._chunks or seq + 1 < self._chunks[0].first:
            return None
        for chunk in self._chunks:
            if chunk.first <= seq + 1 <= chunk.last:
                return _skip(chunk.data, seq + 1 - chunk.first), chunk.last
        return None


def _skip(data: bytes, frames: int) -> bytes:
    """`data` without its first `frames` frames."""
    at = 0
    for _ in range(frames):
        at += HEADER_SIZE + int.from_bytes(data[at + 8 : at + 12], "big")
    return data[at:]


class Room:
    """A room and its log.

    Attributes:
        id: its number in the history.
        code: its code.
        kind: lobby, room or private.
        log: identity of its log.
        head: sequence number of the last event that was given one.
        delivered: sequence number of the last event that is durable and was sent.
        oldest: the oldest event that is still kept.
        members: the sessions in it, connected or not.
        live: the connections that get its events as they happen. Those that fell behind are
            not in it; they are served from the tail or the history.
        counters: the largest counter of each device that has spoken lately.
        empty_since: when its last member left, or None. The lobby is never counted as empty.
        share: the address that it counts against while it is empty.
    """

    __slots__ = (
        "code",
        "counters",
        "delivered",
        "empty_since",
        "head",
        "id",
        "kind",
        "live",
        "log",
        "members",
        "oldest",
        "share",
        "tail",
    )

    def __init__(self, number: int, code: str, kind: RoomKind, log: int, head: int = 0) -> None:
        self.id = number
        self.code = code
        self.kind = kind
        self.log = log
        self.head = self.delivered = head
        self.oldest = 1
        self.members: dict[Session, None] = {}
        self.live: dict[Connection, None] = {}
        self.tail = Tail()
        self.counters: dict[int, int] = {}
        self.empty_since: float | None = None
        self.share = ""

    def peer_of(self, session: Session) -> str:
        """The other one's name in a private room, else empty."""
        if self.kind is not RoomKind.PRIVATE:
            return ""
        return next((other.name for other in self.members if other is not session), "")
