"""Self-checks of lesson 10: ARQ, FEC, hybrid."""

import math
import time
import zlib
from typing import Any

import netchat.bench
import netchat.channels
import netchat.coding
from netchat.course import Variant, exercise, need, real_number, whole_number


@exercise("10.1", "Goodput")
def goodput_of_both(variant: Variant, stop_and_wait: Any, selective_repeat: Any) -> None:
    rng = variant.random("worth")

    def answer(what: Any, name: str, *args: float) -> float:
        value = real_number(what(*args), name)
        need(
            -1e-12 <= value <= 1 + 1e-12,
            f"{name}{args} must be a share of the line from 0 to 1, got {value:.4g}.",
            "Bytes or bits? A byte has eight bits.",
        )
        return value

    length, head = rng.randrange(300, 2000), rng.randrange(20, 120)
    need(
        math.isclose(
            answer(selective_repeat, "selective_repeat", length, head, 0.0),
            length / (length + head),
            rel_tol=1e-9,
        ),
        f"Without errors, {length} of every {length + head} bytes are payload, but "
        "selective_repeat returns another share.",
    )
    for _ in range(5):
        p = 10 ** rng.uniform(-6, -3.5)
        rate, rtt = rng.choice((1e5, 1e6, 1e7)), rng.uniform(0.001, 0.6)
        good = answer(selective_repeat, "selective_repeat", length, head, p)
        # Send a block until one arrives; the sum of what that takes, try by try.
        whole, tries, still = math.exp(8 * (length + head) * math.log1p(-p)), 0.0, 1.0
        while still > 1e-15 and tries < 1e6:
            tries += still
            still *= 1 - whole
        need(
            math.isclose(good, length / ((length + head) * tries), rel_tol=1e-6),
            f"For L = {length}, H = {head} and p = {p:.2g}, selective_repeat is too "
            f"{'high' if good > length / ((length + head) * tries) else 'low'}: on average a "
            f"block is sent {tries:.2f} times until it arrives.",
            "All bits of the block have to survive, including those of its overhead.",
        )
        slow = answer(stop_and_wait, "stop_and_wait", length, head, p, rate, rtt)
        right = 8 * length / (rate * tries * (8 * (length + head) / rate + rtt))
        need(
            math.isclose(slow, right, rel_tol=1e-6),
            f"With L = {length}, H = {head}, p = {p:.2g}, {rate:,.0f} bit/s and a round trip of "
            f"{1000 * rtt:.0f} ms, stop_and_wait is too {'high' if slow > right else 'low'}.",
            "How long does one try take, including the wait? What could the line have carried "
            "in that time?",
        )
    need(
        math.isclose(
            answer(stop_and_wait, "stop_and_wait", length, head, 1e-5, 1e6, 0.0),
            answer(selective_repeat, "selective_repeat", length, head, 1e-5),
            rel_tol=1e-9,
        ),
        "With a round trip of 0, waiting costs no time, and both goodputs must be equal.",
    )


def own_line(variant: Variant) -> tuple[float, int]:
    rng = variant.random("line")
    return round(10 ** rng.uniform(-4.6, -3), 6), rng.randrange(30, 160)


@exercise("10.2", "The best length", given=own_line)
def the_best_length(line: tuple[float, int], best_length: Any) -> None:
    p, head = line
    length = whole_number(best_length, "best_length")
    need(length > 0, "best_length must be at least 1 byte.")

    def goodput(at: int) -> float:
        return at / (at + head) * (1 - p) ** (8 * (at + head))

    there = goodput(length)
    for longer in (True, False):
        around = range(length + 1, 3 * length + 2000) if longer else range(1, length)
        best = max(map(goodput, around), default=0.0)
        need(
            there >= 0.999 * best,
            f"With {length} bytes the goodput is {there:.1%}. "
            f"{'Longer' if longer else 'Shorter'} blocks give more.",
            "Compute the goodput for many lengths, or set the derivative to zero. The overhead "
            "can be damaged, too.",
        )


@exercise("10.3", "Combine two damaged copies")
def combine_copies(variant: Variant, rescue: Any) -> None:
    rng = variant.random("rescue")
    for size, wrong in ((10, (1, 1)), (40, (3, 2)), (200, (0, 5)), (60, (6, 6)), (33, (4, 0))):
        data = rng.randbytes(size)
        places = rng.sample(range(8 * size), sum(wrong))
        first = _flipped(data, places[: wrong[0]])
        second = _flipped(data, places[wrong[0] :])
        found = rescue(first, second, zlib.crc32(data))
        need(
            found is not None,
            f"Two copies of {size} bytes with {wrong[0]} and {wrong[1]} wrong bits, all at "
            "different positions: rescue returns None.",
            "Each bit in which the copies differ can come from one copy or the other.",
        )
        need(
            isinstance(found, (bytes, bytearray)) and bytes(found) == data,
            f"Two copies of {size} bytes with {wrong[0]} and {wrong[1]} wrong bits: the result "
            "of rescue is not the data.",
            "Return only a mixture whose CRC is right, as bytes.",
        )
    for size in (20, 50):  # the same bit is wrong in both
        data = rng.randbytes(size)
        places = rng.sample(range(8 * size), 5)
        found = rescue(_flipped(data, places[:3]), _flipped(data, places[2:]), zlib.crc32(data))
        need(
            found is None,
            "One bit is wrong in both copies, so no mixture of them is right. rescue must "
            "return None.",
            "Check the CRC before you return a mixture.",
        )
    data = rng.randbytes(100)
    places = rng.sample(range(800), 40)
    begun = time.monotonic()
    found = rescue(_flipped(data, places[:20]), _flipped(data, places[20:]), zlib.crc32(data))
    need(found is None, "Copies that differ in 40 bits: rescue must return None.")
    need(
        time.monotonic() - begun < 20,
        "Copies that differ in 40 bits take too long: count the differing bits first.",
    )


def _flipped(data: bytes, places: list[int]) -> bytes:
    copy = bytearray(data)
    for place in places:
        copy[place // 8] ^= 0x80 >> place % 8
    return bytes(copy)


SCHEMES = ("uncoded", "rs:255,251", "rs:255,239", "rs:255,223", "rs:255,191", "rs:255,127")


def _fails(scheme: str, p: float) -> float:
    if scheme == "uncoded":
        return 1 - (1 - p) ** 8000
    code = netchat.coding.get(scheme)
    fer = netchat.bench.theory(code, netchat.channels.get(f"bsc:{p}")).fer or 0.0
    return 1 - (1 - fer) ** math.ceil(1000 / code.k)


def _in_time(scheme: str, p: float, rtt: float, deadline: float) -> tuple[float, float]:
    """Return the probability of arriving in time, and the mean cost in bytes, try by try."""
    size = 1000
    if scheme != "uncoded":
        code = netchat.coding.get(scheme)
        size += math.ceil(1000 / code.k) * (code.n - code.k)
    fails = _fails(scheme, p)
    there, cost, still = 0.0, 0.0, 1.0
    arrives = 0.0 if math.isinf(rtt) else rtt / 2
    while arrives <= deadline and still > 0:
        cost += still * size
        there += still * (1 - fails)
        still *= fails
        arrives += rtt
    return there, cost


def situations(variant: Variant) -> dict[str, tuple[float, float, float]]:
    """Return p, round trip and deadline of five situations."""
    rng = variant.random("situations")

    def p(low: float, high: float) -> float:
        return float(f"{10 ** rng.uniform(low, high):.1e}")

    return {
        "a file over fibre": (p(-7, -6), round(rng.uniform(0.01, 0.03), 3), 10.0),
        "a call over Wi-Fi": (p(-4.5, -3.5), round(rng.uniform(0.01, 0.04), 3), 0.15),
        "a call by satellite": (p(-3.5, -2.3), round(rng.uniform(0.25, 0.29), 3), 0.2),
        "a film for many viewers": (p(-3.5, -2.5), math.inf, 1.0),
        "a game across an ocean": (p(-5, -4), round(rng.uniform(0.08, 0.12), 3), 0.08),
    }


@exercise("10.4", "Decide", given=situations)
def decide(given: dict[str, tuple[float, float, float]], choose: Any) -> None:
    more = {
        "no time at all": (1e-5, 0.5, 0.1),
        "noise": (0.2, 0.02, 0.15),
        "just in time": (1e-4, 0.1, 0.05),
        "rare errors": (1e-8, 0.6, 0.35),
        "much time": (8e-5, 0.01, 0.2),
    }
    for name, (p, rtt, deadline) in (given | more).items():
        where = (
            f"For {name} (p = {p:g}, round trip {1000 * rtt:g} ms, deadline {1000 * deadline:g} ms)"
        )
        answer = choose(p, rtt, deadline)
        need(
            answer is None or answer in SCHEMES,
            f"{where} you return {answer!r}, which is not a scheme.",
        )
        good = {s: _in_time(s, p, rtt, deadline) for s in SCHEMES}
        cost = {s: bytes_ for s, (there, bytes_) in good.items() if there >= 0.999}
        if answer is None:
            need(not cost, f"{where} you return None, but {len(cost)} of the schemes arrive in "
                           "time.",
                 "How many tries fit before the deadline? The first takes half a round trip.")  # fmt: skip
            continue
        need(
            answer in cost,
            f"{where} you return {answer}. It arrives in time in only {good[answer][0]:.2%} of the "
            "cases.",
            "How many tries fit before the deadline? The first one takes half a round trip.",
        )
        need(
            cost[answer] <= min(cost.values()) * (1 + 1e-9),
            f"{where} you return {answer}, which costs {cost[answer]:.0f} bytes on average. Another "
            "scheme arrives in time for fewer.",
            "Retransmitted bytes count, too, as often as they are sent.",
        )
