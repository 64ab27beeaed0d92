"""Proposals in a simulated cluster: one order, each message once, whatever happens to the servers."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netchat.chat.client_events import Online, SessionEnded
from netchat.wire import (
    Bye,
    Create,
    Error,
    ErrorCode,
    Event,
    EventKind,
    Join,
    Joined,
    Leave,
    Left,
    Roster,
    Send,
    Welcome,
    Who,
)
from tests.chat.world import User, hello
from tests.net.cluster.cluster_world import ClusterWorld


def enter(cluster: ClusterWorld, *names: str) -> list[User]:
    """Connect users, one on each server in turn, who are in the lobby."""
    users = [User(name) for name in names]
    for user, server in zip(users, itertools.cycle(cluster.servers), strict=False):
        server.add_user(user)
        cluster.settle()
        user.core.join("lobby")
    cluster.settle()
    return users


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_exactly_one_of_two_users_gets_a_name(order):
    cluster = ClusterWorld("east", "west")
    east, west = cluster.servers
    links = [east.link(), west.link()]
    for link, server, name in zip(links, cluster.servers, ("Nova", "nova"), strict=True):
        server.say(link, hello(name))
    steps = [east.send, west.send, east.read, west.read]
    for step in order:
        steps[step]()
    cluster.settle()
    answers = [answer for link in links for answer in link.wire]
    assert sorted(type(answer).__name__ for answer in answers) == ["Error", "Welcome"]
    (error,) = (answer for answer in answers if isinstance(answer, Error))
    assert error.code == ErrorCode.NAME_TAKEN
    assert len(east.hub.state.shared.by_name) == 1


def test_a_room_that_another_server_has_just_created_can_be_entered():
    cluster = ClusterWorld("east", "west")
    east, west = cluster.servers
    nova, vega = east.link(), west.link()
    for link, server, name in ((nova, east, "Nova"), (vega, west, "Vega")):
        server.say(link, hello(name))
    cluster.settle()
    east.say(nova, Create(1))
    east.send()
    east.read()
    (joined,) = (message for message in nova.wire if isinstance(message, Joined))
    room = joined.membership[0].room
    west.say(vega, Join(1, 0, 0, room))
    cluster.settle()
    assert [event.sender for event in vega.events()] == ["Vega"]


def test_requests_that_are_sent_without_waiting_for_answers_keep_their_order():
    cluster = ClusterWorld("east")
    (east,) = cluster.servers
    link = east.link()
    answers = east.say(
        link,
        *(hello("Nova"), Join(1, 0, 0, "lobby"), Send(1, "lobby", "one"), Send(2, "lobby", "two")),
        *(Leave(2, "lobby"), Join(3, 0, 0, "lobby"), Who(4, "lobby", ""), Bye("")),
    )
    assert answers == []
    cluster.settle()
    answers = [(m.kind if isinstance(m, Event) else type(m)) for m in link.wire]
    chat, joined, left = EventKind.CHAT, EventKind.JOIN, EventKind.LEAVE
    answers.remove(Roster)  # a reply does not wait for the events of a batch
    expected = [Welcome, Joined, joined, chat, chat, left, Left, Joined, joined, left, Bye]
    assert answers == expected


def test_a_connection_that_is_lost_before_its_welcome_leaves_a_session_that_is_away():
    cluster = ClusterWorld("east", "west")
    east, west = cluster.servers
    link = east.link()
    east.say(link, hello("Nova"))
    east.hang_up(link)
    cluster.settle()
    for server in cluster.servers:
        (session,) = server.hub.state.shared.sessions.values()
        assert session.is_away
        assert set(server.hub.state.away) == {session.id}
    west.now += west.settings.resume_seconds + 60
    west.wait()
    cluster.settle()
    assert not east.hub.state.shared.sessions


def test_a_server_that_lags_resumes_the_session_of_a_token_from_another_server():
    cluster = ClusterWorld("east", "west")
    east, west = cluster.servers
    (nova,) = enter(cluster, "Nova")
    cluster.move(nova, west)
    west.settle()
    west.send()
    west.read()  # this server has issued the next token, and east does not know it
    assert nova.core.online
    cluster.move(nova, east)
    cluster.settle()
    assert [event.resumed for event in nova.all(Online)] == [False, True, True]
    assert [event.kind for event in nova.events()] == [EventKind.JOIN]


def test_a_hello_that_is_delayed_until_the_client_has_moved_on_does_not_end_its_session():
    cluster = ClusterWorld("east", "west")
    east, west = cluster.servers
    (nova,) = enter(cluster, "Nova")
    cluster.move(nova, west)
    west.settle()  # west cannot reach Redis, and the client gives up
    cluster.move(nova, east)
    for step in (east.settle, east.send, east.read):
        step()
    assert nova.core.online
    cluster.settle()
    assert nova.core.online
    assert not nova.all(SessionEnded)
    assert [event.resumed for event in nova.all(Online)] == [False, True]


def test_a_first_hello_that_is_delayed_does_not_end_the_session_that_the_client_has_by_then():
    cluster = ClusterWorld("east", "west")
    east, west = cluster.servers
    nova = User("Nova")
    west.add_user(nova)
    west.settle()  # west cannot reach Redis, and the client gives up
    cluster.move(nova, east)
    for step in (east.settle, east.send, east.read):
        step()
    assert nova.core.online
    cluster.settle()
    assert nova.core.online
    assert not nova.all(SessionEnded)
    assert len(east.hub.state.shared.sessions) == 1


def test_a_message_that_waits_while_an_earlier_one_is_rejected_does_not_overtake_it():
    cluster = ClusterWorld("east")
    (east,) = cluster.servers
    (nova,) = enter(cluster, "Nova")
    nova.core.say("lobby", "one")
    east.settle()
    cluster.expire(east)
    east.send()  # after the end of the epoch, so this batch does not count
    nova.core.say("lobby", "two")
    east.settle()
    east.read()  # and joins again before it appends the second message
    east.send()
    cluster.settle()
    assert nova.texts() == ["one", "two"]


def test_a_client_that_moves_to_a_server_that_lags_gets_no_event_twice():
    cluster = ClusterWorld("east", "west")
    east, west = cluster.servers
    (nova,) = enter(cluster, "Nova")
    for number in range(3):
        nova.core.say("lobby", str(number))
    east.settle()
    east.send()
    east.read()
    assert nova.texts() == ["0", "1", "2"]
    cluster.move(nova, west)  # which applies the messages and the move in one batch
    cluster.settle()
    assert nova.core.online
    assert nova.texts() == ["0", "1", "2"]


def test_a_client_with_many_pending_messages_is_not_read():
    cluster = ClusterWorld("east")
    (east,) = cluster.servers
    link = east.link()
    east.say(link, hello("Nova"))
    cluster.settle()
    east.say(link, Join(1, 0, 0, "lobby"))
    cluster.settle()
    east.say(link, *(Send(number, "lobby", "hi") for number in range(1, 1001)))
    assert link.proposals == 256
    while link.up or link.reader.unread:
        cluster.settle()
        east.now += 1
    cluster.settle()
    assert len([event for event in link.events() if event.device]) == 1000
    assert link.proposals == 0


STEPS = 14


@pytest.mark.parametrize("point", range(STEPS))
def test_a_server_may_be_declared_expired_at_every_point(point):
    cluster = ClusterWorld("east", "west")
    east, west = cluster.servers
    users = nova, vega = enter(cluster, "Nova", "Vega")
    said = []

    def say(user: User, text: str) -> None:
        user.core.say("lobby", text)
        said.append(text)

    script = [
        *(lambda: say(nova, "one"), east.settle, lambda: say(nova, "two"), east.settle),
        *(east.send, west.read, lambda: say(vega, "three"), west.settle, west.send),
        *(lambda: east.read(1), east.resend, east.read, east.send, west.read),
    ]
    assert len(script) == STEPS
    for number, step in enumerate(script):
        if number == point:
            cluster.expire(east)
        step()
    cluster.settle()
    for user in users:
        assert sorted(user.texts()) == sorted(said)
        assert user.texts() == nova.texts()
    assert not any(server.hub.state.away for server in cluster.servers)


ACTIONS = ("say", "settle", "send", "resend", "read", "read all", "expire", "move")


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.sampled_from(ACTIONS), st.integers(0, 2), st.integers(0, 2)), max_size=40)
)
def test_every_message_arrives_once_and_in_one_order(actions):
    cluster = ClusterWorld("east", "west", "north")
    users = enter(cluster, "Nova", "Vega", "Maya")
    said = []
    for number, (action, which, other) in enumerate(actions):
        server, user = cluster.servers[which], users[other]
        match action:
            case "say":
                user.core.say("lobby", str(number))
                said.append(str(number))
            case "settle":
                server.settle()
            case "send":
                server.send()
            case "resend":
                server.resend()
            case "read":
                server.read(1)
            case "read all":
                server.read()
            case "expire":
                cluster.expire(server)
            case "move":
                cluster.move(user, server)
    cluster.settle()
    for user in users:
        assert user.core.online
        assert sorted(user.texts()) == sorted(said)
        assert user.texts() == users[0].texts()
    assert len({server.hub.state.shared.digest() for server in cluster.servers}) == 1
    for server in cluster.servers:
        assert len(server.hub.state.proposals) == 0
        assert not server.hub.state.away


def test_a_connection_may_be_closed_between_two_departures():
    cluster = ClusterWorld("east")
    (east,) = cluster.servers
    nova = east.link()
    for message in (hello("Nova"), Join(1, 0, 0, "lobby"), Create(2)):
        east.say(nova, message)
        cluster.settle()
    room = nova.events()[-1].room
    for message in (Leave(3, "lobby"), Leave(4, room)):
        east.say(nova, message)
        east.send()
    east.frozen = True
    east.read(1)
    nova.up += b"not a frame"
    east.exchange()
    assert nova.closed
    east.read()
    east.frozen = False
    cluster.settle()
    assert [type(message).__name__ for message in nova.wire][-1] == "Error"
