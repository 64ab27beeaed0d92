"""The dissector in tshark: its fields match the codec, and its texts and filters help the reader."""

import pytest

from netchat.packets.encapsulate import Encapsulation
from netchat.packets.frame_builder import craft
from netchat.packets.scapy import NCP
from netchat.packets.wireshark.dissector import DISSECTOR, common_fields, dissector
from netchat.wire import (
    MESSAGES,
    Ack,
    Bye,
    Error,
    Event,
    Hello,
    Join,
    Joined,
    Ping,
    Pong,
    Send,
    Way,
    Welcome,
    encode,
    walk,
)
from netchat.wire.fields import BLOB
from tests.awkward import AWKWARD, HIDDEN, utf8
from tests.packets.golden import each_vector, golden_message
from tests.packets.sharks import TSHARK, frames, needs_tshark, tshark, values
from tests.vectors import VECTORS, frame_of


@pytest.fixture
def chat(tmp_path):
    """Save a conversation of (frame, by_server), and return the capture."""

    def save(*said, **options):
        conversation = Encapsulation(now=1_700_000_000.0, **options)
        for item in said:
            data, by_server = item if isinstance(item, tuple) else (item, None)
            if not isinstance(data, bytes):
                by_server = data.WAY is Way.TO_CLIENT if by_server is None else by_server
                data = encode(data)
            conversation.send(data, by_server=bool(by_server))
        conversation.close()
        conversation.save(tmp_path / "chat.pcapng")
        return tmp_path / "chat.pcapng"

    return save


STORY = [
    Hello(0, bytes(range(16)), b"", "Ada", "test", ()),
    Welcome(0, 1, 77, 1_700_000_000_000_000, 65536, 16384, 120, 0, bytes(32), "Ada", "s", ()),
    Join(1, 0, 0, "lobby"),
    Joined(1, 1, ()),
    Event(1, 5, 0, 0, 2, "lobby", "Ada", ""),
    Send(1, "lobby", "hello"),
    Event(2, 6, 99, 1, 1, "lobby", "Bo", "another's counter 1"),
    Event(3, 7, 77, 1, 1, "lobby", "Ada", "hello"),
    Send(1, "lobby", "hello"),
    Ack(1, 3, "lobby"),
    Send(2, "lobby", ""),
    Error(120, Send.TYPE, 2, "The message is empty.", ""),
    Join(2, 0, 0, "nope"),
    Error(110, Join.TYPE, 2, "No room has this code.", ""),
]


def test_the_committed_dissector_is_the_generated_one():
    assert DISSECTOR.read_text("utf-8") == dissector()


def test_every_message_and_field_is_declared():
    text = dissector()
    for number, message in MESSAGES.items():
        assert f'[{number:#04x}] = {{\n    name = "{message.NAME}"' in text
    assert "--@SPEC@" not in text


def test_common_fields_mean_one_thing():
    common = common_fields()
    assert {"room", "sender", "text", "seq", "request", "counter", "name"} <= set(common)
    # These fields have two types or two sets of named values, or are in both header and message.
    assert not {"kind", "device", "members", "after", "type", "length"} & set(common)
    assert not {message.NAME.lower() for message in MESSAGES.values()} & set(common)


@pytest.fixture(scope="module")
def golden_frames(tmp_path_factory):
    """Dissect all golden vectors with tshark, in order."""
    if TSHARK is None:
        pytest.skip("tshark is not installed")
    path = tmp_path_factory.mktemp("golden") / "golden.pcapng"
    conversation = Encapsulation(now=1_700_000_000.0)
    for vector in VECTORS:
        way = MESSAGES[golden_message(vector).TYPE].WAY
        conversation.send(frame_of(vector), by_server=way is Way.TO_CLIENT)
    conversation.save(path)
    return frames(path)


@each_vector
def test_golden_vectors_have_the_same_fields_everywhere(vector, golden_frames):
    assert len(golden_frames) == len(VECTORS)
    frame = golden_frames[VECTORS.index(vector)]
    raw, message = frame_of(vector), golden_message(vector)
    assert values(frame, "type") == [f"0x{message.TYPE:02x}"]
    assert values(frame, "crc") == [f"0x{NCP(raw).crc:08x}"]
    assert values(frame, "crc_good") == ["1"]
    prefix = f"netchat.{message.NAME.lower()}."
    shown = [(name, show) for name, show in frame if name.startswith(prefix)]
    wanted = []
    for span in walk(type(message), raw[16:]):
        name = prefix + ".".join(part.partition("[")[0] for part in span.path.split("."))
        if span.field.kind is BLOB:
            if span.value:  # Wireshark shows no field for zero bytes
                wanted.append((name, span.value.hex(":")))
        else:
            wanted.append((name, str(span.value)))
    assert shown == wanted


@needs_tshark
def test_a_conversation_reads_well(chat):
    out, _ = tshark(
        chat(*STORY),
        "-T",
        "fields",
        "-e",
        "_ws.col.Protocol",
        "-e",
        "_ws.col.Info",
        "-Y",
        "netchat",
    )
    lines = [line.split("\t") for line in out.splitlines()]
    assert {protocol for protocol, _ in lines} == {"NCP"}
    infos = [info.strip() for _, info in lines]
    assert infos[0] == "HELLO Ada"
    assert infos[5] == 'SEND lobby "hello"'
    assert infos[7] == 'EVENT CHAT lobby 3 Ada "hello"'
    assert infos[11] == 'ERROR TEXT_NOT_ALLOWED "The message is empty."'


@needs_tshark
@pytest.mark.parametrize(
    ("question", "count"),
    [
        ('netchat.room == "lobby"', 8),
        ('netchat.sender == "Ada" && netchat.text == "hello"', 1),
        ("netchat.event.kind == 1", 2),
        ("netchat.send", 3),
        ("netchat.type == 0x20", 3),
        ("netchat.error.code == 110", 1),
        ("netchat.seq > 1", 3),
        ("netchat.refused", 2),
        ("netchat.bad_crc || netchat.malformed || netchat.no_frame || netchat.truncated", 0),
    ],
)
def test_filters(chat, question, count):
    out, _ = tshark(chat(*STORY), "-Y", question)
    assert len(out.splitlines()) == count


@needs_tshark
def test_requests_and_responses_are_linked(chat):
    # Two passes: a request is linked to its answer only after the answer was read.
    found = frames(chat(*STORY), "-2")
    linked = {
        index: (values(frame, "response_to"), values(frame, "response_in"))
        for index, frame in enumerate(found)
    }
    # A frame's number is 4 + 2 * its index: three packets of handshake, and an ACK after each frame.
    number = {index: str(4 + 2 * index) for index in range(len(STORY))}
    for question, answer in [(0, 1), (2, 3), (5, 7), (8, 9), (10, 11), (12, 13)]:
        assert linked[question] == ([], [number[answer]])
        assert linked[answer] == ([number[question]], [])
    assert linked[4] == linked[6] == ([], [])
    (time,) = values(found[7], "response_time")
    assert float(time) == pytest.approx(0.004, abs=1e-5)


@needs_tshark
def test_ping_and_bye_are_linked(chat):
    capture = chat(
        STORY[0], STORY[1], (Ping(5), True), (Pong(5), False), (Bye(""), False), (Bye(""), True)
    )
    found = frames(capture, "-2")
    assert [values(frame, "response_to") for frame in found[3:]] == [["8"], [], ["12"]]


@needs_tshark
@pytest.mark.parametrize("size", [1, 7, 16, 23, 100, 5000])
def test_frames_across_segments_are_reassembled(tmp_path, size):
    raw = b"".join(map(encode, STORY[3:8])) * 2
    conversation = Encapsulation(now=0.0)
    for at in range(0, len(raw), size):
        conversation.send(raw[at : at + size], by_server=True)
    conversation.save(tmp_path / "cut.pcapng")
    found = frames(tmp_path / "cut.pcapng")
    assert [values(f, "type")[0] for f in found] == [
        f"0x{m.TYPE:02x}" for _ in range(2) for m in STORY[3:8]
    ]
    assert all(values(frame, "crc_good") == ["1"] for frame in found)


@needs_tshark
def test_a_capture_that_begins_inside_a_frame(tmp_path):
    conversation = Encapsulation(now=0.0)
    conversation.packets.clear()
    raw = b"".join(encode(Ping(n)) for n in range(9))
    conversation.send(raw[13:100])
    conversation.send(raw[100:])
    conversation.save(tmp_path / "late.pcapng")
    found = frames(tmp_path / "late.pcapng")
    assert values(found[0], "skipped") == [raw[13:24].hex(":")]
    assert [v for f in found for v in values(f, "ping.time")] == [str(n) for n in range(1, 9)]


@needs_tshark
def test_other_ports_are_recognised_unless_disabled(chat):
    capture = chat(*STORY, port=40123)
    assert len(frames(capture)) == len(STORY)
    assert frames(capture, "-o", "netchat.heuristic:FALSE") == []
    assert len(
        frames(capture, "-o", "netchat.heuristic:FALSE", "-o", "netchat.ports:40123")
    ) == len(STORY)


@needs_tshark
@pytest.mark.parametrize(
    ("fields", "expert"),
    [
        ({"crc": 1}, "netchat.bad_crc"),
        ({"version": 2}, "netchat.bad_version"),
        ({"flags": 1}, "netchat.bad_flags"),
        ({"suite": 1}, "netchat.bad_flags"),
        ({"reserved": 1}, "netchat.bad_flags"),
        ({"type": 0x7F}, "netchat.unknown_type"),
        ({"room_len": 99}, "netchat.malformed"),
        ({"text_len": 0}, "netchat.malformed"),
        ({"length": 10**6}, "netchat.no_frame"),
        ({"magic": "XX"}, "netchat.no_frame"),
    ],
)
def test_invalid_frames_get_expert_info(chat, fields, expert):
    found = frames(chat(encode(Ping(1)), bytes(craft("SEND", text="hello", **fields))))
    assert values(found[0], "ping.time") == ["1"]
    experts = {name for frame in found for name, _ in frame}
    assert expert in experts


@needs_tshark
def test_a_frame_whose_rest_never_arrives_is_shown(chat):
    capture = chat(encode(Ping(1)), bytes(craft("SEND", text="hello", length=9999)))
    out, _ = tshark(capture, "-V", "-Y", "netchat.begins")
    assert "netchat NCP, the first 38 of 10015 bytes of a frame" in out


@needs_tshark
def test_the_dissector_resynchronises_after_damage(chat):
    wrong = bytes(craft("SEND", length=10**6, text="hello"))
    found = frames(chat(encode(Ping(1)) + wrong + encode(Ping(2)), Ping(3)))
    assert [v for f in found for v in values(f, "ping.time")] == ["1", "2", "3"]


@needs_tshark
def test_the_crc_check_can_be_disabled(chat):
    (frame,) = frames(chat(bytes(craft("PING", crc=1))), "-o", "netchat.check_crc:FALSE")
    assert values(frame, "crc_good") == []
    assert values(frame, "bad_crc") == []


@needs_tshark
def test_the_info_column_has_no_invisible_characters(chat):
    every = [c for c in HIDDEN if not "\ud800" <= c <= "\udfff"]
    texts = ["x".join(every[at : at + 60]) for at in range(0, len(every), 600)]
    texts += [text for text in AWKWARD.values() if utf8(text)]
    out, _ = tshark(chat(*(Send(n, "lobby", text) for n, text in enumerate(texts))))
    joiners = set("\u200c\u200d\ufe0e\ufe0f")
    assert not (set(HIDDEN) - joiners) & set(out)
    assert "👩\u200d👩" in out


@needs_tshark
def test_text_is_escaped_for_the_terminal(chat):
    out, _ = tshark(chat(Send(1, "lobby", "a\x1b[2J\x07\u202eb\x85\u200bc")))
    assert 'SEND lobby "a?[2J??b??c"' in out
    out, _ = tshark(chat(Send(1, "lobby", "a\x1b[2J")), "-V")
    assert "\x1b" not in out
