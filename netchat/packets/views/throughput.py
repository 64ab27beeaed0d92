"""Throughput over time, as bars for a terminal and as data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from netchat.packets.items import DecodedMessage, Item, Trace

__all__ = ["Throughput"]

#: Width of the first intervals, in ns; it doubles whenever there are too many.
_FIRST_WIDTH = 1_000_000

#: Most intervals, each of which is a line.
_MAX_INTERVALS = 40

#: Columns of a bar.
_BAR = 24

_EIGHTHS = " ▏▎▍▌▋▊▉█"


class Throughput:
    """Counter of bytes per interval and direction, in bounded memory.

    Attributes:
        width: Width of an interval, in ns.
    """

    def __init__(self) -> None:
        self.width = _FIRST_WIDTH
        self._bytes: dict[bool, list[int]] = {True: [], False: []}
        self._messages: dict[bool, list[int]] = {True: [], False: []}
        self._retransmitted: dict[bool, list[int]] = {True: [], False: []}

    def add(self, item: Item) -> None:
        """Count an item; all but messages and retransmitted segments are ignored."""
        if isinstance(item, DecodedMessage):
            at = self._interval(item)
            self._bytes[item.to_server][at] += item.size
            self._messages[item.to_server][at] += 1
        elif isinstance(item, Trace) and item.note == "retransmission":
            self._retransmitted[item.to_server][self._interval(item)] += 1

    def _interval(self, item: Item) -> int:
        """Return the interval of an item, after making room for it."""
        elapsed = max(0, item.conversation.elapsed(item.time))
        while elapsed // self.width >= _MAX_INTERVALS:
            self.width *= 2
            for counts in self._counters():
                counts[:] = [sum(counts[at : at + 2]) for at in range(0, len(counts), 2)]
        at = elapsed // self.width
        for counts in self._counters():
            counts += [0] * (at + 1 - len(counts))
        return at

    def _counters(self) -> list[list[int]]:
        ways = (self._bytes, self._messages, self._retransmitted)
        return [way[to_server] for way in ways for to_server in (True, False)]

    def as_dicts(self) -> Iterator[dict[str, Any]]:
        """Yield the counters of each interval as plain data."""
        for at in range(len(self._bytes[True])):
            row: dict[str, Any] = {
                "time": at * self.width / 1e9,
                "seconds": self.width / 1e9,
            }
            for name, way in (("to_server", True), ("to_client", False)):
                row[name] = {
                    "bytes": self._bytes[way][at],
                    "messages": self._messages[way][at],
                    "retransmissions": self._retransmitted[way][at],
                }
            yield row

    def lines(self) -> Iterator[str]:
        """Yield the lines of a bar chart."""
        most = max((*self._bytes[True], *self._bytes[False]), default=0)
        if not most:
            yield "No message to plot."
            return
        peak = most * 1e9 / self.width
        yield (
            f"Bytes of messages per second, in intervals of {self.width / 1e9:g} s; "
            f"a full bar is {_rate(peak)}. * counts retransmitted segments."
        )
        yield f"{'seconds':>11}  {'→ to server':<{_BAR + 16}}  ← to client"
        for at in range(len(self._bytes[True])):
            cells = [
                _cell(self._bytes[way][at], most, self.width, self._retransmitted[way][at])
                for way in (True, False)
            ]
            yield f"{at * self.width / 1e9:11.3f}  {cells[0]:<{_BAR + 16}}  {cells[1]}".rstrip()


def _cell(count: int, most: int, width: int, again: int) -> str:
    """Return a bar with its value, and a mark for retransmissions."""
    eighths = -(-count * 8 * _BAR // most)
    bar = "█" * (eighths // 8) + (_EIGHTHS[eighths % 8] if eighths % 8 else "")
    mark = f" *{again:,}" if again else ""
    return f"{bar:<{_BAR}} {_rate(count * 1e9 / width):>9}{mark}" if count or again else ""


def _rate(rate: float) -> str:
    """Format a rate in bytes per second."""
    for unit in ("B/s", "kB/s", "MB/s"):
        if rate < 1000:
            return f"{rate:.3g} {unit}"
        rate /= 1000
    return f"{rate:.4g} GB/s"
