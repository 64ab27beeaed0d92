"""Checks for gaps, duplicates and reordering in sequence numbers."""

from __future__ import annotations

from collections import deque

from netchat.errors import Unexpected
from netchat.wire import Event

__all__ = ["MIN_PAYLOAD", "SenderCheck", "SequenceCheck", "due_time", "make_text"]

#: Length of the due time at the start of a text: a 64-bit number in hex.
MIN_PAYLOAD = 16

#: Maximum gap in sequence numbers; a larger gap is a protocol error.
MAX_JUMP = 1_000_000


def make_text(due_ns: int, payload: int) -> str:
    """Return the text of a message: its due time, then filler.

    Args:
        due_ns: Due time (`time.monotonic_ns`).
        payload: Length of the text in bytes, at least `MIN_PAYLOAD`.
    """
    return f"{due_ns:016x}".ljust(payload, "x")


def due_time(text: str) -> float:
    """Return the due time in a text, in seconds; 0 without one."""
    try:
        return int(text[:MIN_PAYLOAD], 16) / 1e9
    except ValueError:
        return 0.0


class SequenceCheck:
    """Check that each number arrives exactly once and in order.

    Args:
        last: Number before the first expected one.

    Attributes:
        last: Largest number so far.
        missing: Smaller numbers that have not arrived.
        doubled: Number of duplicates.
        late: Number of arrivals after a larger number.
    """

    __slots__ = ("doubled", "last", "late", "missing")

    def __init__(self, last: int = 0) -> None:
        self.last = last
        self.missing: set[int] = set()
        self.doubled = 0
        self.late = 0

    def take(self, number: int) -> None:
        """Record the next number.

        Raises:
            Unexpected: The number is too far from the last one.
        """
        if number == self.last + 1:
            self.last = number
        elif number > self.last:
            if number - self.last > MAX_JUMP:
                raise Unexpected(f"the sequence number after {self.last} is {number}")
            self.missing.update(range(self.last + 1, number))
            self.last = number
        elif number in self.missing:
            self.missing.remove(number)
            self.late += 1
        else:
            self.doubled += 1


class SenderCheck:
    """Messages of one sender, and their appearance in the room's log.

    Args:
        device: Device id, which identifies its events.
        name: User name.
        payload: Length of each text in bytes.

    Attributes:
        sent: Number of messages sent; their counters are 1, 2, 3, ...
        counters: Check of the counters in the log.
        altered: Number of messages whose text or sender differs from what was sent.
        echoes: (end in the log, counter) of the messages that the sender has not received back yet.
    """

    __slots__ = ("altered", "counters", "device", "echoes", "name", "payload", "sent")

    def __init__(self, device: int, name: str, payload: int) -> None:
        self.device = device
        self.name = name
        self.payload = payload
        self.sent = 0
        self.counters = SequenceCheck()
        self.altered = 0
        self.echoes: deque[tuple[int, int]] = deque()

    def record(self, event: Event, end: int) -> float:
        """Record one of its messages in the log.

        Args:
            event: The message.
            end: Position of its end in the log.

        Returns:
            Its due time in seconds.
        """
        self.counters.take(event.counter)
        self.echoes.append((end, event.counter))
        due = due_time(event.text)
        filler = "x" * (self.payload - MIN_PAYLOAD)
        if event.sender != self.name or event.text[MIN_PAYLOAD:] != filler or not due:
            self.altered += 1
        return due

    @property
    def delivered(self) -> int:
        """Number of its messages in the log, without duplicates."""
        return self.counters.last - len(self.counters.missing)
