"""Accounts, moderation and sealed rooms in a simulated cluster: one winner, and one state."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netchat.chat.client_events import AccountChanged, RequestRefused, RoomEntered
from netchat.chat.commands import AddInvitation
from netchat.chat.ordering import propose
from netchat.chat.passwords import invitation_hash
from netchat.wire import (
    AccountStatus,
    Error,
    ErrorCode,
    Message,
    ModeratorAction,
    Register,
    RoomKind,
)
from tests.chat.world import User, hello
from tests.net.cluster.cluster_world import ClusterServer, ClusterWorld

GOOD = "correct horse"
CODE = "AAAAA-BBBBB-CCCCC-D"


def race(order: tuple[int, ...], first: Message, second: Message, **settings) -> ClusterWorld:
    """Send one message to each of two servers, whose steps take place in some order."""
    cluster = ClusterWorld("east", "west", **settings)
    propose(cluster.servers[0].hub.state, AddInvitation(1, 0, invitation_hash(CODE)))
    cluster.settle()
    for server, message in zip(cluster.servers, (first, second), strict=True):
        server.say(server.link(), message)
    east, west = cluster.servers
    steps = [east.send, west.send, east.read, west.read]
    for step in order:
        steps[step]()
    cluster.settle()
    return cluster


def answers(cluster: ClusterWorld) -> list[Message]:
    """Return what all clients of a cluster have received."""
    return [message for server in cluster.servers for link in server.links for message in link.wire]


ORDERS = list(itertools.permutations(range(4)))


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", ["Nova", "nova", "Nov\u0251"])
def test_exactly_one_of_two_users_registers_a_name(order, name):
    cluster = race(
        order, Register(1, "Nova", GOOD, ""), Register(1, name, GOOD, ""), accounts="required"
    )
    status, error = sorted(answers(cluster), key=lambda message: type(message).__name__)
    assert isinstance(status, AccountStatus)
    assert isinstance(error, Error)
    assert (error.code, error.about, error.reference) == (ErrorCode.NAME_TAKEN, Register.TYPE, 1)
    assert len(cluster.servers[0].hub.state.shared.accounts) == 1


@pytest.mark.parametrize("order", ORDERS)
def test_exactly_one_of_two_users_becomes_the_owner(order):
    cluster = race(
        order, Register(1, "Nova", GOOD, ""), Register(1, "Vega", GOOD, ""), accounts="required"
    )
    assert sorted(message.role for message in answers(cluster)) == [0, 2]


@pytest.mark.parametrize("order", ORDERS)
def test_exactly_one_of_two_users_registers_with_an_invitation(order):
    first, second = (Register(1, name, GOOD, CODE) for name in ("Nova", "Vega"))
    cluster = race(order, first, second, accounts="required", registration="invitation")
    status, error = sorted(answers(cluster), key=lambda message: type(message).__name__)
    assert isinstance(status, AccountStatus)
    assert isinstance(error, Error)
    assert error.code == ErrorCode.NO_REGISTRATION
    shared = cluster.servers[0].hub.state.shared
    assert [account.name for account in shared.accounts.values()] == [status.name]
    assert not shared.invitations


@pytest.mark.parametrize("order", ORDERS)
def test_a_guest_and_a_registration_of_the_same_name_on_another_server(order):
    cluster = race(order, hello("Nova"), Register(1, "Nova", GOOD, ""), accounts="optional")
    found = [message for message in answers(cluster) if isinstance(message, Error)]
    assert len(found) == 1
    shared = cluster.servers[0].hub.state.shared
    assert len(shared.accounts) + len(shared.sessions) == 1


def member(server: ClusterServer, name: str) -> User:
    """Return a user in the lobby of a server, who can seal messages."""
    user = User(name, can_seal=True)
    server.add_user(user)
    server.cluster.settle()
    user.core.join("lobby")
    server.cluster.settle()
    return user


def sealed(user: User) -> str:
    """Return the code of a sealed room that the user is in, or an empty string."""
    rooms = user.core.memory.rooms.values()
    return next((view.code for view in rooms if view.kind is RoomKind.SEALED), "")


def act(user: User, others: list[User], action: int, number: int) -> None:
    """Let a user make one request."""
    core, target = user.core, others[number % len(others)]
    if not core.online:
        return
    room = sealed(user)
    actions = list(ModeratorAction)
    match action:
        case 0:
            core.register(GOOD)
        case 1:
            core.change_password(GOOD, GOOD)
        case 2:
            core.moderate(
                "lobby", actions[number % len(actions)], target.core.name, f"reason {number}"
            )
        case 3:
            core.moderate(room or "lobby", actions[number % len(actions)], target.core.name)
        case 4:
            core.create(sealed=True)
        case 5:
            invited = sealed(target)
            if invited:
                core.join(f"{invited}#{target.core.sealing.secret(invited)}")
        case 6 if room:
            core.say(room, f"sealed {number}")
        case 7 if room:
            core.leave(room)
        case 8 if room:
            core.sealing.rekey(room)
        case 9:
            core.send_private(target.core.name, f"private {number}")
        case 10:
            core.rename(f"{core.name[:4]}{number}")
        case 11 if "lobby" in core.memory.rooms:
            core.say("lobby", f"text {number}")
        case 12:
            core.join("lobby")
        case _:
            pass


STEPS = ("act", "act", "act", "settle", "send", "resend", "read", "read all", "expire", "move")


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(STEPS),
            st.integers(0, 1),
            st.integers(0, 2),
            st.integers(0, 12),
            st.integers(0, 40),
        ),
        max_size=40,
    )
)
def test_servers_agree_after_any_mix_of_requests(steps):
    """`ClusterWorld.check` compares the digests after each entry."""
    cluster = ClusterWorld("east", "west", accounts="optional")
    users = [
        member(cluster.servers[number % 2], name)
        for number, name in enumerate(("Nova", "Vega", "Maya"))
    ]
    users[0].core.register(GOOD)
    cluster.settle()
    for step, which, who, action, number in steps:
        server, user = cluster.servers[which], users[who]
        if user.core.ended:
            continue
        match step:
            case "act":
                act(user, users, action, number)
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
    assert len({server.hub.state.shared.digest() for server in cluster.servers}) == 1
    for server in cluster.servers:
        assert len(server.hub.state.proposals) == 0


def test_a_kick_a_ban_and_a_new_secret_reach_the_other_server():
    cluster = ClusterWorld("east", "west", accounts="optional")
    east, west = cluster.servers
    nova, vega = member(east, "Nova"), member(west, "Vega")
    nova.core.register(GOOD)
    nova.core.create(sealed=True)
    cluster.settle()
    room = sealed(nova)
    vega.core.join(f"{room}#{nova.core.sealing.secret(room)}")
    cluster.settle()
    nova.core.say(room, "before")
    cluster.settle()
    assert vega.texts(room) == ["before"]
    nova.core.moderate(room, ModeratorAction.BAN, "Vega", "spam")
    cluster.settle()
    nova.core.say(room, "after")
    cluster.settle()
    assert room not in vega.core.memory.rooms
    assert nova.texts(room)[-1] == "after"
    assert east.hub.state.shared.rooms[room].epoch == 2
    vega.core.join(f"{room}#{nova.core.sealing.secret(room)}")
    cluster.settle()
    assert vega.all(RequestRefused)[-1].error.code == ErrorCode.BANNED
    assert [entered.room for entered in vega.all(RoomEntered)] == ["lobby", room]
    assert nova.all(AccountChanged)[-1].name == "Nova"
