"""Deletion of old history in short steps, so that messages do not wait long.

The age of an event depends on the clock, and a clock can be wrong. A purge that would delete more than
a day's worth is therefore postponed unless requested explicitly: the server warns the user, and a
purge that is due a day later deletes what the warning was about. The history stores the time of the
warning, so a server that never runs for a whole day purges too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from netchat.errors import HistoryError

__all__ = ["DAY", "DueRoom", "PostponedPurge", "Purge"]

#: A day in microseconds.
DAY = 86_400_000_000

#: Number of events to delete per step: a few milliseconds of work.
STEP = 1000


class DueRoom(NamedTuple):
    """A room with events to purge."""

    room: int
    """Number of the room."""
    time: int | None
    """Time of its oldest readable event in microseconds since 1970; None without one."""
    problem: str = ""
    """Reason why its events cannot be read, or an empty string."""


class PostponedPurge(NamedTuple):
    """A postponed purge. Its times are in microseconds since 1970."""

    at: int
    """Time when it was postponed."""
    before: int
    """Time up to which it would have deleted."""


class Purgeable(Protocol):
    """Interface of a history that can be purged."""

    def last_purge(self) -> int | None:
        """Return the time up to which the last purge deleted, or None before the first."""

    def end_purge(self, before: int) -> None:
        """Record the time up to which a purge has deleted."""

    def postponed_purge(self) -> PostponedPurge | None:
        """Return the postponed purge, or None without one."""

    def postpone_purge(self, postponed: PostponedPurge | None) -> None:
        """Record a postponed purge; None removes it."""

    def due(self, before: int) -> Iterator[list[DueRoom]]:
        """Yield the rooms with events to purge, in short steps."""

    def purge_room(self, room: int, before: int, most: int) -> tuple[int, int]:
        """Delete a room's oldest events, up to the first that is not older than a time.

        Returns:
            Number of deleted events, and sequence number of the oldest remaining event, or 1.
        """


class Purge:
    """One purge, which skips damaged rooms.

    Args:
        history: History to purge.
        before: Delete events older than this time, in microseconds since 1970.
        now: Current time in microseconds since 1970.
        at_once: Delete even more than a day's worth.

    Attributes:
        oldest: Oldest remaining event of each purged room, by room number.
        deleted: Number of deleted events.
        problems: Errors in reading or deleting.
        postponed: Whether nothing was deleted because it would have been more than a day's worth.
        since: If postponed, time of the oldest event to delete.
        due_at: If postponed, time at which it may delete, in microseconds since 1970.
    """

    def __init__(self, history: Purgeable, before: int, now: int, *, at_once: bool = False) -> None:
        self.before, self.now = before, now
        self.oldest: dict[int, int] = {}
        self.deleted = 0
        self.problems: list[str] = []
        self.postponed = False
        self.since = before
        self.due_at = now
        self._history = history
        self._steps = self._run(at_once=at_once)

    def step(self) -> bool:
        """Run one short step; return whether there is more to do."""
        try:
            return next(self._steps, False)
        except Exception as error:  # after any error, the thread that runs this must continue
            self.problems.append(str(error) if isinstance(error, HistoryError) else repr(error))
            return False

    def _run(self, *, at_once: bool) -> Iterator[bool]:
        history, before = self._history, self.before
        due: list[DueRoom] = []
        for some in history.due(before):
            due += some
            yield True
        self.problems += [room.problem for room in due if room.problem]
        times = [room.time for room in due if room.time is not None]
        last = history.last_purge()
        # The first purge has no predecessor, so it starts at the oldest event.
        self.since = min(times, default=before) if last is None else last
        if times and before - self.since > DAY and not at_once:
            self._wait_for_a_day()
            if self.postponed:
                return
        for room in due:
            if not room.problem:
                yield from self._purge_room(room.room)
        history.end_purge(self.before)
        history.postpone_purge(None)

    def _wait_for_a_day(self) -> None:
        """Postpone this purge, or limit it to what was postponed at least a day ago."""
        earlier = self._history.postponed_purge()
        # After the clock was set back, the earlier times were those of a wrong clock.
        if earlier is None or earlier.at > self.now or earlier.before > self.before:
            earlier = PostponedPurge(self.now, self.before)
            self._history.postpone_purge(earlier)
        self.due_at = earlier.at + DAY
        if self.now < self.due_at:
            self.postponed = True
        else:
            self.before = earlier.before

    def _purge_room(self, room: int) -> Iterator[bool]:
        deleted = STEP
        while deleted == STEP:
            try:
                deleted, oldest = self._history.purge_room(room, self.before, STEP)
            except HistoryError as error:
                self.problems.append(str(error))
                return
            if deleted:
                self.deleted += deleted
                self.oldest[room] = oldest
            yield True
