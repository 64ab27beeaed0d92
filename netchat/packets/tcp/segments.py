"""Segments that came too early, in order and without overlaps, until the hole in front is filled."""

from __future__ import annotations

from bisect import bisect_right
from typing import NamedTuple

__all__ = ["Piece", "SegmentBuffer"]

#: What a piece costs besides its bytes.
_PIECE_COST = 200


class Piece(NamedTuple):
    """A stretch of the stream.

    Attributes:
        start: place in the stream of its first byte.
        end: place behind its last byte.
        data: its bytes; None where a packet brought them, but the capture did not keep them.
        packet: number of the packet.
        time: when it was captured, in ns.
        repeated: whether it was a retransmission.
        turn: how many packets the conversation had had by then.
    """

    start: int
    end: int
    data: bytes | None
    packet: int
    time: int
    repeated: bool
    turn: int


class SegmentBuffer:
    """The pieces behind a hole.

    Where segments overlap, the bytes that came first count, as with most receivers.

    Attributes:
        pieces: sorted, none overlapping another.
        size: bytes they hold.
        conflicts: how often bytes came again, and were others.
    """

    __slots__ = ("conflicts", "pieces", "size")

    def __init__(self) -> None:
        self.pieces: list[Piece] = []
        self.size = 0
        self.conflicts = 0

    @property
    def cost(self) -> int:
        """Bytes of memory, about."""
        return self.size + _PIECE_COST * len(self.pieces)

    def add(self, new: Piece) -> bool:
        """Put in what of a piece is not there yet.

        Returns:
            Whether all of it was new.
        """
        if new.start >= new.end:
            return True
        if new.data is not None:
            self._make_room(new)
        pieces, start, whole = self.pieces, new.start, True
        # The first piece that ends behind the start of the new one.
        at = bisect_right(pieces, start, key=_end)
        while start < new.end:
            other = pieces[at] if at < len(pieces) else None
            end = new.end if other is None else min(new.end, other.start)
            if start < end:
                data = new.data and new.data[start - new.start : end - new.start]
                pieces.insert(at, new._replace(start=start, end=end, data=data))
                self.size += len(data or b"")
                at += 1
            if other is None or other.start >= new.end:
                break
            whole = False
            if _differ(new, other):
                self.conflicts += 1
            start, at = max(start, other.end), at + 1
        return whole

    def _make_room(self, new: Piece) -> None:
        """Bytes that were captured count more than the note that some were not."""
        pieces = self.pieces
        at = bisect_right(pieces, new.start, key=_end)
        while at < len(pieces) and pieces[at].start < new.end:
            other = pieces[at]
            if other.data is None:
                rest = [
                    other._replace(start=start, end=end)
                    for start, end in ((other.start, new.start), (new.end, other.end))
                    if start < end
                ]
                pieces[at : at + 1] = rest
                at += len(rest)
            else:
                at += 1

    def pop(self) -> Piece:
        """Remove the first piece."""
        piece = self.pieces.pop(0)
        self.size -= len(piece.data or b"")
        return piece

    def shift(self, by: int) -> None:
        """Count all places from another beginning."""
        self.pieces = [p._replace(start=p.start + by, end=p.end + by) for p in self.pieces]


def _end(piece: Piece) -> int:
    return piece.end


def _differ(new: Piece, other: Piece) -> bool:
    if new.data is None or other.data is None:
        return False
    start, end = max(new.start, other.start), min(new.end, other.end)
    return (
        new.data[start - new.start : end - new.start]
        != other.data[start - other.start : end - other.start]
    )
