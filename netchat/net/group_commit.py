"""Group commit: how long a busy server gathers events before its next commit."""

from __future__ import annotations

__all__ = ["GroupCommit"]

#: Number of events expected during the longest wait from which the server counts as busy.
BUSY_EVENTS = 16

#: Maximum number of events that a commit waits for, however many the last ones had.
MAX_EVENTS = 256

#: Longest wait for more events, in seconds.
MAX_SECONDS = 0.002

#: Duration from which sending a commit's events counts as costly, in seconds.
COSTLY_SECONDS = 0.001


class GroupCommit:
    """Pacing of commits.

    A busy server waits for as many events as the last commit had, plus those that arrived during
    it. One commit and one send per member then carry twice as many messages. It is busy if events
    arrive at such a rate that the wait is worth it: one burst of a single client is not enough.

    With few events but many members, sending uses at most half of the time, so that other
    connections are read in the other half.
    """

    __slots__ = ("_events", "_is_costly", "_last")

    def __init__(self) -> None:
        self._events = 0
        self._is_costly = False
        self._last = 0.0

    def sent(self, events: int, begun: float, now: float) -> float:
        """Set the number of events to wait for, after the last commit's events were sent.

        Args:
            events: Number of events in the last commit and waiting for the next.
            begun: Time when sending began, in seconds.
            now: Current time, in seconds.

        Returns:
            The longest wait, in seconds, after which the caller calls `end`; 0 for none.
        """
        spent, interval, self._last = now - begun, now - self._last, now
        costly = 2 * spent - interval if spent > COSTLY_SECONDS else 0.0
        self._is_costly = costly > 0
        if events * MAX_SECONDS >= BUSY_EVENTS * interval and events >= BUSY_EVENTS:
            self._events, wait = min(events, MAX_EVENTS), MAX_SECONDS
        elif costly > 0:
            self._events, wait = MAX_EVENTS, min(costly, MAX_SECONDS)
        else:
            self._events, wait = 0, 0.0
        return wait

    def is_gathering(self, events: int, *, is_urgent: bool) -> bool:
        """Return whether to wait for more events.

        Args:
            events: Number of events waiting.
            is_urgent: Whether one may be of a light connection. It waits only for costly sending.
        """
        return events < self._events and (self._is_costly or not is_urgent)

    def end(self) -> None:
        """Wait no longer."""
        self._events = 0
