"""Large replies: one at a time, in the order of the requests."""

from __future__ import annotations

from netchat.wire import (
    Ack,
    Error,
    ErrorCode,
    Event,
    History,
    HistoryEnd,
    Leave,
    Left,
    Roster,
    Send,
    Who,
)


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
