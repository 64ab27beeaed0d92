"""Buffer for segments after a missing one: ordered, without overlaps."""

from __future__ import annotations

from bisect import bisect_right
from typing import NamedTuple

__all__ = ["Piece", "SegmentBuffer"]

#: Memory cost of a piece besides its data, in bytes.
_PIECE_COST = 200


class Piece(NamedTuple):
    """Contiguous bytes of the stream.

    Attributes:
        start: Offset of the first byte in the stream.
        end: Offset after the last byte.
        data: The bytes, or None if a packet carried them but the capture truncated it.
        packet: Number of the packet.
        time: Capture time, in ns.
        repeated: Whether it was a retransmission.
        turn: Number of packets of the conversation by then.
    """

    start: int
    end: int
    data: bytes | None
    packet: int
    time: int
    repeated: bool
    turn: int


class SegmentBuffer:
    """Pieces after a hole.

    If segments overlap, the bytes that arrived first count, as with most receivers.

    Attributes:
        pieces: The pieces, sorted and without overlaps.
        size: Number of bytes buffered.
        conflicts: Number of overlaps with different bytes.
    """

    __slots__ = ("conflicts", "pieces", "size")

    def __init__(self) -> None:
        self.pieces: list[Piece] = []
        self.size = 0
        self.conflicts = 0

    @property
    def cost(self) -> int:
        """Approximate memory use, in bytes."""
        return self.size + _PIECE_COST * len(self.pieces)

    def add(self, new: Piece) -> bool:
        """Insert the parts of a piece that are not buffered yet.

        Returns:
            Whether the whole piece was new.
        """
        if new.start >= new.end:
            return True
        if new.data is not None:
            self._make_room(new)
        pieces, start, whole = self.pieces, new.start, True
        # The first piece that ends after the start of the new one.
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
        """Remove truncated pieces that captured bytes replace."""
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
        """Remove the first piece and return it."""
        piece = self.pieces.pop(0)
        self.size -= len(piece.data or b"")
        return piece

    def shift(self, by: int) -> None:
        """Add an amount to all offsets."""
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
