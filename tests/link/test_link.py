"""Both sides of a link in simulated time, over channels that flip bits."""

from __future__ import annotations

import random

import pytest

from netchat.link.code_table import block_code
from netchat.link.header import Kind
from netchat.link.link import Link
from netchat.link.open_request import Mode, OpenRequest, write_open_request
from tests.link.world import World

#: The link's number, and what it counts from: near the end of every counter, so that all wrap around.
NEAR_THE_END = 7 << 32 | 2**32 - 3000


def some(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


def link(spec: str, **options) -> Link:
    options.setdefault("identity", NEAR_THE_END)
    return Link.client(spec, **options)


def test_a_clean_pipe_carries_both_ways_and_costs_its_overhead_only() -> None:
    world = World(link("uncoded"))

    world.carry(some(200_000), some(50_000, 2))
    world.run(lambda: not world.client.buffered)

    stats = world.client.stats
    assert stats.acknowledged == 200_000
    assert stats.retransmissions == stats.probes == stats.failed_blocks == 0
    assert stats.bytes_sent < 1.05 * 200_000
    assert stats.code_rate == pytest.approx(1, abs=0.01)
    assert world.client.rtt.smoothed == pytest.approx(0.02, abs=0.002)
    assert world.now < 0.1


@pytest.mark.parametrize("mode", [Mode.HYBRID, Mode.ARQ])
@pytest.mark.parametrize(
    ("spec", "channel"),
    [
        ("uncoded", "bsc:1e-4"),
        ("uncoded", "bsc:1e-3"),
        ("rs:255,223", "bsc:1e-3"),
        ("rs:255,223", "bsc:5e-3"),
        ("rs:255,127+hamming:7,4", "bsc:1e-2"),
        ("rs:255,127+hamming:7,4", "bsc:4e-2"),
        ("rs:255,127+hamming:7,4", "awgn:4dB"),
        ("rs:255,191", "gilbert-elliott:1e-4,1e-2,1e-5,0.2"),
        ("hamming:15,11", "bsc:1e-3"),
        ("crc:32", "bsc:1e-4"),
    ],
)
@pytest.mark.slow
def test_everything_arrives_whatever_code_and_channel(spec: str, channel: str, mode: Mode) -> None:
    world = World(link(spec, mode=mode))
    world.channel(channel)

    world.carry(some(100_000), some(30_000, 2))


def test_correctable_blocks_are_never_retransmitted() -> None:
    world = World(link("rs:255,223"))
    world.channel("bsc:1e-3")

    world.carry(some(1_000_000))

    server = world.server.stats
    assert world.client.stats.retransmissions == server.failed_blocks == 0
    assert server.bit_error_rate == pytest.approx(1e-3, rel=0.05)
    # 2.03 of 255 bytes are wrong on average, and every wrong bit was counted.
    assert server.corrected_symbols == pytest.approx(server.bytes_received * 0.00797, rel=0.05)
    assert world.client.stats.code_rate == pytest.approx(223 / 255, rel=0.01)


def test_combined_copies_decode_when_none_does_alone() -> None:
    worlds = {}
    for mode in (Mode.HYBRID, Mode.ARQ):
        world = worlds[mode] = World(link("uncoded", mode=mode))
        world.channel("bsc:1e-3")
        world.carry(some(50_000))

    assert worlds[Mode.HYBRID].server.stats.combined_blocks > 10
    assert worlds[Mode.ARQ].server.stats.combined_blocks == 0
    sent = {mode: world.client.stats.bytes_sent for mode, world in worlds.items()}
    assert sent[Mode.HYBRID] < sent[Mode.ARQ]


def test_fec_alone_leaves_uncorrectable_errors() -> None:
    world = World(link("rs:255,223", mode=Mode.FEC))
    world.channel("bsc:5e-3")
    data = some(300_000)
    world.client.send(data)

    world.run(lambda: len(world.got[1]) == len(data))

    stats = world.server.stats
    assert stats.damaged_blocks > 10
    assert world.got[1] != data
    assert sum(a != b for a, b in zip(world.got[1], data, strict=True)) < 0.05 * len(data)
    assert world.client.stats.retransmissions == 0


def test_fec_alone_continues_after_an_outage() -> None:
    world = World(link("rs:255,223", mode=Mode.FEC))
    world.carry(b"hello")
    through, world.pipes[0].change = world.pipes[0].change, lambda data: []
    world.client.send(some(600_000))
    world.run(lambda: world.client.stats.payload_sent > 600_000)
    world.pipes[0].change = through
    world.client.send(b"again")

    world.run(lambda: bytes(world.got[1]).endswith(b"again"))

    assert world.server.stats.lost_bytes + len(world.got[1]) == 600_010


def test_a_peer_that_does_not_read_is_not_sent_more_than_it_can_hold() -> None:
    world = World(link("rs:255,223"))
    world.carry(b"x")
    world.reading[1] = False
    world.client.send(some(1_000_000))
    end = world.now + 30
    while world.now < end and world.step():
        world.pump()

    assert world.server.held <= 257 * 1024
    assert world.client.buffered > 700_000
    assert world.client.stats.retransmissions <= 1

    world.reading[1] = True
    world.run(lambda: len(world.got[1]) == 1_000_001)


def test_a_silence_of_minutes_costs_few_blocks_and_ends_at_once() -> None:
    world = World(link("rs:255,223"))
    world.carry(b"hello", b"hello")
    for pipe in world.pipes:
        pipe.change = lambda data: []
    world.client.send(b"are you there?")
    sent, begun = world.client.stats.blocks_sent, world.now
    while world.now < begun + 300:
        assert world.step()
        world.pump()
    assert world.client.stats.blocks_sent - sent < 100

    for pipe in world.pipes:
        pipe.change = lambda data: [(0.0, data)]
    world.run(lambda: bytes(world.got[1]).endswith(b"are you there?"), seconds=5)


def test_the_last_block_is_not_forgotten() -> None:
    world = World(link("rs:255,223"))
    world.carry(b"hello")
    through, lost = world.pipes[0].change, [True]
    world.pipes[0].change = lambda data: [] if lost.pop() else through(data)
    lost[:] = [False] * 50 + [True]
    world.carry(b"goodbye", seconds=2)
    assert world.client.stats.probes >= 1


@pytest.mark.parametrize("seed", range(5))
def test_the_stream_over_datagrams_arrives_in_order(seed: int) -> None:
    world = World(link("rs:255,223", mtu=1200), datagrams=True)
    world.hazards(random.Random(seed), loss=0.1, double=0.1, late=0.3, flip=0.2)

    world.carry(some(100_000), some(30_000, 2))


def test_datagrams_keep_to_the_mtu() -> None:
    world = World(link("rs:255,223", mtu=600), Link.server(mtu=600), datagrams=True)
    sizes: list[int] = []
    world.pipes[0].change = lambda data: [(sizes.append(len(data)) or 0.0, data)]

    world.carry(some(50_000))

    assert 500 < max(sizes) <= 600


def test_reordering_alone_is_no_loss() -> None:
    world = World(link("uncoded", mtu=1200), datagrams=True)
    swapped: list[int] = []

    def swap(data: bytes) -> list[tuple[float, bytes]]:
        swapped.append(1)
        return [(0.0001 if len(swapped) % 5 == 0 else 0.0, data)]

    world.pipes[0].change = swap
    world.carry(some(100_000))

    # Later blocks of a burst overtake each block, so all but the last ones count as lost.
    assert world.client.stats.retransmissions < len(swapped) / 3


def test_a_code_is_refused_with_a_reason() -> None:
    client = Link.client("rs:255,223", identity=1)

    block = client._block(
        Kind.OPEN, 0.0, write_open_request(OpenRequest("my_code.py:Mine", "rs:255,223"))
    )
    server = Link.server()
    server.receive(block, 0.0)
    client.blocks_to_send(0.0)
    client.receive(server.data_to_send(0.0), 0.0)

    assert "my_code.py:Mine" in server.closed
    assert client.closed.startswith(
        "the peer refused the link: a link cannot use the code 'my_code.py:Mine'"
    )
    assert client.next_timer() is None


def test_a_missing_peer_is_reported_after_the_timeout() -> None:
    client = link("rs:255,223")
    now, sent = 0.0, 0
    while not client.closed:
        sent += len(client.blocks_to_send(now))
        timer = client.next_timer()
        assert timer is not None
        now = timer
        client.tick(now)

    assert "no answer within" in client.closed
    assert 100 <= sent <= 130
    assert 60 <= now < 61


def test_close_reports_the_reason() -> None:
    world = World(link("rs:255,223"))
    world.carry(b"x")
    world.server.close("the server shuts down")
    world.run(lambda: bool(world.client.closed))
    assert world.client.closed == "the peer closed the link: the server shuts down"


def test_aborting_tells_the_peer_why() -> None:
    world = World(link("rs:255,223"))
    world.carry(b"x")
    world.client.abort("too much work")
    world.client.abort("another reason")
    world.run(lambda: bool(world.server.closed))

    assert world.client.closed == "too much work"
    assert world.server.closed == "the peer closed the link: too much work"


def test_discarding_frees_the_buffers_of_a_link_that_has_ended() -> None:
    world = World(link("rs:255,223"))
    world.reading[1] = False
    world.client.send(some(10_000))
    world.run(lambda: not world.client.buffered)
    assert world.server.held == 10_000
    world.server.abort("the user is gone")

    world.server.discard()

    assert world.server.held == 0
    assert world.server.received(world.now) == b""
    assert world.server.closed == "the user is gone"


def test_a_probe_is_answered() -> None:
    world = World(link("rs:255,223"))
    world.carry(b"x")
    world.run(lambda: not world.client.buffered)
    before = world.client.stats.blocks_received
    world.client.probe()
    world.run(lambda: world.client.stats.blocks_received > before, seconds=0.1)

    assert world.client.stats.probes == 1


def test_open_is_not_answered_before_its_codes_are_ready() -> None:
    ready = False
    server = Link.server(code=lambda spec: block_code(spec) if ready else None)
    opening = link("rs:255,223").data_to_send(0.0)
    server.receive(opening, 0.0)
    assert (server.opened, server.closed, server.data_to_send(0.0)) == (False, "", b"")

    ready = True
    server.receive(opening, 1.0)

    assert server.opened
    assert server.data_to_send(1.0)


def test_a_datagram_of_the_wrong_length_is_ignored() -> None:
    server = Link.server(mtu=1200)
    (opening,) = link("rs:255,223", mtu=1200).blocks_to_send(0.0)
    server.receive_block(opening + b"x", 0.0)
    assert (server.opened, server.stats.ignored_blocks) == (False, 1)

    server.receive_block(opening, 0.0)

    assert server.opened


def test_blocks_of_a_stream_have_no_maximum_size_to_reduce() -> None:
    world = World(link("rs:255,223"))
    world.client.reduce_mtu(0.0)
    world.carry(some(3000))

    assert world.client.stats.blocks_sent <= 3
