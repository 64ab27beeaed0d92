"""A client that loses its connection, its session or its server, and recovers."""

import pytest

from netchat.chat.client_events import EventsMissed, Online, RequestRefused, RoomLeft, Undelivered
from netchat.chat.outbox import ClientState
from netchat.chat.settings import Settings
from netchat.net.history.sqlite_history import SqliteHistory
from tests.chat.world import World


@pytest.fixture
def world(tmp_path):
    history = SqliteHistory(tmp_path / "h.db", fsync=False)
    yield World(history)
    history.close()


def test_messages_without_a_connection_are_sent_later(world):
    nova, sourav = world.user("Nova", "lobby"), world.user("Sourav", "lobby")
    world.drop(nova)
    nova.core.say("lobby", "a")
    nova.core.send_private("sourav", "b")
    nova.core.create()
    assert nova.core.data_to_send() == b""
    world.connect(nova)
    world.settle()
    assert sourav.texts() == ["a"]
    assert nova.core.unsent == 0
    assert len(nova.core.memory.rooms) == 3


@pytest.mark.parametrize("up", [*range(0, 60, 7), None])
@pytest.mark.parametrize("down", [0, 30, None])
def test_cut_at_any_byte_nothing_is_lost_or_duplicated(world, up, down):
    nova, sourav = world.user("Nova", "lobby"), world.user("Sourav", "lobby")
    nova.core.say("lobby", "a")
    nova.core.say("lobby", "b")
    if down != 0:
        world.frozen = True
        world.exchange()
        world.take_batch()
        world.commit()
        world.frozen = False
    world.drop(nova, up=up, down=down)
    world.connect(nova)
    world.settle()
    assert nova.texts() == sourav.texts() == ["a", "b"]
    assert nova.core.unsent == 0


def test_the_acknowledgement_is_pending_when_the_client_reconnects(world):
    nova, sourav = world.user("Nova", "lobby"), world.user("Sourav", "lobby")
    world.frozen = True
    nova.core.say("lobby", "a")
    world.exchange()
    world.take_batch()
    world.drop(nova)
    world.connect(nova)
    world.settle()
    world.take_batch()
    world.commit()
    world.commit()
    world.frozen = False
    world.settle()
    assert nova.texts() == sourav.texts() == ["a"]
    assert nova.core.unsent == 0


def test_every_welcome_is_lost(world):
    nova = world.user("Nova", "lobby")
    session = world.greet("Sourav")[1].session
    world.drop(nova)
    for _ in range(5):
        world.connect(nova)
        world.exchange()
        world.frozen = True
        world.take_batch()
        world.commit()
        world.frozen = False
        world.drop(nova)
    world.connect(nova)
    world.settle()
    assert all(online.resumed for online in nova.all(Online)[1:])
    assert len(world.hub.state.shared.sessions) == 2
    assert session in world.hub.state.shared.sessions


def test_a_crash_loses_nothing_that_was_acknowledged(world):
    nova, sourav = world.user("Nova", "lobby"), world.user("Sourav", "lobby")
    nova.core.say("lobby", "durable")
    world.settle()
    world.frozen = True
    nova.core.say("lobby", "not yet")
    world.settle()
    world.crash()
    world.frozen = False
    for user in (nova, sourav):
        world.connect(user)
    world.settle()
    assert nova.texts() == sourav.texts() == ["durable", "not yet"]
    assert sourav.all(Online)[-1].resumed


def test_the_session_is_over_and_the_rooms_are_joined_again(world):
    nova, sourav = world.user("Nova", "lobby"), world.user("Sourav", "lobby")
    nova.core.send_private("sourav", "secret")
    world.settle()
    world.drop(nova)
    nova.core.say("lobby", "unsent")
    world.tick(world.settings.resume_seconds)
    sourav.core.say("lobby", "meanwhile")
    world.settle()
    world.connect(nova)
    world.settle()
    assert not nova.all(Online)[-1].resumed
    assert nova.texts() == sourav.texts() == ["meanwhile", "unsent"]
    seqs = [e.seq for e in nova.events()]
    assert seqs == list(range(1, len(seqs) + 1))
    assert list(nova.core.memory.rooms) == ["lobby"]  # the private conversation is over


def test_a_server_without_a_disk_restarts_with_another_log():
    world = World()
    nova, sourav = world.user("Nova", "lobby"), world.user("Sourav", "lobby")
    nova.core.say("lobby", "before")
    world.settle()
    world.crash()
    nova.core.say("lobby", "after")
    for user in (nova, sourav):
        world.connect(user)
    world.settle()
    world.drop(nova)
    sourav.core.say("lobby", "and on")
    world.settle()
    world.connect(nova)
    world.settle()
    assert nova.texts() == sourav.texts() == ["before", "after", "and on"]


def test_events_deleted_meanwhile_are_reported():
    world = World()
    nova, sourav = world.user("Nova", "lobby"), world.user("Sourav", "lobby")
    world.drop(nova)
    nova.core.say("lobby", "back")
    sourav.core.say("lobby", "old")
    world.settle()
    world.tick(100)
    sourav.core.say("lobby", "new")
    world.settle()
    world.purge()
    world.connect(nova)
    world.settle()
    assert nova.all(EventsMissed) == [EventsMissed("lobby", 3, 3)]
    assert nova.texts() == ["new", "back"]
    assert nova.core.requests == {}


def test_a_room_that_is_gone():
    world = World(room_ttl=10, resume_seconds=10)
    nova = world.user("Nova")
    nova.core.create()
    world.settle()
    (room,) = nova.core.memory.rooms
    world.drop(nova)
    nova.core.say(room, "hello?")
    for _ in range(5):
        world.tick(10)
    world.connect(nova)
    world.settle()
    assert nova.core.memory.rooms == {}
    assert [u.text for u in nova.all(Undelivered)] == ["hello?"]
    assert nova.all(RoomLeft) == [RoomLeft(room)]


def test_a_room_that_refuses_a_rejoin_says_why(world):
    nova = world.user("Nova", "lobby")
    nova.core.create()
    world.settle()
    world.drop(nova)
    world.tick(world.settings.resume_seconds)
    world.settings = Settings(max_rooms=1)
    world.crash()
    world.connect(nova)
    world.settle()
    (left,) = nova.all(RoomLeft)
    assert left.room not in nova.core.memory.rooms
    assert left.why == "You are in 1 room; 1 is the limit. Leave one first."


@pytest.mark.parametrize("lost", ["request", "answer"])
@pytest.mark.parametrize("what", ["join", "create", "leave", "rename", "tell"])
def test_a_request_whose_answer_is_lost(world, what, lost):
    nova = world.user("Nova", *(["lobby"] if what == "leave" else []))
    sourav = world.user("Sourav")
    {
        "join": lambda: nova.core.join("lobby"),
        "create": nova.core.create,
        "leave": lambda: nova.core.leave("lobby"),
        "rename": lambda: nova.core.rename("Vega"),
        "tell": lambda: nova.core.send_private("sourav", "x"),
    }[what]()
    world.drop(nova, up=None if lost == "answer" else 0)
    world.settle()
    world.connect(nova)
    world.settle()
    assert nova.all(RequestRefused) == []
    assert nova.core.requests == {}
    assert nova.core.unsent == 0
    rooms = nova.core.memory.rooms
    assert len(rooms) == {"join": 1, "create": 1, "tell": 1}.get(what, 0)
    assert len(world.hub.state.shared.rooms) == 2 if what in ("create", "tell") else 1
    assert nova.core.name == ("Vega" if what == "rename" else "Nova")
    assert [sourav.texts(room) for room in rooms if what == "tell"] == [["x"]] * (what == "tell")


def test_a_counter_is_never_used_twice():
    memory = ClientState(counter=41)
    world = World()
    nova = world.user("Nova", "lobby", memory=memory)
    assert nova.core.say("lobby", "a") == 42
    assert memory.counter == 42
