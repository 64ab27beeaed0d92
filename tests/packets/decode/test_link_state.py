"""Captures of a chat over a noisy link: blocks, their repairs, and the messages they carry."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netchat import wire
from netchat.link.code_table import CODES
from netchat.link.header import HEAD_SIZE, Header, Kind, write_header
from netchat.link.open_request import Mode
from netchat.link.sync_marker import MARKER
from netchat.packets import Block, Damage, DecodedMessage, Gap, Item
from tests.packets.chatter import chat_messages, check_tiling, decode, renumber, said
from tests.packets.forged import block_of, open_of
from tests.packets.linked_talk import linked_talk
from tests.packets.segments import ACK, PSH, Talk

MESSAGES = chat_messages(12)
WANTED = {True: [m for side, m in MESSAGES if not side], False: [m for side, m in MESSAGES if side]}


def blocks(items: list[Item], *, to_server: bool = True) -> list[Block]:
    return [i for i in items if isinstance(i, Block) and i.to_server == to_server]


@pytest.mark.parametrize("by_client", [True, False])
@pytest.mark.parametrize("size", [37, 1448])
@pytest.mark.parametrize(
    ("spec", "channel"),
    [
        ("rs:255,223", ""),
        ("rs:255,223", "bsc:1e-3"),
        ("rs:255,239", "bsc:4e-3"),
        ("rs:255,127+hamming:7,4", "bsc:1e-2"),
        ("uncoded", "bsc:1e-4"),
        ("nr:34", "bsc:8e-3"),
        ("hamming:7,4", "bsc:1e-4"),  # not a numbered code: OPEN names it
    ],
)
@pytest.mark.slow
def test_all_messages_are_found_and_every_repair_is_right(spec, channel, size, by_client) -> None:
    talk, sent = linked_talk(MESSAGES, spec, channel, size=size, by_client=by_client)
    items = decode(talk.close().packets)
    check_tiling(items)
    assert said(items) == WANTED
    for to_server in (True, False):
        for block in blocks(items, to_server=to_server):
            true = sent[to_server][block.offset : block.offset + block.size]
            assert block.sent == true[: len(block.sent)]
            assert len(block.sent) == (HEAD_SIZE if block.outcome == "failed" else block.size)
            assert block.code in (spec, "rs:96,32", "")
    counts = items[0].conversation.link.to_server
    assert counts.blocks == len(blocks(items))
    assert counts.corrected == sum(block.corrected for block in blocks(items))
    assert bool(counts.corrected or counts.failed) == bool(channel)
    clean = items[0].conversation.link.to_client
    assert bool(clean.corrected or clean.failed) == (bool(channel) and not by_client)


def test_failed_blocks_are_reported_and_combined_with_their_copies() -> None:
    talk, _ = linked_talk(MESSAGES, "rs:255,251", "bsc:3e-3")
    items = decode(talk.packets)
    outcomes = [block.outcome for block in blocks(items)]
    counts = items[0].conversation.link.to_server
    assert outcomes.count("failed") + outcomes.count("combined") == counts.failed > 0
    assert outcomes.count("combined") == counts.combined > 0
    assert sum(block.again for block in blocks(items)) == counts.again > 0
    assert any(item.repeated for item in items if isinstance(item, DecodedMessage))


@pytest.mark.slow
@pytest.mark.parametrize("by_client", [True, False])
def test_more_parity_repairs_a_block_or_comes_too_late(by_client: bool) -> None:
    long = wire.Send(1, "lobby", "x" * 1500)
    messages = [(0, MESSAGES[0][1]), *[(side, long) for side in (0, 1) for _ in range(15)]]
    talk, sent = linked_talk(messages, "nr:10", "bsc:8e-3", by_client=by_client)
    items = decode(talk.close().packets)
    check_tiling(items)
    for to_server in (True, False):
        for block in blocks(items, to_server=to_server):
            true = sent[to_server][block.offset : block.offset + block.size]
            assert block.sent == true[: len(block.sent)]
            is_whole = block.outcome not in ("failed", "surplus")
            assert len(block.sent) == (block.size if is_whole else HEAD_SIZE)
    outcomes = [block.outcome for block in blocks(items) if block.code.startswith("nr:10..")]
    assert "combined" in outcomes
    # Towards the client, the capture has the blocks before their errors.
    late = [b.outcome for b in blocks(items, to_server=False) if b.code.startswith("nr:10..")]
    assert late
    assert ("surplus" in late) == by_client


def test_copies_are_kept_only_until_their_bytes_have_arrived() -> None:
    from netchat.packets import Decoder

    decoder = Decoder()
    talk, _ = linked_talk(MESSAGES, "rs:255,251", "bsc:3e-3")
    for packet in talk.packets:
        decoder.feed(packet)
    assert decoder._budget.used < 20_000  # memory of two empty stages


def test_bytes_decoded_from_copies_are_marked_as_repaired() -> None:
    talk, _ = linked_talk(MESSAGES, "rs:255,251", "bsc:3e-3")
    items = decode(talk.packets)
    for block in blocks(items):
        if block.outcome == "combined":
            assert any(at >= block.head for at, _, _ in block.repairs)


def test_the_bit_error_rate_is_that_of_the_channel() -> None:
    talk, _ = linked_talk(chat_messages(60), "rs:255,223", "bsc:2e-3", by_client=False)
    link = decode(talk.packets)[0].conversation.link
    for counts in (link.to_server, link.to_client):
        assert counts.bit_error_rate == pytest.approx(2e-3, rel=0.15)


@pytest.mark.parametrize("mode", Mode)
def test_losses_in_each_mode(mode: Mode) -> None:
    talk, _ = linked_talk(MESSAGES[:6], "rs:255,223", "bsc:1e-3", mode=mode)
    items = decode(talk.packets)
    assert items[0].conversation.link.mode is mode
    assert said(items)[True] == [m for side, m in MESSAGES[:6] if side == 0]


def test_without_retransmission_damaged_payloads_are_delivered() -> None:
    link = Header(Kind.DATA, 0, 7, 0, 100, 1, 64, 100, 0, 0, 0, 0, 0)
    talk = Talk().open()
    talk.say(0, block_of(link._replace(kind=Kind.OPEN, code=1), open_of("uncoded", Mode.FEC)))
    frames = [wire.encode(wire.Ping(n)) for n in (1, 2, 3)]
    at = 100
    for number, frame in enumerate(frames):
        block = bytearray(block_of(link._replace(offset=at, number=number), frame))
        if number == 1:
            block[HEAD_SIZE + 20] ^= 4
        talk.say(0, bytes(block))
        at += len(frame)
    items = decode(talk.packets)
    check_tiling(items)
    assert [b.outcome for b in blocks(items)] == ["good", "good", "damaged", "good"]
    assert said(items) == {True: [wire.Ping(1), wire.Ping(3)]}
    (damage,) = [i for i in items if isinstance(i, Damage)]
    assert (damage.cause, damage.error, damage.inside) == ("frame", "BadChecksum", True)


@pytest.mark.parametrize("spec", ["rs:255,223", "uncoded", "rs:255,127+hamming:7,4"])
@pytest.mark.parametrize("size", [60, 1448])
def test_captures_that_begin_in_the_middle(spec: str, size: int) -> None:
    talk, _ = linked_talk(MESSAGES[:10], spec, size=size)
    for first in range(1, len(talk.packets), 7 if size < 100 else 1):
        items = decode(renumber(talk.packets[first:]))
        check_tiling(items)
        for to_server in (True, False):
            # In order, because offsets before a complete block count from another origin.
            told = [i for i in items if isinstance(i, DecodedMessage) and i.to_server == to_server]
            found = [i.message for i in told]
            wanted = WANTED[to_server][: len([m for m in MESSAGES[:10] if m[0] != to_server])]
            assert wanted[len(wanted) - len(found) :] == found
        if first < len(talk.packets) // 2:
            assert items[0].conversation.link is not None
            assert said(items)


@pytest.mark.parametrize("seed", range(6))
def test_missing_segments_lose_only_their_own_messages(seed: int) -> None:
    talk, _ = linked_talk(MESSAGES, "rs:255,223", "bsc:1e-3", seed=seed, size=300)
    choose = random.Random(seed)
    packets = [p for p in talk.packets if p.number < 8 or choose.random() > 0.06]
    items = decode(renumber(packets))
    check_tiling(items)
    found, wanted = said(items), WANTED
    for to_server in (True, False):
        assert 0 < len(found[to_server]) <= len(wanted[to_server])
        rest = iter(wanted[to_server])
        assert all(message in rest for message in found[to_server])  # in order, none invented
    assert any(isinstance(item, Gap) and not item.inside for item in items)
    assert any(isinstance(item, Gap) and item.inside for item in items)
    assert any(isinstance(item, Damage) and item.cause == "broken" for item in items)


def test_the_servers_side_alone() -> None:
    talk, _ = linked_talk(MESSAGES, "rs:255,223")
    items = decode(renumber(p for p in talk.packets if p.data[34:36] == b"\x19\x40"))
    assert said(items) == {False: WANTED[False]}


@pytest.mark.parametrize("whole", [True, False])
def test_on_another_port(whole: bool) -> None:
    talk, _ = linked_talk(MESSAGES[:6], talk=Talk(port=7000, client_port=50000))
    packets = talk.packets if whole else talk.packets[8:]
    items = decode(renumber(packets))
    assert items[0].conversation.link is not None
    assert items[0].conversation.client[1] == 50000
    assert said(items)


def test_the_sender_of_open_is_the_client() -> None:
    talk, _ = linked_talk(MESSAGES[:6], talk=Talk(port=50000, client_port=7000))
    items = decode(renumber(talk.packets[3:]))  # without SYN the higher port is the client's
    assert items[0].conversation.client[1] == 7000
    assert said(items)[True][0] == MESSAGES[0][1]


def test_a_plain_chat_after_a_beginning_too_damaged_for_a_link() -> None:
    talk = Talk().open()
    talk.say(0, MARKER + bytes(30_000) + wire.encode(wire.Ping(1)), 1000)
    items = decode(talk.packets)
    check_tiling(items)
    assert items[0].conversation.link is None
    assert said(items) == {True: [wire.Ping(1)]}


def test_a_block_inside_a_text_is_text() -> None:
    link = Header(Kind.DATA, 0, 7, 0, 100, 1, 64, 100, 0, 0, 0, 0, 0)
    inner = block_of(link, wire.encode(wire.Ping(9)))
    hello = wire.Hello(0, inner, b"", "Nova", "x", ())
    talk = Talk().open()
    talk.say(0, block_of(link._replace(kind=Kind.OPEN, code=1), open_of("rs:255,223")))
    talk.say(0, block_of(link, wire.encode(hello)))
    items = decode(talk.packets)
    assert [b.outcome for b in blocks(items)] == ["good", "good"]
    assert said(items) == {True: [hello]}


# -- hostile --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "payload", [b"", b"\0", open_of("no such code"), open_of("rs:255,223")[:-3], bytes(200)]
)
def test_an_invalid_open(payload: bytes) -> None:
    header = Header(Kind.OPEN, 1, 7, 0, 100, 1, 64, 100, 0, 0, 0, 0, 0)
    frame = wire.encode(wire.Ping(1))
    talk = Talk().open()
    talk.say(0, block_of(header, payload))
    talk.say(0, block_of(header._replace(kind=Kind.DATA, code=0), frame))
    talk.say(0, block_of(header._replace(kind=Kind.DATA, code=255), b"") + bytes(300))
    items = decode(talk.packets)
    check_tiling(items)
    assert said(items) == {True: [wire.Ping(1)]}


headers = st.builds(
    Header,
    st.sampled_from(Kind), st.sampled_from([0, 1, 1, 4, 7, 77, 255]), st.sampled_from([7, 7, 7, 8]),
    st.just(0), st.sampled_from([100, 120, 99, 2**31, 0, 2**32 - 1]), st.integers(0, 2**24 - 1),
    st.integers(0, 255), st.sampled_from([100, 140, 0, 2**31]), st.integers(0, 2**24 - 1),
    st.integers(0, 255), st.integers(0, 2**32 - 1), st.integers(0, 65535), st.integers(0, 65535),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(headers, st.binary(max_size=60)),
            st.binary(min_size=1, max_size=300),
            st.just(MARKER * 40),
        ),
        max_size=12,
    ),
    st.integers(1, 1448),
    st.integers(0, 99),
    st.booleans(),
)
def test_forged_blocks(parts, size: int, lost: int, whole: bool) -> None:
    stream = b"" if not whole else block_of(
        Header(Kind.OPEN, 1, 7, 0, 100, 1, 64, 100, 0, 0, 0, 0, 0), open_of("rs:255,223")
    )  # fmt: skip
    for part in parts:
        if isinstance(part, bytes):
            stream += part
            continue
        header, payload = part
        known = header._replace(code=header.code if header.code in CODES else 0)
        block = block_of(known, payload)
        stream += MARKER + write_header(header._replace(length=len(payload))) + block[HEAD_SIZE:]
    talk = Talk().open()
    talk.say(0, stream, size)
    packets = [p for n, p in enumerate(talk.packets, 1) if n != lost]
    items = decode(renumber(packets if whole else packets[3:]))
    check_tiling(items)


@pytest.mark.parametrize("whole", [True, False])
def test_a_stream_of_only_markers_is_soon_abandoned(
    whole: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from netchat.packets.decode import protocol_detector as first_look

    tried = 0

    def is_head(_: bytearray) -> bool:
        nonlocal tried
        tried += 1
        return False

    monkeypatch.setattr(first_look, "_is_head", is_head)
    talk = Talk().open()
    talk.say(0, MARKER * 10_000 + wire.encode(wire.Ping(1)))
    items = decode(renumber(talk.packets if whole else talk.packets[3:]))
    assert 10 < tried < 100
    assert said(items) == {True: [wire.Ping(1)]}


def test_memory_is_bounded() -> None:
    """Failed blocks, gaps and noise: buffered bytes count in the memory budget, and are limited."""
    from netchat.packets import Decoder

    decoder, most = Decoder(), 0
    choose = random.Random(1)
    talk = Talk().open()
    header = Header(Kind.OPEN, 1, 7, 0, 100, 1, 64, 100, 0, 0, 0, 0, 0)
    talk.say(0, block_of(header, open_of("rs:255,223")), ack=False)
    for number in range(3000):
        data = header._replace(
            kind=Kind.DATA, code=0, number=number, offset=100 + 3 * choose.randrange(300_000)
        )
        block = bytearray(block_of(data, choose.randbytes(1200)))
        if number % 2:
            block[HEAD_SIZE + 3] ^= 1
        talk.say(0, bytes(block), ack=False)
    for packet in talk.packets:
        decoder.feed(packet)
        most = max(most, decoder._budget.used)
    decoder.finish()
    assert decoder._budget.used == 0
    assert 256 * 1024 < most < 2_500_000


def test_many_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each link counts in the memory budget; the least recently active ones are evicted."""
    from netchat.packets import Decoder
    from netchat.packets.decode import decoder

    monkeypatch.setattr(decoder, "MAX_KEPT", 100_000)
    one = Decoder()
    stream = block_of(
        Header(Kind.OPEN, 1, 7, 0, 100, 1, 64, 100, 0, 0, 0, 0, 0), open_of("rs:255,223")
    )
    for port in range(1025, 1125):
        talk = Talk(client_port=port).open()
        talk.add(0, ACK | PSH, stream)
        for packet in talk.packets:
            one.feed(packet)
        assert one._budget.used <= 110_000
    again = block_of(
        Header(Kind.DATA, 0, 7, 0, 100, 1, 64, 100, 0, 0, 0, 0, 0), wire.encode(wire.Ping(5))
    )
    talk = Talk(client_port=1025, isn=(1000 + len(stream), 5000))
    talk.seq[0] += 1
    talk.add(0, ACK | PSH, again)
    assert said(one.feed(talk.packets[0])) == {True: [wire.Ping(5)]}
