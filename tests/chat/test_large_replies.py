"""Large replies: one at a time, in the order of the requests."""

from __future__ import annotations

import pytest

from netchat.chat.large_replies import SLICE_BYTES
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
    encode,
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


class TestSlices:
    """An answer to HISTORY is read and sent in slices."""

    @pytest.fixture
    def begun(self, world, nova):
        """An answer of 41 events, of which the first slice has been sent."""
        world.say(nova, *[Send(n, "lobby", "x" * 3000) for n in range(1, 41)])
        world.stall(nova)
        nova.holds = 0
        world.say(nova, History(7, 1, 99, "lobby"))
        world.drain(nova)
        world.hub.catch_up()
        world._carry_out()
        first = nova.take()
        assert [type(m) for m in first] == [Event] * 6  # the first one is a JOIN
        return first

    def rest(self, world, nova):
        world.settle()
        *events, end = nova.take()
        assert isinstance(end, HistoryEnd)
        assert (end.request, end.first) == (7, 1)
        return [event.seq for event in events], end.last

    def test_they_form_one_answer(self, world, nova, begun):
        assert sum(len(encode(m)) for m in begun) <= SLICE_BYTES
        assert self.rest(world, nova) == ([*range(7, 42)], 41)
        assert not nova.pending_replies

    def test_other_connections_are_served_between_them(self, world, nova, begun):
        maya, _ = world.greet("Maya")
        world.say(maya, Join(1, 0, 0, "lobby"))
        nova.take()
        for link in (nova, maya):
            world.stall(link)
            link.holds = 0
            world.say(link, History(8, 1, 99, "lobby"))
        for link in (nova, maya):
            world.drain(link)
        for count in (6, 5):
            world.hub.catch_up()
            world._carry_out()
            assert [len(link.take()) for link in (nova, maya)] == [count, count]

    def test_leaving_the_room_ends_it_with_a_refusal(self, world, nova, begun):
        world.say(nova, Leave(1, "lobby"))
        (refusal,) = [m for m in nova.wire if isinstance(m, Error)]
        assert (refusal.code, refusal.reference) == (ErrorCode.NOT_A_MEMBER, 7)
        assert not any(isinstance(m, HistoryEnd) for m in nova.wire)

    def test_it_ends_where_events_were_deleted(self, world, nova, begun):
        world.feed("lobby").oldest = 20
        assert self.rest(world, nova) == ([], 6)

    def test_it_ends_where_the_history_is_damaged(self, world, nova, begun, monkeypatch):
        def read(*_):
            raise HistoryError("damaged")

        with monkeypatch.context() as patch:
            patch.setattr(world.history, "read", read)
            assert self.rest(world, nova) == ([], 6)
        assert not any(isinstance(m, Error) for m in nova.wire)

    def test_it_ends_when_memory_becomes_scarce(self, world, nova, begun):
        world.hub.state.is_memory_scarce = True
        assert self.rest(world, nova) == ([7], 7)
