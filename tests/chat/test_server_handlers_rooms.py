"""Private conversations, and requests for a room's history."""

import pytest

from netchat.chat.server_handlers import MAX_MEMBERSHIPS
from netchat.wire import (
    MAX_HISTORY,
    Bye,
    Create,
    ErrorCode,
    EventKind,
    History,
    HistoryEnd,
    Join,
    Joined,
    Leave,
    Private,
    RoomKind,
    Send,
)
from tests.chat.world import World, hello, refusal


class TestPrivate:
    def begin(self, world, one, name="Sourav"):
        (joined,) = world.say(one, Private(5, name))
        assert isinstance(joined, Joined)
        return joined

    def test_both_users_are_notified_and_get_every_event(self, world, nova, sourav):
        joined = self.begin(world, nova, "SOURAV")
        (unasked,) = sourav.take()
        (mine,), (theirs,) = joined.membership, unasked.membership
        assert (joined.request, unasked.request) == (5, 0)
        assert (mine.kind, mine.peer, theirs.peer) == (RoomKind.PRIVATE, "Sourav", "Nova")
        assert mine.room == theirs.room
        (echo,) = world.say(nova, Send(1, mine.room, "psst"))
        assert sourav.take() == [echo]

    def test_there_is_one_for_each_pair(self, world, nova, sourav):
        first = self.begin(world, nova)
        assert self.begin(world, nova).membership[0].room == first.membership[0].room
        assert self.begin(world, sourav, "Nova").membership[0].room == first.membership[0].room

    def test_leaving_a_room_of_two_does_not_end_a_private_conversation(self, world, nova, sourav):
        first = self.begin(world, nova)
        world.say(sourav, Leave(1, "lobby"))
        assert self.begin(world, nova).membership[0].room == first.membership[0].room

    def test_no_other_user_can_join(self, world, nova, sourav):
        room = self.begin(world, nova).membership[0].room
        eve, _ = world.greet("Eve")
        assert refusal(world.say(eve, Join(1, 0, 0, room)))[0] == ErrorCode.NO_SUCH_ROOM
        assert refusal(world.say(eve, Send(1, room, "x")))[0] == ErrorCode.NOT_A_MEMBER

    @pytest.mark.parametrize("name", ["ghost", "Nova", ""])
    def test_with_an_unknown_name_or_oneself(self, world, nova, name):
        answer = world.say(nova, Private(3, name))
        assert refusal(answer) == (ErrorCode.NO_SUCH_USER, Private.TYPE, 3)

    def test_a_private_room_after_the_other_user_has_left(self, world, nova, sourav):
        room = self.begin(world, nova).membership[0].room
        world.say(sourav, Bye("so long"))
        (private_leave,) = [e for e in nova.take() if e.room == room]
        assert (private_leave.kind, private_leave.text) == (EventKind.LEAVE, "so long")
        answer = world.say(nova, Send(1, room, "still there?"))
        assert refusal(answer) == (ErrorCode.NO_SUCH_USER, Send.TYPE, 1)
        again, _ = world.greet("Sourav")
        fresh = self.begin(world, nova)
        assert fresh.membership[0].room != room
        assert isinstance(again.take()[0], Joined)

    def test_the_room_is_gone_with_its_last_member(self, world, nova, sourav):
        room = self.begin(world, nova).membership[0].room
        world.say(sourav, Leave(1, room))
        assert room in world.hub.state.shared.rooms
        world.say(nova, Leave(1, room))
        assert room not in world.hub.state.shared.rooms
        assert not world.hub.state.shared.privates

    def test_private_messages_wait_for_an_absent_user(self, world, nova):
        link, welcome = world.greet("Sourav", b"s" * 16)
        world.hang_up(link)
        room = self.begin(world, nova).membership[0].room
        world.say(nova, Send(1, room, "call me"))
        link = world.link()
        token = welcome.token
        back, event = world.say(link, hello("Sourav", b"s" * 16, token))
        assert (back.rooms[0].room, back.rooms[0].last) == (room, 0)
        assert event.text == "call me"

    def test_one_user_cannot_be_pulled_into_more_rooms_than_a_welcome_can_name(self):
        world = World(max_users=2 * MAX_MEMBERSHIPS)
        teacher, welcome = world.greet("Teacher", b"t" * 16)
        first, *_ = pupils = [world.greet(f"{n:03}" + "x" * 21)[0] for n in range(MAX_MEMBERSHIPS)]
        for pupil in pupils:
            self.begin(world, pupil, "Teacher")
        pupil, _ = world.greet("late")
        answer = world.say(pupil, Private(1, "Teacher"))
        assert refusal(answer)[0] == ErrorCode.TOO_MANY_ROOMS
        world.hang_up(teacher)
        world.say(first, Bye(""))  # that conversation is over, and makes room for another one
        assert isinstance(world.say(pupil, Private(2, "Teacher"))[0], Joined)
        (back,) = world.say(world.link(), hello("Teacher", b"t" * 16, welcome.token))
        assert len(back.rooms) == MAX_MEMBERSHIPS  # and it fitted into a frame

    def test_a_user_in_too_many_rooms_begins_no_conversation(self, world, nova, sourav):
        world.say(nova, *[Create(n) for n in range(3)])
        answer = world.say(nova, Private(7, "Sourav"))
        assert refusal(answer) == (ErrorCode.TOO_MANY_ROOMS, Private.TYPE, 7)


class TestHistory:
    def ask(self, world, link, first, last):
        *events, end = world.say(link, History(9, first, last, "lobby"))
        assert isinstance(end, HistoryEnd)
        assert [e.seq for e in events] == list(range(end.first, end.last + 1))
        return events, end

    @pytest.mark.parametrize(
        ("first", "last", "seqs"),
        [
            (1, 3, [1, 2, 3]),
            (2, 2, [2]),
            (0, 2, [1, 2]),
            (3, 99, [3, 4, 5]),
            (6, 9, []),
            (4, 2, []),
        ],
    )
    def test_ranges(self, world, nova, first, last, seqs):
        world.say(nova, *[Send(n, "lobby", str(n)) for n in range(1, 5)])
        events, end = self.ask(world, nova, first, last)
        assert [e.seq for e in events] == seqs
        assert end.oldest == 1

    def test_the_largest_numbers(self, world, nova):
        _, end = self.ask(world, nova, 2**64 - 1, 2**64 - 1)
        assert (end.first, end.last) == (2**64 - 1, 2**64 - 2)

    def test_no_more_than_the_limit_at_a_time(self, world, nova):
        world.say(nova, *[Send(n, "lobby", "x") for n in range(1, MAX_HISTORY + 100)])
        _, end = self.ask(world, nova, 1, 5000)
        assert (end.first, end.last) == (1, MAX_HISTORY)

    def test_the_bytes_per_read_are_limited(self, world, nova):
        world.say(nova, *[Send(n, "lobby", "x" * 16_000) for n in range(1, 31)])
        _, end = self.ask(world, nova, 1, 31)
        assert end.last == 17  # 256 KiB
        _, end = self.ask(world, nova, 18, 31)
        assert end.last == 31

    def test_purged_events_are_gone(self, world, nova):
        world.say(nova, Send(1, "lobby", "old"))
        world.tick(100)
        world.say(nova, Send(2, "lobby", "new"))
        world.purge()
        events, end = self.ask(world, nova, 1, 3)
        assert ([e.text for e in events], end.first, end.oldest) == (["new"], 3, 3)

    def test_events_beyond_a_long_purged_range_are_found(self, world, nova):
        world.say(nova, *[Send(n, "lobby", "old") for n in range(1, MAX_HISTORY + 100)])
        world.tick(100)
        world.say(nova, Send(9999, "lobby", "new"))
        world.purge()
        events, _ = self.ask(world, nova, 1, 99_999)
        assert [e.text for e in events] == ["new"]

    def test_a_user_in_no_room_is_answered_after_a_stall(self, world):
        link, _ = world.greet("Maya")
        world.stall(link)
        link.holds = 0
        assert world.say(link, History(1, 1, 1, "lobby")) == []
        world.drain(link)
        world.settle()
        assert refusal(link.take())[0] == ErrorCode.NOT_A_MEMBER

    def test_large_answers_are_sent_one_at_a_time_as_the_peer_reads(self, world, nova):
        world.say(nova, *[Send(n, "lobby", "x" * 16_000) for n in range(1, 18)])
        world.stall(nova)
        nova.holds = 0  # its requests were read before the server noticed
        down = len(nova.down)
        world.say(nova, *[History(n, 1, 99, "lobby") for n in range(50)])
        assert len(nova.down) == down
        world.drain(nova)
        for _ in range(18):  # an event fits in a slice
            world.hub.catch_up()
        world.stall(nova)
        world.settle()
        assert sum(isinstance(m, HistoryEnd) for m in nova.take()) == 1
        world.drain(nova)
        world.settle()
        assert sum(isinstance(m, HistoryEnd) for m in nova.take()) == 49

    def test_history_requests_are_rate_limited(self):
        world = World(rate=100.0, burst=200.0)
        link, _ = world.greet("Nova")
        world.say(link, Join(1, 0, 0, "lobby"))
        world.say(link, *[History(1, 1, 1, "lobby")] * 8)
        assert link.slowed == []
        world.say(link, History(1, 1, 1, "lobby"))
        assert link.slowed
