"""Impairments occur at the requested rates, reproducibly."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchat.channels.impairment import (
    HOLD_PACKETS,
    HOLD_SECONDS,
    MAX_WAITING,
    OVERHEAD,
    ImpairedLine,
    Impairments,
)

MANY = 20_000


def line(seed=1, **wish):
    return ImpairedLine(Impairments(**wish), np.random.SeedSequence(seed))


def numbered(count, size=8):
    return [number.to_bytes(8, "big") * (size // 8) for number in range(count)]


def carried(line, packets, spared=0, every=0.0):
    """Return the packets that arrive when one is sent at regular intervals."""
    arrived, now = [], 0.0
    for packet in packets:
        line.put(packet, now, spared)
        arrived += line.take(now)
        now += every
    while line.due < math.inf:
        now = max(now, line.due)
        arrived += line.take(now)
    return arrived


def near(count, share, total):
    """Check that a binomial count is within five standard deviations."""
    return abs(count - share * total) <= 5 * math.sqrt(total * share * (1 - share))


def test_a_perfect_line_changes_nothing():
    packets = numbered(100)
    perfect = line()
    assert carried(perfect, packets) == packets
    assert perfect.counts.as_dict() == {
        "packets": 100, "bytes": 800, "lost": 0, "duplicated": 0, "reordered": 0, "damaged": 0,
        "flipped": 0, "overflowed": 0,
    }  # fmt: skip


def test_packets_are_lost_independently_at_the_requested_rate():
    losing = line(loss=0.05)
    arrived = {int.from_bytes(packet, "big") for packet in carried(losing, numbered(MANY))}
    lost = [number not in arrived for number in range(MANY)]
    assert sum(lost) == losing.counts.lost
    assert near(losing.counts.lost, 0.05, MANY)
    both = sum(one and other for one, other in itertools.pairwise(lost))
    assert near(both, 0.05**2, MANY)


def test_bursts_have_the_requested_rate_and_length():
    losing = line(loss=0.1, burst=5)
    arrived = {int.from_bytes(packet, "big") for packet in carried(losing, numbered(MANY))}
    lost = [number not in arrived for number in range(MANY)]
    bursts = sum(not one and other for one, other in itertools.pairwise(lost))
    assert losing.counts.lost / MANY == pytest.approx(0.1, rel=0.15)
    assert losing.counts.lost / bursts == pytest.approx(5, rel=0.15)


def test_duplicates_are_complete_and_at_the_requested_rate():
    doubling = line(duplicate=0.1)
    packets = numbered(MANY)
    arrived = carried(doubling, packets)
    assert len(arrived) == MANY + doubling.counts.duplicated
    assert near(doubling.counts.duplicated, 0.1, MANY)
    assert sorted(set(arrived)) == packets


def test_reordered_packets_are_overtaken_by_a_limited_number():
    reordering = line(reorder=0.1)
    arrived = [
        int.from_bytes(packet, "big") for packet in carried(reordering, numbered(MANY), every=1e-5)
    ]
    assert sorted(arrived) == list(range(MANY))
    at = {number: place for place, number in enumerate(arrived)}
    overtakers = [
        sum(at[later] < at[number] for later in range(number + 1, min(number + 30, MANY)))
        for number in range(MANY)
    ]
    late = sum(count > 0 for count in overtakers)
    assert near(late, 0.1, MANY)
    assert abs(late - reordering.counts.reordered) <= 1  # the last one may not be overtaken
    # Other waiting packets may overtake it as well.
    assert HOLD_PACKETS <= max(overtakers) <= HOLD_PACKETS + 5


def test_no_packet_waits_longer_than_delay_and_hold():
    slow = line(reorder=1.0, delay=0.02)
    slow.put(b"alone", 10.0)
    assert slow.take(10.0 + 0.02 + HOLD_SECONDS - 1e-6) == []
    assert slow.due == pytest.approx(10.02 + HOLD_SECONDS)
    assert slow.take(slow.due) == [b"alone"]
    assert slow.due == math.inf
    assert slow.counts.reordered == 0


def test_packets_arrive_after_the_delay():
    slow = line(delay=0.02)
    for number in range(5):
        slow.put(bytes([number]), number * 0.01)
    assert slow.due == 0.02
    assert slow.take(0.0199) == []
    assert slow.take(0.035) == [b"\x00", b"\x01"]
    assert slow.due == pytest.approx(0.04)


def test_bit_errors_have_the_requested_rate_and_skip_spared_bytes():
    noisy = line(channel="bsc:1e-3")
    packets = [bytes(100)] * 5000
    arrived = carried(noisy, packets, spared=20)
    wrong = sum(int.from_bytes(packet, "big").bit_count() for packet in arrived)
    assert wrong == noisy.counts.flipped
    assert near(wrong, 1e-3, 5000 * 80 * 8)
    assert noisy.counts.damaged == sum(any(packet) for packet in arrived)
    assert not any(any(packet[:20]) for packet in arrived)
    untouched = noisy.counts.flipped
    assert carried(noisy, packets, spared=100) == packets
    assert noisy.counts.flipped == untouched


def test_copies_are_damaged_independently():
    arrived = carried(line(channel="bsc:0.05", duplicate=1.0), [bytes(100)] * 50)
    pairs = list(zip(arrived[::2], arrived[1::2], strict=True))
    assert len(pairs) == 50
    assert all(one != other for one, other in pairs)


ALL = {"channel": "bsc:1e-3", "loss": 0.1, "duplicate": 0.1, "reorder": 0.1, "delay": 0.001}


def test_a_seed_determines_everything():
    packets = numbered(500, 64)
    assert carried(line(3, **ALL), packets) == carried(line(3, **ALL), packets)
    assert carried(line(3, **ALL), packets) != carried(line(4, **ALL), packets)


def test_losses_do_not_depend_on_other_impairments():
    packets = numbered(500)

    def survivors(**wish):
        return set(carried(line(7, loss=0.2, **wish), packets))

    assert survivors() == survivors(duplicate=0.3, reorder=0.3, delay=0.1)


def test_overflow_is_counted_and_space_is_freed():
    slow = line(delay=1.0)
    packet = bytes((1 << 20) - OVERHEAD)
    for _ in range(20):
        slow.put(packet, 0.0)
    assert slow.counts.overflowed == 20 - (MAX_WAITING >> 20)
    assert len(slow.take(1.0)) == MAX_WAITING >> 20
    slow.put(packet, 1.0)
    assert slow.take(2.0) == [packet]


def test_empty_packets_count_towards_the_limit():
    slow = ImpairedLine(Impairments(delay=1.0), np.random.SeedSequence(1), room=10 * OVERHEAD)
    for _ in range(15):
        slow.put(b"", 0.0)
    assert slow.counts.overflowed == 5
    assert slow.take(1.0) == [b""] * 10
    slow.put(b"", 1.0)
    assert slow.counts.overflowed == 5


@given(
    st.lists(st.tuples(st.binary(max_size=20), st.floats(0, 0.02)), max_size=60),
    st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.integers(0, 9),
)  # fmt: skip
def test_every_packet_is_accounted_for(sent, loss, duplicate, reorder, seed):
    bad = line(seed, loss=loss, duplicate=duplicate, reorder=reorder, delay=0.005)
    arrived, now = 0, 0.0
    for packet, pause in sent:
        bad.put(packet, now)
        now += pause
        arrived += len(bad.take(now))
    arrived += len(bad.take(now + 0.005 + HOLD_SECONDS))
    assert bad.due == math.inf
    counts = bad.counts
    assert counts.packets == len(sent)
    assert arrived == counts.packets - counts.lost + counts.duplicated


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        ({"loss": 1.5}, "Argument 'loss' must be a probability from 0 to 1, got 1.5"),
        ({"duplicate": -0.1}, "'duplicate' must be a probability"),
        ({"delay": 100}, "from 0 to 60 s"),
        ({"burst": 3}, "if 'burst' is given"),
        ({"burst": 1.5, "loss": 0.9}, "at least 9 for"),
        ({"channel": "bec:0.1"}, "a byte stream supports only bit errors"),
        ({"channel": "nonsense"}, "'nonsense' is not a channel"),
    ],
)
def test_invalid_impairments(wish, says):
    with pytest.raises(ValueError, match=says):
        Impairments(**wish)


@pytest.mark.parametrize("share", range(501, 1000))
def test_the_shortest_valid_burst_is_accepted(share):
    """Test it as computed exactly, as computed in floating point, and as the error states it."""
    loss, exactly = share / 1000, Fraction(share, 1000 - share)
    for least in (float(exactly), loss / (1 - loss)):
        line(loss=loss, burst=max(1.0, least)).put(b"packet", 0.0)
    if exactly <= Fraction(1001, 1000):
        return
    with pytest.raises(ValueError, match="must be at least") as refused:
        Impairments(loss=loss, burst=float(exactly) - 1e-4)
    stated = str(refused.value).split("at least ")[1].split(" for ")[0]
    Impairments(loss=loss, burst=float(stated))
    if exactly.denominator == 1:
        assert stated == str(exactly)


def test_text_form():
    assert str(Impairments()) == "no damage"
    assert (
        str(Impairments("bsc:1e-5", 0.01, 4, 0.01, 0.1, 0.02))
        == "bsc:1e-5, 0.01 lost in bursts of 4, 0.01 duplicated, 0.1 reordered, 20 ms delay"
    )
