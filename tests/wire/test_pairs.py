"""Which message answers which."""

import pytest

from netchat.wire import (
    MESSAGES,
    Ack,
    Error,
    Event,
    Hello,
    History,
    HistoryEnd,
    Join,
    Joined,
    Ping,
    Pong,
    Send,
    Way,
    Welcome,
)
from netchat.wire.pairs import ANSWERS, link_field


def test_each_message_of_a_client_has_its_answers():
    assert set(ANSWERS) == {m for m in MESSAGES.values() if m.WAY in (Way.TO_SERVER, Way.BOTH)}
    answers = {answer for answers in ANSWERS.values() for answer in answers}
    assert all(answer.WAY in (Way.TO_CLIENT, Way.BOTH) for answer in answers)


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (Join, "request"),
        (Joined, "request"),
        (History, "request"),
        (HistoryEnd, "request"),
        (Send, "counter"),
        (Ack, "counter"),
        (Event, "counter"),
        (Ping, "time"),
        (Pong, "time"),
        (Error, "reference"),
        (Hello, None),
        (Welcome, None),
    ],
)
def test_requests_and_responses_are_linked_by_a_field(message, field):
    assert link_field(message) == field
