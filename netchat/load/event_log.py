"""Log of a room's events, parsed once and then compared byte by byte.

The server sends the same bytes to all members of a room. The first member that receives an event
parses it and appends it here. For all other members, a correct stream equals the log's bytes from
their position on. This takes one exact memory comparison per chunk, however the stream is split.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from typing import Protocol

from netchat.errors import Unexpected
from netchat.load.sequence_check import MAX_JUMP, SenderCheck
from netchat.wire import Event

__all__ = ["EventLog", "WaitingMember"]

#: Number of bytes that all members have received at which they are discarded.
TRIM_AT = 8 * 1024 * 1024


class WaitingMember(Protocol):
    """Interface of a member whose first event the log has not reached."""

    last: int

    def settled(self) -> None:
        """Process buffered data, because the log has reached the member's first event."""


def _crc(raw: bytes) -> int:
    return int.from_bytes(raw[12:16], "big")


class EventLog:
    """Concatenated frames of one room's events.

    Positions are offsets in the whole log; `data` holds the part that starts at `base`. Entry i of
    the arrays is event i; entry 0 represents the event before the first one.

    Attributes:
        room: Code of the room.
        data: Bytes of the log from `base`.
        base: Position of the first byte of `data`.
        end: Position after the last byte, which is always the end of an event.
        seqs: Sequence number of each event.
        ends: Position after each event.
        dues: Due time of each event (`time.monotonic`); 0 if unknown.
        holes: Sequence numbers missing in the stream of the member that extended the log.
        filled: Holes that another member received, with their CRC.
        senders: Senders by device id.
        waiting: Members whose first event the log has not reached yet.
    """

    def __init__(self, room: str = "lobby") -> None:
        self.room = room
        self.data = bytearray()
        self.base = 0
        self.end = 0
        self.seqs = array("q")
        self.ends = array("q")
        self.dues = array("d")
        self.holes: list[int] = []
        self.filled: dict[int, int] = {}
        self.senders: dict[int, SenderCheck] = {}
        self.waiting: list[WaitingMember] = []
        self._crcs = array("I")

    @property
    def last(self) -> int:
        """Sequence number of the last event."""
        return self.seqs[-1]

    def start(self, seq: int) -> None:
        """Start the log after an event, unless it has already started."""
        if not self.seqs:
            self.seqs.append(seq)
            self.ends.append(0)
            self.dues.append(0.0)
            self._crcs.append(0)

    def position_after(self, seq: int) -> int:
        """Return the position after an event, or after the last one before it if it is missing."""
        return self.ends[max(0, bisect_right(self.seqs, seq) - 1)]

    def seq_at(self, position: int) -> int:
        """Return the sequence number of the last event that ends at or before a position."""
        return self.seqs[bisect_right(self.ends, position) - 1]

    def boundary(self, position: int) -> int:
        """Return the end of the last event that ends at or before a position."""
        return self.ends[bisect_right(self.ends, position) - 1]

    def crc_of(self, seq: int) -> int | None:
        """Return the CRC of an event's frame; None if no member has received it."""
        index = bisect_left(self.seqs, seq)
        if 0 < index < len(self.seqs) and self.seqs[index] == seq:
            return self._crcs[index]
        return self.filled.get(seq)

    def append(self, raw: bytes, event: Event) -> None:
        """Append an event.

        Args:
            raw: Frame of the event.
            event: Decoded event.

        Raises:
            Unexpected: The sequence number is too far from the last one.
        """
        seq, last = event.seq, self.last
        if seq != last + 1:
            if seq - last > MAX_JUMP:
                raise Unexpected(f"the event after {last} has the sequence number {seq}")
            self.holes.extend(range(last + 1, seq))
        self.end += len(raw)
        sender = self.senders.get(event.device)
        self.seqs.append(seq)
        self.ends.append(self.end)
        self.dues.append(sender.record(event, self.end) if sender is not None else 0.0)
        self._crcs.append(_crc(raw))
        self.data += raw

    def fill(self, raw: bytes, event: Event) -> None:
        """Record an event that was missing in the stream of the member that extended the log."""
        self.filled[event.seq] = _crc(raw)
        sender = self.senders.get(event.device)
        if sender is not None:
            # One member's stream was at fault, not the order of the sender's messages.
            late = sender.counters.late
            sender.record(event, self.position_after(event.seq))
            sender.counters.late = late

    def settle(self) -> None:
        """Start the waiting members whose first event the log has reached."""
        reached = [m for m in self.waiting if m.last <= self.last]
        if reached:
            self.waiting = [m for m in self.waiting if m.last > self.last]
            for member in reached:
                member.settled()

    def trim(self, position: int) -> None:
        """Discard bytes that all members have received, once there are `TRIM_AT` of them.

        Args:
            position: Position of the slowest member.
        """
        spare = self.boundary(position) - self.base
        if spare > TRIM_AT:
            del self.data[:spare]
            self.base += spare
