"""The client's handlers, including for servers that break the protocol."""

import dataclasses

import pytest

from netchat.chat import client_handlers
from netchat.chat.client import ChatClient
from netchat.chat.client_events import (
    Acknowledged,
    EventsMissed,
    HistoryReceived,
    RoomEvent,
    WarningReceived,
)
from netchat.errors import BadBody, NetchatError, Unexpected
from netchat.wire import (
    Ack,
    Error,
    ErrorCode,
    Event,
    EventKind,
    Hello,
    History,
    HistoryEnd,
    Joined,
    Leave,
    Left,
    Membership,
    ModeratorAction,
    Ping,
    Pong,
    Private,
    RoomKind,
    Send,
    Welcome,
    decode,
    encode,
    seal,
)
from netchat.wire import FrameReader as Reader

LOG = 99


def welcome(*rooms: Membership, resumed: int = 1) -> Welcome:
    return Welcome(0, 1, 5, 0, 65536, 16384, 120, resumed, b"t" * 32, "Nova", "test", rooms)


def lobby(last: int, head: int = 0, log: int = LOG) -> Membership:
    return Membership("lobby", RoomKind.LOBBY, "", log, last, head or last)


def event(seq: int, text: str = "", counter: int = 0, room: str = "lobby") -> Event:
    device = 5 if counter else 6
    return Event(seq, 0, device, counter, EventKind.CHAT, room, "Maya", text or str(seq))


@pytest.fixture
def client():
    client = ChatClient("Nova")
    client.connected()
    give(client, welcome(lobby(10)))
    return client


def give(client, *messages):
    client.feed(b"".join(map(encode, messages)))


def sent(client):
    return [decode(f) for f in Reader().feed(client.data_to_send())]


def applied(client):
    return [h.event.seq for h in client.take_events() if isinstance(h, RoomEvent)]


class TestOrder:
    def test_the_next_event_is_applied(self, client):
        give(client, event(11), event(12))
        assert applied(client) == [11, 12]

    def test_a_duplicate_event_is_dropped(self, client):
        give(client, event(11), event(11), event(9))
        assert applied(client) == [11]

    def test_a_gap_is_requested_and_filled(self, client):
        sent(client)
        give(client, event(13), event(14))
        (ask,) = sent(client)
        assert (ask.first, ask.last) == (11, 12)
        give(client, event(11), event(12), HistoryEnd(ask.request, 11, 12, 1, "lobby"))
        assert applied(client) == [11, 12, 13, 14]
        assert client.requests == {}
        assert client.gap_requests == set()

    def test_a_gap_that_cannot_be_filled_is_reported(self, client):
        give(client, event(13))
        (ask,) = [m for m in sent(client) if isinstance(m, History)]
        give(client, HistoryEnd(ask.request, 13, 12, 13, "lobby"))
        happened = client.take_events()
        assert EventsMissed("lobby", 11, 12) in happened
        assert client.memory.rooms["lobby"].last == 13

    def test_a_gap_filled_in_part(self, client):
        give(client, event(15))
        (ask,) = [m for m in sent(client) if isinstance(m, History)]
        give(client, event(13), event(14), HistoryEnd(ask.request, 13, 14, 13, "lobby"))
        happened = client.take_events()
        assert EventsMissed("lobby", 11, 12) in happened
        seqs = [h.event.seq for h in happened if isinstance(h, RoomEvent)]
        assert seqs == [13, 14, 15]

    def test_a_gap_when_the_connection_is_lost(self, client):
        give(client, event(13))
        client.lost()
        client.connected()
        give(client, welcome(lobby(10)))
        assert not any(isinstance(m, History) for m in sent(client))
        give(client, event(11), event(12))
        assert applied(client) == [11, 12]
        assert client.history_replies == {}

    def test_events_of_other_rooms_are_dropped(self, client):
        give(client, event(11, room="elsewhere"))
        assert applied(client) == []


class TestRoomPositions:
    def test_events_that_the_server_no_longer_has_are_reported(self, client):
        client.lost()
        client.connected()
        client.take_events()
        give(client, welcome(lobby(20)))
        assert EventsMissed("lobby", 11, 20) in client.take_events()

    def test_another_log_starts_over(self, client):
        client.lost()
        client.connected()
        give(client, welcome(lobby(3, log=LOG + 1)), event(4))
        assert applied(client) == [4]

    def test_nothing_is_sent_before_the_client_has_caught_up(self, client):
        client.lost()
        client.say("lobby", "later")
        client.connected()
        give(client, welcome(lobby(10, head=12)), event(11))
        assert not any(isinstance(m, Send) for m in sent(client))
        give(client, event(12))
        assert [m.text for m in sent(client) if isinstance(m, Send)] == ["later"]

    def test_a_message_acknowledged_while_catching_up_is_not_retransmitted(self, client):
        counter = client.say("lobby", "once")
        client.lost()
        client.connected()
        give(client, welcome(lobby(10, head=11)), event(11, "once", counter))
        assert not any(isinstance(m, Send) for m in sent(client))
        assert client.unsent == 0

    def test_late_events_are_marked(self, client):
        client.lost()
        client.connected()
        client.take_events()
        give(client, welcome(lobby(10, head=11)), event(11), event(12))
        late = [h.late for h in client.take_events() if isinstance(h, RoomEvent)]
        assert late == [True, False]


class TestProtocolErrors:
    def test_welcome_twice(self, client):
        with pytest.raises(Unexpected):
            give(client, welcome())

    @pytest.mark.parametrize("count", [0, 2])
    def test_joined_with_other_than_one_room(self, client, count):
        with pytest.raises(Unexpected):
            give(client, Joined(1, 1, (lobby(1),) * count))

    def test_an_unknown_kind_of_room(self, client):
        with pytest.raises(Unexpected):
            give(client, Joined(1, 1, (Membership("x", 77, "", 1, 0, 0),)))

    @pytest.mark.parametrize("message", [Send(1, "lobby", "x"), Hello(0, b"", b"", "", "", ())])
    def test_messages_of_clients(self, client, message):
        with pytest.raises(Unexpected):
            give(client, message)

    def test_a_body_that_does_not_match_its_type(self, client):
        with pytest.raises(BadBody):
            client.feed(seal(Welcome.TYPE, b"\x00"))

    def test_frames_before_invalid_bytes_are_handled(self, client):
        with pytest.raises(Exception, match="a frame begins with"):
            client.feed(encode(event(11)) + b"nonsense")
        assert applied(client) == [11]

    def test_answers_without_a_request(self, client):
        give(client, HistoryEnd(77, 1, 0, 1, "lobby"), HistoryEnd(77, 1, 0, 1, "nowhere"))
        give(client, Error(ErrorCode.NOT_A_MEMBER, History.TYPE, 77, "", ""))
        give(client, Error(4242, 0, 0, "from a later version", ""))
        assert isinstance(client.take_events()[-1], WarningReceived)


def test_a_ping_is_answered(client):
    sent(client)
    give(client, Ping(7))
    assert sent(client) == [Pong(7)]


def test_a_ping_is_sent(client):
    sent(client)
    client.ping()
    assert sent(client) == [Ping(0)]


def test_a_private_message_from_before_a_restart_is_sent(client):
    client.send_private("Sourav", "hello")
    restarted = ChatClient("Nova", client.memory)
    restarted.connected()
    give(restarted, welcome(lobby(10)))
    (request,) = [m for m in sent(restarted) if isinstance(m, Private)]
    assert request.name == "sourav"


def test_events_after_a_gap_are_kept_up_to_a_limit(client, monkeypatch):
    monkeypatch.setattr(client_handlers, "_MAX_OUT_OF_ORDER", 2)
    give(client, event(12), event(13), event(14))
    assert sorted(client.memory.rooms["lobby"].out_of_order) == [12, 13]
    give(client, event(11))
    assert applied(client) == [11, 12, 13]


def test_past_events_go_to_the_request_that_they_answer(client):
    first, second = client.history("lobby", 2, 4), client.history("lobby", 2, 9)
    give(client, event(7), event(8), HistoryEnd(second, 7, 8, 1, "lobby"))
    give(client, event(2), event(3), HistoryEnd(first, 2, 3, 1, "lobby"))
    received = [h for h in client.take_events() if isinstance(h, HistoryReceived)]
    assert [(h.request, [e.seq for e in h.events]) for h in received] == [
        (second, [7, 8]),
        (first, [2, 3]),
    ]


def test_a_conversation_that_both_users_leave_is_left_once(client):
    give(client, Joined(0, 2, (Membership("P", RoomKind.PRIVATE, "Maya", LOG, 0, 0),)))
    client.leave("P")
    sent(client)
    left = event(1, "Maya", room="P")
    give(client, dataclasses.replace(left, kind=EventKind.LEAVE))
    assert [m for m in sent(client) if isinstance(m, Leave)] == []
    assert client.memory.rooms["P"].peer == ""


def test_a_gap_in_a_room_that_was_left_is_forgotten(client):
    give(client, event(13))
    (ask,) = [m for m in sent(client) if isinstance(m, History)]
    give(client, Left(0, "lobby"), HistoryEnd(ask.request, 11, 10, 13, "lobby"))
    happened = client.take_events()
    assert not any(isinstance(h, EventsMissed) for h in happened)
    assert client.gap_requests == set()


def test_an_acknowledgement_without_the_event(client):
    counter = client.say("lobby", "hello")
    give(client, Ack(counter, 12, "lobby"), Ack(counter, 12, "lobby"))
    acknowledged = [h for h in client.take_events() if isinstance(h, Acknowledged)]
    assert acknowledged == [Acknowledged("lobby", counter, 12)]
    assert client.unsent == 0


def test_leaving_an_unknown_room_is_ignored(client):
    give(client, Left(0, "nowhere"))
    assert list(client.memory.rooms) == ["lobby"]


def test_an_older_server_gets_no_request_of_moderators():
    client = ChatClient("Nova")
    client.connected()
    client.feed(encode(welcome()))
    client.data_to_send()
    for ask in (
        lambda: client.moderate("lobby", ModeratorAction.KICK, "Maya"),
        lambda: client.bans("lobby"),
    ):
        with pytest.raises(NetchatError, match="too old"):
            ask()
    assert not client.data_to_send()
    assert not client.requests
