"""What a client does with what a server sends, a server that does wrong included."""

import pytest

from netchat.chat.client import ChatClient
from netchat.chat.client_events import EventsMissed, RoomEvent, WarningReceived
from netchat.errors import BadBody, Unexpected
from netchat.wire import (
    Error,
    ErrorCode,
    Event,
    EventKind,
    Hello,
    History,
    HistoryEnd,
    Joined,
    Membership,
    Ping,
    Pong,
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

    def test_what_was_applied_is_dropped(self, client):
        give(client, event(11), event(11), event(9))
        assert applied(client) == [11]

    def test_a_hole_is_asked_for_and_filled(self, client):
        sent(client)
        give(client, event(13), event(14))
        (ask,) = sent(client)
        assert (ask.first, ask.last) == (11, 12)
        give(client, event(11), event(12), HistoryEnd(ask.request, 11, 12, 1, "lobby"))
        assert applied(client) == [11, 12, 13, 14]
        assert client.requests == {}
        assert client.gap_requests == set()

    def test_a_hole_that_nobody_can_fill_is_told(self, client):
        give(client, event(13))
        (ask,) = [m for m in sent(client) if isinstance(m, History)]
        give(client, HistoryEnd(ask.request, 13, 12, 13, "lobby"))
        happened = client.take_events()
        assert EventsMissed("lobby", 11, 12) in happened
        assert client.memory.rooms["lobby"].last == 13

    def test_a_hole_filled_in_part(self, client):
        give(client, event(15))
        (ask,) = [m for m in sent(client) if isinstance(m, History)]
        give(client, event(13), event(14), HistoryEnd(ask.request, 13, 14, 13, "lobby"))
        happened = client.take_events()
        assert EventsMissed("lobby", 11, 12) in happened
        seqs = [h.event.seq for h in happened if isinstance(h, RoomEvent)]
        assert seqs == [13, 14, 15]

    def test_a_hole_when_the_connection_is_lost(self, client):
        give(client, event(13))
        client.lost()
        client.connected()
        give(client, welcome(lobby(10)))
        assert not any(isinstance(m, History) for m in sent(client))
        give(client, event(11), event(12))
        assert applied(client) == [11, 12]
        assert client.history_replies == {}

    def test_events_of_a_room_one_is_not_in_are_dropped(self, client):
        give(client, event(11, room="elsewhere"))
        assert applied(client) == []


class TestWhereARoomBegins:
    def test_what_the_server_keeps_no_more_is_told(self, client):
        client.lost()
        client.connected()
        client.take_events()
        give(client, welcome(lobby(20)))
        assert EventsMissed("lobby", 11, 20) in client.take_events()

    def test_another_log_begins_anew(self, client):
        client.lost()
        client.connected()
        give(client, welcome(lobby(3, log=LOG + 1)), event(4))
        assert applied(client) == [4]

    def test_nothing_is_said_before_the_client_has_caught_up(self, client):
        client.lost()
        client.say("lobby", "later")
        client.connected()
        give(client, welcome(lobby(10, head=12)), event(11))
        assert not any(isinstance(m, Send) for m in sent(client))
        give(client, event(12))
        assert [m.text for m in sent(client) if isinstance(m, Send)] == ["later"]

    def test_an_echo_among_what_was_missed_is_not_said_again(self, client):
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


class TestServersThatDoWrong:
    def test_welcome_twice(self, client):
        with pytest.raises(Unexpected):
            give(client, welcome())

    @pytest.mark.parametrize("count", [0, 2])
    def test_joined_that_names_not_one_room(self, client, count):
        with pytest.raises(Unexpected):
            give(client, Joined(1, 1, (lobby(1),) * count))

    def test_a_kind_of_room_there_is_not(self, client):
        with pytest.raises(Unexpected):
            give(client, Joined(1, 1, (Membership("x", 77, "", 1, 0, 0),)))

    @pytest.mark.parametrize("message", [Send(1, "lobby", "x"), Hello(0, b"", b"", "", "", ())])
    def test_messages_of_clients(self, client, message):
        with pytest.raises(Unexpected):
            give(client, message)

    def test_a_body_that_is_not_what_its_type_says(self, client):
        with pytest.raises(BadBody):
            client.feed(seal(Welcome.TYPE, b"\x00"))

    def test_what_came_before_the_bad_bytes_counts(self, client):
        with pytest.raises(Exception, match="a frame begins with"):
            client.feed(encode(event(11)) + b"nonsense")
        assert applied(client) == [11]

    def test_answers_to_nothing(self, client):
        give(client, HistoryEnd(77, 1, 0, 1, "lobby"), HistoryEnd(77, 1, 0, 1, "nowhere"))
        give(client, Error(ErrorCode.NOT_A_MEMBER, History.TYPE, 77, "", ""))
        give(client, Error(4242, 0, 0, "from a later version", ""))
        assert isinstance(client.take_events()[-1], WarningReceived)


def test_a_ping_is_answered(client):
    sent(client)
    give(client, Ping(7))
    assert sent(client) == [Pong(7)]
