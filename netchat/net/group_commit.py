"""Group commit: how long a busy server gathers events before its next commit."""

from __future__ import annotations

__all__ = ["GroupCommit"]

#: Events per commit, with those that arrived during it, from which a server is busy.
BUSY_EVENTS = 16

#: Events for which a commit never waits, however many the last ones had.
MAX_EVENTS = 256

#: Longest wait for more events, in seconds.
MAX_SECONDS = 0.002

#: If sending a commit's events takes longer than this, in seconds, the next commit waits as long.
COSTLY_SECONDS = 0.001


class GroupCommit:
    """Pacing of commits.

    A busy server waits for as many events as the last commit had, plus those that arrived during
    it. One commit and one send per member then carry twice as many messages.

    With few events but many members, it waits as long as sending took. Sending then uses at most
    half of the time while other connections wait to be read.
    """

    __slots__ = ("_events", "_until")

    def __init__(self) -> None:
        self._events = 0
        self._until = 0.0

    def sent(self, events: int, begun: float, now: float) -> float:
        """Set the wait before the next commit, after the last one's events were sent.

        Args:
            events: Number of events in the last commit and waiting for the next.
            begun: Time when sending began, in seconds.
            now: Current time, in seconds.

        Returns:
            The longest wait, in seconds; 0 for none.
        """
        spent = now - begun
        if events >= BUSY_EVENTS:
            self._events, wait = min(events, MAX_EVENTS), MAX_SECONDS
        elif spent > COSTLY_SECONDS:
            self._events, wait = MAX_EVENTS, min(spent, MAX_SECONDS)
        else:
            self._events, wait = 0, 0.0
        self._until = now + wait
        return wait

    def is_gathering(self, events: int, now: float) -> bool:
        """Return whether to wait for more events.

        Args:
            events: Number of events waiting.
            now: Current time, in seconds.
        """
        return events < self._events and now < self._until
