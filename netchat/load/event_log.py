"""The room's log as the crowd has seen it: parsed and checked once, then compared by the byte.

All members of a room are sent the same bytes. Whoever is the first to get an event parses it and
appends it here; for everybody else, being right means: these bytes are the log's, from where I am
on. That is one comparison of memory a chunk, however the stream was cut, and it is exact.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

from netchat.errors import Unexpected
from netchat.load.sequence_check import MAX_JUMP, SenderCheck
from netchat.wire import Event

if TYPE_CHECKING:
    from netchat.load.member import Member

__all__ = ["EventLog"]

#: Bytes of the log behind the slowest member that are kept before they are dropped.
TRIM_AT = 8 * 1024 * 1024


def _crc(raw: bytes) -> int:
    return int.from_bytes(raw[12:16], "big")


class EventLog:
    """The frames of one room's events, one behind the other.

    Positions are offsets in the whole log; `data` holds the part from `base` on. Entry i of the
    arrays is event i; entry 0 stands for the event in front of the first one.

    Attributes:
        room: the room's code.
        data: the log's bytes from `base` on.
        base: position of the first byte of `data`.
        end: position behind the last byte; always the end of an event.
        seqs: sequence number of each event.
        ends: position behind each event.
        dues: when each event was due (`time.monotonic`), 0 where nobody said.
        holes: numbers that were left out by whoever brought the log on.
        filled: those of them that somebody got after all, and their CRC.
        voices: the senders by device id.
        waiting: members whose first event the log has not reached yet.
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
        self.voices: dict[int, SenderCheck] = {}
        self.waiting: list[Member] = []
        self._crcs = array("I")

    @property
    def last(self) -> int:
        """The last event's sequence number."""
        return self.seqs[-1]

    def start(self, seq: int) -> None:
        """The log begins behind an event; nothing happens if it has begun."""
        if not self.seqs:
            self.seqs.append(seq)
            self.ends.append(0)
            self.dues.append(0.0)
            self._crcs.append(0)

    def behind(self, seq: int) -> int:
        """The position behind an event, or where it should be if it is missing."""
        return self.ends[max(0, bisect_right(self.seqs, seq) - 1)]

    def seq_at(self, position: int) -> int:
        """The last event that ends at or before a position."""
        return self.seqs[bisect_right(self.ends, position) - 1]

    def boundary(self, position: int) -> int:
        """Where that event ends."""
        return self.ends[bisect_right(self.ends, position) - 1]

    def crc_of(self, seq: int) -> int | None:
        """The CRC of an event's frame; None if nobody has got it."""
        index = bisect_left(self.seqs, seq)
        if 0 < index < len(self.seqs) and self.seqs[index] == seq:
            return self._crcs[index]
        return self.filled.get(seq)

    def append(self, raw: bytes, event: Event) -> None:
        """Take in an event behind the last one.

        Args:
            raw: its frame.
            event: what the frame says.

        Raises:
            Unexpected: its number is far from the last one.
        """
        seq, last = event.seq, self.last
        if seq != last + 1:
            if seq - last > MAX_JUMP:
                raise Unexpected(f"the event after {last} has the number {seq}")
            self.holes.extend(range(last + 1, seq))
        self.end += len(raw)
        voice = self.voices.get(event.device)
        self.seqs.append(seq)
        self.ends.append(self.end)
        self.dues.append(voice.note(event, self.end) if voice is not None else 0.0)
        self._crcs.append(_crc(raw))
        self.data += raw

    def fill(self, raw: bytes, event: Event) -> None:
        """Take in an event that was a hole: whoever brought the log on had not got it."""
        self.filled[event.seq] = _crc(raw)
        voice = self.voices.get(event.device)
        if voice is not None:
            # Its absence was a fault of one member's stream, not of the sender's order.
            late = voice.strand.late
            voice.note(event, self.behind(event.seq))
            voice.strand.late = late

    def settle(self) -> None:
        """Let those members begin whose first event the log has reached."""
        reached = [m for m in self.waiting if m.last <= self.last]
        if reached:
            self.waiting = [m for m in self.waiting if m.last > self.last]
            for member in reached:
                member.settled()

    def trim(self, position: int) -> None:
        """Drop the bytes that nobody needs, once they are many.

        Args:
            position: where the slowest member is.
        """
        spare = self.boundary(position) - self.base
        if spare > TRIM_AT:
            del self.data[:spare]
            self.base += spare
