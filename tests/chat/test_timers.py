"""Timers, in simulated time."""

import pytest

from netchat.chat.timers import MAX_COUNTERS, SWEEP_INTERVAL
from netchat.errors import BadMagic
from netchat.wire import (
    Create,
    Error,
    ErrorCode,
    EventKind,
    Hello,
    Join,
    Leave,
    Ping,
    Pong,
    Send,
    encode,
)
from tests.chat.world import World, hello


@pytest.fixture
def world():
    return World(
        handshake_timeout=10,
        frame_timeout=5,
        ping_after=30,
        silence_timeout=90,
        stall_timeout=120,
        resume_seconds=200,
        room_ttl=3600,
    )


def codes(link):
    return [ErrorCode(m.code) for m in link.take() if isinstance(m, Error)]


class TestHandshake:
    def test_no_hello_in_time(self, world):
        early = world.link()
        world.wait(4)
        late = world.link()
        world.wait(5.9)
        assert not early.closed
        world.wait(0.1)
        assert codes(early) == [ErrorCode.HANDSHAKE_TIMEOUT]
        assert early.closed
        assert not late.closed

    def test_no_timeout_while_the_server_cannot_read_hello(self, world):
        paused, other = world.link(), world.link()
        state = world.hub.state
        state.pause_handshake(paused)
        world.wait(11)
        assert other.closed
        assert not paused.closed
        state.resume_handshake(paused, world.now)
        world.wait(9)
        assert not paused.closed
        world.wait(1)
        assert codes(paused) == [ErrorCode.HANDSHAKE_TIMEOUT]

    def test_a_refused_connection_has_no_timer_to_pause(self):
        world = World(handshake_timeout=10, max_half_open=1)
        world.link()
        refused = world.link()
        assert codes(refused) == [ErrorCode.BUSY]
        state = world.hub.state
        state.pause_handshake(refused)
        state.resume_handshake(refused, world.now)
        assert refused not in state.half_open
        world.wait(11)
        assert codes(refused) == []

    def test_no_handshake_timeout_after_hello(self, world):
        link, _ = world.greet("Nova")
        world.wait(11)
        assert not link.closed

    def test_refused_names_do_not_stop_the_clock(self, world):
        link = world.link()
        world.wait(9)
        world.say(link, hello("server"))
        world.wait(1)
        assert ErrorCode.HANDSHAKE_TIMEOUT in codes(link) or link.closed


class TestFrames:
    FRAME = encode(Ping(1))

    def begin(self, world, link, data=FRAME[:5]):
        link.up += data
        world.settle()

    def test_an_incomplete_frame_times_out(self, world):
        link, _ = world.greet("Nova")
        self.begin(world, link)
        world.wait(4.9)
        assert not link.closed
        world.wait(0.1)
        assert codes(link) == [ErrorCode.FRAME_TIMEOUT]
        assert link.closed

    def test_single_bytes_do_not_extend_the_timeout(self, world):
        link, _ = world.greet("Nova")
        frame = encode(Hello(0, b"x" * 16, b"", "n", "s", ()))
        for at in range(5):
            self.begin(world, link, frame[at : at + 1])
            world.wait(1)
        assert link.closed

    def test_each_frame_has_its_own_timeout(self, world):
        link, _ = world.greet("Nova")
        stream = self.FRAME * 10
        for at in range(0, len(stream) - 10, 10):
            self.begin(world, link, stream[at : at + 10])
            world.wait(1.5)
            assert not link.closed

    def test_a_complete_frame_stops_the_timer(self, world):
        link, _ = world.greet("Nova")
        self.begin(world, link)
        self.begin(world, link, self.FRAME[5:])
        world.wait(20)
        assert not link.closed
        assert not world.hub.state.partial_frames

    def test_a_connection_that_is_not_read_does_not_time_out(self, world):
        link, _ = world.greet("Nova")
        self.begin(world, link)
        link.holds = 1  # it sends too fast, or the disk is slow
        for _ in range(100):
            world.wait(1)
        link.holds = 0
        world.wait(4.9)
        assert not link.closed
        world.wait(0.1)
        assert link.closed


class TestSilence:
    def test_a_ping_then_the_end(self, world):
        link, _ = world.greet("Nova")
        world.wait(29)
        assert link.take()[1:] == []
        for _ in range(12):
            world.wait(SWEEP_INTERVAL)
        assert link.take() == [Ping(0)]
        assert not link.closed
        world.wait(SWEEP_INTERVAL)
        assert codes(link) == [ErrorCode.IDLE_TIMEOUT]
        assert world.hub.state.away

    def test_any_frame_resets_the_timer(self, world):
        link, _ = world.greet("Nova")
        for _ in range(10):
            world.wait(30)
            world.wait(SWEEP_INTERVAL)
            assert Ping(0) in link.take()
            world.say(link, Pong(0))
            world.wait(SWEEP_INTERVAL)
        assert not link.closed

    def test_a_connection_that_is_not_read_does_not_time_out(self, world):
        link, _ = world.greet("Nova")
        link.holds = 1
        world.wait(1000)
        assert not link.closed


class TestStalls:
    def test_a_client_that_reads_nothing_is_disconnected(self, world):
        link, _ = world.greet("Nova")
        world.stall(link)
        world.wait(119)
        assert not link.closed
        world.wait(1)
        assert codes(link) == [ErrorCode.STALLED]
        assert world.hub.state.away

    def test_a_connection_that_is_closing_gets_no_second_error(self, world):
        link, _ = world.greet("Nova")
        world.stall(link)
        world.hub.protocol_error(link, BadMagic("a frame begins with NC"))
        world.hub.tick(world.now + 120)
        world._carry_out()
        assert codes(link) == [ErrorCode.BAD_FRAME]

    def test_reading_a_little_is_enough(self, world):
        link, _ = world.greet("Nova")
        for _ in range(3):
            world.stall(link)
            world.tick(119)
            world.drain(link)
        assert not link.closed
        assert not world.hub.state.stalled_connections


class TestAway:
    def test_leave_events_in_every_room_and_the_name_is_free(self, world):
        nova = world.user("Nova", "lobby")
        sourav = world.user("Sourav", "lobby")
        world.drop(nova)
        world.tick(199)
        assert len(sourav.events()) == 1
        world.tick(1)
        leave = sourav.events()[-1]
        assert (leave.kind, leave.sender) == (EventKind.LEAVE, "Nova")
        assert "nova" not in world.hub.state.shared.by_name

    def test_each_session_has_its_own_timer(self, world):
        first, second = world.user("a"), world.user("b")
        world.drop(first)
        world.tick(100)
        world.drop(second)
        world.tick(100)
        assert set(world.hub.state.shared.by_name) == {"b"}
        world.tick(100)
        assert not world.hub.state.shared.by_name

    def test_reconnecting_stops_the_timer(self, world):
        user = world.user("a")
        for _ in range(3):
            world.drop(user)
            world.tick(150)
            world.connect(user)
            world.settle()
        assert set(world.hub.state.shared.by_name) == {"a"}


class TestRooms:
    def test_an_empty_room_is_deleted_and_the_lobby_never(self, world):
        link, _ = world.greet("Nova")
        joined, _ = world.say(link, Create(1))
        code = joined.membership[0].room
        world.say(link, Join(2, 0, 0, "lobby"), Leave(3, code), Leave(4, "lobby"))
        world.tick(3599)
        assert code in world.hub.state.shared.rooms
        world.tick(SWEEP_INTERVAL)
        assert world.hub.state.shared.rooms.keys() == {"lobby"}
        assert world.say(link, Join(5, 0, 0, code))[0].code == ErrorCode.NO_SUCH_ROOM

    def test_a_room_with_a_member_stays(self, world):
        link, _ = world.greet("Nova")
        joined, _ = world.say(link, Create(1))
        code = joined.membership[0].room
        world.say(link, Leave(2, code))
        world.tick(3000)
        world.say(link, Join(3, 0, 0, code))
        world.tick(7200)
        assert code in world.hub.state.shared.rooms

    def test_old_counters_are_read_from_the_history(self, world):
        link, _ = world.greet("Nova")
        world.say(link, Join(1, 0, 0, "lobby"), Send(5, "lobby", "a"))
        room = world.hub.state.shared.rooms["lobby"]
        room.counters.update(dict.fromkeys(range(MAX_COUNTERS + 1), 1))
        world.frozen = True
        world.say(link, Send(6, "lobby", "b"))
        world.tick(SWEEP_INTERVAL)
        assert room.counters  # not while a batch is uncommitted
        world.frozen = False
        world.settle()
        world.tick(SWEEP_INTERVAL)
        assert not room.counters
        assert world.say(link, Send(5, "lobby", "a"))[0].seq == 2
