"""Batches: the changes of one transaction, and the order of the actions after its commit."""

from netchat.chat.commit_actions import SendMessage
from netchat.chat.connection import Connection
from netchat.chat.persistence import Batch, EventRow, MembershipDeleted
from netchat.wire import Event, Hello, Join, Joined, Leave, Left, Ping, Send, Welcome
from tests.chat.world import World, hello


def test_a_batch_is_empty_until_something_is_in_it():
    assert not Batch()
    assert Batch(rows=[EventRow(1, 1, 0, 0, 0, b"")])
    assert Batch(changes=[MembershipDeleted(1, 1)])
    action = SendMessage(Connection(), Ping(0))
    assert Batch(before=[action])
    assert Batch(after=[action])


def test_batches_without_events_count_in_the_memory_limit():
    batch = Batch(size=1000)
    before = batch.weight
    batch.after.append(SendMessage(Connection(), Ping(0)))
    batch.changes.append(MembershipDeleted(1, 1))
    assert batch.weight > before >= 1000


def test_no_event_is_sent_before_it_is_durable():
    world = World()
    nova = world.user("Nova", "lobby")
    world.frozen = True
    nova.core.say("lobby", "hi")
    world.settle()
    assert nova.texts() == []
    assert nova.core.unsent == 1
    world.frozen = False
    world.settle()
    assert nova.texts() == ["hi"]
    assert nova.core.unsent == 0


def test_no_welcome_is_sent_before_the_session_is_durable():
    world = World()
    world.frozen = True
    link = world.link()
    assert world.say(link, hello("Nova")) == []
    world.frozen = False
    world.settle()
    assert isinstance(link.take()[0], Welcome)


def test_joined_precedes_the_rooms_events_and_left_follows_them():
    world = World()
    link, _ = world.greet("Nova")
    world.frozen = True
    assert world.say(link, Join(1, 0, 0, "lobby"), Send(1, "lobby", "a"), Leave(2, "lobby")) == []
    world.frozen = False
    world.settle()
    joined, *events, left = link.take()
    assert isinstance(joined, Joined)
    assert joined.membership[0].last == 0
    assert [e.seq for e in events if isinstance(e, Event)] == [1, 2, 3]  # its own leave is the last
    assert isinstance(left, Left)


def test_leaving_and_rejoining_in_one_batch_is_answered_in_order():
    world = World()
    user = world.user("Nova", "lobby")
    other = world.user("Sourav", "lobby")
    world.frozen = True
    user.core.say("lobby", "before")
    user.core.leave("lobby")
    user.core.join("lobby")
    world.settle()
    world.frozen = False
    world.settle()
    assert "lobby" in user.core.memory.rooms
    assert user.core.unsent == 0
    other.core.say("lobby", "welcome back")
    user.core.say("lobby", "thanks")
    world.settle()
    assert user.texts() == other.texts() == ["before", "thanks", "welcome back"]
    seqs = [e.seq for e in user.events()]
    assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))


def test_rejoining_in_a_later_batch_while_leaving_is_committed():
    world = World()
    user = world.user("Nova", "lobby")
    other = world.user("Sourav", "lobby")
    world.frozen = True
    user.core.leave("lobby")
    world.settle()
    world.take_batch()
    other.core.say("lobby", "gone?")
    user.core.join("lobby")
    world.settle()
    world.frozen = False
    world.settle()
    other.core.say("lobby", "welcome back")
    world.settle()
    assert user.texts()[-1] == "welcome back"
    seqs = [e.seq for e in user.events()]
    assert len(set(seqs)) == len(seqs)


def test_a_new_member_does_not_get_earlier_events_of_the_same_batch():
    world = World()
    sourav = world.user("Sourav", "lobby")
    link, _ = world.greet("Nova")
    world.frozen = True
    sourav.core.say("lobby", "before")
    world.settle()
    world.say(link, Join(1, 0, 0, "lobby"))
    sourav.core.say("lobby", "after")
    world.settle()
    world.frozen = False
    world.settle()
    joined, *events = link.take()
    assert isinstance(joined, Joined)
    assert [(e.seq, e.text) for e in events] == [(3, ""), (4, "after")]
    assert joined.membership[0].last == 2


def test_a_session_row_is_written_for_each_new_token():
    world = World()
    link, first = world.greet("Nova", b"n" * 16)
    world.hang_up(link)
    again = world.link()
    (second,) = world.say(again, Hello(0, b"n" * 16, first.token, "Nova", "test", ()))
    assert isinstance(second, Welcome)
    assert second.token != first.token
    assert second.resumed
