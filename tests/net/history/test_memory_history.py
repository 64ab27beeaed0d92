"""The history in memory; `test_sqlite_history.py` tests what both histories share."""

from netchat.chat.persistence import Batch, EventRow, RoomDeleted, RoomRow, Snapshot
from netchat.net.history.memory_history import MemoryHistory
from netchat.wire import Create, Join, Leave, Send
from tests.chat.world import World


def test_loading_returns_an_empty_snapshot():
    history = MemoryHistory()
    history.write([Batch(changes=[RoomRow(1, "lobby", 1, 7)])])
    assert history.load() == Snapshot()


def test_a_room_that_is_gone_takes_no_memory():
    history = MemoryHistory()
    rows = [EventRow(1, 1, 5, 1, 0, b"x"), EventRow(2, 1, 5, 1, 0, b"y")]
    history.write([Batch(rows=rows, counters={(1, 5): 1, (2, 5): 1})])
    history.write([Batch(rows=[EventRow(1, 2, 0, 0, 0, b"z")], changes=[RoomDeleted(1)])])
    assert history.read(1, 1, 9, 99) == ([], 0)
    assert history.last_counter(1, 5) == 0
    assert history.read(2, 1, 9, 99) == ([b"y"], 1)


def test_deleted_rooms_leave_no_data():
    world = World(room_ttl=10)
    link, _ = world.greet("Nova")
    world.say(link, Join(1, 0, 0, "lobby"))
    for n in range(20):
        joined, _ = world.say(link, Create(n))
        code = joined.membership[0].room
        world.say(link, Send(n + 1, code, "x"), Leave(n, code))
        world.tick(20)
    assert len(world.history._rooms) == 1
    assert not world.history._counters
