"""Self-checks of lesson 17: find the fault."""

import itertools
import random
from functools import lru_cache
from typing import Any, NamedTuple

from netchat.course import Variant, Wrong, exercise, need, real_number, whole_number
from netchat.errors import LabError
from netchat.mystery import Answer, CableCapture, draw, judge, simulate

#: Level of the final mystery.
LEVEL = 3


class TwoSides(NamedTuple):
    """Identifications of the packets in the captures of both sides, in the order of capture."""

    left: list[int]
    came: list[int]


def two_sides(variant: Variant) -> TwoSides:
    """Return packets of which some are lost, some arrive twice, and some are overtaken."""
    return _two_sides(variant.random("two sides"))


def _two_sides(rng: random.Random) -> TwoSides:
    first = rng.randrange(20_000, 60_000)
    left = [(first + number) % 65536 for number in range(rng.randrange(30, 45))]
    came = list(left)
    for lost in rng.sample(left[1:-1], 4):
        came.remove(lost)
    for copied in rng.sample(came, 3):
        came.insert(came.index(copied) + rng.randrange(1, 4), copied)
    for place in rng.sample(range(len(came) - 1), 3):
        came[place], came[place + 1] = came[place + 1], came[place]
    return TwoSides(left, came)


@exercise("17.1", "Lost or twice", given=two_sides)
def lost_or_twice(given: TwoSides, fates: Any) -> None:
    rng = random.Random(given.left[0])
    # A packet that comes three times, and a sender that skips numbers.
    special = TwoSides([7, 8, 9], [9, 8, 7, 8, 8]), TwoSides([65530, 65533, 2, 5], [2, 2, 65533])
    for left, came in (given, _two_sides(rng), *special):
        answer = fates(left, came)
        need(
            isinstance(answer, (list, tuple))
            and len(answer) == 2
            and all(hasattr(part, "__iter__") for part in answer),
            "fates must return two lists: the numbers that were lost, and those that came twice.",
        )
        lost = sorted(whole_number(number, "a lost number") for number in answer[0])
        twice = sorted(whole_number(number, "a number that came twice") for number in answer[1])
        if strange := [number for number in lost if number not in left]:
            raise Wrong(
                f"You say that packet {strange[0]} was lost, but it never left.",
                "Which numbers left? Only the sender's capture says it: a sender may skip numbers.",
            )
        right = sorted(number for number in left if number not in came)
        need(
            lost == right,
            f"Of packets {left[0]} to {left[-1]}, you find {len(lost)} lost; in fact "
            f"{len(right)} never arrive.",
            "A packet is lost if the receiver's capture does not have it, wherever you look. Its "
            "position in the capture says nothing.",
        )
        copies = sorted(number for number in left if came.count(number) > 1)
        need(
            twice != sorted(number for number in came if came.count(number) > 1),
            f"You list packet {copies[0]} more than once among those that came twice.",
            "List the number of each packet once, however often the packet came.",
        )
        need(
            twice == copies,
            f"Packets that came twice or more: you find {len(twice)}; in fact there are {len(copies)}.",
            "Count how often each number occurs in the receiver's capture.",
        )


class Clocks(NamedTuple):
    """Transit times in seconds, as two clocks see them."""

    there: list[float]
    back: list[float]


def clocks(variant: Variant) -> Clocks:
    """Return transit times by clocks that differ by more than the delay."""
    rng = variant.random("clocks")
    return _clocks(rng)[0]


def _clocks(rng: random.Random) -> tuple[Clocks, float, float]:
    delay, offset = rng.uniform(0.004, 0.03), rng.choice((-1, 1)) * rng.uniform(0.05, 0.5)
    busy = rng.uniform(0.004, 0.01)  # only one direction has to wait in queues
    there = [delay + offset + rng.expovariate(1 / busy) for _ in range(60)]
    back = [delay - offset + rng.expovariate(1 / 0.0005) for _ in range(60)]
    there[rng.randrange(60)] = delay + offset
    back[rng.randrange(60)] = delay - offset
    return (Clocks(there, back), offset, delay)


@exercise("17.2", "Two clocks", given=clocks)
def two_clocks(given: Clocks, clock: Any) -> None:
    rng = random.Random(repr(given))
    own = (given, (min(given.there) - min(given.back)) / 2, sum(map(min, given)) / 2)
    for sides, offset, delay in (own, _clocks(rng), _clocks(rng)):
        answer = clock(*sides)
        need(
            isinstance(answer, (list, tuple)) and len(answer) == 2,
            "clock must return a pair: the offset and the delay, in seconds.",
        )
        found, one_way = real_number(answer[0], "the offset"), real_number(answer[1], "the delay")
        need(
            abs(found - delay) > 2e-4 or abs(one_way - offset) > 2e-4,
            "You return the delay first, and then the offset; return the offset first.",
        )
        need(
            not 0.9 < abs(found / (1000 * offset)) < 1.1,
            f"Your offset is {found:.4f}: the unit is wrong.",
            "All times are in seconds, those that you get and those that you return.",
        )
        need(
            not -1.1 < found / offset < -0.9,
            f"The offset has the wrong sign: you say {found:.4f} s.",
            "If the receiver's clock is ahead, packets seem to take longer on the way to it.",
        )
        need(
            not 1.8 < abs(found / offset) < 2.2,
            f"Your offset is {found:.4f} s, about twice as much as the right one.",
            "Subtract d − θ from d + θ: how often does the result contain θ?",
        )
        away = f"it is {abs(found - offset) * 1000:.1f} ms away from the right one."
        need(
            abs(found - offset - delay) > 1e-6,
            f"Your offset is {found:.4f} s; {away}",
            "One direction alone cannot tell the offset from the delay. Use both.",
        )
        need(
            abs(found - offset) < 2e-4,
            f"Your offset is {found:.4f} s; {away}",
            "Packets that waited in a queue say nothing about clocks. Which packets did not wait?",
        )
        need(
            abs(one_way - delay) < 2e-4,
            f"Your one-way delay is {one_way * 1000:.2f} ms, but the fastest packets took "
            f"{'more' if one_way < delay else 'less'}.",
            "A round trip contains the delay twice, and the offset once added and once subtracted.",
        )


class Drift(NamedTuple):
    """Send times and transit times of both directions, in seconds."""

    there: list[tuple[float, float]]
    back: list[tuple[float, float]]


def drift(variant: Variant) -> Drift:
    """Return transits between two hosts of which one has a fast or slow clock."""
    return _drift(variant.random("drift"))[0]


def _drift(
    rng: random.Random, *, ppm: float | None = None, grows: float = 0.0
) -> tuple[Drift, float]:
    if ppm is None:
        ppm = rng.choice((-1, 1)) * rng.uniform(300, 3000)

    def way(sign: int) -> list[tuple[float, float]]:
        times = [number * 0.2 + rng.uniform(0, 0.1) for number in range(120)]
        return [(t, 0.01 + (sign * ppm * 1e-6 + grows) * t + rng.uniform(0, 0.0004)) for t in times]

    return Drift(way(1), way(-1)), ppm


@exercise("17.3", "A clock that is fast", given=drift)
def a_fast_clock(given: Drift, skew: Any) -> None:
    rng = random.Random(repr(given.there[0]))
    own = _slope(given.there) / 2 - _slope(given.back) / 2
    cases = [(given, own), _drift(rng), _drift(rng), _drift(rng, ppm=0.0, grows=0.002)]
    for case, ppm in cases:
        found = real_number(skew(case.there, case.back), "What skew returns")
        need(
            ppm or abs(found) < 100,
            f"Here the delay grows by 2 ms per second in both directions, and both clocks are right, but "
            f"you find {found:.0f} ppm.",
            "A skew makes one direction seem slower and the opposite one faster. What do both "
            "directions have in common, and in what do they differ?",
        )
        need(
            abs(found + ppm) > 80 or not ppm,
            f"You find {found:.0f} ppm, but that clock is {'fast' if ppm > 0 else 'slow'}.",
            "Transit times to a host whose clock is fast seem to grow.",
        )
        need(
            not ppm or not 0.8 < 1e6 * found / ppm < 2.2,
            f"You find {found:.3g} seconds per second; return ppm.",
            "1 ppm is 1e-6.",
        )
        need(
            not ppm or not 1.8 < found / ppm < 2.2,
            f"You find {found:.0f} ppm, twice as much as the clock is {'fast' if ppm > 0 else 'slow'}.",
            "One direction grows by the skew, and the opposite one shrinks by it. How often does the "
            "difference of their slopes contain it?",
        )
        need(
            abs(found - ppm) < max(80, abs(ppm) / 8),
            f"You find {found:.3g} ppm. That is not how fast the second clock runs.",
            "The slope of a line through (time, transit) shows how fast transit times grow. Which "
            "slopes have opposite signs?",
        )


def _slope(rows: list[tuple[float, float]]) -> float:
    """Return the slope of a regression line, in ppm."""
    middle = sum(t for t, _ in rows) / len(rows)
    mean = sum(d for _, d in rows) / len(rows)
    above = sum((t - middle) * (d - mean) for t, d in rows)
    return 1e6 * above / sum((t - middle) ** 2 for t, _ in rows)


class Sizes(NamedTuple):
    """Sizes of the packets that left, and of those that came, in bytes."""

    left: list[int]
    came: list[int]


def sizes(variant: Variant) -> Sizes:
    """Return packets of which the large ones vanish, and a few others."""
    return _sizes(variant.random("sizes"))[0]


def _sizes(rng: random.Random, *, hole: bool = True) -> tuple[Sizes, int | None]:
    limit = rng.randrange(900, 1300) if hole else 1500
    left = [rng.randrange(60, 1501) for _ in range(200)] + [limit]
    by_chance = set(rng.sample(range(200), 10 if hole else 24))
    came = [size for number, size in enumerate(left) if size <= limit and number not in by_chance]
    rng.shuffle(left)
    return Sizes(left, came), limit if hole else None


@exercise("17.4", "The size that passes", given=sizes)
def the_size_that_passes(given: Sizes, largest: Any) -> None:
    rng = random.Random(repr(given.left[:5]))
    cases = [
        (given, max(given.came)),
        _sizes(rng),
        _sizes(rng, hole=False),
        (Sizes([1200, 300, 1300, 80], [300, 80]), None),
        (Sizes([1300] * 9 + [300, 80], [300, 80]), None),
        (Sizes([1300] * 10 + [300, 80], [300, 80]), 300),
    ]
    for case, right in cases:
        answer = largest(*case)
        if right is None:
            beyond = sum(size > max(case.came) for size in case.left)
            need(
                answer is None,
                f"{len(case.left)} packets left, and {len(case.came)} came. Of those that were lost, "
                f"{beyond or 'none'} {'are' if beyond else 'is'} larger than all that came. Return None "
                f"here, not {answer!r}.",
                "Fewer than ten such packets prove nothing: they may have been lost by chance.",
            )
            continue
        need(
            answer is not None,
            f"No packet of more than {right} bytes came, although "
            f"{sum(size > right for size in case.left)} were sent; you report no limit.",
        )
        found = whole_number(answer, "What largest returns")
        need(
            found == right,
            f"You say that {found} bytes pass at most.",
            "The smallest packet that was lost may have been lost by chance. What do those that came tell?",
        )


class Queue(NamedTuple):
    """Packets through a queue: the times at which they left and came, in seconds, and the size in bytes."""

    packets: list[tuple[float, float, int]]


def queue(variant: Variant) -> Queue:
    """Return packets of which most had to wait for a slow link."""
    return _queue(variant.random("queue"))[0]


def _queue(rng: random.Random) -> tuple[Queue, float]:
    rate, delay = rng.uniform(90, 400), rng.uniform(0.005, 0.02)
    packets: list[tuple[float, float, int]] = []
    time = free = 0.0

    def send(size: int) -> float:
        """Send a packet, and return how long the link is busy with it."""
        nonlocal free
        busy = 8 * size / (1000 * rate)
        free = max(time, free) + busy
        packets.append((time, free + delay, size))
        return busy

    for _ in range(8):
        for size in sorted(rng.randrange(60, 1400) for _ in range(7)):  # a burst: a queue grows
            time += rng.uniform(0.3, 0.7) * send(size)
        time = max(time, free)
        for _ in range(14):  # then the link is idle after each packet
            time += rng.uniform(1.5, 3) * send(rng.randrange(60, 1400))
    return Queue(packets), rate


@exercise("17.5", "The slowest link", given=queue)
def the_slowest_link(given: Queue, bottleneck: Any) -> None:
    rng = random.Random(repr(given.packets[:3]))
    own = _true_rate(given.packets)
    for case, rate in ((given, own), _queue(rng), _queue(rng)):
        found = real_number(bottleneck(case.packets), "What bottleneck returns")
        need(
            not any(0.9 < found * unit / rate < 1.1 for unit in (1000, 8, 1 / 8, 1 / 1000)),
            f"You find {found:.4g} kbit/s: the unit is wrong.",
            "A byte has 8 bits, and kbit/s are thousands of bits per second.",
        )
        need(
            abs(found / rate - 1) < 0.05,
            f"You find {found:.4g} kbit/s, which is too {'much' if found > rate else 'little'}.",
            "Take only pairs whose second packet waited. Then the link was busy with the second one "
            "from the arrival of the first to its own.",
        )


def _true_rate(packets: list[tuple[float, float, int]]) -> float:
    """Return the rate in kbit/s, from the busiest pair."""
    delays = [came - left for left, came, _ in packets]
    floor = min(delays)
    gaps = [
        8 * size / (came - before) / 1000
        for (_, before, _), (left, came, size) in itertools.pairwise(packets)
        if left < before - floor
    ]
    return sorted(gaps)[len(gaps) // 2]


class Case(NamedTuple):
    """A mystery: its seed and level, and the captures of the three hosts."""

    seed: str
    level: int
    captures: dict[str, CableCapture]


@lru_cache(maxsize=4)
def _simulated(seed: str) -> dict[str, CableCapture]:
    return simulate(draw(seed, LEVEL))


def case(variant: Variant) -> Case:
    """Return the student's mystery."""
    seed = str(variant.seed("mystery") % 10**9)
    return Case(seed, LEVEL, _simulated(seed))


@exercise("17.6", "The mystery", given=case)
def the_mystery(given: Case, kind: Any, place: Any, size: Any) -> None:
    need(isinstance(kind, str), f"kind must be a text such as 'loss', got {kind!r}.")
    need(isinstance(place, str), f"place must be a text such as 'h2 > h1', got {place!r}.")
    answer = Answer(kind, place, real_number(size, "size"))
    try:
        judgement = judge(draw(given.seed, given.level), answer)
    except LabError as error:
        raise Wrong(f"{str(error)[:1].upper()}{str(error)[1:]}.") from error
    says = " ".join(judgement.text.splitlines()[:2])
    need(judgement.kind, says, "Which part of that do the captures contradict?")
    need(judgement.place, says, "Which direction, or which host, differs from all others?")
    need(judgement.size, says, "Measure it only where the fault acts, and mind its unit.")
