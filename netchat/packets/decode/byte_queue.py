"""Queue of stream bytes, with the packets that carried them."""

from __future__ import annotations

from typing import NamedTuple

from netchat.packets.memory_budget import MemoryBudget

__all__ = ["ByteOrigin", "ByteQueue", "SkippedRun"]

#: Bytes of a skipped run that are kept: enough to recognise another protocol.
_SAMPLE = 64

#: Memory cost of a mark, in bytes.
_MARK_COST = 160


class ByteOrigin(NamedTuple):
    """Origin of some bytes.

    Attributes:
        end: Stream offset after the last of them.
        packet: Number of the packet.
        time: Capture time, in ns.
        repeated: Whether it was a retransmission.
    """

    end: int
    packet: int
    time: int
    repeated: bool


class SkippedRun(NamedTuple):
    """Contiguous bytes that were skipped.

    Attributes:
        start: Stream offset of the first one.
        size: Number of bytes.
        sample: The first bytes.
        first: Origin of the first byte.
        last: Origin of the last byte.
    """

    start: int
    size: int
    sample: bytes
    first: ByteOrigin
    last: ByteOrigin


class ByteQueue:
    """Queue of bytes that remembers the origin of each.

    Args:
        budget: Budget for the buffered bytes.

    Attributes:
        bytes: The buffered bytes; read-only for callers.
        offset: Stream offset of the first one.
    """

    __slots__ = ("_budget", "_cost", "_marks", "_run", "bytes", "offset")

    def __init__(self, budget: MemoryBudget) -> None:
        self.bytes = bytearray()
        self.offset = 0
        self._marks: list[ByteOrigin] = []
        self._run: SkippedRun | None = None
        self._budget = budget
        self._cost = 0

    def add(self, data: bytes, packet: int, time: int, repeated: bool) -> None:
        """Append bytes."""
        self.bytes += data
        self._marks.append(ByteOrigin(self.offset + len(self.bytes), packet, time, repeated))

    def take(self, size: int) -> tuple[bytes, list[ByteOrigin]]:
        """Remove the first `size` bytes; return them and their origins."""
        raw = bytes(self.bytes[:size])
        del self.bytes[:size]
        self.offset += size
        marks = self._marks
        last = next(place for place, mark in enumerate(marks) if mark.end >= self.offset)
        taken = marks[: last + 1]
        # The last mark may also cover bytes that remain.
        del marks[: last + (marks[last].end == self.offset)]
        return raw, taken

    def skip(self, size: int) -> None:
        """Remove the first `size` bytes and add them to the skipped run."""
        if not size:
            return
        start = self.offset
        raw, marks = self.take(size)
        if self._run is None:
            self._run = SkippedRun(start, size, raw[:_SAMPLE], marks[0], marks[-1])
        else:
            run = self._run
            sample = run.sample + raw[: _SAMPLE - len(run.sample)]
            self._run = SkippedRun(run.start, run.size + size, sample, run.first, marks[-1])

    def end_run(self) -> SkippedRun | None:
        """Return the bytes skipped since the last call, or None."""
        run, self._run = self._run, None
        return run

    def account(self) -> None:
        """Update the budget."""
        cost = len(self.bytes) + _MARK_COST * len(self._marks)
        self._budget.used += cost - self._cost
        self._cost = cost
