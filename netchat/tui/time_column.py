"""Column with the time beside the lines of a terminal, shown once per minute, and a line for a new day."""

from __future__ import annotations

import time

from netchat.tui.lines import Line, LineKind

__all__ = ["WIDTH", "TimeColumn"]

#: Width of the column.
WIDTH = 6


class TimeColumn:
    """Times of the lines that a terminal shows.

    Args:
        now: Current time, in seconds since 1970.
    """

    def __init__(self, now: float) -> None:
        self._day = time.localtime(now)[:3]
        self._shown = ""

    def place(self, line: Line, now: float) -> list[Line]:
        """Return a line with its time or a space before it, after a line for a new day.

        Args:
            line: The line. Its own time, if it has one, replaces `now`.
            now: Current time, in seconds since 1970.
        """
        when = time.localtime(line.when or now)
        lines = []
        if when[:3] != self._day:
            self._day, self._shown = when[:3], ""
            day = time.strftime("%A, %d %B %Y", when).replace(" 0", " ")
            lines.append(Line(LineKind.NOTICE, (("tag", f"{' ' * WIDTH}── {day} ──"),)))
        clock = time.strftime("%H:%M", when)
        shown = " " * WIDTH if clock == self._shown else f"{clock} "
        self._shown = clock
        rest = tuple(part for part in line.parts if part[0] != "time")
        return [*lines, Line(line.kind, (("time", shown), *rest))]
