"""Bounds how many notes reach the console: who provokes them must not be able to fill a disk.

Each source (an address, or the kind of a note that has none) may have a few lines a second. A line
that says the same as one of that second, and whatever is too many, is counted; when the second is
over, one line says how many there were.
"""

from __future__ import annotations

from collections import Counter

from netchat.chat.effects import Log

__all__ = ["LINES", "TOTAL", "LogLimit"]

#: Lines a second of one source, the one that counts the others included; and of all sources, with
#: as many at once as a large class makes that comes in at the same moment.
LINES, TOTAL, BURST = 10, 50, 250

#: Sources whose notes are counted one by one; the rest is counted together.
_MOST_NAMED = 5

_SECOND = 1.0

#: Kinds of note of which none is left out: the server itself makes them, when its state changes.
_ALWAYS = frozenset({"listening", "history", "page", "storage", "stopping", "stopped"})


class _Source:
    """What came from one source in this second."""

    __slots__ = ("left_out", "lines", "said")

    def __init__(self) -> None:
        self.lines = 0
        self.said: set[str] = set()
        self.left_out: Counter[str] = Counter()


class LogLimit:
    """Decides which notes are written."""

    def __init__(self) -> None:
        self._began = float("-inf")
        self._tokens, self._filled = float(BURST), 0.0
        self._sources: dict[str, _Source] = {}

    def admit(self, note: Log, now: float) -> list[Log]:
        """Return the notes to be written, now that one more has been made.

        Args:
            note: it.
            now: seconds.
        """
        due = self.expire(now)
        if note.event in _ALWAYS:
            return [*due, note]
        source = self._sources.setdefault(_source(note), _Source())
        line = _said(note)
        self._tokens = min(BURST, self._tokens + TOTAL * max(0.0, now - self._filled))
        self._filled = now
        if line in source.said or source.lines >= LINES - 1 or self._tokens < 1:
            source.left_out[note.event] += 1
            return due
        source.said.add(line)
        source.lines += 1
        self._tokens -= 1
        return [*due, note]

    def expire(self, now: float, *, at_once: bool = False) -> list[Log]:
        """Return the notes that say what was left out, once a second is over.

        Args:
            now: seconds.
            at_once: do not wait for that.
        """
        if now - self._began < _SECOND and not at_once:
            return []
        left_out = {name: s.left_out for name, s in self._sources.items() if s.left_out}
        self._began, self._sources = now, {}
        named = (
            list(left_out) if len(left_out) <= _MOST_NAMED else list(left_out)[: _MOST_NAMED - 1]
        )
        # A source that is no address is the kind of its notes, which the summary names anyway.
        notes = [
            _summary(left_out[name], address="" if name in left_out[name] else name)
            for name in named
        ]
        for name in named:
            del left_out[name]
        if left_out:
            rest = sum(left_out.values(), Counter[str]())
            notes.append(_summary(rest, sources=len(left_out)))
        return notes


def _source(note: Log) -> str:
    """The address that has provoked a note, without its port; else the note's kind."""
    address = note.source or str(note.fields.get("address", ""))
    return address.rpartition(":")[0] or address or note.event


def _said(note: Log) -> str:
    """What a note says, but for the port, which is another one with each connection."""
    fields = {name: value for name, value in note.fields.items() if name != "address"}
    return f"{note.event} {fields}"


def _summary(counts: Counter[str], **fields: object) -> Log:
    text = ", ".join(f"{count} more {event}" for event, count in sorted(counts.items()))
    return Log("repeated", {"text": text, **fields})
