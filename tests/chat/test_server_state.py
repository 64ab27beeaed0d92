"""The server's state: what survives a restart, and what is removed."""

import pytest

from netchat.chat.room_tail import RoomTail
from netchat.errors import BadMagic, HistoryError
from netchat.net.history.memory_history import MemoryHistory
from netchat.net.history.sqlite_history import SqliteHistory
from netchat.wire import (
    Bye,
    Create,
    Error,
    ErrorCode,
    EventKind,
    Hello,
    History,
    HistoryEnd,
    Join,
    Leave,
    Position,
    Private,
    Rename,
    RoomKind,
    Send,
    Welcome,
    encode,
)
from tests.chat.world import World, hello

NOVA, SOURAV = b"n" * 16, b"s" * 16


@pytest.fixture
def world(tmp_path):
    history = SqliteHistory(tmp_path / "history.db", fsync=False)
    yield World(history)
    history.close()


def test_a_new_server_has_a_lobby(world):
    (room,) = world.hub.state.shared.rooms.values()
    assert (room.code, room.kind, room.head) == ("lobby", RoomKind.LOBBY, 0)


def test_sessions_rooms_memberships_and_numbers_survive_a_crash(world):
    link, welcome = world.greet("Nova", NOVA)
    other, _ = world.greet("Sourav", SOURAV)
    (joined, _) = world.say(link, Create(1))
    room = joined.membership[0]
    world.say(link, Join(2, 0, 0, "lobby"), Send(1, "lobby", "a"), Send(2, room.room, "b"))
    (private,) = world.say(link, Private(3, "Sourav"))
    world.say(link, Rename(4, "Vega"))
    world.crash()
    link = world.link()
    position = Position(room.room, room.log, 1)
    back, *events = world.say(link, Hello(0, NOVA, welcome.token, "x", "test", (position,)))
    assert isinstance(back, Welcome)
    assert (back.resumed, back.name) == (True, "Vega")
    assert {r.room for r in back.rooms} == {room.room, "lobby", private.membership[0].room}
    assert [e.text for e in events if e.room == room.room] == ["b", "Vega"]
    assert {r.log for r in back.rooms} >= {room.log}
    echo = world.say(link, Send(3, room.room, "c"))
    assert [e.seq for e in echo] == [4]
    # The private room is still the one between the two.
    again = world.say(link, Private(5, "Sourav"))
    assert again[0].membership[0].room == private.membership[0].room
    assert other.session is not None


def test_leaving_survives_a_crash(world):
    link, welcome = world.greet("Nova", NOVA)
    world.say(link, Join(1, 0, 0, "lobby"), Leave(2, "lobby"))
    world.crash()
    (back,) = world.say(world.link(), Hello(0, NOVA, welcome.token, "Nova", "test", ()))
    assert back.rooms == ()


def test_a_token_whose_answer_was_lost_survives_a_crash(world):
    link, welcome = world.greet("Nova", NOVA)
    world.hang_up(link)
    world.say(world.link(), Hello(0, NOVA, welcome.token, "Nova", "test", ()))
    world.crash()
    (back,) = world.say(world.link(), Hello(0, NOVA, welcome.token, "Nova", "test", ()))
    assert back.resumed


def test_uncommitted_changes_are_lost_in_a_crash(world):
    link, welcome = world.greet("Nova", NOVA)
    world.say(link, Join(1, 0, 0, "lobby"))
    world.frozen = True
    world.say(link, Send(1, "lobby", "lost"), Rename(2, "Vega"), Create(3))
    world.take_batch()
    world.say(link, Send(2, "lobby", "lost too"))
    world.crash()
    world.frozen = False
    assert [r.head for r in world.hub.state.shared.rooms.values()] == [1]
    (back,) = world.say(world.link(), Hello(0, NOVA, welcome.token, "Nova", "test", ()))
    assert back.name == "Nova"
    link = world.links[-1]
    (echo,) = world.say(link, Send(1, "lobby", "lost"))
    assert (echo.seq, echo.counter) == (2, 1)


def test_counters_survive_a_crash(world):
    link, welcome = world.greet("Nova", NOVA)
    world.say(link, Join(1, 0, 0, "lobby"), Send(7, "lobby", "a"))
    world.crash()
    link = world.link()
    world.say(link, Hello(0, NOVA, welcome.token, "Nova", "test", ()))
    (ack,) = world.say(link, Send(7, "lobby", "a"))
    assert ack.seq == 2


def test_a_server_without_a_disk_starts_empty():
    world = World()
    _, welcome = world.greet("Nova", NOVA)
    log = world.hub.state.shared.rooms["lobby"].log
    world.crash()
    assert world.hub.state.shared.rooms["lobby"].log != log
    (back,) = world.say(world.link(), Hello(0, NOVA, welcome.token, "Nova", "test", ()))
    assert not back.resumed


def test_the_resume_time_restarts_with_the_server(world):
    world.greet("Nova", NOVA)
    world.tick(100)
    world.crash()
    world.tick(world.settings.resume_seconds - 1)
    assert world.hub.state.shared.sessions
    world.tick(1)
    assert not world.hub.state.shared.sessions
    assert not world.hub.state.shared.by_token
    assert not world.hub.state.shared.by_name
    assert not world.hub.state.shared.by_device


def test_ending_a_session_removes_everything(world):
    nova, _ = world.greet("Nova", NOVA)
    sourav, _ = world.greet("Sourav", SOURAV)
    for link in (nova, sourav):
        world.say(link, Join(1, 0, 0, "lobby"))
    _, welcome = world.greet("Maya", b"m" * 16)
    world.say(world.link(), Hello(0, b"m" * 16, welcome.token, "Maya", "test", ()))
    world.hang_up(world.links[-1])
    world.tick(world.settings.resume_seconds)
    world.say(nova, Private(1, "Sourav"), Create(2))
    world.say(nova, Bye(""))
    world.say(sourav, Bye(""))
    hub = world.hub
    for register in (
        hub.state.shared.sessions,
        hub.state.shared.by_name,
        hub.state.shared.by_token,
        hub.state.shared.by_device,
        hub.state.shared.privates,
    ):
        assert not register
    for register in (
        hub.state.connections,
        hub.state.addresses,
        hub.state.away,
        hub.state.leaving,
        hub.state.catching_up,
    ):
        assert not register
    assert not hub.state.shared.rooms["lobby"].members
    assert not world.feed("lobby").live
    assert {r.kind for r in hub.state.shared.rooms.values()} == {RoomKind.LOBBY, RoomKind.ROOM}


def test_leaving_while_reconnecting(world):
    link, welcome = world.greet("Nova", NOVA)
    other, _ = world.greet("Sourav", SOURAV)
    for one in (link, other):
        world.say(one, Join(1, 0, 0, "lobby"))
    world.frozen = True
    world.say(link, Leave(1, "lobby"))
    new = world.link()
    world.say(new, Hello(0, NOVA, welcome.token, "Nova", "test", ()))
    world.frozen = False
    other.take()
    world.settle()
    (back,) = new.take()
    assert back.rooms == ()
    assert [e.kind for e in other.take()] == [EventKind.LEAVE]


def test_names_are_free_again_after_a_rename(world):
    link, _ = world.greet("Nova", NOVA)
    world.say(link, Rename(1, "Vega"))
    assert isinstance(world.say(world.link(), hello("Nova"))[0], Welcome)
    assert set(world.hub.state.shared.by_name) == {"nova", "vega"}


class Worsening(MemoryHistory):
    """A history of which more is damaged with every read."""

    def read(self, room, first, last, max_bytes):
        raise HistoryError("damaged")

    def resume(self, room, first, last):
        return last


def test_damage_that_spreads_while_it_is_skipped_touches_only_the_reader():
    world = World(Worsening())
    link, _ = world.greet("Nova")
    other, _ = world.greet("Sourav")
    for one in (link, other):
        world.say(one, Join(1, 0, 0, "lobby"))
    error, end = world.say(link, History(2, 1, 2, "lobby"))
    assert (error.code, end) == (ErrorCode.STORAGE, HistoryEnd(2, 1, 0, 1, "lobby"))
    assert "events 1 to 2 are missing" in error.text
    # A lagging connection goes on too.
    world.feed("lobby").tail = RoomTail()
    world.say(
        world.link(), Hello(0, NOVA, b"", "Maya", "test", ()), Join(1, log(world), 1, "lobby")
    )
    assert [e.text for e in world.say(other, Send(1, "lobby", "x"))][-1:] == ["x"]
    assert len([note for note in world.notes if note.event == "storage"]) == 1


def log(world):
    return world.hub.state.shared.rooms["lobby"].log


def test_a_history_that_is_damaged_to_its_end_is_skipped():
    class Lost(Worsening):
        def resume(self, room, first, last):
            return last + 1

    world = World(Lost())
    link, _ = world.greet("Nova")
    world.say(link, Join(1, 0, 0, "lobby"))
    error, end = world.say(link, History(2, 1, 1, "lobby"))
    assert "events 1 to 1 are missing" in error.text
    assert end == HistoryEnd(2, 1, 0, 1, "lobby")


def test_a_connection_that_is_closing_gets_no_second_error(world):
    link, welcome = world.greet("Nova", NOVA)
    world.hub.protocol_error(link, BadMagic("a frame begins with NC"))
    world.hub.protocol_error(link, BadMagic("a frame begins with NC"))
    other = world.link()
    other.up += encode(hello("Nova", NOVA, welcome.token))
    world.settle()
    assert [type(message) for message in link.take()] == [Error]
    assert [type(message) for message in other.take()] == [Welcome]
