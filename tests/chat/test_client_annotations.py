"""Edits, deletions, replies and reactions in a client's outbox; the page's client runs these, too."""

from __future__ import annotations

import pytest

from netchat.chat.client_events import RequestRefused, SearchCompleted, Undelivered
from netchat.errors import NetchatError
from netchat.wire import EventKind
from tests.chat.test_client_handlers import give, lobby, welcome
from tests.chat.world import World


@pytest.fixture
def world():
    return World()


def said(user):
    return [(e.kind, e.text) for e in user.events() if e.device]


def test_every_kind_is_sent_in_order(world):
    nova, bo = world.user("Nova", "lobby"), world.user("Bo", "lobby")
    nova.core.say("lobby", "hi")
    world.settle()
    seq = bo.events()[-1].seq
    nova.core.annotate("lobby", EventKind.EDIT, seq, "ho")
    nova.core.annotate("lobby", EventKind.REPLY, seq, "ha")
    nova.core.annotate("lobby", EventKind.REACTION, seq, "+👍")
    nova.core.annotate("lobby", EventKind.DELETE, seq)
    assert nova.core.unsent == 4
    world.settle()
    assert nova.core.unsent == 0
    assert said(bo) == [
        (EventKind.CHAT, "hi"),
        (EventKind.EDIT, f"{seq}\nho"),
        (EventKind.REPLY, f"{seq}\nha"),
        (EventKind.REACTION, f"{seq}\n+👍"),
        (EventKind.DELETE, str(seq)),
    ]
    assert said(nova) == said(bo)


def test_it_survives_a_lost_connection_and_counts_once(world):
    nova = world.user("Nova", "lobby")
    nova.core.say("lobby", "hi")
    world.settle()
    seq = nova.events()[-1].seq
    nova.core.annotate("lobby", EventKind.EDIT, seq, "ho")
    world.drop(nova, up=10_000)  # arrives, but its echo does not
    nova.core.annotate("lobby", EventKind.REPLY, seq, "offline")
    world.connect(nova)
    world.settle()
    assert said(nova)[1:] == [(EventKind.EDIT, f"{seq}\nho"), (EventKind.REPLY, f"{seq}\noffline")]
    assert nova.core.unsent == 0


def test_a_refusal_is_reported(world):
    nova = world.user("Nova", "lobby")
    nova.core.annotate("lobby", EventKind.EDIT, 1, "ho")
    world.settle()
    (report,) = nova.all(Undelivered)
    assert "message 1" in report.why
    assert nova.core.unsent == 0


def test_a_search_is_answered_and_repeated_after_a_lost_connection(world):
    nova = world.user("Nova", "lobby")
    nova.core.say("lobby", "a red pen")
    world.settle()
    nova.core.search("lobby", "PEN")
    world.drop(nova)
    assert nova.all(SearchCompleted) == []
    world.connect(nova)
    world.settle()
    (answer,) = nova.all(SearchCompleted)
    assert [message.text for message in answer.messages] == ["a red pen"]
    assert answer.is_complete
    assert len(nova.core.requests) == 0


def test_only_members_annotate(world):
    nova = world.user("Nova")
    with pytest.raises(KeyError):
        nova.core.annotate("lobby", EventKind.EDIT, 1, "ho")


def test_an_old_server_gets_none(world):
    nova = world.user("Nova", "lobby")
    world.drop(nova)
    nova.core.annotate("lobby", EventKind.EDIT, 1, "ho")  # the next server may support it
    assert nova.core.unsent == 1
    nova.core.connected()
    nova.core.take_events()
    give(nova.core, welcome(lobby(10)))
    report = next(e for e in nova.core.take_events() if isinstance(e, Undelivered))
    assert "too old" in report.why
    assert nova.core.unsent == 0
    with pytest.raises((NetchatError, AssertionError), match="too old"):
        nova.core.annotate("lobby", EventKind.EDIT, 1, "ho")
    with pytest.raises((NetchatError, AssertionError), match="too old"):
        nova.core.search("lobby", "pen")


def test_an_old_server_gets_no_search(world):
    nova = world.user("Nova", "lobby")
    world.drop(nova)
    nova.core.search("lobby", "pen")
    nova.core.connected()
    nova.core.take_events()
    give(nova.core, welcome(lobby(10)))
    report = next(e for e in nova.core.take_events() if isinstance(e, RequestRefused))
    assert "too old" in report.error.text
    assert len(nova.core.requests) == 0
