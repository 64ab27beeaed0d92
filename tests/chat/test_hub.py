"""The hub: limits on connections, rate limits, broken peers, and lagging connections."""

import pytest

from netchat.chat.commands import Post
from netchat.chat.delivery import CATCH_UP_BYTES
from netchat.chat.hub import MAX_PENDING_REPLIES, MIN_PAUSE, WARNING_INTERVAL
from netchat.chat.ordering import propose
from netchat.chat.room_tail import TAIL_BYTES
from netchat.chat.server_handlers import HISTORY_COST, MOVE_COST
from netchat.chat.server_state import REFUSAL_COST
from netchat.errors import BadMagic
from netchat.net.history.memory_history import MemoryHistory
from netchat.net.history.sqlite_history import SqliteHistory
from netchat.wire import (
    Bye,
    Create,
    Error,
    ErrorCode,
    History,
    Join,
    Leave,
    Ping,
    Pong,
    Send,
    Who,
    encode,
    seal,
)
from tests.chat.world import World, hello


@pytest.fixture(params=["memory", "sqlite"])
def world(request, tmp_path):
    if request.param == "memory":
        yield World(MemoryHistory())
    else:
        history = SqliteHistory(tmp_path / "history.db", fsync=False)
        yield World(history)
        history.close()


def join(world, name):
    link, _ = world.greet(name)
    world.say(link, Join(1, 0, 0, "lobby"))
    return link


class TestConnections:
    def test_too_many_half_open_connections(self):
        world = World(max_half_open=2)
        first, _, third = world.link(), world.link(), world.link()
        (error,) = third.take()
        assert error.code == ErrorCode.BUSY
        assert third.closed
        world.say(first, hello("Nova"))
        assert not world.link().closed

    def test_too_many_connections_from_one_address(self):
        world = World(max_per_address=2)
        one, two, three = (world.link("10.0.0.9") for _ in range(3))
        assert [link.closed for link in (one, two, three)] == [False, False, True]
        assert "2 connections from 10.0.0.9" in three.take()[0].text
        assert not world.link("10.0.0.10").closed
        world.settle()
        world.hang_up(one)
        assert not world.link("10.0.0.9").closed
        assert world.hub.state.addresses == {"10.0.0.9": 2, "10.0.0.10": 1}

    def test_losing_a_connection_twice_has_no_further_effect(self, world):
        link, _ = world.greet("Nova")
        world.hub.lost(link, world.now)
        world.hub.lost(link, world.now)
        assert not world.hub.state.addresses
        assert list(world.hub.state.away) == list(world.hub.state.shared.sessions)


class TestBrokenPeers:
    @pytest.mark.parametrize(
        ("data", "what"),
        [
            (b"GET / HTTP/1.1\r\n", "BadMagic"),
            (encode(Ping(1))[:-1] + b"\xff", "BadChecksum"),
            (b"NC\x02", "BadVersion"),
            (b"NC\x01\xee", "UnknownType"),
        ],
    )
    def test_get_an_error_that_says_why(self, world, data, what):
        link, _ = world.greet("Nova")
        link.up += data
        world.settle()
        error = link.take()[-1]
        assert isinstance(error, Error)
        assert error.code == ErrorCode.BAD_FRAME
        assert error.text.startswith(what)
        assert link.closed
        assert list(world.hub.state.away)

    def test_frames_before_invalid_bytes_are_handled(self, world):
        link = join(world, "Nova")
        other = join(world, "Sourav")
        link.up += encode(Send(1, "lobby", "last words")) + b"nonsense"
        world.settle()
        assert [e.text for e in other.take()][-1] == "last words"

    def test_get_nothing_after_the_error(self, world):
        link, other = join(world, "Nova"), join(world, "Sourav")
        link.up += b"nonsense"
        world._receive(link)
        assert link.closed
        assert link in world.hub.state.connections  # closing takes some time
        other.up += encode(Send(1, "lobby", "hi"))
        world._receive(other)
        world.take_batch()
        world.commit()  # the test fails if the server sends after a close
        assert [e.text for e in other.take()][-1] == "hi"


class TestRateLimit:
    def test_a_fast_sender_is_warned_once_and_throttled(self):
        world = World(rate=100.0, burst=10.0)
        link, _ = world.greet("Nova")
        answer = world.say(link, *[Ping(n) for n in range(60)])
        errors = [m for m in answer if isinstance(m, Error)]
        assert [e.code for e in errors] == [ErrorCode.TOO_FAST]
        assert (
            len(answer) == 10 - 1 + 1
        )  # one of the ten frames was HELLO; the last message is the warning
        while link.reader.unread:
            world.now += link.slowed[-1]
            answer += world.say(link)
        assert [m for m in answer if isinstance(m, Pong)] == [Pong(n) for n in range(60)]
        assert len(answer) == 61  # nothing is lost, and the client was warned once
        world.now += WARNING_INTERVAL
        answer = world.say(link, *[Ping(n) for n in range(60)])
        assert sum(isinstance(m, Error) for m in answer) == 1

    @pytest.mark.parametrize("size", [1, 7, 64, 1000])
    @pytest.mark.parametrize("rate", [20.0, 1000.0])
    def test_the_rate_limit_is_exact_over_time(self, rate, size):
        world = World(rate=rate, burst=rate)
        link, _ = world.greet("Nova")
        began, pongs = world.now, 0
        while world.now - began < 20:
            if not link.reader.unread:  # the server reads no more while it has frames left
                link.up += encode(Ping(1)) * size
            world.settle()
            pongs += sum(isinstance(m, Pong) for m in link.take())
            world.now = max(world.now + 0.001, link.paused_until)
        assert pongs == pytest.approx(rate * (1 + world.now - began), rel=0.05)

    def test_bytes_count_too(self):
        world = World(rate=100.0, burst=100.0)
        link, _ = world.greet("Nova")
        world.say(link, Join(1, 0, 0, "lobby"), Send(1, "lobby", "x" * 16_000))
        assert link.allowance == pytest.approx(100 - 2 - MOVE_COST - (1 + 15))

    def test_answers_count_too(self):
        world = World(rate=1000.0, burst=1000.0)
        link, _ = world.greet("Nova")
        world.say(link, Join(1, 0, 0, "lobby"))
        world.say(link, *[Send(n, "lobby", "x" * 10_000) for n in range(1, 11)])
        world.now += 10
        world.say(link, History(1, 1, 11, "lobby"))
        assert link.allowance == pytest.approx(1000 - 1 - HISTORY_COST - 98)

    def test_a_client_that_reads_no_answers_is_not_read(self):
        world = World(rate=0.0)
        link, _ = world.greet("Nova")
        world.say(link, Join(1, 0, 0, "lobby"))
        world.hub.stalled(link, world.now)
        world.say(link, *[Who(n, "lobby", "") for n in range(1000)])
        assert len(link.pending_replies) == MAX_PENDING_REPLIES
        assert link.reader.unread
        answers = []
        world.hub.drained(link)
        while len(answers) < 1000:
            world.now += MIN_PAUSE
            answers += world.say(link)
        assert [a.request for a in answers] == list(range(1000))

    @pytest.mark.parametrize(
        ("request_", "cost"),
        [
            (Join(1, 0, 0, "0123456789"), 1 + REFUSAL_COST),  # no such room
            (Leave(1, "0123456789"), 1 + REFUSAL_COST),
            (Join(1, 0, 0, "lobby"), 1 + MOVE_COST),
        ],
    )
    def test_refused_requests_and_moves_cost_more_than_a_frame(self, request_, cost):
        world = World(rate=100.0, burst=1000.0)
        link, _ = world.greet("Nova")
        before = link.allowance
        world.say(link, request_)
        assert before - link.allowance == pytest.approx(cost)

    def test_a_client_within_the_limit_is_never_throttled(self):
        world = World(rate=100.0, burst=10.0)
        link, _ = world.greet("Nova")
        for _ in range(100):
            world.now += 0.1
            world.say(link, *[Ping(n) for n in range(10)])
        assert link.slowed == []

    def test_no_limit(self):
        world = World(rate=0.0)
        link, _ = world.greet("Nova")
        world.say(link, *[Ping(n) for n in range(5000)])
        assert link.slowed == []


class TestLagging:
    @pytest.mark.parametrize("size", [10, 1000, 9000])
    def test_a_stalled_reader_is_served_later_exactly_once(self, world, size):
        slow, fast = join(world, "PauseReading"), join(world, "Fast")
        world.stall(slow)
        before = len(slow.down)
        total = 3 * TAIL_BYTES // size if size > 10 else 500
        for at in range(1, total + 1, 50):
            world.say(fast, *[Send(n, "lobby", "x" * size) for n in range(at, at + 50)])
        assert len(slow.down) == before  # it received no live events
        assert not world.hub.state.catching_up
        world.drain(slow)
        world.settle()
        seqs = [e.seq for e in slow.events()]
        assert seqs == list(range(1, world.feed("lobby").delivered + 1))
        assert slow in world.feed("lobby").live
        assert slow.lagging_rooms is None

    def test_stalling_during_a_commit(self, world):
        slow, fast = join(world, "PauseReading"), join(world, "Fast")
        world.frozen = True
        world.say(fast, Send(1, "lobby", "x"))
        world.stall(slow)
        world.frozen = False
        world.settle()
        world.drain(slow)
        world.settle()
        assert [e.seq for e in slow.events()] == [1, 2, 3]

    def test_stalling_again_while_catching_up(self, world):
        slow, fast = join(world, "PauseReading"), join(world, "Fast")
        world.stall(slow)
        for at in range(1, 2000, 100):
            world.say(fast, *[Send(n, "lobby", "x" * 1000) for n in range(at, at + 100)])
        rounds = 0
        while slow not in world.feed("lobby").live:
            world.drain(slow)
            before = len(slow.events())
            world.hub.catch_up()
            world._carry_out()
            world.stall(slow)
            size = sum(len(encode(e)) for e in slow.events()[before:])
            assert size <= max(TAIL_BYTES, CATCH_UP_BYTES)
            rounds += 1
            world.say(fast, Send(10_000 + rounds, "lobby", "and on it goes"))
            if rounds > 50:
                world.drain(slow)
                world.settle()
        assert [e.seq for e in slow.events()] == list(range(1, len(slow.events()) + 1))
        assert slow.events()[-1].seq == world.feed("lobby").delivered

    @pytest.mark.parametrize("batches", [1, 20])
    def test_a_busy_room_is_caught_up_with_and_holds_up_no_other(self, world, batches):
        slow, fast = join(world, "PauseReading"), join(world, "Fast")
        for link in (fast, slow):
            world.say(link, Create(2))
        quiet = next(
            feed
            for feed in world.hub.state.feeds.values()
            if slow.session in feed.room.members and feed.room.code != "lobby"
        )
        world.stall(slow)
        for n in range(1, batches + 1):
            world.say(fast, Send(n, "lobby", "x"))
        world.say(slow, Send(1, quiet.room.code, "y"))
        world.drain(slow)
        for n in range(3):
            propose(world.hub.state, Post(fast.session.id, 1, 100 + n, 0, 0, "lobby", "x"))
            world.take_batch()
            world.commit()
            world.hub.catch_up()
            world._carry_out()
        assert slow in world.feed("lobby").live
        assert slow in quiet.live

    def test_connections_that_lag_equally_share_one_read(self, world, monkeypatch):
        slow = [join(world, f"s{n}") for n in range(5)]
        fast = join(world, "Fast")
        for link in slow:
            world.stall(link)
        world.say(fast, *[Send(n, "lobby", "x" * 1000) for n in range(1, 2 * TAIL_BYTES // 1000)])
        reads = []
        read = world.history.read
        monkeypatch.setattr(world.history, "read", lambda *a: reads.append(a) or read(*a))
        for link in slow:
            world.drain(link)
        world.settle()
        assert reads
        assert len(reads) == len(set(reads))
        assert len({tuple(e.seq for e in link.events()[-400:]) for link in slow}) == 1

    def test_joining_while_stalled(self, world):
        slow, fast = join(world, "PauseReading"), join(world, "Fast")
        world.say(slow, Leave(1, "lobby"))
        slow.up += encode(Join(2, 0, 0, "lobby"))
        world.exchange()
        world.stall(slow)
        world.settle()
        world.say(fast, Send(1, "lobby", "x"))
        assert [e.seq for e in slow.events()] == [1, 2, 3]
        world.drain(slow)
        world.settle()
        assert [e.seq for e in slow.events()] == [1, 2, 3, 4, 5]

    def test_leaving_ends_it(self, world):
        slow, fast = join(world, "PauseReading"), join(world, "Fast")
        world.stall(slow)
        slow.holds = 0
        world.say(fast, Send(1, "lobby", "x"))
        world.say(slow, Leave(1, "lobby"))
        world.drain(slow)
        world.settle()
        assert not slow.lagging_rooms
        world.say(fast, Send(2, "lobby", "y"))
        assert [e.text for e in slow.events() if e.device] == []

    def test_losing_the_connection_ends_it(self, world):
        slow, fast = join(world, "PauseReading"), join(world, "Fast")
        world.stall(slow)
        world.say(fast, Send(1, "lobby", "x"))
        world.drain(slow)
        world.hang_up(slow)
        assert not world.hub.catch_up()
        assert not world.hub.state.stalled_connections


def test_shutting_down_sends_one_bye_to_each_and_keeps_the_sessions(world):
    links = [join(world, "Nova"), join(world, "Sourav"), world.link()]
    gone = world.link()
    gone.up += b"nonsense"
    world.exchange()
    world.hub.shut_down()
    world._carry_out()
    for link in links:
        assert isinstance(link.take()[-1], Bye)
        assert link.closed
    world.settle()
    assert len(world.hub.state.away) == 2


def test_shutting_down_sends_nothing_after_an_error(world):
    link = join(world, "Nova")
    link.take()
    world.hub.protocol_error(link, BadMagic("a frame begins with NC"))
    world.hub.shut_down()
    world._carry_out()
    assert [type(message) for message in link.take()] == [Error]


def test_a_body_that_does_not_match_its_type(world):
    link = join(world, "Nova")
    link.take()
    link.up += seal(Send.TYPE, b"") + encode(Ping(1))
    world.settle()
    (error,) = link.take()
    assert (error.code, error.text.partition(":")[0]) == (ErrorCode.BAD_FRAME, "BadBody")
