"""The model of front ends with panes."""

from __future__ import annotations

from netchat.chat.client_events import (
    FileEnded,
    FileProgress,
    HistoryReceived,
    Offline,
    RoomEntered,
    RoomEvent,
    RoomLeft,
    RoomRead,
    RosterReceived,
    SearchCompleted,
)
from netchat.chat.outbox import RoomView
from netchat.tui.entries import Entry
from netchat.tui.event_handlers import handle_event
from netchat.tui.lines import LineKind
from netchat.tui.pane import MAX_ENTRIES, Pane
from netchat.tui.panes import PAST, Panes
from netchat.wire import (
    Annotate,
    Event,
    EventKind,
    FoundMessage,
    History,
    Join,
    Member,
    Private,
    RoomKind,
    Send,
)
from netchat.wire.file_offers import FileOffer, offer_text
from tests.tui.offline import ROOM, asked, new_session
from tests.tui.pane_user import PaneUser

SHOWN = "7K3F9-2MQ0T"


def test_messages_go_to_the_log_of_their_room():
    user = PaneUser()
    user.enter(ROOM)
    assert user.panes.state().selected == ROOM
    user.event("lobby", "Nova", "hello")
    user.event(ROOM, "Nova", "here")
    user.event("lobby", "Nova", "SOURAV, where are you?")
    assert user.labels == [("lobby", 2), (SHOWN, 0)]
    lobby, room = user.panes.state().conversations
    assert (lobby.is_mentioned, lobby.code, room.code) == (True, "", SHOWN)
    assert user.log("lobby")[-2:] == ["Nova: hello", "Nova: SOURAV, where are you?"]
    assert user.log(ROOM)[-1] == "Nova: here"
    user.panes.select("lobby")
    assert user.labels == [("lobby", 0), (SHOWN, 0)]
    user.session.core.requests.clear()
    user.run("to the lobby")
    sent = [send for send in user.session.core.memory.outbox.values() if isinstance(send, Send)]
    assert [(send.room, send.text) for send in sent] == [("lobby", "to the lobby")]


def test_a_message_is_unread_while_the_user_looks_elsewhere():
    user = PaneUser()
    user.panes.focus(has_focus=False)
    user.event("lobby", "Nova", "hello")
    user.event("lobby", "Sourav", "mine", own=True)
    assert user.labels == [("lobby", 1)]
    user.panes.focus(has_focus=True)
    assert user.labels == [("lobby", 0)]


def test_a_private_conversation_has_one_pane_whoever_begins_it():
    user = PaneUser()
    user.event("lobby", "Nova", kind=EventKind.JOIN)
    user.panes.open_private("nova")
    user.panes.open_private("Sourav")  # not with oneself
    assert user.panes.state().selected == "@nova"
    assert user.panes.state().people == ("nova", "Sourav")
    user.run("psst")
    assert Private in {type(request) for request in asked(user.session)}
    user.enter("@1", RoomKind.PRIVATE, "Nova")
    user.event("@1", "Nova", "what?")
    assert list(user.panes.conversations) == ["lobby", "@nova"]
    assert user.log("@nova") == ["Nova: what?"]
    user.run("/leave")
    assert user.panes.state().selected == "lobby"
    user.event("@1", "Nova", "are you there?")
    assert user.labels == [("lobby", 0), ("Nova", 1)]
    # Nova leaves the chat and returns: another room, the same pane.
    user.take(RoomLeft("@1"))
    del user.session.core.memory.rooms["@1"]
    user.enter("@2", RoomKind.PRIVATE, "Nova")
    user.event("@2", "Nova", "again")
    assert user.log("@nova")[-2:] == ["Nova: are you there?", "Nova: again"]


def test_a_command_about_a_user_selects_the_conversation():
    user = PaneUser()
    user.run("/msg Nova psst")
    assert user.panes.state().selected == "@nova"
    user.panes.select("lobby")
    user.run(f"/msg Tom {'x' * 101}")
    assert user.panes.state().selected == "lobby"
    assert "at most 100 bytes" in user.log("lobby")[-1]


def test_a_command_returns_from_a_private_conversation_to_the_same_room():
    user = PaneUser()
    user.enter(ROOM)
    user.enter("@1", RoomKind.PRIVATE, "Nova")
    for command in (f"/room {SHOWN}", f"/join {SHOWN}"):
        user.panes.select("@nova")
        user.run(command)
        assert user.panes.state().selected == ROOM
    user.panes.select("@nova")
    user.run("/room 00000-00000")
    assert user.panes.state().selected == "@nova"


def test_the_history_appears_above_what_has_happened_since():
    user = PaneUser()
    request = next(
        number for number, each in user.session.core.requests.items() if isinstance(each, History)
    )
    assert (
        user.session.core.requests[request].last - user.session.core.requests[request].first < PAST
    )
    user.event("lobby", "Sourav", kind=EventKind.JOIN)
    events = (
        Event(8, 0, 0, 1, EventKind.CHAT, "lobby", "Nova", "before"),
        Event(9, 0, 0, 1, EventKind.LEAVE, "lobby", "Nova", ""),
        Event(11, 0, 0, 1, EventKind.JOIN, "lobby", "Sourav", ""),
    )
    user.take(HistoryReceived("lobby", events, 1, request))
    assert user.log("lobby")[0] == "Nova: before"
    assert user.panes.conversations["lobby"].revision == 1
    user.take(HistoryReceived("lobby", events, 1, request))  # repeated
    assert user.log("lobby").count("Nova: before") == 1
    sealed = HistoryReceived("lobby", (events[0],), 1, 99, {8: ("replayed",)})
    user.panes.conversations["lobby"].entries.clear()
    user.take(sealed)
    entry = user.panes.conversations["lobby"].entries[0]
    assert (entry.kind, entry.text) == (LineKind.ERROR, "before [warning: replayed]")
    user.take(HistoryReceived("lobby", (), 1, 98))
    assert user.log("lobby")[-1] == "the lobby has no history"


def test_leaving_a_room_removes_its_log_and_selects_another():
    user = PaneUser()
    user.enter(ROOM)
    user.panes.close(ROOM)
    del user.session.core.memory.rooms[ROOM]
    user.take(RoomLeft(ROOM))
    assert list(user.panes.conversations) == ["lobby"]
    assert user.panes.state().selected == "lobby"
    assert "you have left" in user.log("lobby")[-1]
    user.panes.close("none")
    user.panes.select("none")
    assert user.panes.state().selected == "lobby"


def test_a_room_that_refuses_the_user_is_replaced_by_the_lobby():
    session = new_session(begin=SHOWN)
    panes = Panes(session)
    session.core.online = True
    session.initial_room_refused = True
    panes.take(Offline("x", 0), [], 0)
    assert any(isinstance(request, Join) and request.room == "lobby" for request in asked(session))
    panes.report("nowhere to show it yet")
    assert panes.state().conversations == ()
    session.core.memory.rooms["lobby"] = RoomView("lobby", RoomKind.LOBBY, "", 1, 5)
    event = RoomEntered("lobby", RoomKind.LOBBY, "", 1, True)
    panes.take(event, handle_event(session, event), 0)
    assert panes.conversations["lobby"].entries[0].text == "nowhere to show it yet"


def test_a_crowd_is_one_line():
    user = PaneUser()
    for index in range(10):
        user.event("lobby", f"User{index}", kind=EventKind.JOIN)
    user.panes.check_arrivals(1.0)
    assert len([line for line in user.log("lobby") if "joined" in line]) == 3
    user.panes.check_arrivals(3.0)
    assert user.log("lobby")[-1] == "7 more people joined"
    user.event("lobby", "Nova", "many!")
    assert user.log("lobby")[-1] == "Nova: many!"


def test_the_list_of_people_replaces_the_line_about_them():
    user = PaneUser()
    user.take(RosterReceived("lobby", 2, (Member("Nova", 0), Member("Sourav", 0)), False))
    assert user.panes.state().people == ("Nova", "Sourav")
    assert not any("Nova" in line for line in user.log("lobby"))
    user.take(RosterReceived("lobby", 2, (Member("Nova", 0), Member("Sourav", 0)), False))
    assert "Nova" in user.log("lobby")[-1]  # the answer to /who


def test_offered_files_have_numbers_and_transfers_a_state():
    user = PaneUser()
    offer = offer_text(FileOffer(2_000_000, bytes(32), "", "a\u202eb.pdf"))
    user.event("lobby", "Nova", offer, kind=EventKind.FILE)
    entry = user.panes.conversations["lobby"].entries[-1]
    assert (entry.offer, entry.tag) == (1, "file")
    assert entry.text.endswith("(2.0 MB)  /save 1")
    past = Event(1, 0, 0, 0, EventKind.FILE, "lobby", "Nova", offer)
    user.take(HistoryReceived("lobby", (past,), 1))
    assert [each.offer for each in user.panes.conversations["lobby"].entries if each.offer] == [
        2,
        1,
    ]
    user.take(FileProgress(7, "lobby", "x\ny.bin", True, 250, 1000))
    (transfer,) = user.panes.state().transfers
    assert (transfer.number, transfer.share, transfer.is_paused) == (7, 0.25, False)
    assert transfer.status.startswith("↑ x y.bin 25 %")
    user.take(FileProgress(7, "lobby", "x\ny.bin", True, 250, 1000, is_paused=True))
    assert user.panes.state().transfers[0].is_paused
    user.take(FileProgress(7, "lobby", "x\ny.bin", True, 0, 0))
    assert user.panes.state().transfers[0].share == 1.0
    user.take(FileEnded(7, "lobby", "x.bin", True))
    assert user.panes.state().transfers == ()


def test_the_state_of_the_connection_is_a_phrase():
    user = PaneUser()
    assert user.panes.state().status == "online"
    user.session.core.online = False
    user.take(Offline("connection lost", 100.0))
    assert user.panes.state().status == "reconnecting in 100 s"
    assert user.log("lobby")[-1] == "connection lost; reconnecting"


def test_hostile_text_is_sanitized():
    user = PaneUser()
    user.event("lobby", "Nova", "\x1b[31m\u202eevil\nline")
    assert user.log("lobby")[-1] == "Nova: \\x1b[31m\\u202eevil\nline"


def test_the_log_is_bounded():
    conversation = Pane("lobby", "lobby")
    for start in range(0, MAX_ENTRIES + 5_000, 500):
        entries = [Entry(0, LineKind.EVENT, str(start + at), "Nova") for at in range(500)]
        conversation.append(entries, "Sourav", is_seen=False)
    assert MAX_ENTRIES <= len(conversation.entries) <= MAX_ENTRIES + 1_000
    assert conversation.entries[-1].text == str(MAX_ENTRIES + 4_999)
    assert conversation.revision


def test_edits_and_reactions_change_the_entry_of_the_message():
    user = PaneUser()
    user.event("lobby", "Nova", "frist")
    seq = user.seq
    user.event("lobby", "Maya", f"{seq}\n+👍", EventKind.REACTION)
    before = user.panes.conversations["lobby"].revision
    user.event("lobby", "Nova", f"{seq}\nfirst\nline", EventKind.EDIT)
    assert user.panes.conversations["lobby"].revision > before
    user.event("lobby", "Bo", f"{seq}\nyes", EventKind.REPLY)
    assert user.log("lobby")[-2:] == [
        "Nova: first\nline (edited)  [👍 1]",
        "Bo: ↩ Nova “first line”\nyes",
    ]
    user.event("lobby", "Nova", str(seq), EventKind.DELETE)
    assert user.log("lobby")[-2] == "Nova: (deleted)"
    user.event("lobby", "Nova", "1\nold", EventKind.EDIT)  # of a message that the log does not have
    assert user.log("lobby")[-1] == "Nova: old (message 1)"


def test_a_forged_edit_is_shown_beside_the_message():
    user = PaneUser()
    user.event("lobby", "Nova", "mine")
    seq = user.seq
    view = user.session.core.memory.rooms["lobby"]
    event = Event(seq + 1, 0, 0, 0, EventKind.EDIT, "lobby", "Nova", f"{seq}\nforged")
    user.take(RoomEvent(event, view.kind, "", False, False, problems=("not sealed",)))
    log = user.log("lobby")
    assert "Nova: mine" in log
    assert any("not sealed" in line for line in log)


def test_past_messages_have_their_edits():
    user = PaneUser()
    offer = "3\n" + "a" * 64 + "\n\ncat.png"
    events = [
        Event(1, 0, 0, 0, EventKind.CHAT, "lobby", "Nova", "frist"),
        Event(2, 0, 0, 0, EventKind.EDIT, "lobby", "Nova", "1\nfirst"),
        Event(3, 0, 0, 0, EventKind.FILE, "lobby", "Nova", offer),
        Event(4, 0, 0, 0, EventKind.REACTION, "lobby", "Bo", "3\n+🎉"),
        Event(5, 0, 0, 0, EventKind.ERASED, "lobby", "Bo", ""),
    ]
    user.take(HistoryReceived("lobby", tuple(events), 1))
    assert user.log("lobby")[:3] == [
        "Nova: first (edited)",
        "Nova: cat.png (3 bytes)  /save 1  [🎉 1]",
        "Bo: (deleted)",
    ]
    user.event("lobby", "Nova", "3", EventKind.DELETE)
    assert user.log("lobby")[1] == "Nova: (deleted)"


def test_commands_about_messages_mean_the_selected_conversation():
    user = PaneUser()
    user.enter("@1", RoomKind.PRIVATE, "Nova")
    user.event("@1", "Nova", "psst")
    user.event("lobby", "Maya", "hello")
    user.panes.select("@nova")
    user.run("/reply what?")
    (sent,) = (m for m in user.session.core.memory.outbox.values() if isinstance(m, Annotate))
    assert (sent.room, sent.text) == ("@1", "what?")
    user.panes.select("lobby")
    user.run("/reply hi")
    assert [m.room for m in user.session.core.memory.outbox.values()] == ["@1", "lobby"]


def test_found_messages_have_their_own_time():
    user = PaneUser()
    user.session.core.requests.clear()
    user.run("/search pen")
    (number,) = user.session.core.requests
    message = FoundMessage(3, 1_700_000_000_000_000, EventKind.CHAT, 0, "Nova", "a pen")
    user.take(SearchCompleted("lobby", (message,), 0, number))
    entry = user.panes.conversations["lobby"].entries[-2]
    assert (entry.text, entry.when) == ("#3 Nova: a pen", 1_700_000_000.0)


def test_what_the_user_has_seen_is_reported_now_and_then():
    user = PaneUser()
    user.enter(ROOM)
    core = user.session.core
    core.account = "Sourav"
    user.event(ROOM, "Nova", "seen")
    user.event("lobby", "Nova", "not seen")
    core.memory.rooms[ROOM].last = core.memory.rooms["lobby"].last = user.seq
    user.panes.check_arrivals(10.0)
    assert core.memory.rooms[ROOM].read == user.seq - 1
    assert core.memory.rooms["lobby"].read == 0
    user.panes.select("lobby")
    user.panes.check_arrivals(11.0)
    assert core.memory.rooms["lobby"].read == 0  # too soon
    user.panes.check_arrivals(20.0)
    assert core.memory.rooms["lobby"].read == user.seq


def test_what_another_device_has_not_seen_is_unread():
    user = PaneUser()
    user.take(RoomRead("lobby", 1))
    user.enter(ROOM)
    user.session.core.memory.rooms["lobby"].read = 2
    (number,) = (n for n in user.panes._requested if user.session.core.requests[n].room == "lobby")
    events = [Event(n, 0, 0, 0, EventKind.CHAT, "lobby", "Nova", str(n)) for n in (1, 2, 3, 4)]
    mine = Event(5, 0, 0, 0, EventKind.CHAT, "lobby", "Sourav", "mine")
    user.take(HistoryReceived("lobby", (*events, mine), 1, number))
    assert user.labels[0] == ("lobby", 2)
