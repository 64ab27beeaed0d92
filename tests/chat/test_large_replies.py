"""Large replies: one at a time, in the order of the requests."""

from __future__ import annotations

from netchat.chat.large_replies import PIECE, _pieces
from netchat.errors import HistoryError
from netchat.net.history.memory_history import MemoryHistory
from netchat.wire import (
    Ack,
    Error,
    ErrorCode,
    Event,
    History,
    HistoryEnd,
    Join,
    Leave,
    Left,
    Roster,
    Send,
    Who,
)
from tests.chat.world import World


def test_replies_come_one_at_a_time_in_the_order_of_the_requests(world, nova):
    world.say(nova, Send(1, "lobby", "x"))
    world.stall(nova)
    nova.holds = 0
    world.say(nova, Who(1, "lobby", ""), History(2, 1, 9, "lobby"), Send(1, "lobby", "x"))
    assert [type(request) for request in nova.pending_replies][:2] == [Who, History]
    nova.take()
    world.drain(nova)
    sizes = []
    while nova.pending_replies:
        before = len(nova.pending_replies)
        world.hub.catch_up()
        world._carry_out()
        sizes.append(before - len(nova.pending_replies))
    assert sizes == [1, 1, 1]
    assert [type(m) for m in nova.take()] == [Roster, Event, Event, HistoryEnd, Ack]


def test_a_reply_is_decided_when_it_is_sent(world, nova):
    """A repeated message is found even if its sender has left the room; a roster is refused."""
    world.say(nova, Send(1, "lobby", "x"))
    world.frozen = True
    world.say(nova, Send(1, "lobby", "x"), Leave(1, "lobby"))
    world.stall(nova)
    world.frozen = False
    world.settle()
    nova.holds = 0
    world.say(nova, Who(2, "lobby", ""))
    world.drain(nova)
    nova.take()
    world.settle()
    answers = [m for m in nova.take() if not isinstance(m, Event | Left)]
    assert [type(m) for m in answers] == [Ack, Error]
    assert answers[1].code == ErrorCode.NOT_A_MEMBER


def test_a_repeated_message_is_not_acknowledged_if_the_history_is_damaged():
    class Damaged(MemoryHistory):
        def find(self, room, device, counter, first):
            raise HistoryError("damaged")

    world = World(Damaged())
    link, _ = world.greet("Nova")
    world.say(link, Join(1, 0, 0, "lobby"), Send(1, "lobby", "x"))
    (error,) = world.say(link, Send(1, "lobby", "x"))
    assert (error.code, error.about, error.reference) == (ErrorCode.STORAGE, Send.TYPE, 1)
    assert "may or may not be delivered" in error.text
    assert [note.event for note in world.notes if note.event == "storage"] == ["storage"]


def test_a_reply_is_written_in_pieces():
    frames = [b"a", b"b" * PIECE, b"c"]
    assert list(_pieces(frames)) == [b"a" + b"b" * PIECE, b"c"]
    assert list(_pieces(frames[:2])) == [b"a" + b"b" * PIECE]
