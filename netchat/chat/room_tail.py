"""The most recent frames of a room, for members who lag by a little."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from itertools import islice
from operator import attrgetter
from typing import NamedTuple

from netchat.wire import HEADER_SIZE

__all__ = ["TAIL_BYTES", "RoomTail"]

#: Bytes of recent frames that a room keeps: a few seconds of a busy room. Most lagging members
#: catch up from these and need no read of the history.
TAIL_BYTES = 256 * 1024


_last = attrgetter("last")


class _Chunk(NamedTuple):
    first: int
    last: int
    data: bytes


class RoomTail:
    """The last EVENT frames of a room, as they were sent: one chunk per batch."""

    __slots__ = ("_chunks", "_size")

    def __init__(self) -> None:
        self._chunks: deque[_Chunk] = deque()
        self._size = 0

    def add(self, first: int, last: int, data: bytes) -> None:
        """Append the frames `first` to `last`, and drop the oldest chunks above `TAIL_BYTES`.

        A chunk larger than the limit is dropped too, because it would be sent in one piece.
        """
        self._chunks.append(_Chunk(first, last, data))
        self._size += len(data)
        while self._size > TAIL_BYTES:
            self._size -= len(self._chunks.popleft().data)

    def clear(self) -> None:
        """Drop all frames."""
        self._chunks.clear()
        self._size = 0

    def after(self, seq: int, max_bytes: int) -> tuple[bytes, int] | None:
        """Return the frames that follow event `seq`, to the end of a chunk.

        Args:
            seq: The last event that the member has.
            max_bytes: Approximate limit on the bytes to return: one chunk may exceed it.

        Returns:
            The frames and the sequence number of the last one; None if the tail lacks them.
        """
        chunks = self._chunks
        if not chunks or not chunks[0].first <= seq + 1 <= chunks[-1].last:
            return None
        at = bisect_left(chunks, seq + 1, key=_last)
        chunk = chunks[at]
        pieces = [_skip(chunk.data, seq + 1 - chunk.first)]
        size, last = len(pieces[0]), chunk.last
        for chunk in islice(chunks, at + 1, None):
            if chunk.first != last + 1 or size + len(chunk.data) > max_bytes:
                break
            pieces.append(chunk.data)
            size, last = size + len(chunk.data), chunk.last
        return b"".join(pieces), last


def _skip(data: bytes, frames: int) -> bytes:
    """Return `data` without its first `frames` frames."""
    at = 0
    for _ in range(frames):
        at += HEADER_SIZE + int.from_bytes(data[at + 8 : at + 12], "big")
    return data[at:]
