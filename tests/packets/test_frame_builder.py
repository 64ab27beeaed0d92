"""Frames from field=value pairs."""

import pytest
from hypothesis import given

from netchat.errors import EncodeError
from netchat.packets.frame_builder import craft, find_message
from netchat.packets.scapy import NCP
from netchat.wire import (
    HEADER_FIELDS,
    MESSAGES,
    Event,
    Hello,
    Membership,
    Position,
    Send,
    Welcome,
    encode,
    fields_of,
)
from netchat.wire.spec import records
from tests.wire.strategies import messages


def as_text(record, prefix=""):
    """Return a message's fields as written on a command line."""
    pairs = {}
    for field in fields_of(type(record)):
        value = getattr(record, field.name)
        if field.record is not None:
            for index, item in enumerate(value):
                pairs |= as_text(item, f"{prefix}{field.name}[{index}].")
        elif isinstance(value, bytes):
            pairs[prefix + field.name] = value.hex(":")
        else:
            pairs[prefix + field.name] = str(value)
    return pairs


@given(messages)
def test_any_message_can_be_written_as_text(message):
    assert bytes(craft(message.NAME, **as_text(message))) == encode(message)


def test_values_may_be_python_objects():
    frame = craft("hello", device=b"1" * 16, positions=[{"room": "a", "log": 1, "last": 2}])
    assert bytes(frame) == encode(Hello(0, b"1" * 16, b"", "", "", (Position("a", 1, 2),)))


def test_lists_as_json_and_item_by_item_are_the_same():
    whole = craft("WELCOME", rooms='[{"room": "a", "kind": "PRIVATE", "peer": "Bo"}, {"last": 7}]')
    items = {
        "rooms[1].last": "7",
        "rooms[0].room": "a",
        "rooms[0].kind": "3",
        "rooms[0].peer": "Bo",
    }
    assert bytes(whole) == bytes(craft("WELCOME", **items))
    rooms = Membership("a", 3, "Bo", 0, 0, 0), Membership("", 1, "", 0, 7, 0)
    assert bytes(whole) == encode(Welcome(0, 0, 0, 0, 0, 0, 0, 0, b"", "", "", rooms))


def test_fields_have_defaults():
    assert bytes(craft("SEND", text="hi")) == encode(Send(1, "lobby", "hi"))
    assert craft("HELLO").device == bytes(range(16))
    assert bytes(craft("EVENT", counter=0)) == encode(Event(0, 0, 0, 0, 1, "lobby", "", ""))


@pytest.mark.parametrize("name", ["HISTORY_END", "history-end", "History_End", "0x24", "36", 36])
def test_messages_by_name_and_number(name):
    assert find_message(name)[1] is MESSAGES[0x24]


def test_header_and_lengths_can_be_set_to_wrong_values():
    frame = craft(
        "SEND", magic="XX", version=7, flags="0x0102", suite=3, reserved=4, length=5, crc=6
    )
    assert bytes(frame)[:16].hex() == "58580720" + "01020304" + "00000005" + "00000006"
    assert bytes(craft("SEND", magic="4e44"))[:2] == b"ND"
    assert bytes(craft("SEND", type="0x21"))[3] == 0x21
    assert bytes(craft("SEND", room_len=99))[24:26] == b"\0\x63"
    assert bytes(craft("JOINED", membership_count="5"))[24:26] == b"\0\x05"
    assert bytes(craft("SEND", text="\udcff"))[-1:] == b"\xff"


def test_an_explicit_body_replaces_the_fields():
    assert bytes(craft("SEND", body="00 ff"))[16:] == b"\0\xff"
    assert bytes(craft(0x7F, body=b"x")) == bytes(NCP(type=0x7F) / b"x")
    assert len(bytes(craft(0x7F))) == 16


@pytest.mark.parametrize(
    ("message", "values", "words"),
    [
        ("SEDN", {}, ["did you mean SEND?"]),
        ("XYZZY", {}, ["there are HELLO, WELCOME"]),
        (256, {}, ["256"]),
        ("SEND", {"txt": 1}, ["SEND has no field 'txt'", "text?", "counter, room, text", "crc"]),
        ("SEND", {"counter": "x"}, ["SEND.counter", "'x'"]),
        ("SEND", {"counter": 2**64}, ["SEND.counter", "must be 0 to 18446744073709551615"]),
        ("SEND", {"counter": None}, ["SEND.counter"]),
        ("SEND", {"text": 5}, ["SEND.text must be text"]),
        ("SEND", {"text": "a" * 65536}, ["SEND.text", "65536", "65535"]),
        ("SEND", {"text": "\ud800"}, ["SEND.text", "UTF-8"]),
        ("SEND", {"room_len": 65536}, ["SEND.room_len"]),
        ("SEND", {"length": -1}, ["length must be 0 to 4294967295, got -1"]),
        ("SEND", {"magic": "ABC"}, ["magic", "'ABC'"]),
        ("SEND", {"body": "", "text": "a"}, ["no field text"]),
        ("EVENT", {"kind": "SHOUT"}, ["EVENT.kind", "CHAT, JOIN, LEAVE, RENAME"]),
        ("HELLO", {"token": "xy"}, ["HELLO.token", "hexadecimal"]),
        ("HELLO", {"positions": "lobby"}, ["HELLO.positions", "JSON", "positions[0].FIELD"]),
        ("HELLO", {"positions": "[1]"}, ["HELLO.positions"]),
        ("HELLO", {"positions[1].room": "a"}, ["HELLO.positions has no item 0"]),
        ("HELLO", {"positions[0].rom": "a"}, ["HELLO.positions[0]", "did you mean room?"]),
        ("HELLO", {"positions": "[]", "positions[0].room": "a"}, ["HELLO.positions", "use one"]),
        ("HELLO", {"name[0].room": "a"}, ["HELLO has no field 'name[0].room'"]),
        (0x7F, {"text": "a"}, ["no field text"]),
    ],
)
def test_errors_name_the_field(message, values, words):
    with pytest.raises(EncodeError) as caught:
        craft(message, **values)
    for word in words:
        assert word in str(caught.value)


def test_no_field_is_hidden_by_the_header():
    header = {name for name, *_ in HEADER_FIELDS} | {"body"}
    for declared in [*MESSAGES.values(), *records()]:
        assert header.isdisjoint(field.name for field in fields_of(declared))
