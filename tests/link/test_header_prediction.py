"""Headers that can only be read with the help of those before them."""

from __future__ import annotations

import random

import pytest

from netchat.channels.stream import ChannelStream
from netchat.link.header import HEADER_SIZE, Header, Kind, read_header, write_header
from netchat.link.header_prediction import HeaderPredictor
from netchat.link.link import Link
from tests.link.test_header import HEADER
from tests.link.world import World


def damaged(header: Header, wrong: int, seed: int = 1, first: int = 0) -> bytes:
    """Return a coded header with some bytes wrong, at random places from `first` on."""
    rng, coded = random.Random(seed), bytearray(write_header(header))
    for place in rng.sample(range(first, HEADER_SIZE), wrong):
        coded[place] ^= rng.randrange(1, 256)
    return bytes(coded)


NEXT = HEADER._replace(
    offset=HEADER.offset + HEADER.length, number=HEADER.number + 1, wrong=99, checked=600, delay=7
)
ACK = HEADER._replace(kind=Kind.ACK, length=0, code=1)


def test_the_next_header_is_read_with_more_errors() -> None:
    predictor = HeaderPredictor()
    coded = damaged(NEXT, 40)
    assert read_header(coded) is None
    assert predictor.read(coded) is None  # nothing to expect yet
    predictor.note(ACK)
    predictor.note(HEADER)

    found = predictor.read(coded)

    assert found is not None
    assert found.header == NEXT._replace(offset=NEXT.offset & 0xFFFFFFFF)
    assert found.corrected == 40
    sent = write_header(NEXT)
    assert found.wrong == sum((a ^ b).bit_count() for a, b in zip(coded, sent, strict=True))


def test_an_acknowledgement_is_read_with_more_errors() -> None:
    predictor = HeaderPredictor()
    predictor.note(HEADER)
    predictor.note(ACK)
    following = ACK._replace(ack=ACK.ack + 8000, echo=ACK.echo - 1, delay=3)

    found = predictor.read(damaged(following, 38))

    assert found is not None
    assert found.header == following


def test_another_header_is_found_if_the_errors_allow_it() -> None:
    predictor = HeaderPredictor()
    predictor.note(HEADER)
    other = HEADER._replace(link=1, length=9, offset=77, number=3, ack=5, echo=9, arrived=1)

    found = predictor.read(damaged(other, 10))

    assert found is not None
    assert found.header == other
    assert predictor.read(damaged(other, 30)) is None


def test_no_header_is_invented() -> None:
    predictor, rng = HeaderPredictor(), random.Random(3)
    predictor.note(HEADER)
    predictor.note(ACK)
    for _ in range(300):
        assert predictor.read(rng.randbytes(HEADER_SIZE)) is None
        # The expected data, followed by parity of something else.
        assert predictor.read(write_header(NEXT)[:32] + rng.randbytes(64)) is None


def test_other_kinds_are_not_expected() -> None:
    predictor = HeaderPredictor()
    predictor.note(HEADER._replace(kind=Kind.CLOSE))
    assert predictor.read(damaged(HEADER, 40)) is None


@pytest.mark.parametrize("datagrams", [False, True])
def test_a_link_reads_most_headers_at_a_bit_error_rate_of_5_percent(datagrams: bool) -> None:
    mtu = 1200 if datagrams else None
    client = Link.client("rs:96,32", mtu=mtu, identity=3 << 32 | 8)
    world = World(client, datagrams=datagrams)
    world.run(lambda: client.opened)
    # Eleven wrong bytes in each header on average are more than 32 wrong bytes one time in four.
    heads, payloads = ChannelStream("bsc:5e-2", 1), ChannelStream("bsc:1e-3", 2)
    skip = 0 if datagrams else 4

    def change(data: bytes) -> list[tuple[float, bytes]]:
        out, at = [], 0
        while at < len(data):
            out.append(data[at : at + skip] + heads.damage(data[at + skip : at + skip + 96]))
            size = len(data) - at if datagrams else _block_size(client, data[at:])
            out.append(payloads.damage(data[at + skip + 96 : at + size]))
            at += size
        return [(0.0, b"".join(out))]

    world.pipes[0].change = change
    world.carry(bytes(300_000), seconds=300)

    stats = world.server.stats
    read = stats.blocks_received / (stats.blocks_received + stats.unreadable_headers)
    assert read > 0.95


def _block_size(link: Link, data: bytes) -> int:
    head = read_header(data[4:100])
    assert head is not None
    size = link._payloads.size(head.header)
    assert size is not None
    return 100 + size
