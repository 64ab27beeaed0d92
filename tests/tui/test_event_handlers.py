"""Handlers of client events: the lines shown and the requests sent."""

import dataclasses
import re

import pytest

from netchat.chat.client_events import (
    ActionCompleted,
    BansReceived,
    EventsMissed,
    HistoryReceived,
    NameChanged,
    NameRejected,
    Offline,
    Online,
    RequestRefused,
    RoomDescribed,
    RoomEntered,
    RoomEvent,
    RoomLeft,
    RosterReceived,
    Undelivered,
    WarningReceived,
)
from netchat.chat.outbox import RoomView
from netchat.tui.event_handlers import handle_event
from netchat.tui.lines import LineKind
from netchat.wire import (
    BannedUser,
    Bans,
    DeviceList,
    Error,
    ErrorCode,
    Event,
    EventKind,
    History,
    Join,
    Leave,
    Member,
    Rename,
    RoomKind,
    Who,
)
from tests.tui.offline import ROOM, asked, chat, new_session, online, shown, typed


def test_a_new_user_joins_the_lobby_and_sees_its_members():
    session = new_session()
    assert shown(session, Online("Sourav", False, "netchat")) == [
        "[online] you are Sourav on here:6464"
    ]
    assert asked(session) == [Join(1, 0, 0, "lobby")]
    session.core.memory.rooms["lobby"] = RoomView("lobby", RoomKind.LOBBY, "", 1, 5)
    entered = RoomEntered("lobby", RoomKind.LOBBY, "", 2, True)
    assert shown(session, entered) == ["[room] you are in the lobby"]
    assert session.current == "lobby"
    members = (Member("Nova", 0), Member("Sourav", 0))
    greeting = handle_event(session, RosterReceived("lobby", 2, members, False))
    assert [line.kind for line in greeting] == [LineKind.NOTICE]
    assert greeting[0].text == "[who] 2 in the lobby: Nova, Sourav"


def test_an_empty_room_is_reported():
    session = new_session("lobby")
    shown(session, Online("Sourav", True, "netchat"))
    people = RosterReceived("lobby", 1, (Member("Sourav", 0),), False)
    assert shown(session, people) == ["[who] no one else is here yet"]


def test_a_resumed_session_keeps_its_rooms_and_name():
    session = new_session("lobby", ROOM, begin="7k3f9-2mq0t")
    lines = shown(session, Online("Lisa", True, "netchat"))
    assert lines[0] == (
        "[online] you are Lisa on here:6464; session resumed under this name "
        "(/nick Sourav changes it)"
    )
    assert lines[1:] == [
        "[room] you are in the lobby",
        "[room] you are in room 7K3F9-2MQ0T; others join it by this code",
    ]
    assert session.current == ROOM
    assert {type(request) for request in asked(session)} == {Who}


def test_only_new_rooms_become_the_current_room():
    session = online("lobby", ROOM)
    shown(session, RoomEntered(ROOM, RoomKind.ROOM, "", 2, True))
    assert session.current == "lobby"
    session.core.memory.rooms["0000000000"] = RoomView("0000000000", RoomKind.ROOM, "", 1, 1)
    shown(session, RoomEntered("0000000000", RoomKind.ROOM, "", 1, True))
    assert session.current == "0000000000"


def test_only_lines_of_other_rooms_name_the_room():
    session = online("lobby", ROOM)
    assert shown(session, chat("lobby", "Nova", "hi")) == ["Nova: hi"]
    assert shown(session, chat(ROOM, "Nova", "hi")) == ["[7K3F9-2MQ0T] Nova: hi"]
    assert typed(session, "/room 7K3F9-2MQ0T") == ["[room] you are now talking in room 7K3F9-2MQ0T"]
    assert shown(session, chat("lobby", "Nova", "hi")) == ["[lobby] Nova: hi"]


def test_the_users_own_leave_is_not_shown():
    session = online("lobby")
    assert shown(session, chat("lobby", "Sourav", "", EventKind.LEAVE)) == []
    assert shown(session, chat("lobby", "Nova", "", EventKind.LEAVE)) == [
        "[leave] Nova left the chat"
    ]


def test_private_messages_show_their_direction():
    session = online("lobby")
    event = Event(1, 0, 9, 1, EventKind.CHAT, "@1", "Sourav", "psst")
    assert shown(session, RoomEvent(event, RoomKind.PRIVATE, "Nova", True, False)) == [
        "you -> Nova: psst"
    ]
    event = Event(2, 0, 8, 1, EventKind.CHAT, "@1", "Nova", "yes?")
    assert shown(session, RoomEvent(event, RoomKind.PRIVATE, "Nova", False, False)) == [
        "Nova -> you: yes?"
    ]
    assert shown(session, RoomEntered("@1", RoomKind.PRIVATE, "Nova", 2, True)) == []
    assert shown(session, RoomLeft("@1")) == []


def test_a_request_that_crosses_the_end_of_a_conversation_is_no_error():
    session = online("lobby")
    text = "You are not in the room @8YWW6PGQ8A; join it first."
    for request in (
        DeviceList(1, "@8YWW6PGQ8A", ""),
        Who(1, "@8YWW6PGQ8A", ""),
        History(1, 1, 2, "@8YWW6PGQ8A"),
    ):
        error = Error(ErrorCode.NOT_A_MEMBER, request.TYPE, 1, text, "")
        assert shown(session, RequestRefused(error, request)) == []
        inside = dataclasses.replace(request, room="lobby")
        assert shown(session, RequestRefused(error, inside)) == [f"[error] {text}"]


def test_a_refused_initial_room():
    session = new_session(begin="NOPE")
    shown(session, Online("Sourav", False, "netchat"))
    (join,) = asked(session)
    error = Error(ErrorCode.NO_SUCH_ROOM, Join.TYPE, 1, "There is no room.", "")
    assert shown(session, RequestRefused(error, join)) == ["[error] There is no room."]
    assert session.initial_room_refused


def test_an_initial_room_that_no_longer_exists():
    session = new_session("lobby", ROOM, begin=ROOM)
    shown(session, Online("Sourav", False, "netchat"))
    del session.core.memory.rooms[ROOM]
    (line,) = shown(session, RoomLeft(ROOM))
    assert line.startswith("[error] You cannot return to room 7K3F9-2MQ0T: it no longer exists")
    assert session.initial_room_refused


def test_a_room_that_cannot_be_rejoined_is_reported():
    session = new_session("lobby", ROOM, begin=ROOM)
    shown(session, Online("Sourav", False, "netchat"))
    del session.core.memory.rooms[ROOM]
    (line,) = shown(session, RoomLeft(ROOM, "You are in too many."))
    assert line == "[error] You cannot return to room 7K3F9-2MQ0T: You are in too many."
    session = online("lobby", ROOM)
    del session.core.memory.rooms[ROOM]
    (line,) = shown(session, RoomLeft(ROOM, "You are in too many."))
    assert line == "[room] you are no longer in room 7K3F9-2MQ0T (You are in too many.)"


def test_losing_the_last_room_leads_to_the_lobby_unless_the_user_left():
    for wish in (False, True):
        session = online(ROOM)
        if wish:
            typed(session, "/leave")
            assert asked(session) == [Leave(2, ROOM)]
            session.core.requests.clear()
        del session.core.memory.rooms[ROOM]
        (line,) = shown(session, RoomLeft(ROOM))
        assert ("have left" in line) is wish
        assert bool(asked(session)) is not wish
        assert session.current == ""


def test_long_rosters_are_requested_in_parts_and_shown_as_one():
    session = online("lobby")
    typed(session, "/who")
    session.core.requests.clear()
    assert shown(session, RosterReceived("lobby", 3, (Member("A", 0), Member("B", 0)), True)) == []
    assert asked(session) == [Who(3, "lobby", "B")]
    assert shown(session, RosterReceived("lobby", 3, (Member("C", 0),), False)) == [
        "[who] 3 in the lobby: A, B, C"
    ]


def test_the_connection_state_is_shown_once():
    session = online("lobby")
    assert shown(session, Offline("gone", 1.0)) == ["[offline] gone; reconnecting"]
    assert shown(session, Offline("refused", 2.0)) == []
    assert session.retry_at is not None
    assert shown(session, Online("Sourav", True, "")) == ["[online] reconnected as Sourav"]
    assert session.retry_at is None


def test_moving_to_another_server_is_shown():
    session = online("lobby")
    shown(session, Offline("gone", 1.0))
    session.client.address = "there:6464"
    assert shown(session, Online("Sourav", True, "")) == [
        "[online] reconnected as Sourav on there:6464"
    ]
    shown(session, Offline("gone", 1.0))
    assert shown(session, Online("Sourav", False, "")) == [
        "[online] reconnected as Sourav (in a new session)"
    ]


def test_a_name_lost_while_offline_is_shown_once_and_nick_chooses_another():
    session = online("lobby")
    shown(session, Offline("gone", 1.0))
    session.core.lost()
    (line,) = shown(session, NameRejected("Taken.", "Sourav2"))
    assert line == "[error] Taken. Choose another name with /nick, such as /nick Sourav2"
    late = WarningReceived(Error(ErrorCode.HANDSHAKE_TIMEOUT, 0, 0, "No HELLO", ""))
    assert shown(session, late) == []
    assert shown(session, NameRejected("Taken.", "Sourav2")) == []
    typed(session, "/nick Sourav2")
    assert session.core.name == "Sourav2"
    assert not asked(session)
    shown(session, Online("Sourav2", False, ""))
    assert session.name_rejection is None


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (
            EventsMissed("lobby", 3, 7),
            "[missed] 5 events of the lobby, no longer available on the server",
        ),
        (Undelivered("psst", "No such user."), "[not delivered] 'psst': No such user."),
        (
            WarningReceived(Error(ErrorCode.TOO_FAST, 0, 0, "Slow down.", "")),
            "[warning] Slow down.",
        ),
        (
            WarningReceived(Error(ErrorCode.STORAGE_RESTORED, 0, 0, "It works again.", "")),
            "[restored] It works again.",
        ),
        (
            RequestRefused(Error(ErrorCode.NAME_TAKEN, Rename.TYPE, 1, "Taken.", "Lisa2"), None),
            "[error] Taken. Lisa2 is free.",
        ),
        (HistoryReceived("lobby", (), 1), "[history] the lobby has no history"),
    ],
)
def test_other_events_are_one_line(event, line):
    assert shown(online("lobby"), event) == [line]


def test_a_new_name_is_shown_by_the_rooms_or_by_the_client():
    assert shown(online("lobby"), NameChanged("Lisa")) == []
    session = online("lobby")
    session.core.memory.rooms.clear()
    assert shown(session, NameChanged("Lisa")) == ["[name] you are now Lisa"]


class TestModeration:
    def test_a_removal_is_shown_with_its_reason_and_the_member_is_gone(self):
        session = online("lobby", ROOM)
        event = Event(6, 0, 0, 1, EventKind.REMOVED, ROOM, "Nova", "Ada\n0\nspam")
        lines = shown(session, RoomEvent(event, RoomKind.ROOM, "", False, False))
        assert lines == ["[7K3F9-2MQ0T] [leave] Nova was removed by Ada: spam"]
        assert list(session.people.rooms[ROOM]) == ["Sourav"]

    def test_a_change_of_the_room_adds_no_member(self):
        session = online("lobby")
        event = Event(6, 0, 0, 8, EventKind.ROOM_CHANGED, "lobby", "", "\n0\nPhysics")
        lines = shown(session, RoomEvent(event, RoomKind.LOBBY, "", False, False))
        assert lines == ["[room] the host named this room “Physics”"]
        assert list(session.people.rooms["lobby"]) == ["Nova", "Sourav"]

    def test_title_modes_and_new_rights_are_announced_once(self):
        session = online("lobby")
        told = RoomDescribed("lobby", "Physics", 0, True, True)
        assert shown(session, told) == [
            "[room] the lobby is called “Physics”, is locked, is read-only"
        ]
        assert shown(session, told) == []
        told = RoomDescribed("lobby", "Chemistry", 1, True, True)
        assert shown(session, told) == [
            "[room] you are a moderator of the lobby; /help lists what you can do"
        ]
        told = RoomDescribed("lobby", "Chemistry", 2, True, True)
        assert shown(session, told) == [
            "[room] you are an owner of the lobby; /help lists what you can do"
        ]
        assert shown(session, ActionCompleted("lobby", 8)) == []

    def test_bans_are_listed_once_all_have_arrived(self):
        session = online("lobby")
        first = BannedUser(3, 0, 3, "Nova", "", "Ada", "spam")
        second = BannedUser(4, 1_700_000_000_000_000, 4, "", "192.0.2.7", "", "")
        assert shown(session, BansReceived("lobby", (first,), True)) == []
        assert asked(session) == [Bans(next(iter(session.core.requests)), 3, "lobby")]
        lines = shown(session, BansReceived("lobby", (second,), False))
        assert lines[0] == "#3 Nova (name, device) until it is lifted, by Ada: spam"
        assert re.fullmatch(
            r"#4 an address \(address 192\.0\.2\.7\) until 2023-11-1\d \d\d:\d\d, by the host",
            lines[1],
        )
        assert shown(session, BansReceived("lobby", (), False)) == ["[bans] the lobby has no bans"]

    def test_an_export_goes_on_until_all_is_saved(self, tmp_path):
        session = online("lobby")
        typed(session, f"/export {tmp_path / 'log.txt'}")
        (request,) = session.exports
        events = tuple(Event(n, 0, 0, 0, EventKind.JOIN, "lobby", f"U{n}", "") for n in (2, 3))
        assert shown(session, HistoryReceived("lobby", events, 2, request)) == []
        (request,) = session.exports
        events = tuple(Event(n, 0, 0, 0, EventKind.JOIN, "lobby", f"U{n}", "") for n in (4, 5))
        lines = shown(session, HistoryReceived("lobby", events, 2, request))
        assert lines == [f"[export] saved 4 events to {tmp_path / 'log.txt'}"]
        assert (tmp_path / "log.txt").read_text().count("joined") == 4

    def test_an_export_that_fails_says_why(self, tmp_path):
        session = online("lobby")
        typed(session, f"/export {tmp_path / 'log.txt'}")
        (request,) = session.exports
        (tmp_path / "log.txt").touch()  # meanwhile
        events = tuple(Event(n, 0, 0, 0, EventKind.JOIN, "lobby", f"U{n}", "") for n in range(1, 6))
        (line,) = shown(session, HistoryReceived("lobby", events, 1, request))
        assert line.startswith("[error] Cannot write")
        typed(session, f"/export {tmp_path / 'log.csv'}")
        (request,) = session.exports
        error = Error(ErrorCode.NOT_A_MEMBER, History.TYPE, request, "You are not in it.", "")
        assert shown(session, RequestRefused(error, None)) == ["[error] You are not in it."]
        assert session.exports == {}
