"""Faulty lines: each fault does what it says to the frames, and nothing else."""

import dataclasses
import itertools

import pytest

from netchat.mystery import Fault, draw
from netchat.mystery.faulty_line import FaultyLine
from tests.mystery.test_frames import ADDRESSES, MACS, build, udp_header

QUIET = dataclasses.replace(draw("line", 1, kind="loss"), jitter=0.0, loss=0.0)


def frame(number, size=200):
    return build(MACS, ADDRESSES, number, 17, udp_header((5004, 5004), size) + bytes(size))


def sent_over(fault, sizes, interval=0.02, way=("h2", "h1")):
    """Send frames over a line; return what is recorded at both ends, with times."""
    recorded = {"h1": [], "h2": [], "h3": []}
    mystery = dataclasses.replace(QUIET, fault=fault)
    line = FaultyLine(mystery, *way, lambda host, at, data: recorded[host].append((at, data)))
    frames = [frame(number, size) for number, size in enumerate(sizes)]
    for number, one in enumerate(frames):
        now = number * interval
        while line.due <= now:
            line.take(line.due)
        line.put(one, now)
    while line.due < 1e9:
        line.take(line.due)
    return recorded[way[0]], recorded[way[1]]


def delays(left, came):
    assert len(left) == len(came)
    return [round(after - before, 6) for (before, _), (after, _) in zip(left, came, strict=True)]


BASE = QUIET.delays[frozenset(("h1", "h2"))]
HOPS = QUIET.hops[frozenset(("h1", "h2"))]


def test_another_direction_is_only_delayed():
    left, came = sent_over(Fault("loss", "h1 > h2", 0.9), [100] * 50)
    assert set(delays(left, came)) == {round(BASE, 6)}
    assert {data[22] for _, data in came} == {64 - HOPS}


@pytest.mark.parametrize(("kind", "low", "high"), [("loss", 500, 700), ("duplication", 1300, 1500)])
def test_loss_and_duplication(kind, low, high):
    left, came = sent_over(Fault(kind, "h2 > h1", 0.4), [100] * 1000)
    assert len(left) == 1000
    assert low < len(came) < high


def test_delay_and_a_longer_path():
    left, came = sent_over(Fault("delay", "h2 > h1", 0.03), [100] * 20)
    assert set(delays(left, came)) == {round(BASE + 0.03, 6)}
    left, came = sent_over(Fault("asymmetric-path", "h2 > h1", 5), [100] * 20)
    assert {data[22] for _, data in came} == {64 - HOPS - 5}
    assert set(delays(left, came)) == {round(BASE + 0.01, 6)}


def test_a_black_hole():
    left, came = sent_over(Fault("mtu", "h2 > h1", 628), [600, 601, 100, 1400])
    assert [len(data) - 14 for _, data in left] == [628, 629, 128, 1428]
    assert [len(data) - 14 for _, data in came] == [628, 128]


def test_a_rate_limit_delays_first_and_then_drops():
    left, came = sent_over(Fault("rate-limit", "h2 > h1", 100), [972] * 100)  # 8 kbit every 20 ms
    gaps = [b - a for (a, _), (b, _) in itertools.pairwise(came)]
    assert all(gap == pytest.approx(0.08) for gap in gaps)
    assert len(came) < 40
    assert delays(left[:3], came[:3]) == pytest.approx(
        [BASE + 0.08, BASE + 0.14, BASE + 0.2], abs=1e-5
    )


def test_reordering_loses_nothing():
    left, came = sent_over(Fault("reordering", "h2 > h1", 0.2), [100] * 300)
    numbers = [int.from_bytes(data[18:20], "big") for _, data in came]
    assert sorted(numbers) == list(range(300))
    late = sum(number < max(numbers[:at], default=0) for at, number in enumerate(numbers))
    assert 40 < late < 80
    assert len(left) == 300


def test_bit_errors_spare_the_ethernet_header():
    _, came = sent_over(Fault("bit-errors", "h2 > h1", 3e-4), [400] * 600)
    assert {data[:14] for _, data in came} == {frame(0)[:14]}
    # A frame whose IP version is damaged is no IPv4 packet any more, and is not recorded.
    assert 590 < len(came) <= 600
    flips = sum(int.from_bytes(data[42:], "big").bit_count() for _, data in came)  # of zeros
    assert 480 < flips < 680


def test_wrong_checksums_are_already_in_the_senders_capture():
    fault = Fault("checksum-offload", "h2", 0.5)
    left, came = sent_over(fault, [100] * 200)
    wrong = [a[40:42] != frame(n, 100)[40:42] for n, (_, a) in enumerate(left)]
    assert 70 < sum(wrong) < 130
    assert [a[34:] for _, a in left] == [b[34:] for _, b in came]
    left, _ = sent_over(fault, [100] * 20, way=("h1", "h2"))
    assert [a for _, a in left] == [frame(n, 100) for n in range(20)]


def test_arp_is_neither_recorded_nor_damaged():
    recorded = []
    mystery = dataclasses.replace(QUIET, fault=Fault("loss", "h2 > h1", 0.99))
    line = FaultyLine(mystery, "h2", "h1", lambda *one: recorded.append(one))
    arp = MACS + b"\x08\x06" + bytes(28)
    for _ in range(20):
        line.put(arp, 0.0)
    assert line.take(1.0) == [arp] * 20
    assert recorded == []
