"""The server's handlers of requests."""

import pytest

from netchat.chat.hub import MAX_PENDING_REPLIES
from netchat.chat.large_replies import LOOK_BACK
from netchat.errors import HistoryError
from netchat.net.history.memory_history import MemoryHistory
from netchat.wire import (
    MAX_ROSTER,
    Ack,
    Bye,
    Create,
    ErrorCode,
    Event,
    EventKind,
    History,
    Join,
    Joined,
    Leave,
    Left,
    Ping,
    Pong,
    Rename,
    Renamed,
    RoomKind,
    Roster,
    Send,
    Who,
    encode,
)
from tests.chat.world import World, hello, refusal


class TestSend:
    def test_all_members_including_the_sender_get_the_same_event(self, world, nova, sourav):
        (echo,) = world.say(nova, Send(7, "lobby", "hi"))
        assert (echo.seq, echo.counter, echo.sender, echo.text) == (3, 7, "Nova", "hi")
        assert sourav.take() == [echo]

    @pytest.mark.parametrize(
        ("send", "code"),
        [
            (Send(1, "nowhere", "hi"), ErrorCode.NOT_A_MEMBER),
            (Send(2, "lobby", ""), ErrorCode.TEXT_NOT_ALLOWED),
            (Send(3, "lobby", "\x1b"), ErrorCode.TEXT_NOT_ALLOWED),
            (Send(4, "lobby", "x" * (16 * 1024 + 1)), ErrorCode.TEXT_TOO_LONG),
            (Send(5, "lobby", "é" * (8 * 1024 + 1)), ErrorCode.TEXT_TOO_LONG),
            (Send(2**63, "lobby", "hi"), ErrorCode.OUT_OF_ORDER),
            (Send(0, "lobby", "hi"), ErrorCode.OUT_OF_ORDER),
        ],
    )
    def test_is_refused(self, world, nova, sourav, send, code):
        assert refusal(world.say(nova, send)) == (code, Send.TYPE, send.counter)
        assert sourav.take() == []
        assert isinstance(world.say(nova, Send(9, "lobby", "next"))[0], Event)

    def test_the_longest_text_is_accepted(self, world, nova):
        (echo,) = world.say(nova, Send(1, "lobby", "é" * (8 * 1024)))
        assert isinstance(echo, Event)

    def test_a_duplicate_is_answered_with_its_sequence_number(self, world, nova, sourav):
        world.say(nova, Send(1, "lobby", "a"), Send(2, "lobby", "b"))
        sourav.take()
        assert world.say(nova, Send(1, "lobby", "a")) == [Ack(1, 3, "lobby")]
        assert world.say(nova, Send(2, "lobby", "b")) == [Ack(2, 4, "lobby")]
        assert sourav.take() == []

    def test_a_duplicate_before_the_original_is_durable(self, world, nova, sourav):
        world.frozen = True
        assert world.say(nova, Send(1, "lobby", "a"), Send(1, "lobby", "a")) == []
        world.frozen = False
        world.settle()
        echo, ack = nova.take()
        assert (echo.seq, ack) == (3, Ack(1, 3, "lobby"))
        assert len(sourav.take()) == 1

    def test_an_unknown_lower_counter_is_out_of_order(self, world, nova, sourav):
        world.say(nova, Send(5, "lobby", "a"))
        sourav.take()
        answer = world.say(nova, Send(4, "lobby", "b"))
        assert refusal(answer) == (ErrorCode.OUT_OF_ORDER, Send.TYPE, 4)
        assert sourav.take() == []

    def test_counters_are_separate_for_each_room_and_device(self, world, nova, sourav):
        (joined, _) = world.say(nova, Create(9))
        room = joined.membership[0].room
        world.say(nova, Send(5, "lobby", "a"))
        assert isinstance(world.say(nova, Send(4, room, "b"))[0], Event)
        assert isinstance(world.say(sourav, Send(5, "lobby", "c"))[0], Event)

    def test_the_search_for_a_duplicate_is_limited(self, world, nova):
        world.hub.state.settings = world.settings
        world.say(nova, Send(1, "lobby", "old"))
        for at in range(2, LOOK_BACK + 3, 1000):
            sends = [Send(n, "lobby", "x") for n in range(at, at + 1000)]
            world.say(nova, *sends)
        assert refusal(world.say(nova, Send(1, "lobby", "old")))[0] == ErrorCode.OUT_OF_ORDER

    def test_the_search_for_a_duplicate_counts_in_the_rate_limit(self):
        world = World(rate=100.0, burst=200.0)
        link, _ = world.greet("Nova")
        world.say(link, Join(1, 0, 0, "lobby"), Send(1, "lobby", "a"))
        world.say(link, *[Send(1, "lobby", "a")] * 3)
        assert link.slowed == []
        world.say(link, Send(1, "lobby", "a"))
        assert link.slowed

    def test_frames_are_handled_after_many_pending_replies(self):
        world = World(rate=0.0)
        link, _ = world.greet("Nova")
        world.say(link, Join(1, 0, 0, "lobby"), Send(1, "lobby", "a"))
        world.frozen = True
        for _ in range(3):  # each read is below the limit, and all of them are pending at once
            world.say(link, *[Send(1, "lobby", "a")] * 60)
        world.hub.commit(world.hub.take_batch())
        assert len(link.pending_replies) > MAX_PENDING_REPLIES
        assert world.hub.permitted(link, world.now) == 0


class TestRooms:
    def test_a_new_room_is_joined_by_its_code_in_any_spelling(self, world, nova, sourav):
        joined, join = world.say(nova, Create(4))
        (told,) = joined.membership
        assert (joined.request, joined.members, told.kind) == (4, 1, RoomKind.ROOM)
        assert (join.seq, join.kind, join.sender) == (1, EventKind.JOIN, "Nova")
        code = told.room.lower().replace("0", "o").replace("1", "l")
        joined, join = world.say(sourav, Join(5, 0, 0, f"{code[:5]}-{code[5:]}"))
        assert (joined.request, joined.members, joined.membership[0].log) == (5, 2, told.log)
        assert (joined.membership[0].last, join.seq) == (1, 2)

    @pytest.mark.parametrize("code", ["", "0000000000", "x" * 5000, "@lobby", "\x1b[2J"])
    def test_a_code_that_no_room_has(self, world, nova, code):
        (error,) = world.say(nova, Join(3, 0, 0, code))
        assert (error.code, error.reference) == (ErrorCode.NO_SUCH_ROOM, 3)
        assert len(error.text) < 200

    def test_joining_twice_is_answered_twice_and_happens_once(self, world, nova, sourav):
        world.say(nova, Send(1, "lobby", "a"))
        sourav.take()
        (joined,) = world.say(nova, Join(8, 0, 0, "lobby"))
        assert (joined.request, joined.membership[0].last) == (8, 3)
        assert sourav.take() == []
        world.say(sourav, Send(1, "lobby", "b"))
        assert [e.text for e in nova.take()] == ["b"]

    def test_more_rooms_than_allowed(self, world, nova):
        world.say(nova, *[Create(n) for n in range(3)])
        answer = world.say(nova, Create(77))
        assert refusal(answer) == (ErrorCode.TOO_MANY_ROOMS, Create.TYPE, 77)
        world.say(nova, Leave(1, "lobby"))
        assert isinstance(world.say(nova, Create(78))[0], Joined)
        answer = world.say(nova, Join(79, 0, 0, "lobby"))
        assert refusal(answer) == (ErrorCode.TOO_MANY_ROOMS, Join.TYPE, 79)

    def test_leaving(self, world, nova, sourav):
        leave, left = world.say(nova, Leave(6, "lobby"))
        assert (leave.kind, leave.sender, leave.seq) == (EventKind.LEAVE, "Nova", 3)
        assert left == Left(6, "lobby")
        assert sourav.take() == [leave]
        world.say(sourav, Send(1, "lobby", "psst"))
        assert nova.take() == []
        answer = world.say(nova, Leave(7, "lobby"))
        assert refusal(answer) == (ErrorCode.NOT_A_MEMBER, Leave.TYPE, 7)

    def test_rejoining_continues_at_the_last_position(self, world, nova, sourav):
        log = world.hub.state.shared.rooms["lobby"].log
        world.say(nova, Leave(1, "lobby"))
        world.say(sourav, Send(1, "lobby", "meanwhile"))
        joined, *events = world.say(nova, Join(2, log, 3, "lobby"))
        assert joined.membership[0].last == 3
        assert [e.seq for e in events] == [4, 5]

    @pytest.mark.parametrize("request_", [Who(9, "@x", ""), History(9, 1, 2, "@x"), Leave(9, "@x")])
    def test_requests_about_other_rooms(self, world, nova, request_):
        assert refusal(world.say(nova, request_)) == (ErrorCode.NOT_A_MEMBER, request_.TYPE, 9)

    def test_the_connection_is_gone_before_leaving_is_durable(self, world, nova, sourav):
        world.frozen = True
        world.say(nova, Leave(1, "lobby"))
        world.say(sourav, Send(1, "lobby", "x"))
        world.hang_up(nova)
        world.frozen = False
        world.settle()  # the test fails if the server sends events to a closed connection
        assert len(sourav.take()) == 2
        assert not world.hub.state.leaving

    def test_leaving_twice_and_the_connection_is_gone_before_the_second_is_durable(
        self, world, nova, sourav
    ):
        world.frozen = True
        world.say(nova, Leave(1, "lobby"))
        world.take_batch()
        world.say(nova, Join(2, 0, 0, "lobby"))
        world.take_batch()
        world.say(nova, Leave(3, "lobby"))
        world.commit()
        world.commit()
        world.hang_up(nova)
        world.frozen = False
        world.settle()
        assert not world.feed("lobby").live.keys() - {sourav}
        assert not world.hub.state.leaving


class TestRename:
    def test_the_rooms_get_an_event(self, world, nova, sourav):
        renamed, event = world.say(nova, Rename(5, " Vega "))
        assert renamed == Renamed(5, "Vega")
        assert (event.kind, event.sender, event.text) == (EventKind.RENAME, "Nova", "Vega")
        assert sourav.take() == [event]
        assert isinstance(world.say(world.link(), hello("Nova"))[0], type(world.greet("x")[1]))

    @pytest.mark.parametrize(
        ("name", "code", "suggestion"),
        [
            ("SOURAV", ErrorCode.NAME_TAKEN, "SOURAV2"),
            ("server", ErrorCode.NAME_NOT_ALLOWED, "guest"),
            ("", ErrorCode.NAME_NOT_ALLOWED, "guest"),
            ("x" * 40, ErrorCode.NAME_NOT_ALLOWED, "x" * 18),
        ],
    )
    def test_is_refused(self, world, nova, sourav, name, code, suggestion):
        (error,) = world.say(nova, Rename(5, name))
        assert (error.code, error.reference, error.suggestion) == (code, 5, suggestion)
        assert sourav.take() == []

    def test_a_user_may_change_the_case_of_the_own_name(self, world, nova, sourav):
        renamed, event = world.say(nova, Rename(1, "NOVA"))
        assert (renamed.name, event.text) == ("NOVA", "NOVA")
        assert world.say(nova, Rename(2, "NOVA")) == [Renamed(2, "NOVA")]


class TestWho:
    def test_pages_of_a_large_room(self):
        world = World(max_users=2000, max_half_open=2000)
        links = [world.link() for n in range(1200)]
        for n, link in enumerate(links):
            link.up += encode(hello(f"u{n:04}")) + encode(Join(1, 0, 0, "lobby"))
        world.settle()
        world.hang_up(links[3])
        pages, after = [], ""
        while True:
            (page,) = world.say(links[0], Who(2, "lobby", after))
            assert isinstance(page, Roster)
            pages.append(page)
            if not page.more:
                break
            after = page.members[-1].name
        assert [len(p.members) for p in pages] == [MAX_ROSTER, MAX_ROSTER, 200]
        members = [m for p in pages for m in p.members]
        assert [m.name for m in members] == [f"u{n:04}" for n in range(1200)]
        assert [m.name for m in members if m.away] == ["u0003"]
        assert {p.total for p in pages} == {1200}


def test_ping(world, nova):
    assert world.say(nova, Ping(2**64 - 1)) == [Pong(2**64 - 1)]
    assert world.say(nova, Pong(0)) == []


class TestBye:
    def test_the_name_becomes_free_and_bye_is_answered(self, world, nova, sourav):
        leave, bye = world.say(nova, Bye("dinner"))
        assert (leave.kind, leave.text) == (EventKind.LEAVE, "dinner")
        assert isinstance(bye, Bye)
        assert nova.closed
        assert sourav.take() == [leave]
        assert world.greet("Nova")

    def test_an_unsafe_reason_is_dropped(self, world, nova, sourav):
        world.say(nova, Bye("\x1b[2J"))
        assert sourav.take()[0].text == ""
        world.say(sourav, Bye("x" * 5000))

    def test_the_connection_is_gone_before_it_is_durable(self, world, nova, sourav):
        world.frozen = True
        world.say(nova, Bye(""))
        world.hang_up(nova)
        world.frozen = False
        world.settle()
        assert [e.kind for e in sourav.take()] == [EventKind.LEAVE]
        assert not world.hub.state.away
        assert not world.hub.state.leaving

    @pytest.mark.parametrize("crowded", [False, True])
    @pytest.mark.parametrize("after", [None, 0])
    @pytest.mark.parametrize("leaving", [Bye(""), Leave(2, "lobby")])
    def test_joining_sending_and_leaving_at_once_is_acknowledged(
        self, world, sourav, crowded, after, leaving
    ):
        world.say(sourav, Send(1, "lobby", "before"))
        maya, _ = world.greet("Maya")
        if crowded:  # other users send in the same batch
            sourav.up += encode(Send(2, "lobby", "meanwhile"))
        lobby = world.hub.state.shared.rooms["lobby"]
        join = Join(1, 0 if after is None else lobby.log, after or 0, "lobby")
        answer = world.say(maya, join, Send(7, "lobby", "hello"), leaving)

        events = [m for m in answer if isinstance(m, Event)]
        assert [m.seq for m in events] == list(range(events[0].seq, lobby.head + 1))
        assert (events[-2].counter, events[-2].text) == (7, "hello")
        assert events[-1].kind == EventKind.LEAVE
        assert isinstance(answer[0], Joined)
        assert isinstance(answer[-1], Bye if isinstance(leaving, Bye) else Left)
        assert not world.hub.state.leaving

    def test_later_frames_are_ignored(self, world, nova, sourav):
        answer = world.say(nova, Bye(""), Send(9, "lobby", "wait"))
        assert [type(m) for m in answer] == [Event, Bye]
        assert [e.kind for e in sourav.take()] == [EventKind.LEAVE]


def test_joining_and_leaving_at_once_is_answered_twice(world):
    link, _ = world.greet("Nova")
    world.frozen = True
    world.say(link, Join(1, 0, 0, "lobby"), Leave(2, "lobby"), Join(3, 0, 0, "lobby"))
    world.say(link, Leave(4, "lobby"))
    world.frozen = False
    world.settle()
    answers = [m.request for m in link.take() if isinstance(m, Joined | Left)]
    assert answers == [1, 2, 3, 4]
    assert not world.feed("lobby").live


def test_a_message_is_refused_if_the_counters_in_the_history_are_damaged():
    class Damaged(MemoryHistory):
        def last_counter(self, room, device):
            raise HistoryError("damaged")

    world = World(Damaged())
    link, _ = world.greet("Nova")
    world.say(link, Join(1, 0, 0, "lobby"))
    (error,) = answer = world.say(link, Send(1, "lobby", "x"))
    assert refusal(answer) == (ErrorCode.STORAGE, Send.TYPE, 1)
    assert "was not delivered" in error.text
    assert len([note for note in world.notes if note.event == "storage"]) == 1
