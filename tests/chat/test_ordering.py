"""Consequences of commands on one server, both of its own and of other servers' commands."""

from __future__ import annotations

from netchat.chat.commands import (
    EndSession,
    ExpireServer,
    JoinRoom,
    LeaveRoom,
    OpenConversation,
    OpenSession,
    ResumeSession,
    StartServer,
)
from netchat.chat.credentials import device_id, token_hash
from netchat.chat.ordering import propose
from netchat.wire import (
    Create,
    Error,
    ErrorCode,
    EventKind,
    Join,
    Joined,
    Left,
    Rename,
    Send,
    Who,
)
from tests.chat.world import World, hello

DEVICE = b"n" * 16


def remote(world: World) -> int:
    """Let a user join on another server; return the session number."""
    state = world.hub.state
    propose(state, StartServer(2, "two"))
    propose(state, OpenSession(2, 1, 77, 0, b"remote token", "Remote"))
    session = state.shared.by_device[77]
    propose(state, JoinRoom(session.id, 1, 1, "lobby"))
    world.settle()
    return session.id


def test_events_of_users_on_other_servers_are_stored_and_sent():
    world = World()
    nova = world.user("Nova", "lobby")
    number = remote(world)
    propose(world.hub.state, LeaveRoom(number, 1, 5, 2, "lobby"))
    world.settle()
    kinds = [(event.kind, event.sender) for event in nova.events()[-2:]]
    assert kinds == [(EventKind.JOIN, "Remote"), (EventKind.LEAVE, "Remote")]
    assert world.feed("lobby").delivered == world.hub.state.shared.rooms["lobby"].head


def test_a_name_taken_on_another_server_is_refused():
    world = World()
    link, _ = world.greet("Nova", DEVICE)
    remote(world)
    (refused,) = world.say(world.link(), hello("remote"))
    assert (refused.code, refused.suggestion) == (ErrorCode.NAME_TAKEN, "remote2")
    (refused,) = world.say(link, Rename(1, "REMOTE"))
    assert (refused.code, refused.suggestion) == (ErrorCode.NAME_TAKEN, "REMOTE2")


def test_a_session_resumed_on_another_server_leaves_its_connection():
    world = World()
    link, welcome = world.greet("Nova", DEVICE)
    world.say(link, Join(1, 0, 0, "lobby"), Create(2))
    remote(world)
    command = ResumeSession(2, welcome.session, 1, token_hash(welcome.token), b"next")
    propose(world.hub.state, command)
    world.settle()
    assert [m.code for m in link.take() if isinstance(m, Error)] == [ErrorCode.SESSION_MOVED]
    state = world.hub.state
    assert not any(feed.live for feed in state.feeds.values())
    assert not state.attached
    assert state.user_shares.counts == {}


def test_a_device_that_starts_over_on_another_server_leaves_all_rooms_here():
    world = World()
    link, welcome = world.greet("Nova", DEVICE)
    world.say(link, Join(1, 0, 0, "lobby"), Create(2))
    remote(world)
    propose(world.hub.state, OpenSession(2, 1, device_id(DEVICE), welcome.session, b"next", "Nova"))
    world.settle()
    assert [m.code for m in link.take() if isinstance(m, Error)] == [ErrorCode.SESSION_MOVED]
    state = world.hub.state
    assert not any(feed.live for feed in state.feeds.values())
    assert not state.attached
    assert not state.leaving


def test_a_conversation_opened_on_another_server_is_announced():
    world = World()
    link, welcome = world.greet("Nova", DEVICE)
    number = remote(world)
    propose(world.hub.state, OpenConversation(number, 1, welcome.session, 3, "@ABC"))
    world.settle()
    (joined,) = (m for m in link.take() if isinstance(m, Joined))
    assert (joined.request, joined.membership[0].peer) == (0, "Remote")
    propose(world.hub.state, LeaveRoom(welcome.session, 1, 0, 1, "@ABC"))
    world.settle()
    assert [m for m in link.take() if isinstance(m, Left)] == [Left(0, "@ABC")]


def test_users_of_a_server_that_fails_are_away_and_leave_in_the_end():
    world = World()
    link, _ = world.greet("Nova", DEVICE)
    world.say(link, Join(1, 0, 0, "lobby"))
    remote(world)
    (roster,) = world.say(link, Who(2, "lobby", ""))
    assert {m.name: m.away for m in roster.members} == {"Nova": 0, "Remote": 0}
    propose(world.hub.state, ExpireServer(2))
    (roster,) = world.say(link, Who(3, "lobby", ""))
    assert {m.name: m.away for m in roster.members} == {"Nova": 0, "Remote": 1}
    world.tick(world.settings.resume_seconds)
    assert list(world.hub.state.shared.by_name) == ["nova"]
    assert not world.hub.state.away
    assert world.hub.state.user_shares.counts == {link.share: 1}


def test_a_code_that_is_in_use_is_replaced_by_another_one(monkeypatch):
    world = World()
    link, _ = world.greet("Nova", DEVICE)
    codes = iter(["A" * 10, "A" * 10, "B" * 10])
    monkeypatch.setattr("netchat.chat.server_handlers.new_code", lambda rng: next(codes))
    first, _ = world.say(link, Create(1))
    second, _ = world.say(link, Create(2))
    assert first.membership[0].room == "A" * 10
    assert (second.request, second.membership[0].room) == (2, "B" * 10)


def test_a_session_that_ended_elsewhere_gets_no_more_events_here():
    world = World()
    link, welcome = world.greet("Nova", DEVICE)
    world.say(link, Join(1, 0, 0, "lobby"))
    sourav, _ = world.greet("Sourav")
    world.say(sourav, Join(1, 0, 0, "lobby"))
    propose(world.hub.state, EndSession(welcome.session, 1, 1, "removed"))
    world.settle()
    link.take()
    world.say(sourav, Send(1, "lobby", "x"))
    assert link.take() == []
    assert link not in world.feed("lobby").live
