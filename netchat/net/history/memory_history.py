"""History in memory, for `--ephemeral`; it is lost when the server stops."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import islice

from netchat.chat.persistence import (
    AuditRow,
    Batch,
    EditRow,
    EventErased,
    EventRow,
    RoomDeleted,
    Snapshot,
)
from netchat.net.history.erasure import erased_frame
from netchat.net.history.purge import DueRoom, PostponedPurge

__all__ = ["MemoryHistory"]


#: Maximum number of entries of the audit log that are kept.
MAX_AUDIT = 10_000


class MemoryHistory:
    """History in memory, with the interface of `SqliteHistory`."""

    def __init__(self) -> None:
        self._last_purge: int | None = None
        self._postponed_purge: PostponedPurge | None = None
        self._rooms: dict[int, list[EventRow]] = {}
        self._counters: dict[int, dict[int, int]] = {}
        self._edits: dict[tuple[int, int], list[int]] = {}
        self._audit: deque[AuditRow] = deque(maxlen=MAX_AUDIT)

    def load(self) -> Snapshot:
        """Return an empty snapshot."""
        return Snapshot()

    def write(self, batches: list[Batch]) -> None:
        """Store the events of batches."""
        for batch in batches:
            for row in batch.rows:
                log = self._rooms.get(row.room)
                if log is None:
                    log = self._rooms[row.room] = []
                log.append(row)
            for (room, device), last in batch.counters.items():
                self._counters.setdefault(room, {})[device] = last
            for change in batch.changes:
                if isinstance(change, AuditRow):
                    self._audit.append(change)
                if isinstance(change, EditRow):
                    self._edits.setdefault((change.room, change.target), []).append(change.seq)
                if isinstance(change, EventErased):
                    for seq in (change.seq, *self._edits.pop((change.room, change.seq), ())):
                        self._erase(change.room, seq)
                if isinstance(change, RoomDeleted):  # its events cannot be requested any more
                    self._rooms.pop(change.id, None)
                    self._counters.pop(change.id, None)
                    self._forget_edits(change.id, 1 << 63)

    def _erase(self, room: int, seq: int) -> None:
        """Replace a deleted message, if it is still kept."""
        log = self._rooms.get(room, [])
        at = seq - log[0].seq if log else -1
        if 0 <= at < len(log) and (frame := erased_frame(log[at].frame)) is not None:
            log[at] = log[at]._replace(frame=frame)

    def clear_room(self, room: int, floor: int) -> None:
        """Delete a room's events before `floor`."""
        self._rooms[room] = [row for row in self._rooms.get(room, []) if row.seq >= floor]
        self._forget_edits(room, floor)

    def _forget_edits(self, room: int, floor: int) -> None:
        """Forget the edits of a room's messages before `floor`, which are no longer kept."""
        for key in [key for key in self._edits if key[0] == room and key[1] < floor]:
            del self._edits[key]

    def audit(self, count: int) -> list[AuditRow]:
        """Return the last entries of the audit log, newest first."""
        return list(islice(reversed(self._audit), count))

    def last_purge(self) -> int | None:
        """Return the time up to which the last purge deleted, or None before the first."""
        return self._last_purge

    def end_purge(self, before: int) -> None:
        """Record the time up to which a purge has deleted."""
        self._last_purge = before

    def postponed_purge(self) -> PostponedPurge | None:
        """Return the postponed purge, or None without one."""
        return self._postponed_purge

    def postpone_purge(self, postponed: PostponedPurge | None) -> None:
        """Record a postponed purge; None removes it."""
        self._postponed_purge = postponed

    def due(self, before: int) -> Iterator[list[DueRoom]]:
        """Find the rooms that have something to purge."""
        yield [
            DueRoom(number, log[0].time)
            for number, log in self._rooms.items()
            if len(log) > 1 and log[0].time < before
        ]

    def purge_room(self, room: int, before: int, most: int) -> tuple[int, int]:
        """Delete a room's oldest events; see `SqliteHistory.purge_room`."""
        log = self._rooms.get(room, [])
        last = min(most, len(log) - 1)
        keep = next((i for i in range(last) if log[i].time >= before), max(last, 0))
        self._rooms[room] = log[keep:]
        if log:
            self._forget_edits(room, log[keep].seq)
        return keep, log[keep].seq if log else 1

    def read(self, room: int, first: int, last: int, max_bytes: int) -> tuple[list[bytes], int]:
        """Return EVENT frames of a room; see `netchat.chat.persistence.HistoryReader.read`."""
        log = self._rooms.get(room)
        if not log:
            return [], 0
        begin = max(first, log[0].seq)
        frames: list[bytes] = []
        size = 0
        for at in range(begin - log[0].seq, min(last - log[0].seq + 1, len(log))):
            frame = log[at].frame  # a slice of the list would copy everything that follows
            size += len(frame)
            if frames and size > max_bytes:
                break
            frames.append(frame)
        return frames, begin if frames else 0

    def last_counter(self, room: int, device: int) -> int:
        """Return the largest counter that a device has used in a room; 0 without one."""
        return self._counters.get(room, {}).get(device, 0)

    def find(self, room: int, device: int, counter: int, first: int) -> int:
        """Return the sequence number of a message, from `first` on; 0 if it is not stored."""
        log = self._rooms.get(room, [])
        start = max(0, first - log[0].seq) if log else 0
        found = (r.seq for r in log[start:] if r.device == device and r.counter == counter)
        return next(found, 0)

    def resume(self, room: int, first: int, last: int) -> int:
        """Raise AssertionError, because events in memory cannot be damaged."""
        raise AssertionError(f"room {room} has damaged events from {first} to {last}")

    def close(self) -> None:
        """Do nothing."""
