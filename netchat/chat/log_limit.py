"""A limit on log entries, so that no client can fill a disk with them.

Each source (an address group as in `fair_shares`, or the kind of entry if it has none) may cause a
few entries per second. Repeated entries of the same second, and entries above the limits, are only
counted. At the end of the second, one entry gives the counts.
"""

from __future__ import annotations

from collections import Counter

from netchat.chat.effects import Log
from netchat.chat.fair_shares import share_of_address
from netchat.wording import many

__all__ = ["LINES", "TOTAL", "LogLimit"]

#: Entries per second from one source (including the summary) and from all sources, and the burst
#: from all sources: as many as when a large class joins at the same moment.
LINES, TOTAL, BURST = 10, 50, 250

#: Maximum number of sources that get their own summary; the others share one.
_MAX_NAMED = 5

_SECOND = 1.0

#: Kinds of entry that are never dropped: the server logs them when its own state changes.
_ALWAYS = frozenset({"listening", "history", "page", "storage", "stopping", "stopped"})


class _Source:
    """The entries of one source in the current second."""

    __slots__ = ("dropped", "lines", "written")

    def __init__(self) -> None:
        self.lines = 0
        self.written: set[str] = set()
        self.dropped: Counter[str] = Counter()


class LogLimit:
    """Rate limit for log entries."""

    def __init__(self) -> None:
        self._start = float("-inf")
        self._tokens, self._refilled_at = float(BURST), 0.0
        self._sources: dict[str, _Source] = {}

    def admit(self, entry: Log, now: float) -> list[Log]:
        """Return the entries to write after one more was made.

        Args:
            entry: The new entry.
            now: The current time, in seconds.
        """
        due = self.expire(now)
        if entry.event in _ALWAYS:
            return [*due, entry]
        source = self._sources.setdefault(_source(entry), _Source())
        self._tokens = min(BURST, self._tokens + TOTAL * max(0.0, now - self._refilled_at))
        self._refilled_at = now
        # In a rush of entries, almost all end here, so their texts are not needed.
        is_full = source.lines >= LINES - 1 or self._tokens < 1
        if is_full or (text := _text_without_port(entry)) in source.written:
            source.dropped[entry.event] += 1
            return due
        source.written.add(text)
        source.lines += 1
        self._tokens -= 1
        return [*due, entry]

    def expire(self, now: float, *, at_once: bool = False) -> list[Log]:
        """Return the summaries of dropped entries, once the second is over.

        Args:
            now: The current time, in seconds.
            at_once: Return them even if the second is not over.
        """
        if now - self._start < _SECOND and not at_once:
            return []
        dropped = {name: s.dropped for name, s in self._sources.items() if s.dropped}
        self._start, self._sources = now, {}
        named = list(dropped) if len(dropped) <= _MAX_NAMED else list(dropped)[: _MAX_NAMED - 1]
        # A source without an address is a kind of entry, which the summary names anyway.
        entries = [
            _summary(dropped[name], address="" if name in dropped[name] else name) for name in named
        ]
        for name in named:
            del dropped[name]
        if dropped:
            rest = sum(dropped.values(), Counter[str]())
            entries.append(_summary(rest, sources=len(dropped)))
        return entries


def _source(entry: Log) -> str:
    """Return the address group that caused an entry, or the entry's kind."""
    address = entry.source or str(entry.fields.get("address", ""))
    return share_of_address(address) or address or entry.event


def _text_without_port(entry: Log) -> str:
    """Return an entry's text without its address, whose port differs for each connection."""
    fields = {name: value for name, value in entry.fields.items() if name != "address"}
    return f"{entry.event} {fields}"


def _summary(counts: Counter[str], **fields: object) -> Log:
    text = ", ".join(
        f"{event} {many(count, 'more time')}" for event, count in sorted(counts.items())
    )
    return Log("repeated", {"text": text, **fields})
