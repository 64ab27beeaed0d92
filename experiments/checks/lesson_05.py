"""Self-checks of lesson 5: one server, many users."""

import math
import random
from typing import Any, NamedTuple

from netchat.course import Variant, exercise, need, real_number, whole_number


@exercise("5.1", "What a send costs")
def what_a_send_costs(_: Variant, measured: Any, per_call: Any, per_byte: Any) -> None:
    points = [
        (whole_number(size, "a size"), real_number(seconds, "a time")) for size, seconds in measured
    ]
    need(len(points) >= 4, "measured has at least four points (size, seconds).")
    per_call, per_byte = real_number(per_call, "per_call"), real_number(per_byte, "per_byte")
    need(
        per_call > 0 and per_byte >= 0,
        "Neither of the two can be negative.",
        "A straight line through noisy points may do that. Look at the smallest and at the largest "
        "size by themselves.",
    )
    need(
        per_call < 0.01,
        f"{per_call:g} seconds for a call: that is an eternity.",
        "Is it in seconds?",
    )
    off = [max(p / t, t / p) for size, t in points if (p := per_call + per_byte * size) > 0]
    good = sum(factor < 3 for factor in off)
    need(
        good >= 0.8 * len(points),
        f"With your two numbers, {len(points) - good} of the {len(points)} points are off by more "
        "than a factor of 3.",
        "What does a send of hardly any bytes cost? And how much more does the largest one cost?",
    )


class Turn(NamedTuple):
    """What a server has read in one turn of its loop, and who is in which room."""

    members: dict[str, list[str]]
    said: list[tuple[str, bytes]]


def turns(chance: random.Random, count: int) -> list[Turn]:
    """Some turns, small and large."""
    made = []
    for _ in range(count):
        people = [f"u{n}" for n in range(chance.randrange(2, 9))]
        rooms = ["lobby", "lab", "attic"][: chance.randrange(1, 4)]
        members = {
            room: chance.sample(people, chance.randrange(0, len(people) + 1)) for room in rooms
        }
        said = [
            (chance.choice(rooms), b"%d:%s|" % (n, chance.randbytes(2).hex().encode()))
            for n in range(chance.randrange(0, 12))
        ]
        made.append(Turn(members, said))
    return made


#: A turn with all that chance may leave out: rooms that take turns, one who is in two of them, and
#: one to whom nobody says anything.
EVERYTHING = Turn(
    {"lobby": ["u0", "u1"], "lab": ["u1", "u2"], "attic": ["u3"]},
    [("lobby", b"0:aa|"), ("lab", b"1:bb|"), ("lobby", b"2:cc|")],
)


@exercise("5.2", "One write a member")
def one_write_a_member(variant: Variant, writes: Any) -> None:
    for members, said in (*turns(variant.random("turns"), 30), EVERYTHING):
        result = writes(members, said)
        need(
            isinstance(result, (list, tuple)) and all(len(pair) == 2 for pair in result),
            "writes returns a list of pairs (name, bytes).",
        )
        names = [name for name, _ in result]
        need(
            len(set(names)) == len(names),
            f"{max(names, key=names.count) if names else ''} gets {len(names) - len(set(names)) + 1} "
            "writes in one turn.",
            "Collect what each member gets first, and write then.",
        )
        got = dict(result)
        everybody = {name for room in members.values() for name in room}
        for name in sorted(everybody | set(got)):
            right = b"".join(data for room, data in said if name in members[room])
            need(
                got.get(name, b"") != right or right or name not in got,
                f"{name} gets a write of no bytes: that is a call for nothing.",
            )
            need(
                sorted(got.get(name, b"")) != sorted(right) or got.get(name, b"") == right,
                f"{name} gets everything, but not in the order in which it was said.",
            )
            need(
                got.get(name, b"") == right,
                f"In a turn with {len(said)} messages, {name} gets {len(got.get(name, b''))} bytes, "
                f"and should get {len(right)}.",
                "A message goes to the members of its room, and to nobody else.",
            )


@exercise("5.3", "What batching saves")
def what_batching_saves(variant: Variant, cost: Any) -> None:
    chance = variant.random("saves")
    for _ in range(12):
        per_call, per_byte = chance.uniform(1e-6, 9e-6), chance.uniform(1e-11, 1e-9)
        members, messages = chance.randrange(1, 2000), chance.randrange(1, 300)
        size = chance.randrange(20, 2000)
        alone = members * messages * (per_call + per_byte * size)
        together = members * (per_call + per_byte * messages * size)
        for batched, right in ((False, alone), (True, together)):
            said = real_number(
                cost(per_call, per_byte, members, messages, size, batched), "What cost returns"
            )
            need(
                math.isclose(said, right, rel_tol=1e-6),
                f"For {members} members, {messages} messages of {size} bytes, "
                f"{'one write a member' if batched else 'one write a message and member'}: your "
                f"cost is {said!r} s, which is too "
                f"{'much' if said > right else 'little'}.",
                "How many calls are made? How many bytes does each of them carry? Batching saves "
                "calls, not bytes.",
            )


class Race(NamedTuple):
    """The members in the order in which each thread serves them, and between whom it changes."""

    members: list[str]
    last_ab: str
    first_ba: str


def race_of(variant: Variant) -> Race:
    """Four members, and two neighbours among them."""
    members = variant.people("race", 4)
    place = variant.random("race").randrange(3)
    return Race(members, members[place], members[place + 1])


@exercise("5.4", "A race", given=race_of)
def a_race(race: Race, schedule: Any) -> None:
    count = len(race.members)
    need(isinstance(schedule, str), "schedule is a text of the letters A and B.")
    need(
        sorted(schedule) == ["A"] * count + ["B"] * count,
        f"Each thread takes {count} steps, one a member: {count} letters A and {count} B.",
    )
    orders: dict[str, str] = dict.fromkeys(race.members, "")
    steps = {"A": 0, "B": 0}
    for thread in schedule:
        orders[race.members[steps[thread]]] += thread
        steps[thread] += 1
    change = race.members.index(race.first_ba)
    for place, name in enumerate(race.members):
        need(
            orders[name] == ("AB" if place < change else "BA"),
            f"{name} gets {' before '.join(orders[name])}.",
            "Each A is thread A's next step, so the first A serves the first member, the second A the "
            "second one. When does B have to overtake, and stay in front?",
        )


def _waits(arrivals: list[float], services: list[float]) -> list[float]:
    free, result = 0.0, []
    for arrival, service in zip(arrivals, services, strict=True):
        free = max(free, arrival) + service
        result.append(free - arrival)
    return result


@exercise("5.5", "Waiting in line")
def waiting_in_line(variant: Variant, latencies: Any) -> None:
    chance = variant.random("line")
    cases = [([0.0, 10.0, 20.0], [1.0, 1.0, 1.0]), ([0.0, 0.0, 0.0], [1.0, 2.0, 3.0])]
    for load in (0.3, 0.9, 1.2):
        now, arrivals, services = 0.0, [], []
        for _ in range(60):
            now += chance.expovariate(load)
            arrivals.append(now)
            services.append(chance.uniform(0.5, 1.5))
        cases.append((arrivals, services))
    for arrivals, services in cases:
        said = latencies(arrivals, services)
        need(
            isinstance(said, (list, tuple)) and len(said) == len(arrivals),
            "latencies returns a list with one number a message.",
        )
        said = [real_number(one, "a latency") for one in said]
        short = next(
            (n for n, (a, b) in enumerate(zip(said, services, strict=True)) if a < b - 1e-9), None
        )
        need(
            short is None,
            f"Message {short} would be done sooner than serving it takes.",
            "Latency is the time in line and the time of being served.",
        )
        right = _waits(arrivals, services)
        wrong = next(
            (
                n
                for n, (a, b) in enumerate(zip(said, right, strict=True))
                if not math.isclose(a, b, abs_tol=1e-9)
            ),
            None,
        )
        need(
            wrong is None,
            f"For arrivals at {', '.join(f'{a:.3g}' for a in arrivals[:3])}, … message {wrong} is "
            f"not done after {said[wrong or 0]:.4g}.",
            "The server begins with a message when it has come *and* the one before it is done.",
        )


@exercise("5.6", "Percentiles")
def percentiles(variant: Variant, percentile: Any) -> None:
    chance = variant.random("percentiles")
    for size in (1, 2, 10, 99, 100, 101):
        samples = [chance.lognormvariate(0, 1) for _ in range(size)]
        for share in (0.5, 0.9, 0.99, 1.0):
            said = real_number(percentile(list(samples), share), "What percentile returns")
            need(
                said in samples,
                f"Of {size} samples, your {share:.0%} percentile is {said!r}, which is none of them.",
                "Sort them, and take one.",
            )
            within = sum(sample <= said for sample in samples)
            need(
                within >= share * size - 1e-9,
                f"Of {size} samples only {within} are at most your {share:.0%} percentile.",
                "How many of them must there be at least? Rounded up or down?",
            )
            below = sum(sample < said for sample in samples)
            need(
                below < share * size - 1e-9,
                f"Of {size} samples {below} are below your {share:.0%} percentile: a smaller one "
                "would do.",
                "Python counts from 0.",
            )
