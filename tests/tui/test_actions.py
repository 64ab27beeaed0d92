"""Actions of the user's commands: requests to the server, and local answers."""

import pytest

from netchat.wire import (
    Create,
    History,
    Join,
    Leave,
    Private,
    Rename,
    Who,
)
from tests.tui.offline import ROOM, asked, online, typed


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("/who", Who(2, "lobby", "")),
        ("/who 7k3f9-2mqOt", Who(2, ROOM, "")),
        ("/join 0000000000", Join(2, 0, 0, "0000000000")),
        ("/create", Create(2)),
        ("/leave 7K3F9-2MQ0T", Leave(2, ROOM)),
        ("/msg Nova psst", Private(2, "Nova")),
        ("/nick Lisa", Rename(2, "Lisa")),
        ("/history 3", History(2, 3, 5, "lobby")),
    ],
)
def test_commands_become_requests(line, wanted):
    session = online("lobby", ROOM)
    session.core._next_request = 2
    assert typed(session, line) == []
    assert asked(session) == [wanted]


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("/who 0000000000", "[error] You are not in room 00000-00000; /rooms lists your rooms."),
        ("/room nowhere", "[error] You are not in room nowhere; /rooms lists your rooms."),
        (
            "/join nowhere",
            "[error] A room code must look like 7K3F9-2MQ0T, or be lobby, got 'nowhere'.",
        ),
        ("/join LOBBY", "[room] you are now talking in the lobby"),
        ("/rooms", "[rooms] lobby (current), 7K3F9-2MQ0T"),
        ("x" * 101, "[error] A message must be at most 100 bytes, got 101."),
        ("/msg Nova " + "é" * 51, "[error] A message must be at most 100 bytes, got 102."),
        ("beep \x07", "[error] The message contains the control character U+0007"),
    ],
)
def test_local_answers_are_immediate(line, answer):
    session = online("lobby", ROOM)
    (shown_line,) = typed(session, line)
    assert shown_line.startswith(answer)
    assert not asked(session)
    assert not session.core.unsent


def test_a_message_goes_to_the_current_room_and_awaits_its_echo():
    session = online("lobby", ROOM)
    typed(session, "/room 7K3F9-2MQ0T")
    assert typed(session, "hello \udcff") == []
    (send,) = session.core.memory.outbox.values()
    assert (send.room, send.text) == (ROOM, "hello ?")


def test_without_a_room_no_message_is_sent():
    session = online("lobby")
    session.core.memory.rooms.clear()
    session.current = ""
    assert typed(session, "hello")[0].startswith("[error] You are not in a room")
    assert typed(session, "/who")[0].startswith("[error] You are not in a room")
