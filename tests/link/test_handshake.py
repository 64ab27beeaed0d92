"""Handshake of a link: its state table, and the table in docs/LINK.md."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from netchat.link.handshake import (
    LOADING_TIMEOUT,
    OPEN_TIMEOUT,
    RETRY_EVERY,
    TRANSITIONS,
    Action,
    Handshake,
    Input,
    State,
)
from netchat.link.open_request import OpenRequest

PAGE = Path(__file__).parents[2] / "docs" / "LINK.md"


def test_the_page_shows_the_state_table() -> None:
    rows = re.findall(r"^\| ([A-Z]+) \| (.+?) \| ([A-Z]+) \| (.+?) \|$", PAGE.read_text(), re.M)

    assert rows == [
        (state.value, event.value, transition.state.value, transition.action.value)
        for state, transitions in TRANSITIONS.items()
        for event, transition in transitions.items()
    ]


def client() -> Handshake:
    return Handshake(OpenRequest("uncoded", "uncoded"))


def test_a_client_repeats_open_until_the_server_answers() -> None:
    handshake = client()
    assert handshake.open_is_due(0.0)
    handshake.open_sent(0.0)
    assert not handshake.open_is_due(RETRY_EVERY / 2)
    assert handshake.open_is_due(RETRY_EVERY)

    assert handshake.advance(Input.ANSWER) is Action.PROCESS
    assert handshake.state is State.OPEN
    assert not handshake.open_is_due(RETRY_EVERY)


def test_a_cookie_is_returned_at_once_and_after_opening_too() -> None:
    handshake = client()
    assert handshake.open_is_due(0.0)
    handshake.open_sent(0.0)
    assert handshake.advance(Input.CHALLENGE) is Action.SEND_OPEN
    handshake.present_cookie(b"cookie")

    assert handshake.open_is_due(0.0)
    assert handshake.request is not None
    assert handshake.request.cookie == b"cookie"
    handshake.open_sent(0.0)
    handshake.advance(Input.ANSWER)
    assert handshake.advance(Input.CHALLENGE) is Action.SEND_OPEN


def test_a_server_returns_no_cookie() -> None:
    server = Handshake(None)
    server.request = OpenRequest("uncoded", "uncoded")
    server.advance(Input.OPEN)
    assert server.advance(Input.CHALLENGE) is Action.SEND_OPEN
    server.present_cookie(b"8 bytes!")

    assert server.request.cookie == b""
    assert not server.open_is_due(0.0)


def test_opening_a_link_times_out() -> None:
    handshake = client()
    handshake.open_is_due(0.0)
    handshake.tick(OPEN_TIMEOUT)
    assert handshake.state is State.CONNECTING
    handshake.tick(OPEN_TIMEOUT + 0.1)

    assert handshake.state is State.CLOSED
    assert "does not support links" in handshake.reason
    assert not handshake.has_opened


def test_a_peer_has_time_to_load_its_codes() -> None:
    over_stream = Handshake(OpenRequest("uncoded", "uncoded"), is_stream=True)
    challenged = client()
    for handshake in (over_stream, challenged):
        handshake.open_is_due(0.0)
    challenged.present_cookie(b"8 bytes!")
    for handshake in (over_stream, challenged):
        handshake.tick(LOADING_TIMEOUT)
        assert handshake.state is State.CONNECTING
        handshake.tick(LOADING_TIMEOUT + 0.1)
        assert handshake.state is State.CLOSED
        assert "no answer within 60 s" in handshake.reason


@pytest.mark.parametrize("event", list(Input))
def test_a_closed_link_stays_closed_and_keeps_its_reason(event: Input) -> None:
    handshake = client()
    handshake.advance(Input.CLOSE, "first")
    handshake.advance(event, "second")

    assert handshake.state is State.CLOSED
    assert handshake.reason == "first"


def test_a_server_answers_a_repeated_open() -> None:
    handshake = Handshake(None)
    assert not handshake.open_is_due(0.0)
    assert handshake.advance(Input.OPEN) is Action.SEND_ACCEPT
    assert handshake.advance(Input.OPEN) is Action.SEND_ACCEPT
    assert handshake.has_opened


def test_a_server_repeats_a_refusal() -> None:
    handshake = Handshake(None)
    assert handshake.advance(Input.INVALID_OPEN, "no such code") is Action.SEND_REFUSE
    assert handshake.advance(Input.OPEN) is Action.SEND_REFUSE
    assert handshake.reason == "no such code"
