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
    need(len(points) >= 4, "measured must have at least four points (size, seconds).")
    per_call, per_byte = real_number(per_call, "per_call"), real_number(per_byte, "per_byte")
    need(
        per_call > 0 and per_byte >= 0,
        "per_call must be positive, and per_byte must not be negative.",
        "Fitting a line to noisy points can give this. Look only at the smallest and the "
        "largest size.",
    )
    need(
        per_call < 0.01,
        f"{per_call:g} seconds per call is far too long.",
        "Is it in seconds?",
    )
    off = [max(p / t, t / p) for size, t in points if (p := per_call + per_byte * size) > 0]
    good = sum(factor < 3 for factor in off)
    need(
        good >= 0.8 * len(points),
        f"With your two numbers, {len(points) - good} of the {len(points)} points are off by more "
        "than a factor of 3.",
        "What does a send of very few bytes cost? How much more does the largest one cost?",
    )


class Iteration(NamedTuple):
    """The messages of one iteration of the server's loop, and the members of each room."""

    members: dict[str, list[str]]
    messages: list[tuple[str, bytes]]


def iterations(rng: random.Random, count: int) -> list[Iteration]:
    """Return some iterations, small and large."""
    made = []
    for _ in range(count):
        people = [f"u{n}" for n in range(rng.randrange(2, 9))]
        rooms = ["lobby", "lab", "attic"][: rng.randrange(1, 4)]
        members = {room: rng.sample(people, rng.randrange(0, len(people) + 1)) for room in rooms}
        messages = [
            (rng.choice(rooms), b"%d:%s|" % (n, rng.randbytes(2).hex().encode()))
            for n in range(rng.randrange(0, 12))
        ]
        made.append(Iteration(members, messages))
    return made


#: An iteration with all cases that random ones may lack: alternating rooms, a member of two rooms,
#: and a member without messages.
EVERYTHING = Iteration(
    {"lobby": ["u0", "u1"], "lab": ["u1", "u2"], "attic": ["u3"]},
    [("lobby", b"0:aa|"), ("lab", b"1:bb|"), ("lobby", b"2:cc|")],
)


@exercise("5.2", "One write per member")
def one_write_per_member(variant: Variant, writes: Any) -> None:
    for members, messages in (*iterations(variant.random("turns"), 30), EVERYTHING):
        result = writes(members, messages)
        need(
            isinstance(result, (list, tuple)) and all(len(pair) == 2 for pair in result),
            "writes must return a list of pairs (name, bytes).",
        )
        names = [name for name, _ in result]
        need(
            len(set(names)) == len(names),
            f"{max(names, key=names.count) if names else ''} gets "
            f"{len(names) - len(set(names)) + 1} writes in one iteration.",
            "First collect each member's messages, then write.",
        )
        got = dict(result)
        everyone = {name for room in members.values() for name in room}
        for name in sorted(everyone | set(got)):
            right = b"".join(data for room, data in messages if name in members[room])
            need(
                got.get(name, b"") != right or right or name not in got,
                f"{name} gets an empty write: a wasted call.",
            )
            need(
                sorted(got.get(name, b"")) != sorted(right) or got.get(name, b"") == right,
                f"{name} gets all messages, but not in their order.",
            )
            need(
                got.get(name, b"") == right,
                f"In an iteration with {len(messages)} messages, {name} gets "
                f"{len(got.get(name, b''))} bytes, but should get {len(right)}.",
                "A message goes only to the members of its room.",
            )


@exercise("5.3", "What batching saves")
def what_batching_saves(variant: Variant, cost: Any) -> None:
    rng = variant.random("saves")
    for _ in range(12):
        per_call, per_byte = rng.uniform(1e-6, 9e-6), rng.uniform(1e-11, 1e-9)
        members, messages = rng.randrange(1, 2000), rng.randrange(1, 300)
        size = rng.randrange(20, 2000)
        alone = members * messages * (per_call + per_byte * size)
        together = members * (per_call + per_byte * messages * size)
        for batched, right in ((False, alone), (True, together)):
            answer = real_number(
                cost(per_call, per_byte, members, messages, size, batched), "What cost returns"
            )
            need(
                math.isclose(answer, right, rel_tol=1e-6),
                f"For {members} members, {messages} messages of {size} bytes, "
                f"{'one write per member' if batched else 'one write per message and member'}: "
                f"your cost is {answer!r} s, which is too {'much' if answer > right else 'little'}.",
                "How many calls are there? How many bytes does each of them carry? Batching "
                "saves calls, not bytes.",
            )


class Race(NamedTuple):
    """The members in the order of service, and the two between whom the order changes."""

    members: list[str]
    last_ab: str
    first_ba: str


def race_of(variant: Variant) -> Race:
    """Return four members, and two neighbours among them."""
    members = variant.people("race", 4)
    place = variant.random("race").randrange(3)
    return Race(members, members[place], members[place + 1])


@exercise("5.4", "A race", given=race_of)
def a_race(race: Race, schedule: Any) -> None:
    count = len(race.members)
    need(isinstance(schedule, str), "schedule must be a text of the letters A and B.")
    need(
        sorted(schedule) == ["A"] * count + ["B"] * count,
        f"Each thread takes {count} steps, one per member: {count} letters A and {count} B.",
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
            "Each A is thread A's next step: the first A serves the first member, the second A "
            "the second one. When does B have to overtake A, and stay ahead?",
        )


def _waits(arrivals: list[float], services: list[float]) -> list[float]:
    free, result = 0.0, []
    for arrival, service in zip(arrivals, services, strict=True):
        free = max(free, arrival) + service
        result.append(free - arrival)
    return result


@exercise("5.5", "Waiting in the queue")
def waiting_in_the_queue(variant: Variant, latencies: Any) -> None:
    rng = variant.random("line")
    cases = [([0.0, 10.0, 20.0], [1.0, 1.0, 1.0]), ([0.0, 0.0, 0.0], [1.0, 2.0, 3.0])]
    for load in (0.3, 0.9, 1.2):
        now, arrivals, services = 0.0, [], []
        for _ in range(60):
            now += rng.expovariate(load)
            arrivals.append(now)
            services.append(rng.uniform(0.5, 1.5))
        cases.append((arrivals, services))
    for arrivals, services in cases:
        answer = latencies(arrivals, services)
        need(
            isinstance(answer, (list, tuple)) and len(answer) == len(arrivals),
            "latencies must return a list with one number per message.",
        )
        answer = [real_number(one, "a latency") for one in answer]
        short = next(
            (n for n, (a, b) in enumerate(zip(answer, services, strict=True)) if a < b - 1e-9), None
        )
        need(
            short is None,
            f"Message {short} would be done before its service time has passed.",
            "Latency is the waiting time plus the service time.",
        )
        right = _waits(arrivals, services)
        wrong = next(
            (
                n
                for n, (a, b) in enumerate(zip(answer, right, strict=True))
                if not math.isclose(a, b, abs_tol=1e-9)
            ),
            None,
        )
        need(
            wrong is None,
            f"For arrivals at {', '.join(f'{a:.3g}' for a in arrivals[:3])}, … the latency of "
            f"message {wrong} is not {answer[wrong or 0]:.4g}.",
            "The server starts a message when it has arrived *and* the previous one is done.",
        )


@exercise("5.6", "Percentiles")
def percentiles(variant: Variant, percentile: Any) -> None:
    rng = variant.random("percentiles")
    for size in (1, 2, 10, 99, 100, 101):
        samples = [rng.lognormvariate(0, 1) for _ in range(size)]
        for share in (0.5, 0.9, 0.99, 1.0):
            answer = real_number(percentile(list(samples), share), "What percentile returns")
            need(
                answer in samples,
                f"Of {size} samples, your {share:.0%} percentile is {answer!r}, which is not a "
                "sample.",
                "Sort the samples, and take one.",
            )
            within = sum(sample <= answer for sample in samples)
            need(
                within >= share * size - 1e-9,
                f"Of {size} samples only {within} are at most your {share:.0%} percentile.",
                "How many of them must there be at least? Do you round up or down?",
            )
            below = sum(sample < answer for sample in samples)
            need(
                below < share * size - 1e-9,
                f"Of {size} samples {below} are below your {share:.0%} percentile: a smaller "
                "sample is enough.",
                "Python's indices start at 0.",
            )
