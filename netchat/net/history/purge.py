"""Deletes old history, in steps so short that no message waits long for one.

How old an event is depends on the clock, and a clock can be wrong. So a purge that would delete
more than a day's worth deletes nothing unless it is told to: the server tells the user and waits.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from netchat.errors import HistoryError

__all__ = ["DAY", "Due", "Purge"]

#: A day in microseconds.
DAY = 86_400_000_000

#: Events that one step deletes: a few milliseconds of work.
STEP = 1000


class Due(NamedTuple):
    """A room that has something to purge."""

    room: int
    time: int | None
    """Time of its oldest event in microseconds since 1970, if it has one that can be read."""
    problem: str = ""
    """Why its events cannot be read, or an empty string."""


class Purgeable(Protocol):
    """The part of a history that a purge works on."""

    def last_purge(self) -> int | None:
        """Return the time up to which the last purge deleted, or None if there was none."""

    def end_purge(self, before: int) -> None:
        """Remember the time up to which a purge has deleted."""

    def due(self, before: int) -> Iterator[list[Due]]:
        """Find the rooms that have something to purge, in short steps."""

    def purge_room(self, room: int, before: int, most: int) -> tuple[int, int]:
        """Delete a room's oldest events, up to the first that is not older than a time.

        Returns:
            How many were deleted, and the oldest event that is left, or 1.
        """


class Purge:
    """One purge. A room that is damaged is left as it is; the others are purged.

    Args:
        history: what to purge.
        before: delete what is older than this, in microseconds since 1970.
        at_once: delete even more than a day's worth.

    Attributes:
        oldest: the oldest event left, by the number of each room that has lost any.
        deleted: how many events were deleted.
        problems: what could not be read or deleted.
        postponed: nothing was deleted, because it would have been more than a day's worth.
        since: the time from which on events would have been deleted, if it was postponed.
    """

    def __init__(self, history: Purgeable, before: int, *, at_once: bool = False) -> None:
        self.before = before
        self.oldest: dict[int, int] = {}
        self.deleted = 0
        self.problems: list[str] = []
        self.postponed = False
        self.since = before
        self._history = history
        self._steps = self._run(at_once=at_once)

    def step(self) -> bool:
        """Do one short step; return whether there is more to do."""
        try:
            return next(self._steps, False)
        except Exception as error:  # whatever it is, the thread that runs this must go on
            self.problems.append(str(error) if isinstance(error, HistoryError) else repr(error))
            return False

    def _run(self, *, at_once: bool) -> Iterator[bool]:
        history, before = self._history, self.before
        due: list[Due] = []
        for some in history.due(before):
            due += some
            yield True
        self.problems += [room.problem for room in due if room.problem]
        times = [room.time for room in due if room.time is not None]
        last = history.last_purge()
        # The first purge does not know what an earlier one has left: it takes the oldest event.
        self.since = min(times, default=before) if last is None else last
        if times and before - self.since > DAY and not at_once:
            self.postponed = True
            return
        for room in due:
            if not room.problem:
                yield from self._purge_room(room.room)
        history.end_purge(before)

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
