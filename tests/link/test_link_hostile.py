"""Hostile peers: false fields, replays, and arbitrary blocks."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

import pytest

from netchat.errors import LinkError
from netchat.link.code_table import CODES, OPENED, block_code, check_spec
from netchat.link.header import HEAD_SIZE, Header, Kind, read_header, write_header
from netchat.link.link import Link
from netchat.link.open_request import OpenRequest, read_open_request, write_open_request
from netchat.link.payload_decoder import payload_context
from netchat.link.sync_marker import MARKER
from tests.link.world import World

LINK, FIRST = 9, 1000
PLAIN = OpenRequest("rs:255,223", "rs:255,223")


class Peer:
    """A client that sends arbitrary blocks, and a server that has accepted its link."""

    def __init__(self, opening: OpenRequest = PLAIN) -> None:
        self.server = Link.server()
        self.now = 0.0
        self.say(Kind.OPEN, write_open_request(opening), code=1)

    def block(self, kind: Kind, payload: bytes = b"", **fields: int) -> bytes:
        values = {
            "kind": kind, "code": 4, "link": LINK, "length": len(payload), "offset": FIRST,
            "number": FIRST, "window": 64, "ack": FIRST, "echo": FIRST - 1, "delay": 0,
            "arrived": 0, "wrong": 0, "checked": 0,
        }  # fmt: skip
        header = Header(**{**values, **fields})  # type: ignore[arg-type]
        coded = b""
        if payload:
            spec = {0: "uncoded", 1: "rs:96,32"}.get(header.code, "rs:255,223")
            coded = block_code(spec).encode(payload_context(header), payload)
        return MARKER + write_header(header) + coded

    def say(self, kind: Kind, payload: bytes = b"", **fields: int) -> bytes:
        """Send a block, and return the bytes of the stream that it delivers."""
        self.server.receive(self.block(kind, payload, **fields), self.now)
        return self.server.received(self.now)


def test_a_peer_that_keeps_to_the_rules_is_understood() -> None:
    peer = Peer()

    assert peer.server.opened
    assert peer.say(Kind.DATA, b"hello") == b"hello"
    assert peer.say(Kind.DATA, b"!", offset=FIRST + 5, number=FIRST + 1) == b"!"


def test_a_block_counts_once() -> None:
    peer = Peer()

    assert peer.say(Kind.DATA, b"hello") == b"hello"
    for number in (FIRST, FIRST, FIRST + 1, FIRST - 40, FIRST + 2000):
        assert peer.say(Kind.DATA, b"hello", number=number) == b""
    assert peer.server.stats.duplicate_blocks == 5


def test_overlapping_segments_are_trimmed() -> None:
    peer = Peer()

    assert peer.say(Kind.DATA, b"cdef", offset=FIRST + 2, number=FIRST) == b""
    assert peer.say(Kind.DATA, b"ef", offset=FIRST + 4, number=FIRST + 1) == b""
    assert peer.say(Kind.DATA, b"abcd", offset=FIRST, number=FIRST + 2) == b"abcdef"
    assert peer.say(Kind.DATA, b"efg", offset=FIRST + 4, number=FIRST + 3) == b"g"
    assert peer.server.held < 200


def test_blocks_of_other_links_are_ignored() -> None:
    peer = Peer()

    assert peer.say(Kind.DATA, b"hello", link=LINK + 1) == b""
    assert peer.say(Kind.CLOSE, b"ha", code=1, link=LINK + 1) == b""
    assert not peer.server.closed
    assert peer.server.stats.ignored_blocks == 2


def test_data_before_anything_was_opened_are_ignored() -> None:
    server = Link.server()
    server.receive(Peer().block(Kind.DATA, b"hello"), 0.0)
    server.receive(Peer().block(Kind.ACK), 0.0)

    assert server.received(0.0) == b""
    assert server.data_to_send(1.0) == b""
    assert server.next_timer() is None


@pytest.mark.parametrize(
    "fields",
    [
        {"ack": FIRST + 1},
        {"ack": FIRST + 2**31 - 1},
        {"echo": FIRST + 50},
        {"echo": (FIRST + 2**22) & 0xFFFFFF, "arrived": 0xFFFFFFFF},
    ],
)
def test_unsent_data_cannot_be_acknowledged(fields: dict[str, int]) -> None:
    peer = Peer()
    peer.server.send(b"x" * 5000)

    peer.say(Kind.ACK, **fields)

    assert peer.server.buffered == 5000
    assert peer.server.stats.ignored_blocks == 1


def test_contradictory_acknowledgements_cause_slow_retransmissions() -> None:
    peer = Peer()
    peer.server.send(bytes(40_000))
    sent = len(peer.server.blocks_to_send(0.0))
    assert sent >= 5
    peer.say(Kind.ACK, echo=FIRST + sent - 2, arrived=0xFFFFFFFF)  # ACCEPT has no number
    blocks = 0
    for _ in range(1000):
        timer = peer.server.next_timer()
        assert timer is not None
        peer.now = max(peer.now + 0.001, timer)
        peer.server.tick(peer.now)
        blocks += len(peer.server.blocks_to_send(peer.now))
        if peer.now > 60:
            break
    assert peer.server.buffered == 40_000
    assert 5 < blocks < 60


def test_a_window_that_closes_stops_the_stream_and_a_huge_one_is_bounded() -> None:
    peer = Peer()
    peer.server.send(bytes(5_000_000))
    peer.say(Kind.ACK, window=255)

    assert sum(map(len, peer.server.blocks_to_send(0.0))) < 1_300_000


def test_data_beyond_the_window_counts_as_lost() -> None:
    peer = Peer()

    for offset in (FIRST + 256 * 1024, FIRST + 2**31 - 100, FIRST - 2**31 + 1):
        peer.say(Kind.DATA, b"x" * 100, offset=offset & 0xFFFFFFFF)
    assert peer.server.held < 1000
    assert peer.say(Kind.DATA, b"hello", number=FIRST + 9) == b"hello"


def test_memory_is_bounded_whatever_is_sent_ahead() -> None:
    peer = Peer()
    for i in range(1, 9000):
        peer.server.receive(
            peer.block(Kind.DATA, b"z", offset=FIRST + 2 * i, number=FIRST + i, code=0), 0.0
        )
        if i % 500 == 0:
            peer.server.blocks_to_send(0.0)
    assert len(peer.server._receiver._ahead) <= 4096
    for i in range(1, 400):
        peer.say(Kind.DATA, b"z" * 4000, offset=FIRST + i, number=FIRST + 9000 + i, code=0)
    assert peer.server.held <= 600 * 1024


def test_unsent_acknowledgements_do_not_accumulate() -> None:
    peer = Peer()
    for i in range(5000):
        peer.say(Kind.DATA, b"x", offset=FIRST + i, number=FIRST + 40 * i, code=0)
        peer.say(Kind.OPEN, write_open_request(OpenRequest("uncoded", "uncoded")), code=1)

    assert len(peer.server.blocks_to_send(0.0)) < 100


def test_failed_blocks_that_are_kept_are_bounded() -> None:
    peer = Peer()
    rng = random.Random(1)
    for i in range(200):
        block = bytearray(
            peer.block(Kind.DATA, rng.randbytes(3500), offset=FIRST + 10 + 7 * i, number=FIRST + i)
        )
        block[HEAD_SIZE:] = rng.randbytes(len(block) - HEAD_SIZE)
        peer.server.receive(bytes(block), 0.0)

    assert peer.server.stats.failed_blocks == 200
    assert 200 * 1024 < peer.server.held <= 300 * 1024


def test_a_whole_block_inside_the_data_of_another_is_data() -> None:
    peer = Peer()
    inner = peer.block(Kind.DATA, b"evil", offset=FIRST, number=FIRST + 5)

    assert peer.say(Kind.DATA, inner * 3, code=0) == inner * 3


def test_a_block_inside_data_is_found_only_if_the_preceding_header_is_lost() -> None:
    """A block inside user data would also need the link's identifier, which its author lacks."""
    peer = Peer()
    inner = peer.block(Kind.DATA, b"evil", link=LINK + 1)
    outer = bytearray(peer.block(Kind.DATA, inner + b"x" * 500, code=0))
    outer[10:80] = bytes(70)
    peer.server.receive(bytes(outer), 0.0)
    good = peer.block(Kind.DATA, b"good", number=FIRST + 1)

    assert peer.server.received(0.0) == b""
    peer.server.receive(good, 0.0)
    assert peer.server.received(0.0) == b"good"
    assert peer.server.stats.ignored_blocks == 1


def test_a_false_header_before_garbage_hides_no_real_block() -> None:
    peer = Peer()
    false = peer.block(Kind.DATA, b"x" * 3000, offset=FIRST + 50, code=0)[:HEAD_SIZE]
    true = [
        peer.block(Kind.DATA, bytes([65 + i]) * 50, offset=FIRST + 50 * i, number=FIRST + i)
        for i in range(40)
    ]

    peer.server.receive(false + b"".join(true) + b"?" * 2000, 0.0)

    assert peer.server.received(0.0) == b"".join(bytes([65 + i]) * 50 for i in range(40))


def test_a_stream_of_markers_is_searched_quickly_and_discarded() -> None:
    peer = Peer()
    peer.server.receive(MARKER * 4096, 0.0)

    assert peer.server.held < 2 * HEAD_SIZE
    assert peer.say(Kind.DATA, b"hello") == b"hello"


@pytest.mark.parametrize("seed", range(4))
def test_random_bytes_do_no_harm_and_are_not_kept(seed: int) -> None:
    rng, peer = random.Random(seed), Peer()
    for _ in range(50):
        peer.server.receive(rng.randbytes(rng.choice((1, 100, 5000))), 0.0)
        assert peer.server.held < 40_000
    # It may follow garbage of up to one block's length, but not more.
    peer.server.receive(b"\0" * 20_000, 0.0)
    assert peer.say(Kind.DATA, b"hello") == b"hello"


def headers() -> Iterator[dict[str, int]]:
    rng = random.Random(7)
    for _ in range(3000):
        yield {
            "code": rng.choice((0, 1, 4, 7, 8, 200, 255)),
            "link": rng.choice((LINK, LINK, LINK, 0)),
            "length": rng.choice((0, 1, 255, 256, 8192, 8193, 65535)),
            "offset": rng.getrandbits(32),
            "number": rng.getrandbits(24),
            "window": rng.getrandbits(8),
            "ack": rng.choice((FIRST, rng.getrandbits(32))),
            "echo": rng.choice((FIRST - 1, FIRST, rng.getrandbits(24))),
            "delay": rng.getrandbits(8),
            "arrived": rng.getrandbits(32),
            "wrong": rng.getrandbits(16),
            "checked": rng.getrandbits(16),
        }


def test_arbitrary_header_fields_break_neither_side() -> None:
    world = World(Link.client("rs:255,127+hamming:7,4", identity=LINK << 32 | FIRST))
    world.carry(b"x" * 100, b"y" * 100)
    rng = random.Random(8)
    maker = Peer()
    for fields in headers():
        kind = rng.choice((Kind.DATA, Kind.DATA, Kind.ACK, Kind.OPEN, Kind.ACCEPT))
        block = maker.block(kind, **fields) + rng.randbytes(rng.choice((0, 4, 300)))
        for side in world.sides:
            side.receive(block, world.now)
            side.received(world.now)
            assert side.held < 400_000
            side.blocks_to_send(world.now)
            side.tick(world.now)
        world.now += 0.01


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ("my_code.py:MyCode", "a link cannot use the code"),
        ("/tmp/x.py:Y", "a link cannot use the code"),
        ("~/x.py:Y:1,2", "a link cannot use the code"),
        ("rs:255,223@reedsolo", "a link cannot use the code"),
        ("rs:255,223,fcr=1", "a link cannot use the code"),
        ("os.system", "a link cannot use the code"),
        ("turbo:1", "a link cannot use the code"),
        ("", "a link cannot use the code"),
        ("+", "a link cannot use the code"),
        ("hamming:99999,1", "a link cannot use the code"),
        ("rs:300,200", "too large"),
        ("interleave:1000", "too large"),
        ("repetition:3+interleave:4000", "too large"),
        ("repetition:9999", "too large"),
        ("repetition:15+repetition:15", "too large"),
        ("rs:255,223+interleave:8+rs:255,127", "too large"),
        ("rs:255,223+hamming:7,4+hamming:7,4+hamming:7,4", "at most 3 stages"),
        ("rs:" + "1" * 80, "at most"),
        ("hamming:9,9", "hamming"),
        ("rs:10,20", "Argument 'k' must be from 1 to n - 1"),
    ],
)
def test_specs_that_links_reject(spec: str, why: str) -> None:
    with pytest.raises(ValueError, match="(?i)" + why):
        check_spec(spec)
    server = Peer(OpenRequest(spec[:64] or "+", "uncoded")).server
    assert server.closed
    assert not server.opened
    assert server.blocks_to_send(0.0)  # REFUSE, with the reason
    assert server.blocks_to_send(0.0) == []


@pytest.mark.parametrize(
    "payload", [b"", b"\x07", b"\x00\x00", b"\x00\xff", b"\x00\x01a", b"\x00\x01\xff\x01a", b"\x00" * 200]
)  # fmt: skip
def test_an_invalid_open_is_refused(payload: bytes) -> None:
    with pytest.raises(LinkError, match="invalid OPEN"):
        read_open_request(payload)


def test_extra_bytes_in_open_are_ignored() -> None:
    opening = OpenRequest("rs:255,223", "hamming:7,4")

    assert read_open_request(write_open_request(opening) + b"more") == opening


@pytest.mark.parametrize(
    "spec",
    [
        "rs:255,127+hamming:7,4",  # the slowest code of the table
        pytest.param("rs:255,17+hamming:255,247", marks=pytest.mark.thorough),
        "rs:255,223+hamming:15,11+repetition:3",
        "hamming:7,4+hamming:7,4+hamming:7,4",
    ],
)
@pytest.mark.parametrize("damage", ["unlike", "alike"])
@pytest.mark.slow
def test_a_long_block_that_fails_takes_no_step_longer_than_two_milliseconds(
    spec: str, damage: str
) -> None:
    """Not even with five copies, and however many bytes have to be guessed."""
    code = block_code(spec)
    code.warm_up()
    length = min(8192, code.payload_within(16384))
    while code.coded_length(length) > 16384:
        length -= 1
    shortest: list[float] = []  # of each step: the machine may be busy with other things
    for _ in range(40):
        steps: list[float] = []
        peer, rng = Peer(OpenRequest(spec, "uncoded")), random.Random(3)
        base = rng.randbytes(code.coded_length(length))
        for number in range(FIRST, FIRST + 7):
            coded = bytearray(base if damage == "alike" else rng.randbytes(len(base)))
            for position in range(8):
                coded[position * 40] ^= rng.randrange(256)
            block = peer.block(
                Kind.DATA, length=length, code=OPENED if spec not in CODES.values() else 7,
                number=number,
            )  # fmt: skip
            peer.server.feed(block + bytes(coded))
            more = True
            while more:
                begun = time.thread_time()
                more = peer.server.step(0.0)
                steps.append(time.thread_time() - begun)
        assert peer.server.stats.failed_blocks == 7
        shortest = [min(pair) for pair in zip(steps, shortest or steps, strict=True)]
        if max(shortest) < 2e-3:
            break

    assert max(shortest) < 2e-3


def test_a_block_in_several_steps_is_received_once_it_is_complete() -> None:
    spec = "hamming:7,4+hamming:7,4"
    peer, data = Peer(OpenRequest(spec, "uncoded")), random.Random(4).randbytes(4000)
    block = peer.block(Kind.DATA, length=len(data), code=OPENED)
    header = read_header(block[len(MARKER) :])
    assert header is not None
    coded = block_code(spec).encode(payload_context(header.header), data)
    peer.server.feed(block + coded)
    steps = 0
    while peer.server.step(0.0):
        steps += peer.server.busy
        if peer.server.busy:
            assert peer.server.received(0.0) == b""

    assert steps > 3
    assert peer.server.received(0.0) == data


@pytest.mark.parametrize("kind", [Kind.CLOSE, Kind.REFUSE])
def test_an_end_whose_reason_cannot_be_read_is_ignored(kind: Kind) -> None:
    peer = Peer()
    block = peer.block(kind, b"bye", code=1)
    peer.server.receive(block[:HEAD_SIZE] + bytes(len(block) - HEAD_SIZE), peer.now)
    assert (peer.server.closed, peer.server.stats.failed_blocks) == ("", 1)

    peer.server.receive(block, peer.now)

    assert peer.server.closed.endswith("the link: bye")


def test_an_open_without_a_cookie_is_understood() -> None:
    opening = OpenRequest("uncoded", "rs:255,223")
    assert read_open_request(write_open_request(opening)[:-1]) == opening
