"""Incremental redundancy: prefixes, increments, and blocks decoded from their pieces."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest

from netchat.channels.stream import ChannelStream
from netchat.coding.ldpc.code import LDPC
from netchat.link.code_table import CODES, table
from netchat.link.incremental_redundancy import (
    INCREMENTS,
    LEVELS,
    PREFIXES,
    RedundancyCode,
    decode_pieces,
    increment_after,
    is_redundancy,
    layout,
    parity_level,
)
from netchat.link.incremental_work import finish
from netchat.link.link import Link
from netchat.link.open_request import Mode
from netchat.link.policies.policy import FixedCode
from tests.link.world import World

pytestmark = pytest.mark.slow  # compiles the decoder


def code_of(number: int) -> RedundancyCode:
    code = table()[number]
    assert isinstance(code, RedundancyCode)
    return code


def test_numbers_and_levels() -> None:
    assert [CODES[number] for number in (16, 17, 37)] == ["nr:3", "nr:5", "nr:135"]
    assert [CODES[number] for number in (48, 68)] == ["nr:3..5", "nr:120..135"]
    assert [parity_level(number) for number in (16, 48, 68, 4)] == [0, 1, 21, -1]
    assert [increment_after(number) for number in (16, 48, 67, 68, 37)] == [48, 49, 68, None, None]
    assert is_redundancy(16)
    assert is_redundancy(68)
    assert not is_redundancy(7)
    assert sorted(LEVELS) == list(LEVELS)


def test_a_block_is_as_the_document_says() -> None:
    """One codeword of 808 bits and 12 % + 4 bits of parity, of 5G base graph 1."""
    payload = bytes(range(97))
    coded = code_of(21).encode(b"context", payload)

    assert layout(97) == (1, 808)
    n = 808 + 97 + 4  # 12 % of 808 is 96.96
    data = code_of(16).encode(b"context", payload)[:80]
    assert coded[:80] == data  # the weaker code sends a prefix of the same bits
    sealed = finish(code_of(21).decode_steps(b"context", coded, 97))
    assert (sealed.payload, sealed.good, sealed.wrong) == (payload, True, 0)
    bits = np.unpackbits(np.frombuffer(coded, np.uint8))[:n]
    standard = LDPC("nr", 808, n, 0, 1)
    message = standard.decode(bits[None, :]).message
    assert np.array_equal(standard.encode(message)[0], bits)
    assert np.packbits(message[0]).tobytes()[:97] == payload


@pytest.mark.parametrize("length", [1, 2, 7, 50, 200, 525, 1000, 8192])
def test_every_piece_has_its_length(length: int) -> None:
    payload = random.Random(length).randbytes(length)
    whole = code_of(37).coded_length(length)
    total = code_of(16).coded_length(length)
    for number in PREFIXES:
        code = code_of(number)
        coded = code.encode(b"", payload)
        assert len(coded) == code.coded_length(length)
        assert code.coded_length(code.payload_within(len(coded))) <= len(coded)
        assert code.payload_within(len(coded)) >= length
        found = code.decode(b"", coded, length)
        assert (found.payload, found.good, found.wrong) == (payload, True, 0)
        assert not code.is_increment
    for number in INCREMENTS:
        piece = code_of(number).encode(b"", payload)
        assert len(piece) == code_of(number).coded_length(length)
        assert not code_of(number).decode(b"", piece, length).good
        assert code_of(number).is_increment
        total += len(piece)
    assert whole <= total <= whole + len(INCREMENTS)


@pytest.mark.parametrize("length", [200, 8192])
def test_a_failed_block_is_decoded_with_more_parity(length: int) -> None:
    stream = ChannelStream("bsc:1e-2", 3)
    payload = random.Random(1).randbytes(length)
    number: int | None = 18
    pieces, damaged = [], 0
    for _ in LEVELS:
        assert number is not None
        code = code_of(number)
        sent = code.encode(b"?", payload)
        piece = stream.damage(sent)
        damaged += sum((a ^ b).bit_count() for a, b in zip(sent, piece, strict=True))
        pieces.append((code, piece))
        found = finish(decode_pieces(b"?", pieces, length))
        if found.good:
            break
        number = increment_after(number)
    assert 1 < len(pieces) < 9
    assert found.payload == payload
    assert found.wrong == found.corrected == damaged
    assert not finish(decode_pieces(b"!", pieces, length)).good  # of another block


def test_too_few_bits_are_not_decoded() -> None:
    pieces = [(code_of(48), bytes(code_of(48).coded_length(100)))]
    found = finish(decode_pieces(b"", pieces, 100))
    assert (found.payload, found.good) == (b"", False)


def test_a_link_repairs_blocks_by_increments() -> None:
    world = World(Link.client("adaptive", identity=5 << 32 | 9))
    world.run(lambda: world.client.opened)
    world.channel("bsc:1e-2")
    world.client.policy = FixedCode(18)
    text = random.Random(1).randbytes(60_000)
    world.carry(text, seconds=300)

    stats = world.server.stats
    assert stats.combined_blocks > 4
    assert stats.failed_blocks > stats.combined_blocks
    assert stats.wrong_bits / stats.checked_bits == pytest.approx(1e-2, rel=0.05)
    assert world.server.code_in.startswith("nr:")


def test_a_lost_increment_is_sent_again() -> None:
    client = Link.client("nr:6", identity=5 << 32 | 9)
    world = World(client)
    world.run(lambda: client.opened)
    world.channel("bsc:1e-2")
    rng, change = random.Random(4), world.pipes[0].change
    world.pipes[0].change = lambda data: change(data if rng.random() < 0.6 else bytes(len(data)))
    text = random.Random(1).randbytes(30_000)
    world.carry(text, seconds=600)

    assert world.server.stats.combined_blocks


def test_a_block_beyond_repair_starts_again() -> None:
    """All parity is not enough over this channel; copies of it are."""
    world = World(Link.client("nr:120", identity=5 << 32 | 9))
    world.run(lambda: world.client.opened)
    stream = ChannelStream("bsc:0.13", 2)

    def change(data: bytes) -> list[tuple[float, bytes]]:
        blocks, at = [], 0
        while at < len(data):  # only the payloads are damaged
            size = 100 if len(data) - at < 2000 else len(data) - at
            blocks.append(data[at : at + 100] + stream.damage(data[at + 100 : at + size]))
            at += size
        return [(0.0, b"".join(blocks))]

    world.pipes[0].change = change
    world.carry(random.Random(1).randbytes(3000), seconds=600)

    assert world.server.stats.combined_blocks


@pytest.mark.parametrize("mode", [Mode.ARQ, Mode.FEC])
def test_without_combining_no_increments_are_sent(mode: Mode) -> None:
    client = Link.client("nr:34", mode=mode, identity=5 << 32 | 9)
    world = World(client)
    world.run(lambda: client.opened)
    world.channel("bsc:2e-2")
    text = random.Random(1).randbytes(20_000)
    client.send(text)
    world.run(lambda: len(world.got[1]) >= len(text), seconds=100)

    assert world.server.stats.combined_blocks == 0


@pytest.mark.parametrize(
    ("client_is_old", "server_is_old"), list(itertools.product([False, True], repeat=2))
)
def test_an_older_peer_gets_only_codes_that_it_knows(
    client_is_old: bool, server_is_old: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, server = Link.client("adaptive", identity=5 << 32 | 9), Link.server()
    used: dict[Link, set[str]] = {client: set(), server: set()}
    for side, is_old in ((client, client_is_old), (server, server_is_old)):
        if is_old:
            monkeypatch.setattr(side._writer, "announces_redundancy", lambda: False)
            monkeypatch.setattr(side, "_note_redundancy", lambda _header: None)
    if client_is_old:
        request = client._handshake.request
        client._handshake.request = type(request)(request.up, request.down, request.mode)
    world = World(client, server)
    world.run(lambda: client.opened)
    world.channel("bsc:1e-2")
    for _ in range(4):
        world.carry(bytes(20_000), bytes(20_000), seconds=100)
        for side in used:
            used[side].add(side.code_out)
    has_new = {side: any(spec.startswith("nr:") for spec in specs) for side, specs in used.items()}
    is_old = client_is_old or server_is_old
    assert has_new == {client: not is_old, server: not is_old}
