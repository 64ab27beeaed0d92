"""Joins and leaves of a crowd, gathered into one line: `12 people joined, 3 left`.

The first few are shown as they happen. While more follow closely, they are only counted, until
another line has to be shown or none has followed for a while.
"""

from __future__ import annotations

from netchat.chat.client_events import ClientEvent, RoomEvent
from netchat.tui.lines import Line, LineKind, notice_line
from netchat.wire import EventKind, RoomKind

__all__ = ["QUIET_SECONDS", "Arrivals"]

#: Lines of a burst that are shown one by one.
SHOWN = 3

#: Time without a join or leave that ends a burst, and the longest time without a line, in seconds.
QUIET_SECONDS, LONGEST = 2.0, 10.0


class Arrivals:
    """Joins and leaves that are not shown yet."""

    def __init__(self) -> None:
        self._joined = self._left = 0
        self._shown = 0
        self._last = float("-inf")
        self._since = 0.0

    @property
    def is_pending(self) -> bool:
        """Whether joins or leaves are not shown yet."""
        return bool(self._joined or self._left)

    def take(self, event: ClientEvent, lines: list[Line], now: float) -> list[Line]:
        """Return the lines to show for an event, now or instead of its own.

        Args:
            event: The event.
            lines: Its lines.
            now: The current time, in seconds.
        """
        if not lines:
            return []
        is_arrival = (
            isinstance(event, RoomEvent)
            and event.kind is not RoomKind.PRIVATE
            and event.event.kind in (EventKind.JOIN, EventKind.LEAVE)
        )
        if not is_arrival:
            return [*self._end(), *lines]
        due = self.due(now)
        if now - self._last >= QUIET_SECONDS:
            self._shown = 0
        self._last = now
        if self._shown < SHOWN:
            self._shown += 1
            return [*due, *lines]
        if not self.is_pending:
            self._since = now
        assert isinstance(event, RoomEvent)
        if event.event.kind == EventKind.JOIN:
            self._joined += 1
        else:
            self._left += 1
        return due

    def due(self, now: float) -> list[Line]:
        """Return the line about a burst that has ended, or has lasted long, by a time."""
        if self.is_pending and (now - self._last >= QUIET_SECONDS or now - self._since >= LONGEST):
            return self._summary()
        return []

    def _end(self) -> list[Line]:
        """Return the line about a burst, which ends."""
        self._shown = 0
        return self._summary() if self.is_pending else []

    def _summary(self) -> list[Line]:
        joined, left = self._joined, self._left
        self._joined = self._left = 0
        people = "1 more person" if (joined or left) == 1 else f"{joined or left} more people"
        text = f"{people} joined" if joined else f"{people} left"
        if joined and left:
            text += f", {left} left"
        return [notice_line("people", text, LineKind.EVENT)]
