"""The segment buffer, checked against a dictionary of bytes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from netchat.packets.tcp.segments import Piece, SegmentBuffer

ranges = st.tuples(st.integers(0, 40), st.integers(0, 15), st.booleans(), st.integers(0, 255))


@given(st.lists(ranges, max_size=20))
def test_the_bytes_that_arrived_first_win(arrivals: list[tuple[int, int, bool, int]]) -> None:
    held, model = SegmentBuffer(), dict[int, int | None]()
    for number, (start, size, cut, byte) in enumerate(arrivals):
        data = None if cut else bytes([byte]) * size
        new = all(place not in model for place in range(start, start + size))
        whole = held.add(Piece(start, start + size, data, number, 0, False, 0))
        if not cut:  # captured bytes replace the mark for missing ones
            new = all(model.get(place) is None for place in range(start, start + size))
        assert whole == new
        for place in range(start, start + size):
            if model.get(place) is None:
                model[place] = None if cut else byte
    end, found = 0, dict[int, int | None]()
    assert held.size == sum(byte is not None for byte in model.values())
    for piece in held.pieces:
        assert end <= piece.start < piece.end
        end = piece.end
        for place in range(piece.start, piece.end):
            found[place] = None if piece.data is None else piece.data[place - piece.start]
    assert found == model
    while held.pieces:
        held.pop()
    assert held.size == 0


def test_conflicts_are_counted() -> None:
    held = SegmentBuffer()
    held.add(Piece(5, 10, b"abcde", 1, 0, False, 0))
    assert not held.add(Piece(3, 8, b"xxabc", 2, 0, False, 0))
    assert held.conflicts == 0
    assert not held.add(Piece(3, 8, b"xxabZ", 2, 0, False, 0))
    assert held.conflicts == 1
