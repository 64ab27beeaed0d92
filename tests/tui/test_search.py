"""/search: on the server, or in memory if the room is sealed."""

from __future__ import annotations

import json

import pytest

from netchat.chat.client_events import RequestRefused, SearchCompleted
from netchat.tui import search as module
from netchat.tui.event_handlers import handle_event
from netchat.tui.json_output import event_json
from netchat.tui.lines import render
from netchat.wire import Error, EventKind, FoundMessage, RoomKind, Search
from tests.tui.offline import ROOM, asked, online, shown, typed
from tests.tui.test_message_actions import event, hear

TIME = 1_700_000_000_000_000


@pytest.fixture
def session():
    made = online("lobby")
    made.core.requests.clear()
    return made


def found(seq, text="a pen", kind=EventKind.CHAT, target=0):
    return FoundMessage(seq, TIME, kind, target, "Nova", text)


def answer(session, *messages, searched=0, room="lobby"):
    """Answer the only request of the session."""
    (number,) = session.core.requests
    session.core.requests.clear()
    return [
        line[:200] for line in shown(session, SearchCompleted(room, messages, searched, number))
    ]


def test_the_matches_are_shown_in_order_with_their_numbers(session):
    assert typed(session, "/search  red  pen ") == []
    (request,) = asked(session)
    assert (request.before, request.room, request.words) == (0, "lobby", "red  pen")
    lines = answer(session, found(9, "Red pens", EventKind.EDIT, 7), found(5, "a red pen"))
    assert [line.partition("  ")[2] for line in lines[:2]] == [
        "#5 Nova: a red pen",
        "#7 Nova: Red pens (edited)",
    ]
    assert lines[2] == "[search] 2 messages contain “red  pen” in the lobby"


def test_an_edited_message_is_shown_once_with_its_last_text(session):
    typed(session, "/search pen")
    edited = found(9, "my pen", EventKind.EDIT, 5), found(7, "a penn", EventKind.EDIT, 5), found(5)
    lines = answer(session, *edited)
    assert [line.partition("  ")[2] for line in lines[:-1]] == ["#5 Nova: my pen (edited)"]


def test_nothing_is_found(session):
    typed(session, "/search pen")
    assert answer(session) == ["[search] no message contains “pen” in the lobby"]


def test_it_continues_until_enough_is_found(session):
    typed(session, "/search pen")
    assert answer(session, found(90), searched=80) == []
    (request,) = asked(session)
    assert (request.before, request.words) == (80, "pen")
    lines = answer(session, *[found(n) for n in range(70, 50, -1)], searched=51)
    assert len(lines) == module.SHOWN + 1
    assert lines[-1] == "[search] 20 messages contain “pen” in the lobby, back to message 51"
    assert not session.searches


def test_it_does_not_continue_forever(session):
    typed(session, "/search pen")
    for _ in range(module.MAX_REQUESTS - 1):
        assert answer(session, searched=1000) == []
    assert "back to message 1000" in answer(session, searched=1000)[0]


def test_an_answer_to_a_forgotten_search_shows_nothing(session):
    assert shown(session, SearchCompleted("lobby", (found(1),), 0, 99)) == []


def test_a_refused_search(session):
    typed(session, "/search pen")
    (number,) = session.core.requests
    request = session.core.requests.pop(number)
    lines = shown(session, RequestRefused(Error(166, Search.TYPE, number, "No.", ""), request))
    assert lines == ["[error] No."]
    assert not session.searches


def test_matches_are_marked_in_colour(session):
    typed(session, "/search red pen")
    (number,) = session.core.requests
    messages = (found(5, "a Red pen, red"), found(4, "Straße red pen"))
    lines = handle_event(session, SearchCompleted("lobby", messages, 0, number))
    assert [style for style, _ in lines[1].parts if style] == [
        "time",
        "tag",
        "name",
        *["match"] * 3,
    ]
    assert "\x1b[7mRed\x1b[0m" in render(lines[1], colour=True, one_line=True)
    assert "match" not in [style for style, _ in lines[0].parts]  # folding changes its length


def test_a_sealed_room_is_searched_in_memory():
    session = online("lobby", ROOM)
    session.core.memory.rooms[ROOM].kind = RoomKind.SEALED
    session.current = ROOM
    for seq, text in ((1, "a red pen"), (2, "blue"), (3, "gone pen")):
        hear(session, event(seq, text, room=ROOM))
    hear(session, event(4, "2\nBLUE PEN", room=ROOM, kind=EventKind.EDIT))
    hear(session, event(5, "3", room=ROOM, kind=EventKind.DELETE))
    session.core.requests.clear()
    lines = typed(session, "/search pen")
    assert [line.partition("  ")[2] for line in lines[:2]] == [
        "#1 Nova: a red pen",
        "#2 Nova: BLUE PEN",
    ]
    assert "the 2 messages that this client has" in lines[2]
    assert "cannot read" in lines[2]
    assert asked(session) == []


def test_without_a_room():
    assert "not in a room" in typed(online(), "/search pen")[0]


def test_json():
    fields = json.loads(
        event_json(SearchCompleted("lobby", (found(9, "x", EventKind.REPLY, 7), found(5)), 3))
    )
    assert (fields["type"], fields["room"], fields["searched"]) == ("found", "lobby", 3)
    assert fields["messages"][0] == {
        "type": "reply", "seq": 9, "time": TIME / 1e6, "sender": "Nova", "text": "x", "target": 7,
    }  # fmt: skip
    assert "target" not in fields["messages"][1]
