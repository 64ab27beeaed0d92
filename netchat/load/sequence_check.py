"""Numbers that should come once each and in order, and what one sender has said."""

from __future__ import annotations

from collections import deque

from netchat.errors import Unexpected
from netchat.wire import Event

__all__ = ["MIN_PAYLOAD", "SenderCheck", "SequenceCheck", "due_time", "make_text"]

#: Characters at the front of a text that hold the time it was due: a 64-bit number in hex.
MIN_PAYLOAD = 16

#: Numbers that one jump may leave out. A server whose numbers jump further is not counting.
MAX_JUMP = 1_000_000


def make_text(due_ns: int, payload: int) -> str:
    """The text of a message: when it was due (`time.monotonic_ns`), then filler.

    Args:
        due_ns: when it was due.
        payload: bytes of the text, at least `MIN_PAYLOAD`.
    """
    return f"{due_ns:016x}".ljust(payload, "x")


def due_time(text: str) -> float:
    """When a message was due, in seconds; 0 if the text does not say."""
    try:
        return int(text[:MIN_PAYLOAD], 16) / 1e9
    except ValueError:
        return 0.0


class SequenceCheck:
    """A run of numbers that should come once each and in order.

    Attributes:
        last: the largest number so far.
        missing: the smaller ones that have not come.
        doubled: how often a number came that had come before.
        late: how often a number came behind a larger one.
    """

    __slots__ = ("doubled", "last", "late", "missing")

    def __init__(self, last: int = 0) -> None:
        self.last = last
        self.missing: set[int] = set()
        self.doubled = 0
        self.late = 0

    def take(self, number: int) -> None:
        """Note the next number.

        Raises:
            Unexpected: it is far from the last one.
        """
        if number == self.last + 1:
            self.last = number
        elif number > self.last:
            if number - self.last > MAX_JUMP:
                raise Unexpected(f"the number after {self.last} is {number}")
            self.missing.update(range(self.last + 1, number))
            self.last = number
        elif number in self.missing:
            self.missing.remove(number)
            self.late += 1
        else:
            self.doubled += 1


class SenderCheck:
    """What one sender has sent, and what has become of it in the room's log.

    Args:
        device: its device id, by which its events are known.
        name: its user name.
        payload: bytes of each text.

    Attributes:
        sent: messages handed to the connection; their counters are 1, 2, 3, ...
        strand: the counters that the log has shown.
        altered: messages whose text or sender is not what was sent.
        echoes: (end in the log, counter) of the messages that their sender has not got back yet.
    """

    __slots__ = ("altered", "device", "echoes", "name", "payload", "sent", "strand")

    def __init__(self, device: int, name: str, payload: int) -> None:
        self.device = device
        self.name = name
        self.payload = payload
        self.sent = 0
        self.strand = SequenceCheck()
        self.altered = 0
        self.echoes: deque[tuple[int, int]] = deque()

    def note(self, event: Event, end: int) -> float:
        """One of its messages stands in the log now.

        Args:
            event: the message.
            end: where in the log it ends.

        Returns:
            When it was due.
        """
        self.strand.take(event.counter)
        self.echoes.append((end, event.counter))
        due = due_time(event.text)
        filler = "x" * (self.payload - MIN_PAYLOAD)
        if event.sender != self.name or event.text[MIN_PAYLOAD:] != filler or not due:
            self.altered += 1
        return due

    @property
    def heard(self) -> int:
        """How many of its messages the log has shown, each counted once."""
        return self.strand.last - len(self.strand.missing)
