"""Replays: the frames sent, the identifiers translated, and the differences found."""

import time

import pytest

from netchat.errors import CannotConnect
from netchat.net.probe import Probe
from netchat.packets import read_capture
from netchat.packets.encapsulate import Encapsulation
from netchat.packets.frame_builder import craft
from netchat.packets.replay.player import Replay, plan
from netchat.packets.replay.translation import Translation
from netchat.wire import (
    Annotate,
    Bye,
    Create,
    Error,
    Event,
    FrameReader,
    Hello,
    History,
    Join,
    Joined,
    Leave,
    Left,
    Membership,
    Ping,
    Pong,
    Position,
    Send,
    Way,
    Welcome,
    decode,
    encode,
)
from tests.end_to_end.processes import Server
from tests.packets.chatter import decode as decode_packets
from tests.packets.chatter import renumber
from tests.packets.segments import Talk

KEY = bytes(range(16))


def welcome(token=b"then", device=77, session=1, rooms=()):
    return Welcome(0, session, device, 5, 65536, 16384, 120, 0, token, "Ada", "netchat", rooms)


def joined(code, log, head, request=1):
    return Joined(request, 1, (Membership(code, 2, "", log, head, head),))


STORY = [
    Hello(0, KEY, b"", "Ada", "test", ()),
    welcome(),
    Create(1),
    joined("AAAAA", log=11, head=0),
    Event(1, 6, 0, 0, 2, "AAAAA", "Ada", ""),
    Send(1, "AAAAA", "hello"),
    Event(2, 7, 77, 1, 1, "AAAAA", "Ada", "hello"),
    Leave(2, "AAAAA"),
    Left(2, "AAAAA"),
    Bye(""),
    Bye(""),
]


def save(path, *conversations, **options):
    """Save a capture with one client after the other; the second BYE is the server's."""
    packets = []
    for index, story in enumerate(conversations):
        chat = Encapsulation(now=1_700_000_000.0 + index, client_port=40000 + index, **options)
        heard_bye = False
        for message in story:
            raw = message if isinstance(message, bytes) else encode(message)
            by_server = not isinstance(message, bytes) and message.WAY is Way.TO_CLIENT
            if isinstance(message, Bye):
                by_server, heard_bye = heard_bye, True
            chat.send(raw, by_server=by_server or isinstance(message, Ping))
        chat.close()
        packets += chat.packets
    chat.packets = packets
    chat.save(path)
    return path


class Scripted:
    """Connection to a server that responds to each frame according to a script."""

    def __init__(self, answers):
        self.answers, self.closed, self.ready, self.heard = answers, "", [], []
        self._reader = FrameReader()

    def send(self, data):
        for frame in self._reader.feed(data):
            message = decode(frame)
            self.heard.append(message)
            self.ready += self.answers(message)

    def listen(self, seconds, until=None):
        ready, self.ready = self.ready, []
        return ready

    def close(self):
        self.closed = "closed"


def replay(path, answers, **options):
    steps, left_out = plan(read_capture(path))
    lines = []

    def connect():
        lines.append(Scripted(answers))
        return lines[-1]

    run = Replay(steps, connect, None, timeout=0.05, **options)
    return run.run(), lines, left_out


def another_server(message):
    """Respond as in STORY, with other codes, numbers and tokens."""
    match message:
        case Hello():
            return [welcome(b"now", device=99, session=8)]
        case Create():
            return [joined("BBBBB", log=22, head=40), Event(41, 1, 0, 0, 2, "BBBBB", "Ada", "")]
        case Send(counter, room, text):
            return [Event(42, 9, 99, counter, 1, room, "Ada", text)]
        case Leave(request, room):
            return [Left(request, room)]
        case Bye():
            return [Bye("")]
    return []


def test_a_server_with_other_identifiers_does_not_differ(tmp_path):
    differences, (line,), left_out = replay(save(tmp_path / "c.pcap", STORY), another_server)
    assert differences == []
    assert left_out == []
    said = [type(message) for message in line.heard]
    assert said == [Hello, Create, Send, Leave, Bye]
    # The room's code is the live server's, the device a new one.
    assert line.heard[2] == Send(1, "BBBBB", "hello")
    assert line.heard[0].device != KEY
    assert len(line.heard[0].device) == 16


def test_differences_are_reported(tmp_path):
    def worse(message):
        match message:
            case Send(counter, room, _):
                return [Event(42, 9, 99, counter, 1, room, "Ada", "HELLO")]
            case Leave(request, room):
                return [Error(111, Leave.TYPE, request, "no", "")]
        return another_server(message)

    differences, _, _ = replay(save(tmp_path / "c.pcap", STORY), worse)
    other, extra, missing = differences
    assert (other.fields, other.expected.text, other.got.text) == (("text",), "hello", "HELLO")
    assert (extra.expected, extra.got.code) == (None, 111)
    assert (missing.expected, missing.got) == (Left(2, "AAAAA"), None)


def test_a_session_is_resumed_with_the_live_token(tmp_path):
    first = STORY[:5]
    again = [
        Hello(0, KEY, b"then", "Ada", "test", (Position("AAAAA", 11, 1),)),
        welcome(b"later", rooms=(Membership("AAAAA", 2, "", 11, 1, 1),)),
        Join(3, 11, 1, "AAAAA"),
        History(4, 1, 1, "AAAAA"),
        Annotate(5, 8, 1, "AAAAA", "x"),
    ]
    _, lines, _ = replay(save(tmp_path / "c.pcap", first, again), another_server)
    hello, join, history, annotate = lines[1].heard
    assert hello.token == b"now"
    assert hello.device == lines[0].heard[0].device
    assert hello.positions == (Position("BBBBB", 22, 41),)
    assert join == Join(3, 22, 41, "BBBBB")
    assert history == History(4, 41, 41, "BBBBB")
    assert annotate == Annotate(5, 8, 41, "BBBBB", "x")


def test_pings_get_a_pong_and_are_not_compared(tmp_path):
    story = [*STORY[:2], Ping(5), Pong(5), *STORY[2:]]

    def pinging(message):
        return another_server(message) + ([Ping(9)] if isinstance(message, Hello) else [])

    differences, (line,), _ = replay(save(tmp_path / "c.pcap", story), pinging)
    assert differences == []
    assert [m for m in line.heard if isinstance(m, Pong)] == [Pong(9)]


def test_a_wrong_frame_is_sent_as_it_was(tmp_path):
    wrong = bytes(craft("SEND", text="x", crc=0))
    steps, _ = plan(read_capture(save(tmp_path / "c.pcap", [*STORY[:2], wrong])))
    assert next(step.raw for step in steps if step.message is None) == wrong


def test_conversations_that_cannot_be_replayed_are_reported(tmp_path):
    chat = Encapsulation(now=0.0)
    chat.packets.clear()
    chat.send(encode(Send(1, "lobby", "x")))
    chat.save(tmp_path / "late.pcap")
    steps, left_out = plan(read_capture(tmp_path / "late.pcap"))
    assert steps == []
    assert left_out == ["conversation 1: its beginning was not captured"]

    chat = Encapsulation(now=0.0)
    for number in range(3):
        chat.send(encode(Ping(number)))
    del chat.packets[5:7]
    chat.save(tmp_path / "gap.pcap")
    steps, (reason,) = plan(read_capture(tmp_path / "gap.pcap"))
    assert steps == []
    assert "24 bytes of the client are missing" in reason


def test_a_conversation_that_was_captured_twice_is_left_out():
    talk = Talk().open()
    talk.say(0, encode(Hello(0, KEY, b"", "Ada", "test", ())))
    twice = list(talk.packets)
    talk.isn, talk.seq, talk.packets = (2**31, 2**30), [2**31, 2**30], []
    talk.open().say(0, encode(Hello(0, KEY, b"", "Ada", "test", ())))
    both = [packet for pair in zip(twice, talk.packets, strict=True) for packet in pair]
    steps, left_out = plan(decode_packets(renumber(both)))
    assert steps == []
    assert left_out == ["conversation 1: every packet was captured several times"]


def test_no_server():
    with pytest.raises(CannotConnect, match="netchat serve"):
        Probe("127.0.0.1", 1)


def test_unknown_identifiers_are_not_translated():
    told = Translation()
    for message in [Join(1, 5, 6, "x"), History(1, 5, 6, "x"), Send(1, "x", "y"), Ping(1)]:
        assert told.to_live(message) == message


def take(probe, said):
    """Capture what two clients send to a real server."""
    for message in said:
        probe.say(message)
        probe.listen(1.0, quiet=0.1)


@pytest.mark.slow
def test_against_a_real_server(tmp_path):
    with Server("--ephemeral") as server:
        with Probe("127.0.0.1", server.port) as ada, Probe("127.0.0.1", server.port) as bo:
            ada.hello("Ada")
            bo.hello("Bo")
            bo.join("lobby")
            time.sleep(0.1)  # each packet of the resulting capture takes 1 ms
            take(ada, [Join(1, 0, 0, "lobby"), Send(1, "lobby", "hi"), Create(2)])
            take(
                ada,
                [Send(2, ada.transcript[-2].message.membership[0].room, "mine"), Send(3, "?", "x")],
            )
            ada.bye()
            bo.listen(0.2)
            bo.bye()
        packets = []
        for index, probe in enumerate((ada, bo)):
            chat = Encapsulation(
                port=server.port, client_port=40000 + index, now=probe.transcript[0].time
            )
            for item in probe.transcript:
                chat.send(item.data, by_server=item.by_server, at=item.time)
            packets += chat.packets
        chat.packets = sorted(packets, key=lambda packet: packet.time)
        chat.save(tmp_path / "c.pcapng")
    with Server("--ephemeral") as server:
        for _ in range(2):  # a second replay, on a server that already has the messages
            steps, left_out = plan(read_capture(tmp_path / "c.pcapng"))
            run = Replay(steps, lambda: Probe("127.0.0.1", server.port), None)
            assert run.run() == []
            assert left_out == []
            assert run.sent == 10
