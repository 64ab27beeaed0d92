"""Actions of the user's commands: requests to the server, and local answers."""

import pytest

from netchat.wire import (
    Bans,
    Create,
    History,
    Join,
    Leave,
    Moderate,
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


def test_a_scope_without_what_to_ban_is_no_name():
    session = online("lobby", ROOM)
    text = "What to ban must follow device: without a space, as in device:Nova."
    assert typed(session, "/ban device: 2h") == [f"[error] {text}"]
    assert asked(session) == []


@pytest.mark.parametrize("line", ["/mute Nova 0s", "/ban Nova 00h no"])
def test_a_mute_or_ban_of_no_time_is_not_one_without_end(line):
    session = online("lobby", ROOM)
    assert typed(session, line)[0].startswith("[error] TIME must be at least 1s, got 0")
    assert asked(session) == []


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


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("/kick Nova", Moderate(2, 1, 0, 0, "lobby", "Nova", "")),
        ("/kick Nova be nice", Moderate(2, 1, 0, 0, "lobby", "Nova", "be nice")),
        ("/mute Nova", Moderate(2, 2, 0, 0, "lobby", "Nova", "")),
        ("/mute Nova 10m be quiet", Moderate(2, 2, 0, 600, "lobby", "Nova", "be quiet")),
        ("/mute Nova be quiet now", Moderate(2, 2, 0, 0, "lobby", "Nova", "be quiet now")),
        ("/unmute Nova", Moderate(2, 3, 0, 0, "lobby", "Nova", "")),
        ("/ban Nova 2H", Moderate(2, 4, 0, 7200, "lobby", "Nova", "")),
        ("/ban device:Nova 1d no", Moderate(2, 4, 2, 86_400, "lobby", "Nova", "no")),
        ("/ban address:2001:db8::1", Moderate(2, 4, 4, 0, "lobby", "2001:db8::1", "")),
        ("/ban x:Nova", Moderate(2, 4, 0, 0, "lobby", "x:Nova", "")),
        ("/ban Nova 999999d", Moderate(2, 4, 0, 2**32 - 1, "lobby", "Nova", "")),
        ("/unban #3", Moderate(2, 5, 0, 0, "lobby", "#3", "")),
        ("/bans", Bans(2, 0, "lobby")),
        ("/op Nova", Moderate(2, 6, 0, 0, "lobby", "Nova", "")),
        ("/deop Nova", Moderate(2, 7, 0, 0, "lobby", "Nova", "")),
        ("/title Physics 9b", Moderate(2, 8, 0, 0, "lobby", "", "Physics 9b")),
        ("/title", Moderate(2, 8, 0, 0, "lobby", "", "")),
        ("/lock", Moderate(2, 9, 0, 0, "lobby", "", "")),
        ("/unlock", Moderate(2, 10, 0, 0, "lobby", "", "")),
        ("/readonly exam", Moderate(2, 11, 0, 0, "lobby", "", "exam")),
        ("/writable", Moderate(2, 12, 0, 0, "lobby", "", "")),
        ("/clear", Moderate(2, 13, 0, 0, "lobby", "", "")),
        ("/close over", Moderate(2, 14, 0, 0, "lobby", "", "over")),
    ],
)
def test_moderators_commands_become_requests(line, wanted):
    session = online("lobby", ROOM)
    session.core._next_request = 2
    assert typed(session, line) == []
    assert asked(session) == [wanted]


def test_rooms_are_listed_with_their_titles():
    session = online("lobby", ROOM)
    session.core.memory.rooms[ROOM].title = "Physics"
    assert typed(session, "/rooms") == ["[rooms] lobby (current), 7K3F9-2MQ0T “Physics”"]


def test_an_export_needs_a_new_file_of_a_known_format(tmp_path):
    session = online("lobby")
    (line,) = typed(session, f"/export {tmp_path / 'log.pdf'}")
    assert "FILE must end with" in line
    assert typed(session, f"/export {tmp_path / 'log.txt'}") == []
    assert len(session.exports) == 1


@pytest.mark.parametrize("line", ["/bans", "/lock", "/export log.txt"])
def test_a_moderators_command_needs_a_room(line):
    session = online()
    session.current = ""
    (shown_line,) = typed(session, line)
    assert "You are not in a room" in shown_line
