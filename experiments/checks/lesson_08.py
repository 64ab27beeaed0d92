"""Self-checks of lesson 8: Reed-Solomon, bursts and interleaving."""

import math
import random
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

import netchat.coding
from netchat.channels import GilbertElliott
from netchat.course import Variant, Wrong, exercise, need, real_number, whole_number


@dataclass(frozen=True)
class Order:
    """The requirements on a channel."""

    burst: int
    share: float

    def __str__(self) -> str:
        return f"bursts of {self.burst} bits on average; {self.share:.3%} of all bits wrong"


def order(variant: Variant) -> Order:
    rng = variant.random("order")
    return Order(rng.randrange(12, 300), rng.randrange(20, 300) / 10_000)


#: Room for rounding. The mistakes that the hints of exercise 8.1 name are off by 1 in 300 or more:
#: a burst that is a bit too long or too short, and a balance that forgets 1 - b.
ROUNDING = 1e-3


@exercise("8.1", "Design a channel", given=order)
def design_a_channel(wanted: Order, p_gb: Any, p_bg: Any) -> None:
    p_gb, p_bg = real_number(p_gb, "p_gb"), real_number(p_bg, "p_bg")
    for name, value in (("p_gb", p_gb), ("p_bg", p_bg)):
        need(
            0 < value <= 1,
            f"{name} must be a probability above 0 and at most 1, got {value!r}.",
        )
    burst = 1 / p_bg
    need(
        not math.isclose(1 / p_gb, wanted.burst, rel_tol=ROUNDING),
        f"With these numbers the channel stays {1 / p_gb:.0f} bits in the good state: did you "
        "swap the two?",
    )
    need(
        math.isclose(burst, wanted.burst, rel_tol=ROUNDING),
        f"The bursts of your channel last {burst:.5g} bits on average.",
        "Each bit ends a burst with probability p_bg.",
    )
    got = GilbertElliott(p_gb, p_bg, 0, 0.5)
    need(
        not math.isclose(got.bad, wanted.share, rel_tol=ROUNDING),
        f"Your channel is in the bad state for {got.bad:.3%} of the bits. How many of these "
        "bits are wrong?",
    )
    need(
        math.isclose(got.p, wanted.share, rel_tol=ROUNDING),
        f"In your channel {got.p:.5%} of the bits are wrong.",
        "First compute the share b of bad bits that you need, then p_gb from the balance of "
        "both transitions.",
    )


@exercise("8.2", "An interleaver")
def interleaver(variant: Variant, interleave: Any, deinterleave: Any) -> None:
    rng = variant.random("interleaver")
    for depth, width in ((4, 7), (3, 3), (1, 5), (rng.randrange(5, 9), rng.randrange(9, 15))):
        rows = [[100 * row + column for column in range(width)] for row in range(depth)]
        sent = _flat(interleave(rows), f"interleave of {depth} rows")
        need(
            sorted(sent) == sorted(symbol for row in rows for symbol in row),
            f"For {depth} rows of {width} symbols you send {len(sent)} symbols; each symbol "
            "must be sent exactly once.",
        )
        for start in range(len(sent) - depth + 1):
            hit = [symbol // 100 for symbol in sent[start : start + depth]]
            need(
                len(set(hit)) == depth,
                f"A burst of {depth} symbols that begins with symbol {start} of your order hits "
                f"row {max(set(hit), key=hit.count)} more than once.",
                "The next symbol on the wire must belong to another row, until every row has "
                "had its turn.",
            )
        back = deinterleave(sent, depth)
        need(
            isinstance(back, (list, tuple)) and [list(row) for row in back] == rows,
            f"deinterleave does not return the {depth} rows that were sent.",
            "At which index of the sent list is row 0, column 1? And row 1, column 0?",
        )


def _flat(value: Any, what: str) -> list[int]:
    need(
        isinstance(value, (list, tuple)) and all(isinstance(v, int) for v in value),
        f"{what} must be one list of symbols, got {str(value)[:60]}.",
    )
    return list(value)


def left_over(variant: Variant) -> list[tuple[int, int]]:
    """Return three points of a parabola modulo 11."""
    rng = variant.random("left over")
    coefficients = [rng.randrange(11) for _ in range(3)]
    return [(x, _horner(coefficients, x, 11)) for x in sorted(rng.sample(range(7), 3))]


def _horner(coefficients: list[int], x: int, q: int) -> int:
    value = 0
    for coefficient in reversed(coefficients):
        value = (value * x + coefficient) % q
    return value


@exercise("8.3", "Through the points", given=left_over)
def through_the_points(points: list[tuple[int, int]], value_at: Any) -> None:
    rng = random.Random(str(points))

    def answer(known: list[tuple[int, int]], x: int, q: int) -> int:
        value = whole_number(value_at(known, x, q), f"value_at({known}, {x}, {q})")
        need(
            0 <= value < q,
            f"A result modulo {q} cannot be {value}.",
            "Take the remainder, by % q, at the end or at every step.",
        )
        return value

    for q, k in ((11, 1), (11, 2), (11, 3), (11, 5), (257, 4), (7919, 8)):
        coefficients = [rng.randrange(q) for _ in range(k)]
        places = rng.sample(range(min(q, 60)), k)
        known = [(x, _horner(coefficients, x, q)) for x in places]
        for x, y in known:
            value = answer(known, x, q)
            need(
                value == y,
                f"The polynomial through {known} modulo {q} is {y} at x = {x}, because this is "
                f"one of the points. You return {value}.",
                "One Lagrange polynomial is 1 there, and all the others are 0.",
            )
        for x in rng.sample(range(q), 8):
            value = answer(known, x, q)
            need(
                value == _horner(coefficients, x, q),
                f"Your polynomial goes through the {k} points {known}, but is wrong at x = {x}, "
                f"modulo {q}.",
                "To divide, multiply by pow(divisor, -1, q); / and // are wrong modulo q.",
            )


@exercise("8.4", "Find the wrong values")
def find_the_wrong_values(variant: Variant, repair: Any) -> None:
    rng = variant.random("liar")
    for q, n, k in ((11, 7, 3), (11, 5, 3), (13, 8, 2), (13, 9, 5), (17, 6, 3)):
        most = (n - k) // 2
        for errors in range(most + 1):
            for _ in range(3):
                word, message = _codeword(rng, q, n, k)
                _corrupt(rng, word, errors, q)
                found = repair(word, k, q)
                need(
                    found is not None,
                    f"repair({word}, {k}, {q}) returns None, but only {errors} of {n} values "
                    "are wrong.",
                    "For every choice of k positions: how many of all values agree with that "
                    "polynomial?",
                )
                need(
                    isinstance(found, (list, tuple)) and len(found) == k,
                    f"repair must return a list of k = {k} values, got {found!r}.",
                    "The message is the polynomial's values at x = 0, 1, ..., k - 1.",
                )
                need(
                    list(found) == message,
                    f"repair({word}, {k}, {q}) is {list(found)}. With {errors} wrong values, "
                    "the right polynomial agrees with more of the values than yours does.",
                    "Any k points determine some polynomial. Which one is right, and why?",
                )
    # With n - k odd, t + 1 errors are at least t + 1 places away from every codeword.
    for _ in range(6):
        word, _ = _codeword(rng, 17, 6, 3)
        _corrupt(rng, word, 2, 17)
        found = repair(word, 3, 17)
        need(
            found is None,
            f"repair({word}, 3, 17) returns {found!r}, but every polynomial of degree below 3 "
            "differs in more than t = 1 of these values.",
            "How many values have to agree before you can be sure?",
        )


def _codeword(rng: random.Random, q: int, n: int, k: int) -> tuple[list[int], list[int]]:
    coefficients = [rng.randrange(q) for _ in range(k)]
    word = [_horner(coefficients, x, q) for x in range(n)]
    return word, word[:k]


def _corrupt(rng: random.Random, word: list[int], errors: int, q: int) -> None:
    for place in rng.sample(range(len(word)), errors):
        word[place] = (word[place] + rng.randrange(1, q)) % q


@dataclass(frozen=True)
class Disc:
    """The requirements on a disc's code."""

    scratch: int
    rate: float
    memory: int

    def __str__(self) -> str:
        return (
            f"scratches of up to {self.scratch} bits; rate at least {self.rate:.3f}; "
            f"memory for {self.memory:,} bytes"
        )


def disc(variant: Variant) -> Disc:
    rng = variant.random("disc")
    corrects, depth = rng.randrange(5, 24), rng.randrange(3, 12)
    # A burst damages only this many bytes if it starts at a byte boundary.
    return Disc(
        8 * corrects * depth,
        math.floor(1000 * (1 - 2 * (corrects + 2) / 255)) / 1000,
        255 * (depth + 1),
    )


@exercise("8.5", "Against a scratch", given=disc)
def against_a_scratch(wanted: Disc, spec: Any) -> None:
    need(isinstance(spec, str), "spec must be a text such as 'rs:255,239+interleave:3'.")
    form = re.fullmatch(r"rs:255,(\d+)\+interleave:(\d+)", spec.strip())
    if form is None:
        raise Wrong(f"spec must have the form 'rs:255,K+interleave:DEPTH', got {spec!r}.")
    try:
        code = netchat.coding.get(spec)
    except ValueError as error:
        raise Wrong(f"There is no such code: {error}") from None
    need(
        code.rate >= wanted.rate,
        f"Its rate is {code.rate:.3f}, below {wanted.rate:.3f}.",
        "Each error that the code corrects costs two bytes of parity.",
    )
    need(
        code.n <= wanted.memory,
        f"Its table has {code.n:,} bytes, but only {wanted.memory:,} fit into the memory.",
    )
    rng = np.random.default_rng(1)
    last = 8 * code.n - wanted.scratch
    need(last >= 0, "The scratch is longer than the whole table.")
    places = [
        min(base + shift, last) for base in (0, 8 * (code.n // 3), last - 7) for shift in range(8)
    ]
    message = rng.integers(0, 256, (len(places), code.k), dtype=np.uint8)
    bits = np.unpackbits(code.encode(message), axis=1)
    for row, start in enumerate(places):
        bits[row, start : start + wanted.scratch] ^= 1
    result = code.decode(np.packbits(bits, axis=1))
    bad = result.failed | (result.message != message).any(axis=1)
    if bad.any():
        start = places[int(np.flatnonzero(bad)[0])]
        raise Wrong(
            f"A scratch of {wanted.scratch} bits that begins with bit {start} is not corrected: "
            f"it damages {(start + wanted.scratch - 1) // 8 - start // 8 + 1} bytes of the "
            "table.",
            "How many of them are in one row? How many does a row correct?",
        )
