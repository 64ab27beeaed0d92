"""HELLO and WELCOME: starting and resuming a session."""

import pytest

from netchat.chat.credentials import device_id
from netchat.chat.handshake import NAME_COST
from netchat.net.history.sqlite_history import SqliteHistory
from netchat.wire import (
    Bye,
    Error,
    ErrorCode,
    Event,
    EventKind,
    Hello,
    Join,
    Ping,
    Position,
    Rename,
    Send,
    Welcome,
    Who,
)
from tests.chat.world import World, hello

NOVA, OTHER = b"n" * 16, b"o" * 16


def resume(token: bytes, device: bytes = NOVA, *positions: Position) -> Hello:
    return Hello(0, device, token, "Nova", "test", positions)


def error_of(answer):
    (error,) = answer
    assert isinstance(error, Error)
    return error


def test_a_new_session():
    world = World(max_frame=5000, max_text=300, resume_seconds=60)
    _, welcome = world.greet(" Nova ", NOVA)
    assert welcome.name == "Nova"
    assert welcome.device == device_id(NOVA)
    assert (welcome.max_frame, welcome.max_text, welcome.resume_seconds) == (5000, 300, 60)
    assert (welcome.resumed, welcome.rooms, len(welcome.token)) == (0, (), 32)
    assert welcome.time == int(world.now * 1e6)


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (Ping(1), "The first frame must be HELLO, not PING."),
        (Send(1, "lobby", "hi"), "The first frame must be HELLO, not SEND."),
        (Bye(""), "The first frame must be HELLO, not BYE."),
        (Error(1, 0, 0, "", ""), "The first frame must be HELLO, not ERROR."),
        (Hello(0, b"short", b"", "Nova", "test", ()), "HELLO.device must be 16 bytes, got 5."),
    ],
)
def test_a_wrong_first_frame_ends_the_connection(message, text):
    world = World()
    link = world.link()
    error = error_of(world.say(link, message))
    assert (error.code, error.text) == (ErrorCode.UNEXPECTED, text)
    assert link not in world.hub.state.connections
    assert not world.hub.state.half_open


def test_hello_twice_ends_the_connection_but_not_the_session():
    world = World()
    link, welcome = world.greet("Nova", NOVA)
    error = error_of(world.say(link, hello("Nova", NOVA)))
    assert (error.code, error.text) == (
        ErrorCode.UNEXPECTED,
        "HELLO must be sent only once per connection.",
    )
    (again,) = world.say(world.link(), resume(welcome.token))
    assert isinstance(again, Welcome)
    assert again.resumed


def test_a_message_only_servers_send_ends_the_connection():
    world = World()
    link, welcome = world.greet("Nova")
    error = error_of(world.say(link, welcome))
    assert error.text == "WELCOME must not be sent by a client."
    assert link.closed


def test_a_taken_name_is_refused_with_a_suggestion_and_hello_may_be_repeated():
    world = World()
    world.greet("Nova")
    link = world.link()
    error = error_of(world.say(link, hello("NOVA")))
    assert (error.code, error.about, error.suggestion) == (
        ErrorCode.NAME_TAKEN,
        Hello.TYPE,
        "NOVA2",
    )
    (welcome,) = world.say(link, hello(error.suggestion))
    assert isinstance(welcome, Welcome)
    assert welcome.name == "NOVA2"


def test_a_name_that_is_not_allowed_is_refused_with_a_suggestion():
    world = World()
    error = error_of(world.say(world.link(), hello("No\u202eva")))
    assert (error.code, error.suggestion) == (ErrorCode.NAME_NOT_ALLOWED, "Nova")


def test_refused_names_count_in_the_rate_limit():
    world = World(rate=10.0, burst=100.0)
    world.greet("Nova")
    link = world.link()
    world.say(link, *[hello("Nova")] * 4)
    assert link.slowed == []
    world.say(link, hello("Nova"))
    world.say(link, hello("Nova"))
    assert link.slowed == [pytest.approx((5 * (1 + NAME_COST) - 100 + 1) / 10)]


def test_the_user_above_the_limit_gets_a_clear_answer():
    world = World(max_users=2)
    first, _ = world.greet("a", NOVA)
    world.greet("b")
    late = world.link()
    error = error_of(world.say(late, hello("c")))
    assert error.code == ErrorCode.SERVER_FULL
    assert "its limit is 2 users" in error.text
    assert late.closed
    # A user's own old session does not count against the limit.
    world.hang_up(first)
    (welcome,) = world.say(world.link(), hello("a", NOVA))
    assert isinstance(welcome, Welcome)


def test_a_lost_session_keeps_its_name_until_it_is_over():
    world = World(resume_seconds=100)
    link, _ = world.greet("Nova", NOVA)
    other, _ = world.greet("Sourav")
    world.say(other, Join(1, 0, 0, "lobby"))
    world.say(link, Join(1, 0, 0, "lobby"))
    world.hang_up(link)
    world.tick(40)
    error = error_of(world.say(world.link(), hello("Nova")))
    assert error.code == ErrorCode.NAME_TAKEN
    assert "for another 60 s" in error.text
    assert "for another 60 s" in error_of(world.say(other, Rename(2, "nova"))).text
    other.take()
    world.tick(59)
    assert other.take() == []
    world.tick(1)
    (leave,) = other.take()
    assert isinstance(leave, Event)
    assert (leave.kind, leave.sender, leave.text) == (EventKind.LEAVE, "Nova", "connection lost")
    assert isinstance(world.say(world.link(), hello("Nova"))[0], Welcome)


def test_resuming_restores_name_rooms_and_missed_events():
    world = World()
    link, welcome = world.greet("Nova", NOVA)
    other, _ = world.greet("Sourav")
    for one in (link, other):
        world.say(one, Join(1, 0, 0, "lobby"))
    log = world.hub.state.shared.rooms["lobby"].log
    world.hang_up(link)
    world.say(other, Send(1, "lobby", "while you were away"))
    back, *events = world.say(world.link(), resume(welcome.token, NOVA, Position("lobby", log, 2)))
    assert isinstance(back, Welcome)
    assert back.resumed
    assert back.session == welcome.session
    (room,) = back.rooms
    assert (room.room, room.log, room.last, room.head) == ("lobby", log, 2, 3)
    assert [(e.seq, e.text) for e in events] == [(3, "while you were away")]


def test_a_position_in_another_log_is_ignored():
    world = World()
    link, welcome = world.greet("Nova", NOVA)
    world.say(link, Join(1, 0, 0, "lobby"))
    world.hang_up(link)
    back, *events = world.say(world.link(), resume(welcome.token, NOVA, Position("lobby", 77, 0)))
    assert isinstance(back, Welcome)
    assert back.rooms[0].last == 1
    assert events == []


def test_the_old_token_is_valid_until_the_client_proves_it_has_the_new_one():
    world = World()
    link, first = world.greet("Nova", NOVA)
    world.hang_up(link)
    lost = world.link()  # its WELCOME never arrives
    world.say(lost, resume(first.token))
    world.hang_up(lost)
    link = world.link()
    (second,) = world.say(link, resume(first.token))
    assert isinstance(second, Welcome)
    assert second.resumed
    world.say(link, Who(1, "lobby", ""))
    world.hang_up(link)
    (third,) = world.say(world.link(), resume(first.token))
    assert isinstance(third, Welcome)
    assert not third.resumed  # single use: it began a new session


def test_the_token_of_a_lost_welcome_is_invalid():
    world = World()
    link, first = world.greet("Nova", NOVA)
    world.hang_up(link)
    link = world.link()
    (lost,) = world.say(link, resume(first.token))
    world.hang_up(link)
    world.say(world.link(), resume(first.token))
    assert not world.say(world.link(), resume(lost.token))[0].resumed


@pytest.mark.parametrize("sign_of_life", [Ping(1)])
def test_a_ping_proves_nothing_it_is_sent_before_welcome_too(sign_of_life):
    world = World()
    link, first = world.greet("Nova", NOVA)
    world.hang_up(link)
    world.frozen = True
    link = world.link()
    world.say(link, resume(first.token), sign_of_life)
    world.hang_up(link)
    world.frozen = False
    world.settle()
    assert world.say(world.link(), resume(first.token))[0].resumed


def test_a_used_token_stays_used_after_a_crash(tmp_path):
    world = World(SqliteHistory(tmp_path / "h.db", fsync=False))
    link, first = world.greet("Nova", NOVA)
    world.hang_up(link)
    link = world.link()
    world.say(link, resume(first.token))
    world.say(link, Who(1, "lobby", ""))
    world.crash()
    assert b"" not in world.hub.state.shared.by_token
    assert not world.say(world.link(), resume(first.token))[0].resumed
    world.history.close()


def test_the_token_of_another_device_is_invalid():
    world = World()
    _, nova = world.greet("Nova", NOVA)
    answer = world.say(world.link(), Hello(0, OTHER, nova.token, "Nova", "test", ()))
    assert error_of(answer).code == ErrorCode.NAME_TAKEN
    (welcome,) = world.say(world.link(), Hello(0, OTHER, nova.token, "Thief", "test", ()))
    assert isinstance(welcome, Welcome)
    assert not welcome.resumed
    assert welcome.session != nova.session


def test_the_same_device_without_its_token_takes_its_own_old_session_over():
    world = World()
    link, _ = world.greet("Nova", NOVA)
    other, _ = world.greet("Sourav")
    for one in (link, other):
        world.say(one, Join(1, 0, 0, "lobby"))
    world.hang_up(link)
    other.take()
    (welcome,) = world.say(world.link(), hello("Nova", NOVA))
    assert isinstance(welcome, Welcome)
    assert not welcome.resumed
    (leave,) = other.take()
    assert (leave.kind, leave.text) == (EventKind.LEAVE, "reconnected without its session")


def test_the_same_device_connects_while_its_old_connection_is_open():
    world = World()
    link, _ = world.greet("Nova", NOVA)
    world.say(link, Join(1, 0, 0, "lobby"))
    (welcome,) = world.say(world.link(), hello("Nova", NOVA))
    assert isinstance(welcome, Welcome)
    assert error_of(link.take()).code == ErrorCode.SESSION_MOVED
    assert link.closed


def test_a_session_resumed_elsewhere_moves_there():
    world = World()
    old, welcome = world.greet("Nova", NOVA)
    world.say(old, Join(1, 0, 0, "lobby"))
    new = world.link()
    assert world.say(new, resume(welcome.token))[0].resumed
    assert error_of(old.take()).code == ErrorCode.SESSION_MOVED
    assert old.closed
    echo = world.say(new, Send(1, "lobby", "here"))
    assert [e.text for e in echo] == ["here"]
    assert not world.hub.state.away


def test_welcome_names_no_room_that_is_not_durable_yet():
    world = World()
    link, welcome = world.greet("Nova", NOVA)
    world.hang_up(link)
    world.frozen = True
    link = world.link()
    world.say(link, resume(welcome.token))
    world.take_batch()
    world.say(link, Join(1, 0, 0, "lobby"))
    world.take_batch()
    world.commit()
    (back,) = link.take()
    assert isinstance(back, Welcome)
    assert back.rooms == ()
    world.commit()
    assert len(link.take()) == 2  # JOINED, and its own join


def test_a_resumed_session_keeps_a_name_it_took_later():
    world = World()
    link, welcome = world.greet("Nova", NOVA)
    world.say(link, Rename(1, "Vega"))
    world.hang_up(link)
    (back,) = world.say(world.link(), resume(welcome.token))
    assert isinstance(back, Welcome)
    assert back.name == "Vega"


def test_long_names_are_cut_in_the_servers_log():
    world = World()
    world.say(world.link(), Hello(0, NOVA, b"", "Nova", "s" * 5000, ()))
    world.say(world.link(), hello("x" * 5000))
    assert all(len(str(value)) < 200 for note in world.notes for value in note.fields.values())


def test_a_taken_name_is_refused_as_such_on_a_full_server():
    world = World(max_users=1)
    world.greet("Nova")
    (error,) = world.say(world.link(), hello("Nova"))
    assert error.code == ErrorCode.NAME_TAKEN
