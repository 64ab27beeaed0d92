"""Scapy layers: exact inverses of the wire's codec, with the behaviour that Scapy expects."""

import contextlib
import io
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.config import conf
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether
from scapy.packet import Packet, Padding, Raw, fuzz, ls
from scapy.sessions import TCPSession
from scapy.supersocket import StreamSocket

from netchat.packets.scapy import LAYERS, MAX_FRAMES, NCP
from netchat.packets.scapy import layer as scapy_layer
from netchat.packets.scapy.fields import python_name, record_layer
from netchat.wire import (
    MESSAGES,
    Ack,
    Error,
    Event,
    Hello,
    Join,
    Joined,
    Message,
    Ping,
    Pong,
    Private,
    Record,
    Roster,
    Send,
    Welcome,
    encode,
    fields_of,
)
from netchat.wire.pairs import ANSWERS, link_field
from tests.packets.golden import each_vector, golden_message
from tests.vectors import frame_of
from tests.wire.strategies import messages

ROOT = Path(__file__).parents[2]


def to_scapy(record: Record) -> Packet:
    """Return the layer of a message or record, without computed fields."""
    values = {}
    for field in fields_of(type(record)):
        value = getattr(record, field.name)
        values[python_name(field.name)] = (
            [to_scapy(item) for item in value] if field.record is not None else value
        )
    layer = LAYERS[type(record)] if isinstance(record, Message) else record_layer(type(record))
    return layer(**values)


def from_scapy(layer: Packet, declared: type[Record]) -> Record:
    """Return the message or record of a layer."""
    values = {}
    for field in fields_of(declared):
        value = getattr(layer, python_name(field.name))
        if field.record is not None:
            value = tuple(from_scapy(item, field.record) for item in value)
        values[field.name] = value
    return declared(**values)


def frame(message: Message) -> Packet:
    return NCP() / to_scapy(message)


def segment(*parts: bytes, sport: int = 6464) -> Packet:
    """Return a segment dissected from bytes, as from a capture."""
    return IP(bytes(IP() / TCP(sport=sport, dport=40000) / Raw(b"".join(parts))))


PINGS = [encode(Ping(number)) for number in range(MAX_FRAMES + 3)]


@each_vector
def test_golden_vectors_are_built(vector):
    assert bytes(frame(golden_message(vector))).hex(" ") == frame_of(vector).hex(" ")


@each_vector
def test_golden_vectors_are_dissected(vector):
    message = golden_message(vector)
    packet = NCP(frame_of(vector))
    assert packet.layers() == [NCP, LAYERS[type(message)]]
    assert from_scapy(packet.payload, type(message)) == message
    assert bytes(packet) == frame_of(vector)


@each_vector
def test_golden_vectors_survive_a_rebuild_from_their_fields(vector):
    packet = NCP(frame_of(vector))
    del packet.length, packet.crc
    packet.payload.clear_cache()
    assert bytes(packet) == frame_of(vector)


@given(messages)
def test_building_matches_the_codec(message):
    assert bytes(frame(message)) == encode(message)


@given(messages)
def test_dissecting_matches_the_codec(message):
    packet = NCP(encode(message))
    assert from_scapy(packet.payload, type(message)) == message
    assert packet.payload.payload.name == "NoPayload"


@given(st.lists(messages, min_size=1, max_size=5))
def test_frames_of_one_segment_are_layers(sent):
    packet = segment(*map(encode, sent))
    layers = [layer for m in sent for layer in (NCP, LAYERS[type(m)])]
    assert packet.layers() == [IP, TCP, *layers]
    assert bytes(packet[TCP].payload) == b"".join(map(encode, sent))
    for number, message in enumerate(sent, 1):
        assert from_scapy(packet.getlayer(NCP, number).payload, type(message)) == message


@given(st.lists(messages, min_size=1, max_size=4))
def test_stacked_frames_are_built_each_with_its_own_length_and_crc(sent):
    stack = frame(sent[0])
    for message in sent[1:]:
        stack /= frame(message)
    assert bytes(stack) == b"".join(map(encode, sent))


@given(st.binary(max_size=200), st.sampled_from(list(MESSAGES)), st.booleans())
def test_any_body_is_dissected_and_rebuilt_unchanged(body, number, on_our_port):
    raw = bytes(NCP(type=number) / Raw(body))
    packet = segment(raw, sport=6464 if on_our_port else 7)
    assert NCP in packet
    assert bytes(packet[TCP].payload) == raw
    packet.show(dump=True)
    packet.summary()


@given(st.binary(min_size=1, max_size=100))
def test_noise_on_our_port(noise):
    packet = segment(b"NC" + noise)
    assert bytes(packet[TCP].payload) == b"NC" + noise
    packet = segment(noise)
    assert bytes(packet[TCP].payload) == noise


def test_wrong_values_are_kept():
    wrong = NCP(magic=b"XX", version=9, flags=3, suite=1, reserved=7, crc=0, length=9999)
    raw = bytes(wrong / to_scapy(Ping(5)))
    assert raw.hex() == "5858090300030107" + "0000270f" + "00000000" + "0000000000000005"
    shown = NCP(raw)
    assert (shown.magic, shown.length, shown.crc) == (b"XX", 9999, 0)
    assert bytes(shown) == raw


def test_wrong_length_inside_a_body():
    layer = LAYERS[Send](counter=1, room_len=9, room="lobby", text="x")
    assert bytes(layer)[8:10] == b"\0\x09"
    assert NCP(bytes(NCP() / layer)).layers() == [NCP, Raw]


def test_the_crc_covers_the_bytes_sent():
    packet = NCP(flags=1) / to_scapy(Ping(1))
    raw = bytes(packet)
    assert NCP(raw).crc == scapy_layer.checksum(raw)


def test_field_names_that_scapy_uses_itself():
    for layer in [NCP, *scapy_layer.NAMES.values()]:
        assert [f.name for f in layer.fields_desc if hasattr(Packet, f.name)] == []
    assert NCP(encode(Ping(7))).payload.time_ == 7


def test_frames_beyond_the_stacking_limit_are_padding():
    packet = segment(*PINGS)
    assert packet.layers().count(NCP) == MAX_FRAMES
    assert packet[Padding].load == b"".join(PINGS[MAX_FRAMES:])
    assert bytes(packet[TCP].payload) == b"".join(PINGS)


def test_a_frame_that_continues_in_the_next_segment():
    packet = segment(PINGS[0], PINGS[1][:20])
    assert packet.layers() == [IP, TCP, NCP, LAYERS[Ping], NCP, Raw]
    packet = segment(PINGS[0], PINGS[1][:9])
    assert packet.layers() == [IP, TCP, NCP, LAYERS[Ping], Padding]
    assert segment(PINGS[0][9:]).layers() == [IP, TCP, Raw]


def test_other_ports_are_chosen_by_content():
    assert NCP in segment(PINGS[0], sport=7)
    assert NCP not in segment(b"NC" + PINGS[0], sport=7)
    assert NCP not in segment(PINGS[0][:12], sport=7)
    assert segment(b"GET / HTTP/1.1\r\n", sport=7).lastlayer().name == "Raw"


def test_building_sets_the_port():
    packet = TCP() / frame(Ping(1))
    assert (packet.sport, packet.dport) == (6464, 6464)
    assert (TCP(dport=9) / frame(Ping(1))).dport == 9


@pytest.mark.parametrize("layer", scapy_layer.NAMES.values(), ids=lambda v: v.__name__)
def test_every_layer_can_be_listed_and_fuzzed(layer):
    with contextlib.redirect_stdout(io.StringIO()) as out:
        ls(layer)
    assert layer.fields_desc[0].name in out.getvalue()
    assert layer.__doc__
    raw = bytes(NCP() / fuzz(layer()))
    assert NCP(raw).length == len(raw) - 16


def test_show_and_summary_read_well():
    packet = segment(encode(Error(100, 1, 0, "Taken.\x1b[2J", "Zoë2")), PINGS[3])
    shown = packet.show(dump=True)
    assert "###[ NCP ERROR ]###" in shown
    for line in ("type      = ERROR", "code      = NAME_TAKEN", "suggestion= 'Zoë2'"):
        assert line in shown
    assert "text      = 'Taken.\\x1b[2J'" in shown
    assert packet.summary() == (
        "IP / TCP 127.0.0.1:6464 > 127.0.0.1:40000 S / NCP / "
        "ERROR NAME_TAKEN 'Taken.\\x1b[2J' / NCP / PING"
    )
    assert segment(bytes(NCP(type=0x7F) / Raw(b"?"))).summary().endswith("NCP type 0x7f / Raw")
    eventful = Event(1, 2, 3, 4, 1, "lobby", "Ada", "hi")
    assert NCP(encode(eventful)).summary() == "NCP / EVENT 'lobby' 'Ada' 'hi'"


def test_invalid_utf8_is_kept():
    layer = LAYERS[Send](LAYERS[Send](counter=1, room="a", text=b"\xff\xfe").build())
    assert layer.text == "\udcff\udcfe"
    assert bytes(LAYERS[Send](counter=1, room="a", text=layer.text)) == bytes(layer)


def test_the_command_of_a_packet_recreates_it():
    packet = NCP(encode(Joined(1, 2, ())))
    names = {**scapy_layer.NAMES, "NCP": NCP}
    assert bytes(eval(packet.command(), names)) == bytes(packet)


QUESTIONS = [
    (Ping(5), Pong(5), Pong(6)),
    (Send(3, "a", "x"), Event(9, 0, 1, 3, 1, "a", "Ada", "x"), Event(9, 0, 1, 4, 1, "a", "B", "")),
    (Send(3, "a", "x"), Ack(3, 9, "a"), Ack(2, 9, "a")),
    (Send(3, "a", "x"), Error(121, Send.TYPE, 3, "", ""), Error(121, Join.TYPE, 3, "", "")),
    (Join(1, 0, 0, "a"), Joined(1, 1, ()), Joined(2, 1, ())),
    (Private(8, "Bo"), Joined(8, 1, ()), Roster(8, 0, 0, "a", ())),
    (Hello(0, b"", b"", "A", "", ()), Error(100, Hello.TYPE, 0, "", ""), Error(1, 0, 0, "", "")),
    (Hello(0, b"", b"", "A", "", ()), Welcome(0, 1, 2, 3, 4, 5, 6, 0, b"", "A", "", ()), Pong(0)),
]


@pytest.mark.parametrize(("question", "answer", "other"), QUESTIONS)
def test_answers(question, answer, other):
    asked, told, strange = map(frame, (question, answer, other))
    assert told.answers(asked)
    assert told.hashret() == asked.hashret()
    assert not strange.answers(asked)
    assert not asked.answers(told)
    assert not told.answers(Raw(b"?"))


def test_every_request_has_its_response():
    asked = [m for m in MESSAGES.values() if link_field(m) == "request" and m.NAME not in ANSWERED]
    assert set(asked) <= set(ANSWERS)


ANSWERED = {m.NAME for answers in ANSWERS.values() for m in answers}


def test_sr1_over_a_real_socket():
    near, far = socket.socketpair()
    with near, far:
        far.sendall(encode(Ping(1)) + encode(Pong(7)) + encode(Ping(2)))
        answer = StreamSocket(near, NCP).sr1(frame(Ping(7)), timeout=5, verbose=False)
        assert from_scapy(answer.payload, Pong) == Pong(7)
        assert far.recv(100) == encode(Ping(7))


def _stream(raw: bytes, sizes: list[int]) -> list[Packet]:
    packets, at = [], 0
    while at < len(raw):
        size = sizes[len(packets) % len(sizes)]
        packets.append(Ether() / IP() / TCP(sport=6464, dport=9, seq=1 + at, flags="PA"))
        packets[-1] /= Raw(raw[at : at + size])
        at += size
    return [Ether(bytes(packet)) for packet in packets]


@pytest.mark.parametrize("size", [5, 24, 48, 1000])
def test_scapys_own_reassembly_finds_the_frames(size):
    session, found = TCPSession(), []
    # Only streams in which some segments end with a frame: see docs/SCAPY.md.
    for packet in _stream(b"".join(PINGS[:20]), [size]):
        done = session.process(packet)
        if done is not None and NCP in done:
            found += [
                layer.time_ for layer in done.iterpayloads() if isinstance(layer, LAYERS[Ping])
            ]
    assert found == list(range(20))


def test_tcp_reassemble_called_directly():
    metadata = {}
    assert NCP.tcp_reassemble(PINGS[0][:3], metadata, {}) is None
    assert NCP.tcp_reassemble(PINGS[0][:20], metadata, {}) is None
    assert metadata == {"tcp_min_len": 24}
    packet = NCP.tcp_reassemble(PINGS[0] + PINGS[1][:3], {}, {})
    assert packet.layers() == [NCP, LAYERS[Ping], Padding]
    packet = NCP.tcp_reassemble(b"noise" + PINGS[1], {}, {})
    assert (packet[Raw].load, packet[Padding].load) == (b"noise", PINGS[1])
    assert NCP.tcp_reassemble(b"a lot of noise and nothing else", {}, {}).layers() == [Raw]
    absurd = bytes(NCP(length=2**31) / to_scapy(Ping(0)))
    assert NCP.tcp_reassemble(absurd, {}, {}).layers() == [Raw]


def test_importing_the_layer_does_not_import_scapy_all():
    code = (
        "import sys, netchat.packets.scapy.layer; "
        "from scapy.config import conf; "
        "print('scapy.all' in sys.modules, 'scapy.layers.all' in sys.modules, len(conf.load_layers))"
    )
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert out.stdout.split() == ["False", "False", str(len(conf.load_layers))]
