"""TCP reassembly: the messages do not depend on how a stream is cut into segments."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchat import wire
from netchat.packets import DecodedMessage, Gap
from netchat.packets.items import Damage, Trace
from tests.packets.chatter import check_tiling, decode, one_way, renumber, said
from tests.packets.segments import ACK, FIN, PSH, Talk

MESSAGES = [wire.Send(n, "lobby", "x" * (n * 37 % 300)) for n in range(1, 30)]
STREAM = b"".join(map(wire.encode, MESSAGES))


@st.composite
def arrivals(draw: st.DrawFn) -> list[tuple[int, int]]:
    """Draw ranges that cover the stream: cut anywhere, some twice, overlapping, in any order."""
    size = len(STREAM)
    cuts = sorted({0, size, *draw(st.lists(st.integers(1, size - 1), max_size=25))})
    ranges = list(itertools.pairwise(cuts))
    more = draw(st.lists(st.tuples(st.integers(0, size - 1), st.integers(1, 900)), max_size=10))
    ranges += [(start, min(size, start + length)) for start, length in more]
    return draw(st.permutations(ranges))


@given(arrivals(), st.sampled_from([1000, 2**32 - 500, 2**32 - 1, 2**31 - 5]))
def test_any_arrival_gives_the_same_messages(ranges: list[tuple[int, int]], isn: int) -> None:
    items = decode(one_way(STREAM, ranges, isn))
    assert said(items) == {True: MESSAGES}
    check_tiling(items)
    assert not [i for i in items if isinstance(i, (Gap, Damage))]


@given(st.lists(st.integers(1, len(STREAM) - 1), min_size=1, max_size=25, unique=True))
def test_captures_that_begin_in_the_middle(cuts: list[int]) -> None:
    ordered = sorted(cuts)
    ranges = list(zip(ordered, [*ordered[1:], len(STREAM)], strict=True))
    items = decode(renumber(one_way(STREAM, ranges)[3:]))
    check_tiling(items)
    at, whole = 0, []
    for message in MESSAGES:
        if at >= ordered[0]:
            whole.append(message)
        at += len(wire.encode(message))
    assert said(items).get(True, []) == whole


def test_segments_swapped_at_the_beginning_of_a_capture() -> None:
    talk = Talk()
    frames = [wire.encode(m) for m in MESSAGES[:3]]
    talk.add(0, ACK, frames[1], seq=1000 + len(frames[0]))
    talk.add(0, ACK, frames[0], seq=1000)
    talk.add(0, ACK, frames[2], seq=1000 + len(frames[0] + frames[1]))
    items = decode(talk.packets)
    assert said(items) == {True: MESSAGES[:3]}
    check_tiling(items)


@pytest.mark.parametrize("swap", range(6))
def test_a_late_syn_after_the_data(swap: int) -> None:
    talk = Talk().open()
    talk.say(0, STREAM, 500, ack=False)
    packets = talk.packets
    packets.insert(swap, packets.pop(0))
    items = decode(renumber(packets))
    assert said(items) == {True: MESSAGES}
    check_tiling(items)


def gappy(lost: int, ack: bool = True) -> list:
    """Return a stream in segments of 400 bytes, one of which is missing from the capture."""
    talk = Talk().open()
    talk.say(0, STREAM, 400, ack=ack)
    data = [n for n, p in enumerate(talk.packets) if len(p.data) > 54]
    del talk.packets[data[lost]]
    return renumber(talk.packets)


@pytest.mark.parametrize("lost", [0, 1, 5, -1])
@pytest.mark.parametrize("ack", [True, False])
def test_missing_segment(lost: int, ack: bool) -> None:
    items = decode(gappy(lost, ack))
    check_tiling(items)
    gaps = [i for i in items if isinstance(i, Gap)]
    count = -(-len(STREAM) // 400)
    start = lost % count * 400
    end = min(len(STREAM), start + 400)
    if ack or lost != -1:
        assert [(g.offset, g.size) for g in gaps] == [(start, end - start)]
    ends = list(itertools.accumulate(len(wire.encode(message)) for message in MESSAGES))
    places = list(itertools.pairwise([0, *ends]))
    whole = [m for m, (a, b) in zip(MESSAGES, places, strict=True) if b <= start or a >= end]
    assert said(items)[True] == whole


def test_a_gap_is_reported_soon_after_its_acknowledgement() -> None:
    talk = Talk().open()
    talk.say(0, STREAM, 200)
    packets = [p for n, p in enumerate(talk.packets) if n != 3]
    items = decode(renumber(packets))
    gap = next(i for i in items if isinstance(i, Gap))
    assert gap.size == 200
    assert "acknowledged by the peer" in gap.reason
    place = items.index(gap)
    assert any(isinstance(i, DecodedMessage) for i in items[place:])


def test_retransmissions_are_recognised() -> None:
    frame = wire.encode(MESSAGES[5])
    talk = Talk(step=200_000_000).open()
    talk.add(0, ACK | PSH, frame)
    talk.add(0, ACK | PSH, frame, seq=1001)  # retransmitted, although it had arrived
    behind = wire.encode(MESSAGES[6])
    talk.seq[0] += len(frame)  # lost, and retransmitted after the next one
    talk.add(0, ACK | PSH, behind)
    talk.add(0, ACK | PSH, frame, seq=1001 + len(frame))
    items = decode(talk.packets, trace=True)
    messages = [i for i in items if isinstance(i, DecodedMessage)]
    assert [(m.message, m.repeated, m.packets) for m in messages] == [
        (MESSAGES[5], False, (4,)),
        (MESSAGES[5], True, (7,)),
        (MESSAGES[6], False, (6,)),
    ]
    notes = [i.note for i in items if isinstance(i, Trace) and i.size]
    assert notes == ["", "retransmission", "after a hole", "retransmission"]
    assert messages[0].conversation.to_server.retransmissions == 2


def test_out_of_order_is_not_a_retransmission() -> None:
    talk = Talk().open()
    frames = [wire.encode(m) for m in MESSAGES[:2]]
    talk.add(0, ACK, frames[1], seq=1001 + len(frames[0]))
    talk.add(0, ACK, frames[0], seq=1001)
    items = decode(talk.packets)
    message = next(i for i in items if isinstance(i, DecodedMessage))
    counts = message.conversation.to_server
    assert (counts.retransmissions, counts.out_of_order) == (0, 1)
    assert not message.repeated


def test_conflicting_overlap_keeps_what_came_first() -> None:
    talk = Talk().open()
    frame = wire.encode(wire.Send(1, "lobby", "the truth"))
    forged = wire.encode(wire.Send(1, "lobby", "a forgery"))
    talk.add(0, ACK, frame[10:], seq=1011)
    talk.add(0, ACK, forged[10:], seq=1011)
    talk.add(0, ACK, frame[:10], seq=1001)
    items = decode(talk.packets)
    assert said(items) == {True: [wire.Send(1, "lobby", "the truth")]}
    assert items[-1].conversation.to_server.conflicts == 1


def test_one_wrong_sequence_number_does_no_harm() -> None:
    talk = Talk().open()
    for number, message in enumerate(MESSAGES):
        talk.add(0, ACK, wire.encode(message))
        if number == 4:
            talk.add(0, ACK, b"wild", seq=1001 + 5_000_000)
            talk.add(0, ACK, b"wilder", seq=1001 + 2**30)
    talk.add(0, FIN | ACK)
    items = decode(talk.packets)
    assert said(items) == {True: MESSAGES}
    assert not [i for i in items if isinstance(i, Gap)]
    assert items[-1].conversation.to_server.astray == 2


def test_keep_alive_is_not_a_retransmission() -> None:
    talk = Talk().open()
    talk.add(0, ACK, wire.encode(MESSAGES[0]))
    talk.add(0, ACK, b"\0", seq=talk.seq[0] - 1)
    items = decode(talk.packets, trace=True)
    assert [i.note for i in items if isinstance(i, Trace)][-1] == "keep-alive"
    assert items[-1].conversation.to_server.retransmissions == 0


def test_fin_and_then_data_in_a_capture_that_begins_in_the_middle() -> None:
    """A FIN alone does not show where the stream begins (found by the fuzzer)."""
    talk = Talk()
    talk.add(0, FIN | ACK, seq=1000)
    frames = [wire.encode(message) for message in MESSAGES[:4]]
    talk.add(0, ACK | PSH, frames[0], seq=1000)
    talk.add(0, ACK | PSH, frames[2], seq=1000 + len(frames[0] + frames[1]))
    talk.add(0, ACK | PSH, frames[1], seq=1000 + len(frames[0]))
    talk.add(0, ACK | PSH, frames[3], seq=1000 + len(b"".join(frames[:3])))
    items = decode(talk.packets)
    check_tiling(items)
    assert said(items) == {True: MESSAGES[:4]}
