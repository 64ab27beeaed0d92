import pytest
from hypothesis import given

from netchat.errors import BadBody
from netchat.wire import (
    Frame,
    Hello,
    HistoryEnd,
    Member,
    Position,
    Roster,
    Send,
    decode,
    fields_of,
    walk,
)
from netchat.wire.fields import BLOB, LIST, TEXT
from tests.wire.strategies import messages


def test_spans_of_a_send():
    body = Send(7, "lobby", "Hi, Zoë").encode()
    spans = [(s.path, s.start, s.end, s.value) for s in walk(Send, body)]
    assert spans == [("counter", 0, 8, 7), ("room", 8, 15, "lobby"), ("text", 15, 25, "Hi, Zoë")]


def test_items_of_a_list_have_paths():
    body = Roster(1, 2, 0, "r", (Member("Ada", 0), Member("Bo", 1))).encode()
    paths = [(s.path, s.value) for s in walk(Roster, body)][4:]
    assert paths == [
        ("members", 2),
        ("members[0].name", "Ada"),
        ("members[0].away", 0),
        ("members[1].name", "Bo"),
        ("members[1].away", 1),
    ]


@given(messages)
def test_spans_cover_the_body_and_hold_the_values(message):
    body = message.encode()
    end = 0
    values = {}
    for span in walk(type(message), body):
        assert span.start == end
        end = span.end
        values[span.path] = span.value
    assert end == len(body)
    for field in fields_of(type(message)):
        value = getattr(message, field.name)
        assert values[field.name] == (len(value) if field.kind is LIST else value)


@given(messages)
def test_fields_can_be_read_where_the_spans_say(message):
    body = message.encode()
    for span in walk(type(message), body):
        raw = body[span.start : span.end]
        size = span.field.kind.size
        if span.field.kind in (TEXT, BLOB):
            assert int.from_bytes(raw[:size], "big") == len(raw) - size
        else:
            assert int.from_bytes(raw, "big") == span.value


def _refused(cls, body):
    with pytest.raises(BadBody) as caught:
        decode(Frame(cls.TYPE, body))
    return str(caught.value)


def test_number_cut_short():
    assert _refused(HistoryEnd, bytes(6)) == (
        "HISTORY_END: first at byte 4 needs 8 bytes, but only 2 are left"
    )


def test_text_longer_than_the_body():
    body = bytes(8) + b"\x00\x05lob"
    assert _refused(Send, body) == (
        "SEND: room at byte 8 says it is 5 bytes long, but only 3 are left"
    )


def test_blob_of_four_gigabytes():
    body = bytes(4) + b"\xff\xff\xff\xff" + bytes(20)
    assert _refused(Hello, body) == (
        "HELLO: device at byte 4 says it is 4294967295 bytes long, but only 20 are left"
    )


@pytest.mark.parametrize(
    ("text", "byte", "at"),
    [
        (b"ab\xff", "0xff", 12),
        (b"\xc3", "0xc3", 10),  # cut in the middle of a character
        (b"\xed\xa0\x80", "0xed", 10),  # a surrogate
        (b"\xc0\x80", "0xc0", 10),  # NUL in two bytes
        (b"x\xf5\x80\x80\x80", "0xf5", 11),  # beyond Unicode
    ],
)
def test_invalid_utf8(text, byte, at):
    body = bytes(8) + len(text).to_bytes(2, "big") + text + b"\x00\x00"
    assert _refused(Send, body) == f"SEND: room is not valid UTF-8: byte {byte} at byte {at}"


def test_list_that_claims_more_items_than_it_has():
    body = Hello(0, b"", b"", "", "", (Position("a", 1, 2),)).encode()
    count = len(body) - len(Position("a", 1, 2).encode()) - 2
    hostile = body[:count] + (400).to_bytes(2, "big") + body[count + 2 :]
    assert _refused(Hello, hostile) == (
        f"HELLO: positions[1].room at byte {len(body)} needs 2 bytes, but only 0 are left"
    )


def test_left_over():
    body = Send(1, "r", "t").encode() + b"???"
    assert _refused(Send, body) == (
        f"SEND: 3 bytes are left over after its last field, at byte {len(body) - 3}"
    )


def test_a_list_above_its_limit_is_refused_before_its_items_are_read():
    (field,) = (f for f in fields_of(Roster) if f.kind is LIST)
    body = Roster(1, 2, 0, "r", (Member("Ada", 0),) * field.most).encode()
    assert len(decode(Frame(Roster.TYPE, body)).members) == field.most
    count = (field.most + 1).to_bytes(2, "big")
    body = Roster(1, 2, 0, "r", ()).encode()[:-2] + count + Member("Ada", 0).encode() * 501
    with pytest.raises(BadBody, match="members at byte 12 has 501 items; at most 500 are allowed"):
        decode(Frame(Roster.TYPE, body))


def test_the_fault_in_a_long_list_is_named_though_good_items_are_skipped():
    body = bytearray(Roster(1, 9, 0, "r", (Member("Ada", 0),) * 9).encode())
    body[-2] = 0xFF  # within the last name
    with pytest.raises(BadBody, match=r"members\[8\].name is not valid UTF-8: byte 0xff"):
        decode(Frame(Roster.TYPE, bytes(body)))
