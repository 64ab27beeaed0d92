"""The client: what it sends, keeps, and retransmits."""

import pytest

from netchat.chat.client import ChatClient
from netchat.chat.client_events import (
    HistoryReceived,
    NameChanged,
    NameRejected,
    Online,
    RequestRefused,
    RoomEntered,
    RoomLeft,
    RosterReceived,
    SessionEnded,
    Undelivered,
    WarningReceived,
)
from netchat.chat.outbox import ClientState
from netchat.errors import EncodeError, PeerError
from netchat.wire import ErrorCode, FrameReader, Hello, RoomKind, Send, decode
from tests.chat.world import World


def sent(client):
    return [decode(f) for f in FrameReader().feed(client.data_to_send())]


class TestConversation:
    def test_all_members_see_the_same_events(self):
        world = World()
        users = [world.user(name, "lobby") for name in ("Nova", "Sourav", "Maya")]
        for n, user in enumerate(users * 3):
            user.core.say("lobby", f"line {n}")
        world.settle()
        logs = [[e.seq for e in u.events()] for u in users]
        assert logs == [list(range(first, 13)) for first in (1, 2, 3)]
        assert users[0].texts() == users[1].texts() == users[2].texts()
        assert [u.core.unsent for u in users] == [0, 0, 0]

    def test_creating_a_room(self):
        world = World()
        nova = world.user("Nova")
        nova.core.create()
        world.settle()
        entered = nova.all(RoomEntered)[0]
        assert (entered.kind, entered.asked, entered.members) == (RoomKind.ROOM, True, 1)
        sourav = world.user("Sourav", entered.room.lower())
        nova.core.leave(entered.room)
        world.settle()
        assert nova.all(RoomLeft) == [RoomLeft(entered.room)]
        assert [e.sender for e in sourav.events(entered.room)] == ["Sourav", "Nova"]

    def test_names(self):
        world = World()
        nova = world.user("Nova", "lobby")
        second = world.user("nova")
        (refused,) = second.all(NameRejected)
        assert second.all(Online) == []
        second.core.send_hello(refused.suggestion)
        world.settle()
        assert second.core.name == "nova2"
        second.core.rename("Vega")
        second.core.rename("Nova")
        world.settle()
        assert second.all(NameChanged) == [NameChanged("Vega")]
        assert second.all(RequestRefused)[0].error.suggestion == "Nova2"
        assert nova.core.name == "Nova"

    def test_who(self):
        world = World()
        nova = world.user("Nova", "lobby")
        world.drop(world.user("Sourav", "lobby"))
        nova.core.who("lobby")
        world.settle()
        (people,) = nova.all(RosterReceived)
        assert [(m.name, bool(m.away)) for m in people.members] == [
            ("Nova", False),
            ("Sourav", True),
        ]

    def test_history_comes_in_parts_and_is_put_together(self):
        world = World(rate=0)
        nova = world.user("Nova", "lobby")
        for n in range(2500):
            nova.core.say("lobby", str(n))
        world.settle()
        nova.core.history("lobby", 2200)
        world.settle()
        (past,) = nova.all(HistoryReceived)
        assert [e.seq for e in past.events] == list(range(302, 2502))
        assert past.oldest == 1
        nova.core.history("lobby", 10, before=5)
        nova.core.history("lobby", 10, before=99_999)
        world.settle()
        assert [e.seq for e in nova.all(HistoryReceived)[1].events] == [1, 2, 3, 4]
        assert [e.seq for e in nova.all(HistoryReceived)[2].events] == list(range(2492, 2502))
        assert nova.core.requests == {}
        assert nova.core.history_replies == {}

    def test_history_while_other_members_send(self):
        world = World()
        nova, sourav = world.user("Nova", "lobby"), world.user("Sourav", "lobby")
        for n in range(50):
            sourav.core.say("lobby", str(n))
            nova.core.history("lobby", 5)
        world.settle()
        assert len(nova.texts()) == 50

    def test_history_while_the_connection_is_lost(self):
        world = World(rate=0)
        nova = world.user("Nova", "lobby")
        for n in range(1500):
            nova.core.say("lobby", str(n))
        world.settle()
        nova.core.history("lobby", 1400)
        world.exchange()
        world.drop(nova, down=5000)
        world.connect(nova)
        world.settle()
        (past,) = nova.all(HistoryReceived)
        assert [e.seq for e in past.events] == list(range(102, 1502))


class TestPrivate:
    def test_private_messages(self):
        world = World()
        nova, sourav = world.user("Nova"), world.user("Sourav")
        nova.core.send_private("SOURAV", "psst")
        nova.core.send_private("sourav", "hey")
        assert nova.core.unsent == 2
        world.settle()
        (room,) = nova.core.memory.rooms
        assert nova.texts(room) == sourav.texts(room) == ["psst", "hey"]
        sourav.core.send_private("nova", "what?")
        world.settle()
        assert nova.texts(room)[-1] == "what?"
        assert sourav.all(RoomEntered)[0].asked is False
        assert len(world.hub.state.shared.privates) == 1

    def test_both_at_once(self):
        world = World()
        nova, sourav = world.user("Nova"), world.user("Sourav")
        nova.core.send_private("sourav", "a")
        sourav.core.send_private("nova", "b")
        world.settle()
        (room,) = nova.core.memory.rooms
        assert sorted(nova.texts(room)) == ["a", "b"]
        assert nova.texts(room) == sourav.texts(room)

    def test_the_other_user_is_renamed_before_the_answer(self):
        world = World()
        nova, sourav = world.user("Nova"), world.user("Sourav")
        world.frozen = True
        nova.core.send_private("sourav", "a")
        world.exchange()
        sourav.core.rename("Vega")
        world.exchange()
        world.frozen = False
        world.settle()
        assert nova.core.memory.private == {}
        (room,) = nova.core.memory.rooms
        assert sourav.texts(room) == ["a"]
        assert nova.core.memory.rooms[room].peer == "Vega"

    def test_private_message_to_an_unknown_name(self):
        world = World()
        nova = world.user("Nova")
        nova.core.send_private("ghost", "boo")
        world.settle()
        (undelivered,) = nova.all(Undelivered)
        assert undelivered.text == "boo"
        assert nova.core.unsent == 0

    def test_the_other_user_leaves_and_a_third_takes_the_name(self):
        world = World()
        nova, sourav = world.user("Nova"), world.user("Sourav")
        nova.core.send_private("sourav", "a")
        world.settle()
        (room,) = nova.core.memory.rooms
        sourav.core.bye()
        world.settle()
        assert nova.core.memory.rooms == {}
        thief = world.user("Sourav")
        nova.core.send_private("sourav", "b")
        world.settle()
        assert thief.texts(room) == []
        (fresh,) = nova.core.memory.rooms
        assert thief.texts(fresh) == ["b"]

    def test_the_other_user_renames_and_leaves_while_this_one_is_away(self):
        world = World()
        nova, sourav = world.user("Nova"), world.user("Sourav")
        nova.core.send_private("sourav", "a")
        world.settle()
        world.drop(nova)
        sourav.core.rename("Vega")
        world.settle()
        sourav.core.bye()
        world.settle()
        world.connect(nova)
        world.settle()
        assert nova.core.memory.rooms == {}
        assert len(nova.all(RoomLeft)) == 1

    def test_private_message_while_the_other_user_leaves(self):
        world = World()
        nova, sourav = world.user("Nova"), world.user("Sourav")
        nova.core.send_private("sourav", "a")
        world.settle()
        sourav.core.bye()
        world.frozen = True
        world.exchange()
        nova.core.send_private("sourav", "too late")
        world.frozen = False
        world.settle()
        assert [u.text for u in nova.all(Undelivered)] == ["too late"]
        assert nova.core.unsent == 0


class TestEnding:
    def test_goodbye(self):
        world = World()
        nova = world.user("Nova", "lobby")
        nova.core.bye("dinner")
        world.settle()
        assert nova.all(SessionEnded) == [SessionEnded("", wanted=True)]
        assert nova.core.ended
        assert nova.core.memory.token == b""
        assert not world.hub.state.shared.sessions

    def test_bye_without_a_connection_is_sent_on_the_next_one(self):
        world = World()
        nova = world.user("Nova", "lobby")
        world.drop(nova)
        nova.core.bye()
        assert nova.core.data_to_send() == b""
        world.connect(nova)
        world.settle()
        assert nova.core.ended
        assert not world.hub.state.shared.sessions

    def test_the_session_was_resumed_elsewhere(self):
        world = World()
        nova = world.user("Nova")
        copy = ClientState(nova.core.memory.device_key, nova.core.memory.token)
        world.user("Nova", memory=copy)
        world.settle()
        (ended,) = nova.all(SessionEnded)
        assert not ended.wanted

    def test_the_server_is_full(self):
        world = World(max_users=1)
        world.user("Nova")
        late = world.user("Sourav")
        (ended,) = late.all(SessionEnded)
        assert "its limit is 1 user" in ended.why
        assert late.core.ended

    def test_the_client_waits_for_a_server_that_shuts_down(self):
        world = World()
        nova = world.user("Nova")
        world.hub.shut_down()
        world._carry_out()
        world.settle()
        assert not nova.core.ended
        assert nova.link is None


class TestWhatCannotBeSent:
    """It must be refused at once, and leave nothing that fails again at each reconnect."""

    @pytest.mark.parametrize("text", ["x" * 70_000, "\ud800"])
    def test_nothing_is_kept(self, text):
        world = World()
        nova = world.user("Nova", "lobby")
        core = nova.core
        for attempt in (
            lambda: core.say("lobby", text),
            lambda: core.send_private("sourav", text),
            lambda: core.send_private(text, "hi"),
            lambda: core.join(text),
            lambda: core.rename(text),
            lambda: core.send_hello(text),
            lambda: core.bye(text),
            lambda: core.who(text),
        ):
            with pytest.raises(EncodeError):
                attempt()
        assert (core.unsent, core.requests, core.name) == (0, {}, "Nova")
        assert core.memory.counter == 0
        assert core.data_to_send() == b""
        world.drop(nova)
        world.connect(nova)
        world.settle()
        assert core.online

    def test_sending_to_a_room_without_membership(self):
        with pytest.raises(KeyError):
            World().user("Nova").core.say("lobby", "x")


def test_a_text_the_server_refuses_is_reported():
    world = World(max_text=10)
    nova = world.user("Nova", "lobby")
    nova.core.say("lobby", "far too long for here")
    nova.core.say("lobby", "ok")
    world.settle()
    (undelivered,) = nova.all(Undelivered)
    assert "at most 10" in undelivered.why
    assert nova.texts() == ["ok"]


def test_warnings_are_reported():
    world = World(rate=100.0, burst=5.0)
    nova = world.user("Nova", "lobby")
    for n in range(30):
        nova.core.say("lobby", str(n))
    for _ in range(10):
        world.settle()
        world.now += 0.1
    assert [w.error.code for w in nova.all(WarningReceived)] == [ErrorCode.TOO_FAST]
    assert len(nova.texts()) == 30


def test_hello_names_positions_only_with_a_token():
    memory = ClientState(token=b"t" * 32)
    world = World()
    nova = world.user("Nova", "lobby")
    nova.core.memory.token = b""
    nova.core.lost()
    nova.core.connected()
    (hello,) = sent(nova.core)
    assert isinstance(hello, Hello)
    assert hello.positions == ()
    client = ChatClient("Nova", memory)
    client.connected()
    assert sent(client)[0].token == memory.token


def test_invalid_bytes():
    client = ChatClient("Nova")
    client.connected()
    with pytest.raises(PeerError):
        client.feed(b"HTTP/1.1 400 Bad Request")


def test_the_outbox_is_sent_in_order():
    world = World()
    nova = world.user("Nova", "lobby")
    world.drop(nova)
    for n in range(20):
        nova.core.say("lobby", str(n))
    world.connect(nova)
    world.settle(lambda: nova.core.online)
    assert [m.text for m in sent(nova.core) if isinstance(m, Send)] == [str(n) for n in range(20)]
