import contextlib
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchat.errors import BadBody, UnknownType
from netchat.wire import (
    HEADER_FIELDS,
    HEADER_SIZE,
    MESSAGES,
    Frame,
    Ping,
    checksum,
    decode,
    encode,
    seal,
)
from netchat.wire.frame import CRC_OFFSET, HEADER, Flags
from tests.wire.strategies import frames, messages


def test_header_fields_fill_the_header_without_gap_or_overlap():
    end = 0
    for _, offset, size, doc in HEADER_FIELDS:
        assert offset == end
        assert doc
        end += size
    assert end == HEADER_SIZE == HEADER.size == 16
    assert ("crc", CRC_OFFSET) in [(name, offset) for name, offset, *_ in HEADER_FIELDS]


@given(messages)
def test_header_of_any_message(message):
    frame = encode(message)
    assert frame[:3] == b"NC\x01"
    assert frame[3] == message.TYPE
    assert frame[4:8] == bytes(4)
    assert int.from_bytes(frame[8:12], "big") == len(frame) - HEADER_SIZE
    assert int.from_bytes(frame[12:16], "big") == checksum(frame)
    assert checksum(frame) == zlib.crc32(frame[:12] + bytes(4) + frame[16:])


@given(messages)
def test_encode_and_decode_are_inverse(message):
    frame = encode(message)
    assert decode(Frame(frame[3], frame[HEADER_SIZE:])) == message
    assert seal(message.TYPE, message.encode()) == frame


def test_version_1_has_no_flags():
    assert list(Flags) == []


@given(st.integers(0, 255).filter(lambda n: n not in MESSAGES), st.binary(max_size=20))
def test_unknown_type_is_named(number, body):
    with pytest.raises(UnknownType, match=f"{number:#04x} is not in NCP/1"):
        decode(Frame(number, body))


@given(frames)
def test_body_cut_anywhere_is_refused(frame):
    name = MESSAGES[frame.type].NAME
    for size in range(len(frame.body)):
        with pytest.raises(BadBody, match=rf"^{name}: \w+.* at byte \d+"):
            decode(Frame(frame.type, frame.body[:size]))


@given(frames, st.binary(min_size=1, max_size=9))
def test_bytes_left_over_are_refused(frame, more):
    with pytest.raises(
        BadBody, match=f"{len(more)} bytes? (is|are) left over .* at byte {len(frame.body)}$"
    ):
        decode(Frame(frame.type, frame.body + more))


@given(st.sampled_from(list(MESSAGES)), st.binary(max_size=300))
def test_random_body_is_a_message_or_refused(number, body):
    with contextlib.suppress(BadBody):
        assert decode(Frame(number, body)).encode() == body  # one message has one form


def test_decode_does_not_share_what_it_read():
    first, second = (decode(Frame(Ping.TYPE, bytes(8))) for _ in range(2))
    assert first == second
    assert first is not second
