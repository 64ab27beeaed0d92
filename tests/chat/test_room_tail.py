"""A room's tail: the recent frames that it keeps for lagging members."""

from hypothesis import given
from hypothesis import strategies as st

from netchat.chat.model import Room, Session
from netchat.chat.room_tail import TAIL_BYTES, RoomTail
from netchat.wire import Event, EventKind, RoomKind, encode


def frame(seq: int, size: int = 10) -> bytes:
    return encode(Event(seq, 0, 1, seq, EventKind.CHAT, "lobby", "Nova", "x" * size))


#: More bytes than any test stores.
MANY = 1 << 30


def filled(*batches: int, size: int = 10) -> tuple[RoomTail, list[bytes]]:
    tail, frames = RoomTail(), [frame(n, size) for n in range(1, sum(batches) + 1)]
    first = 1
    for count in batches:
        last = first + count - 1
        tail.add(first, last, b"".join(frames[first - 1 : last]))
        first = last + 1
    return tail, frames


def test_an_empty_tail_has_nothing():
    assert RoomTail().after(0, MANY) is None


def test_a_member_who_is_up_to_date_gets_nothing():
    tail, _ = filled(2, 3)
    assert tail.after(5, MANY) is None


@given(st.lists(st.integers(1, 5), min_size=1, max_size=6), st.data())
def test_it_returns_exactly_the_frames_after_a_sequence_number(batches, data):
    tail, frames = filled(*batches)
    at = data.draw(st.integers(0, len(frames) - 1))
    most = data.draw(st.integers(1, 2 * len(b"".join(frames))))
    while at < len(frames):
        found = tail.after(at, most)
        assert found is not None
        given_, last = found
        assert given_ == b"".join(frames[at:last])
        assert last > at
        at = last


def test_it_returns_as_many_batches_as_fit():
    # One batch at a time, a member would never catch up with a busy room: the next event arrives
    # before the member's next turn.
    tail, frames = filled(1, 2, 1, 1)
    size = len(frames[0])
    assert tail.after(0, 4 * size) == (b"".join(frames[:4]), 4)
    assert tail.after(0, 3 * size - 1) == (frames[0], 1)
    assert tail.after(2, MANY) == (b"".join(frames[2:]), 5)


def test_the_oldest_copies_are_evicted_at_the_limit():
    size = 10_000
    tail, frames = filled(*[1] * 100, size=size)
    kept = TAIL_BYTES // len(frames[0])
    assert tail.after(100 - kept - 1, MANY) is None
    assert tail.after(100 - kept, 1) == (frames[100 - kept], 100 - kept + 1)


def test_a_batch_larger_than_the_limit_is_not_kept():
    # A lagging member would be sent all of it in one piece.
    count = TAIL_BYTES // 10_000 + 2
    tail, _ = filled(count, size=10_000)
    assert tail.after(0, MANY) is None
    tail.add(count + 1, count + 1, frame(count + 1))
    assert tail.after(count, MANY) == (frame(count + 1), count + 1)


def test_the_peer_is_named_in_a_private_room_only():
    nova, sourav = Session(1, "Nova", 1), Session(2, "Sourav", 2)
    for kind, peer in ((RoomKind.PRIVATE, "Sourav"), (RoomKind.ROOM, ""), (RoomKind.LOBBY, "")):
        room = Room(1, "x", kind, 5)
        room.members = {nova: None, sourav: None}
        assert room.peer_of(nova) == peer
    room = Room(1, "x", RoomKind.PRIVATE, 5)
    room.members = {nova: None}
    assert room.peer_of(nova) == ""
