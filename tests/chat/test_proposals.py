"""Proposals in a simulated cluster: one order, each message once, whatever happens to the servers."""

from __future__ import annotations

import importlib
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netchat.chat.client_events import Online, SessionEnded
from netchat.chat.commands import LeaveRoom
from netchat.chat.ordering import propose
from netchat.wire import (
    Ack,
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
    Message,
    Private,
    Roster,
    Send,
    Welcome,
    Who,
)
from tests.chat.world import Link, User, hello, refusal
from tests.net.cluster.cluster_world import ClusterServer, ClusterWorld


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


@pytest.mark.parametrize("is_first", [False, True])
def test_a_delayed_hello_of_a_half_open_connection_does_not_take_over_the_session(is_first):
    """The client has given up the connection to west, and west does not learn that."""
    cluster = ClusterWorld("east", "west")
    east, west = cluster.servers
    nova = User("Nova") if is_first else enter(cluster, "Nova")[0]
    if nova.link is not None:
        east.hang_up(nova.link)
        cluster.settle()
        east.hang_up(nova.link)
        east.users.remove(nova)
    west.add_user(nova)
    west.settle()  # west cannot reach Redis
    half_open, nova.link = nova.link, None
    west.users.remove(nova)
    nova.core.lost()
    east.add_user(nova)
    for step in (east.settle, east.send, east.read):
        step()
    assert nova.core.online
    cluster.settle()
    assert nova.core.online
    assert not nova.all(SessionEnded)
    assert [type(answer) for answer in half_open.wire] == [Bye]


def test_a_request_that_an_expired_server_has_not_appended_is_dropped():
    cluster = ClusterWorld("east", "west")
    east, west = cluster.servers
    nova, _ = enter(cluster, "Nova", "Vega")
    nova.core.leave("lobby")
    east.settle()
    cluster.expire(east)
    west.read()  # and everyone is told that Nova is away
    east.read()
    assert not len(east.hub.state.proposals)
    east.users.remove(nova)
    nova.core.requests.clear()  # the user has thought better of it
    west.add_user(nova)
    cluster.settle()
    assert list(nova.core.memory.rooms) == ["lobby"]
    assert [event.kind for event in nova.events()] == [EventKind.JOIN, EventKind.JOIN]


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


def greeted(server: ClusterServer, name: str, *requests: Message) -> Link:
    """Connect a user and send requests, each after the answers to the one before."""
    link = server.link()
    for message in (hello(name), *requests):
        server.say(link, message)
        server.cluster.settle()
    link.take()
    return link


def errors(link: Link) -> list[Message]:
    """Return every ERROR that a user has received."""
    return [message for message in link.wire if isinstance(message, Error)]


def opened(link: Link) -> str:
    """Return the code of the last room that a user has entered."""
    return [m.membership[0].room for m in link.wire if isinstance(m, Joined)][-1]


def order(cluster: ClusterWorld, *servers: ClusterServer) -> None:
    """Append the servers' proposals in this order, before any server reads."""
    for server in servers:
        server.send()
    cluster.settle()


def test_a_message_that_was_sent_twice_before_it_was_ordered_is_acknowledged():
    cluster = ClusterWorld("east")
    (east,) = cluster.servers
    nova = greeted(east, "Nova", Join(1, 0, 0, "lobby"))
    east.say(nova, Send(7, "lobby", "hi"), Send(7, "lobby", "hi"))
    cluster.settle()
    event, ack = nova.take()
    assert isinstance(event, Event)
    assert ack == Ack(7, event.seq, "lobby")


def test_a_repeated_message_of_a_connection_that_is_lost_meanwhile_is_delivered_once():
    cluster = ClusterWorld("east")
    (east,) = cluster.servers
    nova = greeted(east, "Nova", Join(1, 0, 0, "lobby"))
    vega = greeted(east, "Vega", Join(1, 0, 0, "lobby"))
    east.say(nova, Send(7, "lobby", "hi"), Send(7, "lobby", "hi"))
    east.hang_up(nova)
    cluster.settle()
    assert [event.text for event in vega.take() if isinstance(event, Event)] == ["hi"]


@pytest.mark.parametrize(
    ("request_", "about"),
    [(lambda room: Send(5, room, "hi"), Send.TYPE), (lambda room: Leave(5, room), Leave.TYPE)],
)
def test_a_request_about_a_conversation_that_is_removed_first_is_refused(request_, about):
    cluster = ClusterWorld("east", "west")
    east, west = cluster.servers
    nova, vega = greeted(east, "Nova"), greeted(west, "Vega")
    east.say(nova, Private(9, "Vega"))
    cluster.settle()
    room = opened(nova)
    west.say(vega, Leave(1, room))
    cluster.settle()
    assert nova.session is not None
    # Proposed by a server whose user starts a conversation with Nova, who is in too many rooms.
    place = LeaveRoom(nova.session.id, nova.session.attachment, 0, 0, room)
    propose(west.hub.state, place)
    east.say(nova, request_(room))
    order(cluster, west, east)
    assert refusal(errors(nova)) == (ErrorCode.NOT_A_MEMBER, about, 5)


def test_a_message_to_a_user_who_leaves_first_is_refused():
    cluster = ClusterWorld("east", "west")
    east, west = cluster.servers
    nova, vega = greeted(east, "Nova"), greeted(west, "Vega")
    east.say(nova, Private(1, "Vega"))
    cluster.settle()
    room = opened(nova)
    nova.take()
    west.say(vega, Leave(2, room))
    east.say(nova, Send(1, room, "hi"))
    order(cluster, west, east)
    assert refusal(errors(nova)) == (ErrorCode.NO_SUCH_USER, Send.TYPE, 1)
    assert [event.kind for event in nova.events()] == [EventKind.LEAVE]


def test_a_room_that_no_server_knows_is_refused():
    cluster = ClusterWorld("east")
    (east,) = cluster.servers
    nova = greeted(east, "Nova")
    assert east.say(nova, Join(5, 0, 0, "A" * 10)) == []  # another server may have created it
    cluster.settle()
    assert refusal(nova.take()) == (ErrorCode.NO_SUCH_ROOM, Join.TYPE, 5)


@pytest.fixture
def few_rooms(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a user be in at most two rooms."""
    for name in ("apply", "server_handlers"):
        module = importlib.import_module(f"netchat.chat.{name}")
        monkeypatch.setattr(module, "MAX_MEMBERSHIPS", 2)


@pytest.mark.usefixtures("few_rooms")
@pytest.mark.parametrize(
    "request_", [Create(5), Join(5, 0, 0, "lobby"), Private(5, "Maya")], ids=lambda m: m.NAME
)
def test_a_conversation_that_comes_first_can_take_a_users_last_place(request_):
    cluster = ClusterWorld("east", "west")
    east, west = cluster.servers
    nova, vega = greeted(east, "Nova", Create(1)), greeted(west, "Vega")
    greeted(west, "Maya")
    west.say(vega, Private(1, "Nova"))
    east.say(nova, request_)
    order(cluster, west, east)
    (refused,) = answer = errors(nova)
    assert refusal(answer) == (ErrorCode.TOO_MANY_ROOMS, type(request_).TYPE, 5)
    assert refused.text == "You are in 2 rooms; 2 is the limit. Leave one first."
    assert opened(nova) == opened(vega)


@pytest.mark.usefixtures("few_rooms")
def test_a_conversation_with_a_user_who_enters_the_last_room_first_is_refused():
    cluster = ClusterWorld("east", "west")
    east, west = cluster.servers
    nova, vega = greeted(east, "Nova"), greeted(west, "Vega", Create(1))
    west.say(vega, Create(2))
    east.say(nova, Private(5, "Vega"))
    order(cluster, west, east)
    (refused,) = answer = errors(nova)
    assert refusal(answer) == (ErrorCode.TOO_MANY_ROOMS, Private.TYPE, 5)
    assert refused.text.startswith("Vega has reached the limit")


def test_a_conversation_that_the_other_user_opens_first_is_the_one_that_both_get():
    cluster = ClusterWorld("east", "west")
    east, west = cluster.servers
    nova, vega = greeted(east, "Nova"), greeted(west, "Vega")
    west.say(vega, Private(1, "Nova"))
    east.say(nova, Private(5, "Vega"))
    order(cluster, west, east)
    announced, answered = nova.take()
    assert (announced.request, answered.request) == (0, 5)
    assert announced.membership[0].room == answered.membership[0].room == opened(vega)


def test_a_conversation_with_a_user_who_leaves_first_is_refused():
    cluster = ClusterWorld("east", "west")
    east, west = cluster.servers
    nova, vega = greeted(east, "Nova"), greeted(west, "Vega")
    west.say(vega, Bye(""))
    east.say(nova, Private(5, "Vega"))
    order(cluster, west, east)
    assert refusal(nova.take()) == (ErrorCode.NO_SUCH_USER, Private.TYPE, 5)


def test_requests_that_wait_for_an_answer_stop_the_server_from_reading():
    cluster = ClusterWorld("east")
    (east,) = cluster.servers
    nova = greeted(east, "Nova")
    east.say(nova, Join(1, 0, 0, "lobby"), Leave(2, "lobby"))
    east.say(nova, Who(3, "lobby", ""))
    assert nova.deferred
    assert nova.reader.unread
    cluster.settle()
    assert [event.kind for event in nova.events()] == [EventKind.JOIN, EventKind.LEAVE]
    assert refusal(errors(nova)) == (ErrorCode.NOT_A_MEMBER, Who.TYPE, 3)


def test_a_hello_that_waits_for_the_log_does_not_time_out():
    cluster = ClusterWorld("east")
    (east,) = cluster.servers
    waiting, silent = east.link(), east.link()
    east.say(waiting, hello("Nova"))
    east.wait(east.settings.handshake_timeout + 1)
    assert silent.closed
    assert not waiting.closed
    cluster.settle()
    assert [type(message) for message in waiting.take()] == [Welcome]


def test_sessions_do_not_end_while_the_log_is_not_available():
    cluster = ClusterWorld("east")
    (east,) = cluster.servers
    east.hang_up(greeted(east, "Nova"))
    cluster.settle()
    proposals = east.hub.state.proposals
    proposals.is_available = False
    for _ in range(3):
        east.wait(east.settings.resume_seconds)
    assert len(proposals) == 0
    proposals.is_available = True
    east.wait(east.settings.resume_seconds)
    cluster.settle()
    assert not east.hub.state.shared.sessions
