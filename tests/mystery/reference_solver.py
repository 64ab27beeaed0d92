"""Reference solver of mysteries. It sees only the packets of the three captures.

It does not use `netchat.mystery`, so that it is independent of how the faults are made.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections import defaultdict
from typing import NamedTuple

import numpy as np

HOSTS = ("h1", "h2", "h3")
ADDRESSES = {bytes((10, 64, 0, number)): host for number, host in enumerate(HOSTS, 1)}


class Seen(NamedTuple):
    """A packet in a capture."""

    time: float
    source: str
    to: str
    size: int
    ttl: int
    protocol: int
    key: tuple
    body: bytes
    valid: bool


def word_sum(data: bytes) -> int:
    total = sum(memoryview(np.frombuffer(data + bytes(len(data) % 2), ">u2").astype(int)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def read(packets) -> list[Seen]:
    """Return the IPv4 packets of a capture."""
    found = []
    for packet in packets:
        data = packet.data
        if data[12:14] != b"\x08\x00":
            continue
        source, to = ADDRESSES.get(data[26:30]), ADDRESSES.get(data[30:34])
        total, protocol = int.from_bytes(data[16:18], "big"), data[23]
        if source is None or to is None:  # a damaged address: by the hardware address
            source, to = (f"h{data[at + 5]}" for at in (6, 0))
        body = data[34 : 14 + total]
        pseudo = data[26:34] + bytes((0, protocol)) + len(body).to_bytes(2, "big")
        valid = protocol not in (6, 17) or word_sum(pseudo + body) == 0xFFFF
        key = (protocol, data[18:20], body[:4])
        found.append(
            Seen(packet.time / 1e9, source, to, total, data[22], protocol, key, body, valid)
        )
    return found


class Way:
    """One direction between two hosts: what left, and what arrived."""

    def __init__(self, left: list[Seen], came: list[Seen]) -> None:
        self.left, self.came = left, came
        waiting = defaultdict(list)
        for one in left:
            waiting[one.key].append(one)
        self.pairs: list[tuple[Seen, Seen]] = []
        self.copies: list[Seen] = []
        strangers, used = [], defaultdict(int)
        for other in came:
            if waiting[other.key] and alike(waiting[other.key][0], other):
                one = waiting[other.key].pop(0)
                used[other.key] += 1
                self.pairs.append((one, other))
            elif used[other.key] and any(b.body == other.body for _, b in self.pairs):
                self.copies.append(other)
            else:
                strangers.append(other)
        missing = [one for group in waiting.values() for one in group]
        # Damaged headers: pair by identical rests.
        for other in strangers:
            for one in missing:
                if alike(one, other):
                    missing.remove(one)
                    self.pairs.append((one, other))
                    break
        self.lost = sorted(missing)
        self.pairs.sort(key=lambda pair: pair[0].time)

    @property
    def clean(self) -> list[tuple[Seen, Seen]]:
        return [(one, other) for one, other in self.pairs if one.body == other.body]

    def transits(self) -> np.ndarray:
        return np.array([(one.time, other.time - one.time) for one, other in self.clean])


def alike(one: Seen, other: Seen) -> bool:
    return len(one.body) == len(other.body) and distance(one.body, other.body) < 40


def distance(one: bytes, other: bytes) -> int:
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).bit_count()


def active(times: list[float], all_times: list[float]) -> tuple[float, float]:
    """Return the period in which events cluster: the best segment (Kadane) of their log-likelihood."""
    if len(times) < 4:
        return min(all_times), max(all_times)
    marks = sorted([(t, 0) for t in all_times] + [(t, 1) for t in times])
    share = len(times) / max(1, len(all_times))
    best, current, begin, result = 0.0, 0.0, marks[0][0], (marks[0][0], marks[-1][0])
    for time, is_event in marks:
        if current <= 0:
            current, begin = 0.0, time
        current += 1 if is_event else -0.6 * share
        if current > best:
            best, result = current, (begin, time)
    return result


def share_while_active(events: list[float], population: list[float]) -> float:
    begin, end = active(events, population)
    inside = sum(begin <= t <= end for t in population)
    return sum(begin <= t <= end for t in events) / max(1, inside)


def late(way: Way) -> list[float]:
    """Return the times of packets that arrived after a later one (RFC 4737)."""
    found, newest = [], -math.inf
    for one, other in sorted(way.clean, key=lambda pair: pair[1].time):
        if one.time < newest - 1e-9 and other.time - one.time > 0.03:
            found.append(one.time)
        newest = max(newest, one.time)
    return found


def slope(way: Way) -> float:
    """Return the slope of the fastest transits in each second, in ppm (least squares)."""
    rows = way.transits()
    if len(rows) < 50:
        return 0.0
    bins = defaultdict(list)
    for time, transit in rows:
        bins[int(time)].append((transit, time))
    lowest = np.array([min(group)[::-1] for group in bins.values()])
    return float(np.polyfit(lowest[:, 0] - lowest[0, 0], lowest[:, 1], 1)[0] * 1e6)


def solve(captures: dict) -> tuple[str, str, float]:
    """Return the kind, the place and the size of the fault.

    Args:
        captures: The packets of each host's capture, each with `time` in ns and `data`.
    """
    seen = {host: read(packets) for host, packets in captures.items()}
    ways = {
        (a, b): Way(
            [s for s in seen[a] if (s.source, s.to) == (a, b)],
            [s for s in seen[b] if (s.source, s.to) == (a, b)],
        )
        for a, b in itertools.permutations(HOSTS, 2)
    }
    for test in (
        _checksums,
        _bit_errors,
        _skew,
        _mtu,
        _slow_reader,
        _rate,
        _path,
        _copies,
        _reordering,
        _delay,
        _loss,
    ):
        found = test(seen, ways)
        if found is not None:
            return found
    raise AssertionError("no fault found")


def _name(way: tuple[str, str]) -> str:
    return f"{way[0]} > {way[1]}"


def _checksums(seen, ways):
    for host in HOSTS:
        sent = [s for s in seen[host] if s.source == host]
        wrong = [s.time for s in sent if not s.valid]
        if len(wrong) > 0.008 * len(sent):
            return "checksum-offload", host, share_while_active(wrong, [s.time for s in sent])
    return None


def _bit_errors(seen, ways):
    best = None
    for name, way in ways.items():
        hit = [(a, distance(a.body, b.body)) for a, b in way.pairs if a.body != b.body]
        if len(hit) >= 8 and (best is None or len(hit) > best[0]):
            begin, end = active([a.time for a, _ in hit], [a.time for a, _ in way.pairs])
            bits = 8 * sum(len(a.body) for a, _ in way.pairs if begin <= a.time <= end)
            flips = sum(n for a, n in hit if begin <= a.time <= end)
            best = len(hit), ("bit-errors", _name(name), flips / bits)
    return best and best[1]


def _skew(seen, ways):
    slopes = {name: slope(way) for name, way in ways.items()}
    drift = {}
    for a, b in itertools.combinations(HOSTS, 2):
        one, other = slopes[a, b], slopes[b, a]
        if one * other < 0 and min(abs(one), abs(other)) > 0.6 * max(abs(one), abs(other)):
            drift[a, b] = (one - other) / 2  # how much faster b's clock is than a's
        else:
            drift[a, b] = 0.0
    for host in HOSTS:
        own = [d if b == host else -d for (a, b), d in drift.items() if host in (a, b)]
        (rest,) = [d for pair, d in drift.items() if host not in pair]
        if (
            min(map(abs, own)) > 250
            and own[0] * own[1] > 0
            and abs(rest) < 0.4 * min(map(abs, own))
        ):
            return "clock-skew", host, statistics.mean(own)
    return None


def _mtu(seen, ways):
    for name, way in ways.items():
        most = max((other.size for _, other in way.pairs), default=0)
        beyond = [one for one in way.lost if one.size > most]
        if len(beyond) >= 15 and most < 1440:
            return "mtu", _name(name), float(most)
    return None


def _slow_reader(seen, ways):
    for host in HOSTS:
        acks = []
        for s in seen[host]:
            if s.source == host and s.protocol == 6 and not s.body[13] & 7:
                ack, window = (
                    int.from_bytes(s.body[8:12], "big"),
                    int.from_bytes(s.body[14:16], "big"),
                )
                acks.append((s.time, s.key[2], ack, window))
        closed = [row for row in acks if row[3] == 0]
        if len(closed) >= 4:
            port = closed[0][1]
            rows = [row for row in acks if row[1] == port and row[0] >= closed[0][0]]
            size = (rows[-1][2] - rows[0][2]) % 2**32
            return "slow-reader", host, size / (rows[-1][0] - rows[0][0])
    return None


def _rate(seen, ways):
    best = None
    for name, way in ways.items():
        pairs = sorted(way.clean, key=lambda pair: pair[1].time)
        if len(pairs) < 50:
            continue
        transits = [b.time - a.time for a, b in pairs]
        floor = min(transits)
        waited = [t - floor > 0.03 for t in transits]
        if sum(waited) < 0.25 * len(pairs):
            continue
        # Packets that left the queue one directly after the other.
        rates = []
        for one, two in itertools.pairwise(range(len(pairs))):
            gap = pairs[two][1].time - pairs[one][1].time
            if waited[one] and waited[two] and gap > 0.0005:
                rates.append(8 * pairs[two][1].size / gap / 1000)
        if len(rates) >= 20:
            spread = statistics.quantiles(rates, n=4)
            if spread[2] / spread[0] < 1.3 and (best is None or len(rates) > best[0]):
                best = len(rates), ("rate-limit", _name(name), statistics.median(rates))
    return best and best[1]


def _path(seen, ways):
    for a, b in ways:
        # The most frequent TTL of each part of the time, because a detour may not last.
        there, back = ways[a, b], ways[b, a]
        drops = [one.ttl - other.ttl for one, other in there.clean]
        normal = statistics.mode([one.ttl - other.ttl for one, other in back.clean])
        more = [d for d in drops if d > normal]
        if len(more) > 0.1 * len(drops):
            return "asymmetric-path", _name((a, b)), statistics.mode(more) - normal
    return None


def _copies(seen, ways):
    name, way = max(ways.items(), key=lambda pair: len(pair[1].copies))
    if len(way.copies) < 8:
        return None
    size = share_while_active([s.time for s in way.copies], [a.time for a, _ in way.pairs])
    return "duplication", _name(name), size


def _reordering(seen, ways):
    found = {name: late(way) for name, way in ways.items()}
    name = max(found, key=lambda one: len(found[one]))
    if len(found[name]) < 8:
        return None
    return (
        "reordering",
        _name(name),
        share_while_active(found[name], [a.time for a, _ in ways[name].pairs]),
    )


def _delay(seen, ways):
    best = None
    for a, b in ways:
        there, back = ways[a, b].transits(), ways[b, a].transits()
        # The medians of each second; a delay that does not last is in some of them only.
        floor = float(np.median(back[:, 1]))
        bins = defaultdict(list)
        for time, transit in there:
            bins[int(2 * time)].append(transit)
        over = sorted(float(np.median(group)) - floor for group in bins.values() if len(group) > 5)
        size = statistics.median(over[-len(over) // 3 :])
        if size > 0.006 and (best is None or size > best[2]):
            best = "delay", _name((a, b)), size
    return best


def _loss(seen, ways):
    shares = {
        name: share_while_active([s.time for s in way.lost], [s.time for s in way.left])
        for name, way in ways.items()
    }
    counts = {name: len(way.lost) / max(1, len(way.left)) for name, way in ways.items()}
    name = max(counts, key=counts.__getitem__)
    return "loss", _name(name), shares[name]
