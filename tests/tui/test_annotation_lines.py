"""Lines about edits, deletions, replies and reactions."""

from __future__ import annotations

import json

import pytest

from netchat.chat.client_events import HistoryReceived, RoomEvent
from netchat.tui.json_output import event_json
from netchat.wire import Event, EventKind, ModeratorAction, RoomKind
from tests.tui.offline import online, shown
from tests.tui.test_message_actions import event, hear


@pytest.fixture
def session():
    return online("lobby")


def test_each_kind_has_a_line_with_its_target(session):
    lines = hear(
        session,
        event(1, "Hello everone"),
        event(2, "1\nHello everyone", kind=EventKind.EDIT),
        event(3, "1\nHi!", "Sourav", EventKind.REPLY),
        event(4, "1\n+👍", "Maya", EventKind.REACTION),
        event(5, "1\n+👍", "Bo", EventKind.REACTION),
        event(6, "1\n-👍", "Bo", EventKind.REACTION),
        event(7, "3", "Sourav", EventKind.DELETE),
        event(8, "1", "Maya", EventKind.DELETE),
        event(9, "1\nWhat?", "Bo", EventKind.REPLY),
    )
    assert lines == [
        "Nova: Hello everone",
        "[edit] Nova: Hello everyone (was “Hello everone”)",
        "Sourav ↩ Nova “Hello everyone”: Hi!",
        "[react] Maya 👍 Nova “Hello everyone” (👍 1)",
        "[react] Bo 👍 Nova “Hello everyone” (👍 2)",
        "[react] Bo took back 👍 Nova “Hello everyone” (👍 1)",
        "[delete] Sourav deleted a message",
        "[delete] Maya deleted a message of Nova",
        "Bo ↩ Nova “(deleted)”: What?",
    ]


def test_messages_that_are_not_known_are_named_by_their_number(session):
    lines = hear(
        session,
        event(5, "1\nnew", kind=EventKind.EDIT),
        event(6, "2\nyes", kind=EventKind.REPLY),
        event(7, "3\n+👍", kind=EventKind.REACTION),
        event(8, "4", kind=EventKind.DELETE),
    )
    assert lines == [
        "[edit] Nova: new (message 1)",
        "Nova ↩ message 2: yes",
        "[react] Nova 👍 message 3",
        "[delete] Nova deleted a message",
    ]


def test_a_quotation_is_short_and_on_one_line(session):
    (line,) = hear(session, event(1, "a\nb" * 100), event(2, "1\nyes", "Bo", EventKind.REPLY))[1:]
    assert line.startswith("Bo ↩ Nova “a b")
    assert "…”: yes" in line
    assert len(line) < 70


def test_a_file_is_quoted_by_its_name(session):
    offer = "3\n" + "a" * 64 + "\nimage/png\ncat.png"
    line = hear(
        session, event(1, offer, kind=EventKind.FILE), event(2, "1\nnice", "Bo", EventKind.REPLY)
    )[1]
    assert line == "Bo ↩ Nova “cat.png (3 bytes)”: nice"


@pytest.mark.parametrize(
    "kind", [EventKind.EDIT, EventKind.REPLY, EventKind.REACTION, EventKind.DELETE]
)
def test_a_text_in_another_form_is_shown_as_it_is(session, kind):
    assert hear(session, event(5, "odd\x1b[2J", kind=kind)) == ["Nova: odd\\x1b[2J"]


def test_a_forged_event_changes_nothing_and_is_marked(session):
    hear(session, event(1, "mine"))
    lines = hear(session, event(2, "1\nforged", kind=EventKind.EDIT), problems=("not sealed",))
    assert lines == ["[warning] Nova: not sealed", "Nova: (edited message 1) forged"]
    assert session.messages_of("lobby").text_of(1) == ("Nova", "mine")


def test_the_history_shows_the_present_state(session):
    events = (
        event(1, "a"),
        event(2, "b"),
        event(3, "1\nc", kind=EventKind.EDIT),
        event(4, "2", kind=EventKind.DELETE),
        event(5, "1\n+👍", "Bo", EventKind.REACTION),
        event(6, "1\nyes", "Bo", EventKind.REPLY),
        event(7, "", "Maya", EventKind.ERASED),
        event(8, "", "Maya", EventKind.JOIN),
    )
    lines = [line[18:] for line in shown(session, HistoryReceived("lobby", events, 1))]
    assert lines == [
        "#1 Nova: c (edited)  [👍 1]",
        "#2 Nova: (deleted)",
        "#6 Bo ↩ Nova “c”: yes",
        "Maya: (deleted)",
        "[join] Maya joined the chat",
    ]


def test_the_history_shows_changes_of_messages_before_it(session):
    events = (event(5, "1\nc", kind=EventKind.EDIT), event(6, "2", kind=EventKind.DELETE))
    lines = [line[18:] for line in shown(session, HistoryReceived("lobby", events, 1))]
    assert lines == ["[edit] Nova: c (message 1)", "[delete] Nova deleted a message"]


def test_a_cleared_room_forgets_its_messages(session):
    hear(session, event(1, "a"))
    clear = Event(
        2, 1, 0, ModeratorAction.CLEAR, EventKind.ROOM_CHANGED, "lobby", "Nova", "Nova\n0\n"
    )
    hear(session, clear)
    assert session.messages_of("lobby").get(1) is None


def test_a_reply_in_a_private_conversation(session):
    def private(seq, text, kind):
        one = event(seq, text, "Nova", kind, "@ROOM")
        return shown(session, RoomEvent(one, RoomKind.PRIVATE, "Nova", own=False, late=False))

    assert private(1, "psst", EventKind.CHAT) == ["Nova -> you: psst"]
    assert private(2, "1\nwhat", EventKind.REPLY) == ["Nova ↩ Nova “psst”: what"]


def test_json_has_the_target():
    def fields(kind, text):
        one = RoomEvent(event(5, text, kind=kind), RoomKind.LOBBY, "", own=False, late=False)
        found = json.loads(event_json(one))
        return {name: found.get(name) for name in ("type", "target", "text", "removed")}

    assert fields(EventKind.EDIT, "1\nnew") == {
        "type": "edit", "target": 1, "text": "new", "removed": None,
    }  # fmt: skip
    assert fields(EventKind.REACTION, "1\n-👍")["removed"] is True
    assert fields(EventKind.DELETE, "1")["text"] == ""
    assert fields(EventKind.ERASED, "")["type"] == "erased"


def entered(session, *events):
    session.past_count = 2
    session.entry_requests[7] = "lobby"
    return [line[18:] for line in shown(session, HistoryReceived("lobby", events, 1, 7))]


def test_entering_shows_the_last_messages_without_arrivals_and_numbers(session):
    events = (
        event(1, "a"),
        event(2, "b"),
        event(3, "2\nB", kind=EventKind.EDIT),
        event(4, "c"),
        event(5, "", "Maya", EventKind.JOIN),
    )
    assert entered(session, *events) == ["Nova: B (edited)", "Nova: c"]
    assert not session.entry_requests


def test_entering_does_not_repeat_what_was_shown(session):
    hear(session, event(4, "live"))
    assert entered(session, event(3, "a"), event(4, "live"), event(5, "more")) == ["Nova: a"]


def test_entering_an_empty_room_shows_nothing(session):
    assert entered(session) == []
