"""The bytes of a stream that belong to no item yet, and the packets they came in."""

from __future__ import annotations

from typing import NamedTuple

from netchat.packets.memory_budget import MemoryBudget

__all__ = ["ByteQueue", "Mark", "Run"]

#: Bytes that a run shows of itself: enough to recognise another protocol by.
_SAMPLE = 64

#: What remembering one mark costs, in bytes.
_MARK_COST = 160


class Mark(NamedTuple):
    """Where some bytes came from.

    Attributes:
        end: place in the stream behind the last of them.
        packet: number of the packet.
        time: when it was captured, in ns.
        repeated: whether it was a retransmission.
    """

    end: int
    packet: int
    time: int
    repeated: bool


class Run(NamedTuple):
    """Bytes that were passed over.

    Attributes:
        start: place in the stream of the first one.
        size: how many.
        sample: the first of them.
        first: where the first one came from.
        last: where the last one came from.
    """

    start: int
    size: int
    sample: bytes
    first: Mark
    last: Mark


class ByteQueue:
    """A queue of bytes that remembers where each came from.

    Args:
        budget: told of what is kept.

    Attributes:
        bytes: what waits. Look, but do not change.
        offset: place in the stream of the first byte that waits.
    """

    __slots__ = ("_budget", "_cost", "_marks", "_run", "bytes", "offset")

    def __init__(self, budget: MemoryBudget) -> None:
        self.bytes = bytearray()
        self.offset = 0
        self._marks: list[Mark] = []
        self._run: Run | None = None
        self._budget = budget
        self._cost = 0

    def add(self, data: bytes, packet: int, time: int, repeated: bool) -> None:
        """Append bytes."""
        self.bytes += data
        self._marks.append(Mark(self.offset + len(self.bytes), packet, time, repeated))

    def take(self, size: int) -> tuple[bytes, list[Mark]]:
        """Remove the first `size` bytes; returns them and where they came from."""
        raw = bytes(self.bytes[:size])
        del self.bytes[:size]
        self.offset += size
        marks = self._marks
        last = next(place for place, mark in enumerate(marks) if mark.end >= self.offset)
        taken = marks[: last + 1]
        # The last mark may be that of bytes that are still waiting, too.
        del marks[: last + (marks[last].end == self.offset)]
        return raw, taken

    def skip(self, size: int) -> None:
        """Let the first `size` bytes go, and remember them as part of the run."""
        if not size:
            return
        start = self.offset
        raw, marks = self.take(size)
        if self._run is None:
            self._run = Run(start, size, raw[:_SAMPLE], marks[0], marks[-1])
        else:
            run = self._run
            sample = run.sample + raw[: _SAMPLE - len(run.sample)]
            self._run = Run(run.start, run.size + size, sample, run.first, marks[-1])

    def end_run(self) -> Run | None:
        """The run of bytes that were let go since the last call, if there were any."""
        run, self._run = self._run, None
        return run

    def account(self) -> None:
        """Tell the budget what is kept now."""
        cost = len(self.bytes) + _MARK_COST * len(self._marks)
        self._budget.used += cost - self._cost
        self._cost = cost
