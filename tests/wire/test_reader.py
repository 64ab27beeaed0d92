import contextlib
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchat.errors import (
    BadChecksum,
    BadMagic,
    BadVersion,
    FrameTooLarge,
    PeerError,
    UnknownFlags,
    UnknownType,
)
from netchat.wire import (
    HEADER_SIZE,
    MAX_FRAME,
    MESSAGES,
    Frame,
    FrameReader,
    Ping,
    Send,
    check_header,
    encode,
    seal,
)
from tests.wire.strategies import messages

SEND = encode(Send(7, "lobby", "Hi, Zoë"))
PING = encode(Ping(1))


def _header(magic=b"NC", version=1, number=0x20, flags=0, suite=0, reserved=0, length=0):
    head = struct.pack(">2sBBHBBI", magic, version, number, flags, suite, reserved, length)
    return head + struct.pack(">I", zlib.crc32(head + bytes(4)))


def _feed_bad(reader, *pieces):
    for piece in pieces:
        assert reader.feed(piece) == [], "a bad frame passed"


@st.composite
def _sliced(draw):
    """Return some messages, and their bytes cut at arbitrary offsets."""
    sent = draw(st.lists(messages, max_size=5))
    stream = b"".join(map(encode, sent))
    cuts = sorted(draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    return [Frame(m.TYPE, m.encode()) for m in sent], pieces


@given(_sliced())
def test_any_slicing_gives_the_same_frames(sent):
    expected, pieces = sent
    reader = FrameReader()
    assert [frame for piece in pieces for frame in reader.feed(piece)] == expected
    assert reader.pending == 0


@given(st.lists(messages, min_size=1, max_size=3))
def test_one_byte_at_a_time_and_all_at_once(sent):
    stream = b"".join(map(encode, sent))
    slow, fast = FrameReader(), FrameReader()
    pieces = [slow.feed(stream[at : at + 1]) for at in range(len(stream))]
    assert [frame for piece in pieces for frame in piece] == fast.feed(stream)
    ends = [at + 1 for at, piece in enumerate(pieces) if piece]
    assert len(ends) == len(sent)  # each frame is returned with its last byte, not later
    assert ends[-1] == len(stream)


def test_many_frames_at_once():
    frames = FrameReader().feed(PING * 1000)
    assert frames == [Frame(Ping.TYPE, PING[HEADER_SIZE:])] * 1000


def test_keeps_the_unfinished_frame_and_no_more():
    reader = FrameReader()
    reader.feed(PING * 100 + SEND[:-1])
    assert reader.pending == len(SEND) - 1
    assert len(reader.feed(SEND[-1:] + PING * 100)) == 101
    assert reader.pending == 0


def test_never_keeps_more_than_a_frame():
    body = Send(1, "r", "x" * 60_000).encode()
    stream = seal(Send.TYPE, body) * 3
    reader = FrameReader()
    most = 0
    for at in range(0, len(stream), 1999):
        reader.feed(stream[at : at + 1999])
        most = max(most, reader.pending)
    assert most < HEADER_SIZE + len(body)


def test_largest_frame_passes():
    frame = seal(Send.TYPE, bytes(MAX_FRAME - HEADER_SIZE))
    assert len(frame) == MAX_FRAME
    assert len(FrameReader().feed(frame)) == 1


@pytest.mark.parametrize("whole", [True, False], ids=["at once", "byte by byte"])
@pytest.mark.parametrize(
    ("head", "error", "sentence"),
    [
        (b"GET / HTTP/1.1\r\n", BadMagic, "begins with b'NC', not with b'G"),
        (_header(magic=b"NX"), BadMagic, "not with b'NX'"),
        (_header(magic=b"CN"), BadMagic, "not with b'C"),
        (_header(version=2), BadVersion, "version 2; this program speaks version 1"),
        (_header(version=0), BadVersion, "version 0"),
        (_header(number=0), UnknownType, "type 0x00 is not in NCP/1"),
        (_header(number=0x70), UnknownType, "type 0x70 is not"),
        (_header(number=0xFF), UnknownType, "type 0xff is not"),
        (_header(flags=1), UnknownFlags, "flags 0x0001, suite 0, reserved 0"),
        (_header(flags=0x8000), UnknownFlags, "flags 0x8000"),
        (_header(suite=1), UnknownFlags, "suite 1"),
        (_header(reserved=255), UnknownFlags, "reserved 255"),
        (_header(length=MAX_FRAME - HEADER_SIZE + 1), FrameTooLarge, "65537 bytes; the limit is 65536"),
        (_header(length=2**32 - 1), FrameTooLarge, "4294967311 bytes"),
        (_header(length=0)[:12] + b"\0\0\0\0", BadChecksum, "SEND frame: its CRC-32 says 00000000"),
    ],
)  # fmt: skip
def test_bad_header(head, error, sentence, whole):
    reader = FrameReader()
    assert len(reader.feed(PING)) == 1
    pieces = [head] if whole else [head[at : at + 1] for at in range(len(head))]
    with pytest.raises(error, match=sentence) as caught:
        _feed_bad(reader, *pieces)
    assert str(caught.value).endswith(f"(frame at byte {len(PING)} of the stream)")
    assert reader.pending == 0


def test_oversized_frame_is_refused_from_its_header():
    reader = FrameReader(limit=100)
    head = _header(length=85)
    assert reader.feed(head[:15]) == []
    with pytest.raises(FrameTooLarge, match="101 bytes; the limit is 100"):
        reader.feed(head[15:])
    assert reader.pending == 0


@given(st.lists(messages, max_size=3), st.binary(max_size=8))
def test_valid_frames_before_garbage_are_not_lost(sent, garbage):
    stream = b"".join(map(encode, sent))
    with pytest.raises(BadMagic, match=f"frame at byte {len(stream)} of") as caught:
        FrameReader().feed(stream + b"??" + garbage)
    assert list(caught.value.frames) == [Frame(m.TYPE, m.encode()) for m in sent]


def test_frames_from_earlier_feeds_are_counted_and_returned_once():
    reader = FrameReader()
    assert reader.feed(PING + SEND[:20]) == [Frame(Ping.TYPE, PING[16:])]
    with pytest.raises(BadMagic, match=f"byte {2 * len(PING) + len(SEND)} of") as caught:
        reader.feed(SEND[20:] + PING + b"!")
    assert [frame.type for frame in caught.value.frames] == [Send.TYPE, Ping.TYPE]
    for data in (PING, b"", SEND):
        with pytest.raises(BadMagic) as again:
            reader.feed(data)
        assert str(again.value) == str(caught.value)
        assert list(again.value.frames) == []
    assert reader.pending == 0


def test_a_failed_reader_keeps_nothing_of_what_it_was_fed():
    reader = FrameReader()
    with pytest.raises(BadMagic) as caught:
        reader.feed(b"x" * 100)
    assert reader._failure == (BadMagic, str(caught.value))


@pytest.mark.parametrize("bit", range(8))
def test_every_flipped_bit_is_detected(bit):
    for at in range(len(SEND)):
        damaged = bytearray(SEND)
        damaged[at] ^= 1 << bit
        reader = FrameReader()
        # A length that is too large makes the reader wait for more bytes; then the CRC is wrong.
        with pytest.raises(PeerError):
            _feed_bad(reader, bytes(damaged), bytes(MAX_FRAME))


@given(messages, st.integers(1, 32), st.data())
def test_every_burst_up_to_32_bits_is_detected(message, length, data):
    """A CRC-32 detects every burst of at most 32 bits."""
    frame = encode(message)
    burst = 1 | 1 << (length - 1) | data.draw(st.integers(0, 2**length - 1))
    shift = data.draw(st.integers(0, 8 * len(frame) - length))
    damaged = int.from_bytes(frame, "big") ^ burst << shift
    reader = FrameReader()
    with pytest.raises(PeerError):
        _feed_bad(reader, damaged.to_bytes(len(frame), "big"), bytes(MAX_FRAME))


def test_cut_at_every_position_is_no_frame_yet():
    for size in range(len(SEND)):
        reader = FrameReader()
        assert reader.feed(SEND[:size]) == []
        assert reader.pending == size
        assert reader.feed(SEND[size:]) == [Frame(Send.TYPE, SEND[HEADER_SIZE:])]


@given(st.binary(max_size=200))
def test_random_bytes_are_refused_or_awaited(data):
    reader = FrameReader()
    with contextlib.suppress(PeerError):
        _feed_bad(reader, data)
        assert reader.pending == len(data)


@given(st.sampled_from(sorted(MESSAGES)), st.binary(max_size=300))
def test_reader_leaves_the_body_to_decode(number, body):
    assert FrameReader().feed(seal(number, body)) == [Frame(number, body)]


def test_check_header_of_a_part():
    head = _header(length=5)
    assert [check_header(head[:size]) for size in range(16)] == [0] * 16
    assert check_header(head) == 5
    assert check_header(bytearray(head) + b"after it") == 5


def test_frames_beyond_the_limit_stay_buffered():
    reader, (one, two, three) = FrameReader(), [encode(Ping(number)) for number in range(3)]
    assert len(reader.feed(one + two, most=1)) == 1
    assert (reader.unread, reader.pending) == (True, len(two))
    assert len(reader.feed(three, most=2)) == 2
    assert (reader.unread, reader.pending) == (False, 0)


def test_tls_is_named():
    with pytest.raises(BadMagic, match="it starts TLS, which is off here"):
        FrameReader().feed(bytes.fromhex("160301020001000001"))


def test_a_frame_in_pieces_of_three_bytes() -> None:
    """A piece that completes neither header nor body is only kept."""
    frame = encode(Send(1, "lobby", "a text of some length, in many pieces"))
    reader, found = FrameReader(), []
    for at in range(0, len(frame), 3):
        found += reader.feed(frame[at : at + 3])
        assert bool(found) == (at + 3 >= len(frame))
    assert reader.pending == 0


def test_bytes_of_a_body_that_are_only_kept() -> None:
    """With room for no frame, the bytes of an incomplete one are kept, and it is returned later."""
    frame = encode(Send(1, "lobby", "a text of some length"))
    reader = FrameReader()
    assert reader.feed(frame[:-9]) == []
    assert reader.feed(frame[-9:-5], 0) == []
    assert len(reader.feed(frame[-5:])) == 1
