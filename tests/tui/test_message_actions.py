"""/edit, /delete, /reply and /react: which message they mean, and what they send."""

from __future__ import annotations

import pytest

from netchat.chat.client_events import HistoryReceived, RoomEvent, RoomLeft
from netchat.tui.commands import completions, parse
from netchat.wire import Annotate, Event, EventKind, RoomKind, Send
from tests.tui.offline import ROOM, online, shown, typed

OWN, OTHER = 5, 6


@pytest.fixture
def session():
    made = online("lobby")
    made.core.device = OWN
    return made


def event(seq, text, sender="Nova", kind=EventKind.CHAT, room="lobby"):
    device = OWN if sender == "Sourav" else OTHER
    return Event(seq, 1_700_000_000_000_000, device, seq, kind, room, sender, text)


def hear(session, *events, **more):
    lines = []
    for one in events:
        own = one.sender == "Sourav"
        lines += shown(session, RoomEvent(one, RoomKind.LOBBY, "", own, late=False, **more))
    return lines


def sent(session):
    """Return and forget the messages in the outbox."""
    messages = [
        (one.kind, one.target, one.text) if isinstance(one, Annotate) else one.text
        for one in session.core.memory.outbox.values()
        if isinstance(one, Annotate | Send)
    ]
    session.core.memory.outbox.clear()
    return messages


def talk(session):
    hear(
        session,
        event(1, "first"),
        event(2, "mine", "Sourav"),
        event(3, "hi", "Maya"),
        event(4, "mine too", "Sourav"),
    )
    hear(session, event(5, "last"))


@pytest.mark.parametrize(
    ("line", "kind", "target", "text"),
    [
        ("/edit better", EventKind.EDIT, 4, "better"),
        ("/edit #2 better  spaced", EventKind.EDIT, 2, "better  spaced"),
        ("/EDIT #2\nnext line", EventKind.EDIT, 2, "next line"),
        ("/delete", EventKind.DELETE, 4, ""),
        ("/delete #1", EventKind.DELETE, 1, ""),
        ("/reply yes", EventKind.REPLY, 5, "yes"),
        ("/reply @maya yes", EventKind.REPLY, 3, "yes"),
        ("/reply @Maya: yes", EventKind.REPLY, 3, "yes"),
        ("/reply #99 yes", EventKind.REPLY, 99, "yes"),
        ("/react +1", EventKind.REACTION, 5, "+👍"),
        ("/react :tada:", EventKind.REACTION, 5, "+🎉"),
        ("/react @Sourav 🙃", EventKind.REACTION, 4, "+🙃"),
    ],
)
def test_which_message_is_meant(session, line, kind, target, text):
    talk(session)
    assert typed(session, line) == []
    assert sent(session) == [(kind, target, text)]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("/reply @Bo yes", "no message of Bo"),
        ("/edit #0 x", "not the number"),
        ("/edit #9223372036854775808 x", "not the number"),
        ("/edit #2", "empty"),
        ("/edit a\x1bb", "control character"),
        ("/reply " + "x" * 101, "at most 100 bytes"),
        ("/delete the last one", "takes the number"),
        ("/react not an emoji", "no space"),
        ("/react #5", "1 to 16 characters"),
    ],
)
def test_what_is_wrong_is_said_at_once(session, line, problem):
    talk(session)
    (answer,) = typed(session, line)
    assert problem in answer
    assert sent(session) == []


@pytest.mark.parametrize("line", ["/edit x", "/delete", "/reply x", "/react +1"])
def test_without_a_message_or_a_room(session, line):
    (answer,) = typed(session, line)
    assert "no such message here yet" in answer
    nowhere = online()
    (answer,) = typed(nowhere, line)
    assert "not in a room" in answer


@pytest.mark.parametrize("line", ["/edit", "/reply ", "/react"])
def test_an_argument_is_needed(line):
    with pytest.raises(ValueError, match="Usage: /"):
        parse(line)


def test_a_reaction_is_taken_back_with_the_same_command(session):
    talk(session)
    hear(session, event(6, "5\n+👍", "Sourav", EventKind.REACTION))
    typed(session, "/react +1")
    typed(session, "/react heart")
    assert [text for _, _, text in sent(session)] == ["-👍", "+❤️"]


def test_deleted_messages_and_files_are_not_edited(session):
    talk(session)
    hear(session, event(6, "3\n" + "a" * 64 + "\n\nf", "Sourav", EventKind.FILE))
    hear(session, event(7, "4", "Sourav", EventKind.DELETE))
    typed(session, "/edit x")
    assert sent(session) == [(EventKind.EDIT, 2, "x")]
    typed(session, "/delete")
    assert sent(session) == [(EventKind.DELETE, 6, "")]


def test_another_device_of_the_account(session):
    hear(session, event(1, "from the phone", "Sourav"))
    session.core.device = 77
    assert "no such message" in typed(session, "/edit x")[0]
    session.core.account = "sourav"
    typed(session, "/edit x")
    assert sent(session) == [(EventKind.EDIT, 1, "x")]


def test_messages_of_the_history_count_too(session):
    shown(session, HistoryReceived("lobby", (event(1, "mine", "Sourav"), event(2, "hi")), 1))
    typed(session, "/edit x")
    typed(session, "/reply y")
    assert sent(session) == [(EventKind.EDIT, 1, "x"), (EventKind.REPLY, 2, "y")]


def test_each_room_has_its_own_messages():
    session = online("lobby", ROOM)
    session.core.device = OWN
    hear(session, event(1, "here"), event(9, "there", room=ROOM))
    typed(session, "/reply x")
    typed(session, f"/room {ROOM}")
    typed(session, "/reply y")
    assert [target for _, target, _ in sent(session)] == [1, 9]
    shown(session, RoomLeft(ROOM))
    assert ROOM not in session.messages


def test_an_old_server(session):
    session.core.has_annotations = False
    talk(session)
    (answer,) = typed(session, "/edit x")
    assert "too old" in answer


def test_names_after_an_at_sign_are_completed():
    assert completions("/reply @No", ["Nova"], []) == (3, ["@Nova"])
    assert completions("hello @", ["Nova", "Maya"], []) == (1, ["@Nova", "@Maya"])
