"""Commit of a batch: the order of its effects, and actions for clients that are gone."""

from __future__ import annotations

import pytest

from netchat.chat.commit import commit
from netchat.chat.commit_actions import (
    AnswerRepeatedSend,
    FinishBye,
    SendJoined,
    SendMessage,
    SendWelcome,
    Unfollow,
)
from netchat.chat.connection import RepeatedSend
from netchat.chat.effects import Close, Fanout, Write
from netchat.chat.persistence import Batch
from netchat.wire import Bye, Event, EventKind, Leave, Ping, encode


def frame(seq: int) -> bytes:
    return encode(Event(seq, 0, 5, seq, EventKind.CHAT, "lobby", "Nova", "x"))


@pytest.fixture
def state(world, nova, sourav):
    world.hub.take_effects()
    return world.hub.state


def test_actions_are_carried_out_before_and_after_the_events(world, state, nova, sourav):
    lobby = world.feed("lobby")
    first = lobby.delivered + 1
    frames = [frame(first), frame(first + 1)]
    commit(
        state,
        Batch(
            before=[SendMessage(nova, Ping(1)), SendMessage(sourav, Ping(2))],
            frames={lobby: frames},
            after=[SendMessage(nova, Ping(3)), FinishBye(sourav)],
        ),
    )
    assert state.effects == [
        Write(nova, encode(Ping(1))),
        Write(sourav, encode(Ping(2))),
        Fanout([nova, sourav], b"".join(frames)),
        Write(nova, encode(Ping(3))),
        Write(sourav, encode(Bye(""))),
        Close(sourav),
    ]
    assert lobby.delivered == first + 1
    assert sourav.session is None


def test_a_member_follows_a_room_until_the_action_that_ends_it(world, state, nova, sourav):
    lobby = world.feed("lobby")
    batch = Batch(frames={lobby: [frame(lobby.delivered + 1)]}, after=[Unfollow(sourav, lobby)])
    commit(state, batch)
    (sent,) = state.effects
    assert sent.to == [nova, sourav]
    assert list(lobby.live) == [nova]


@pytest.mark.parametrize("kind", ["welcome", "joined", "message", "repeated", "unfollow", "bye"])
def test_nothing_is_sent_to_a_connection_that_was_lost_meanwhile(world, state, nova, kind):
    session, lobby = nova.session, world.feed("lobby")
    action = {
        "welcome": SendWelcome(nova, session, b"t" * 32, 0, None, (lobby,)),
        "joined": SendJoined(nova, session, lobby, 1, 0),
        "message": SendMessage(nova, Ping(1)),
        "repeated": AnswerRepeatedSend(nova, RepeatedSend(lobby, 1)),
        "unfollow": Unfollow(nova, lobby),
        "bye": FinishBye(nova),
    }[kind]
    world.hang_up(nova)
    commit(state, Batch(before=[action], after=[action]))
    assert state.effects == []
    assert nova not in lobby.live
    assert not state.catching_up


def test_a_session_on_another_connection_gets_its_own_answers_only(world, state, nova):
    session, lobby = nova.session, world.feed("lobby")
    nova.session = None
    state.attach(world.link(), session)
    commit(state, Batch(before=[SendJoined(nova, session, lobby, 1, 0)]))
    assert state.effects == []


def test_rooms_left_since_hello_are_not_in_welcome(world, state, nova):
    session, lobby = nova.session, world.feed("lobby")
    world.frozen = True
    world.say(nova, Leave(1, "lobby"))
    commit(state, Batch(before=[SendWelcome(nova, session, b"t" * 32, 0, {}, (lobby,))]))
    (welcome,) = state.effects
    assert b"lobby" not in welcome.data
