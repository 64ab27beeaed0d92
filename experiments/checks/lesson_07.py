"""Self-checks of lesson 7: repetition and Hamming."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from netchat.course import Variant, exercise, need, real_number, whole_number

#: The positions that each check of the (7,4) code covers: those whose number has that bit.
GROUPS = {check: [place for place in range(1, 8) if place & check] for check in (1, 2, 4)}
DATA_PLACES = (3, 5, 6, 7)


@exercise("7.1", "The majority of n")
def majority(variant: Variant, majority_wrong: Any) -> None:
    rng = variant.random("majority")
    own = round(rng.uniform(0.02, 0.2), 3)

    def returned(n: int, p: float) -> float:
        value = real_number(majority_wrong(n, p), f"majority_wrong({n}, {p})")
        need(
            -1e-12 <= value <= 1 + 1e-12,
            f"majority_wrong({n}, {p}) is {value:g}, which is not a probability.",
        )
        return value

    need(
        math.isclose(returned(1, own), own, rel_tol=1e-9),
        f"A single copy (n = 1) is wrong with probability p, but majority_wrong(1, {own}) "
        f"returns {returned(1, own):g}.",
        "How many wrong copies does it take to lose a majority of one?",
    )
    for n in (3, 5, 7, 11):
        need(
            math.isclose(returned(n, 0.5), 0.5, rel_tol=1e-9),
            "If every copy is a coin toss (p = 0.5), right and wrong are equally likely, but "
            f"for n = {n} you return {returned(n, 0.5):g}.",
            "Do you count all numbers of wrong copies that lose the majority, up to all n? For "
            "each number, do you count all its combinations, and the copies that are right?",
        )
        # Every pattern of right and wrong copies, one by one: no formula.
        counted = 0.0
        for pattern in itertools.product((0, 1), repeat=n):
            wrong = sum(pattern)
            if wrong > n / 2:
                counted += own**wrong * (1 - own) ** (n - wrong)
        need(
            math.isclose(returned(n, own), counted, rel_tol=1e-6),
            f"Over all {2**n} patterns of {n} copies with p = {own}, the majority is wrong "
            f"{'more' if returned(n, own) < counted else 'less'} often than you say.",
            "Sum over i, the number of wrong copies: in how many ways, and with what probability?",
        )


def claim(variant: Variant) -> float:
    rng = variant.random("claim")
    return rng.randrange(11, 99) / 10 ** rng.choice((6, 7))


@exercise("7.2", "How many bits without an error?", given=claim)
def nothing_happens(limit: float, bits_needed: Any) -> None:
    bits = math.ceil(real_number(bits_needed, "bits_needed"))
    need(bits > 0, "bits_needed must be positive.")

    def none_seen(number: float) -> float:
        return math.exp(number * math.log1p(-limit))

    still = none_seen(bits)
    need(
        not math.isclose(still, 0.05, rel_tol=1e-2),  # the rule of three, 3 / limit, is near it
        "Your interval leaves 5 % on one side; it must leave 2.5 % on each side.",
    )
    slack = 1 + 1e-6  # a count of millions need not be right in its last digit
    need(
        none_seen(bits * slack) <= 0.025,
        f"With {bits:,} bits, a link whose rate is exactly {limit:g} still shows no error with "
        f"probability {still:.4g}: too likely to be excluded.",
        "(1 - P)^N at P = limit must be at most 2.5 %.",
    )
    need(
        none_seen(bits / slack - 1) > 0.025,
        f"{bits:,} bits are enough, but so are fewer: at rate {limit:g} the probability of no "
        f"error would be {still:.4g}.",
        "Solve (1 - P)^N = 0.025 for N, with logarithms.",
    )


def own_data(variant: Variant) -> list[int]:
    # With a number of ones that leaves parity bits of both kinds.
    rng = variant.random("data")
    return rng.choice([list(d) for d in itertools.product((0, 1), repeat=4) if 1 < sum(d) < 4])


def word_of(value: Any, what: str) -> list[int]:
    """Return an answer as a list of seven bits."""
    need(
        isinstance(value, (list, tuple)) or hasattr(value, "tolist"),
        f"{what} must be a list of seven bits, got {value!r}.",
    )
    bits = [int(bit) if bit in (0, 1) else -1 for bit in value]
    need(len(bits) == 7, f"{what} has {len(bits)} bits; a codeword has seven.")
    need(-1 not in bits, f"{what} contains something other than 0 and 1: {list(value)}.")
    return bits


def need_codeword(bits: Sequence[int], data: Sequence[int], what: str) -> None:
    there = [bits[place - 1] for place in DATA_PLACES]
    need(
        there == list(data),
        f"{what} has {there} at positions 3, 5, 6, 7; the data {list(data)} belongs there.",
        "Positions count from 1, list indices from 0. Positions 1, 2 and 4 are for parity.",
    )
    for check, places in GROUPS.items():
        ones = sum(bits[place - 1] for place in places)
        need(
            ones % 2 == 0,
            f"In {what}, check {check} fails: there is an odd number of ones at positions "
            f"{', '.join(map(str, places))}.",
            "The parity bit belongs to its own group, and makes the number of ones even.",
        )


@exercise("7.3", "Encode by hand", given=own_data)
def encode_by_hand(data: list[int], by_hand: Any, encode: Any) -> None:
    need_codeword(word_of(by_hand, "by_hand"), data, f"by_hand, {list(by_hand)},")
    for message in itertools.product((0, 1), repeat=4):
        what = f"encode({list(message)})"
        need_codeword(word_of(encode(list(message)), what), message, what)


def arrived(variant: Variant) -> list[list[int]]:
    """Return three words in any order: one error in the data, one in the parity, and no error."""
    rng = variant.random("arrived")
    words = []
    for place in (rng.choice(DATA_PLACES), rng.choice((1, 2, 4)), 0):
        word = _codeword([rng.randrange(2) for _ in range(4)])
        if place:
            word[place - 1] ^= 1
        words.append(word)
    rng.shuffle(words)
    return words


def _codeword(data: Sequence[int]) -> list[int]:
    word = [0] * 7
    for place, bit in zip(DATA_PLACES, data, strict=True):
        word[place - 1] = bit
    for check, places in GROUPS.items():
        word[check - 1] = sum(word[place - 1] for place in places) % 2
    return word


@exercise("7.4", "Break it, correct it", given=arrived)
def break_and_correct(words: list[list[int]], correct: Any) -> None:
    every = [list(word) for word in itertools.product((0, 1), repeat=7)]
    for word in [*words, *every]:
        answer = correct(word)
        need(
            isinstance(answer, tuple) and len(answer) == 2,
            "correct must return two values: the corrected list, and the position.",
        )
        fixed = word_of(answer[0], f"the corrected word of {word}")
        place = whole_number(answer[1], "The position")
        need(
            0 <= place <= 7,
            f"For {word} you return position {place}; it must be 1 to 7, or 0 for no error.",
        )
        changed = [at for at in range(1, 8) if fixed[at - 1] != word[at - 1]]
        failing = [c for c, places in GROUPS.items() if sum(fixed[p - 1] for p in places) % 2]
        need(
            not failing,
            f"{word} becomes {fixed}, which is not a codeword: check "
            f"{' and '.join(map(str, failing))} fails.",
            "Which checks fail before you correct, and what is the sum of their numbers?",
        )
        need(
            len(changed) <= 1,
            f"{word} becomes {fixed}: that changes {len(changed)} positions, but every word is "
            "at most one step from a codeword.",
        )
        need(
            changed == ([place] if place else []),
            f"For {word} you change {f'position {changed[0]}' if changed else 'no bit'}, but "
            f"return position {place}.",
            "Positions count from 1, list indices from 0.",
        )


@exercise("7.5", "How often a block fails")
def how_often_a_block_fails(variant: Variant, block_fails: Any) -> None:
    own = round(variant.random("fails").uniform(0.01, 0.1), 3)
    for n in (3, 7, 15, 31):
        need(
            abs(real_number(block_fails(n, 0.0), "block_fails")) < 1e-12,
            "Over a channel without errors (p = 0) no block fails, but your function says "
            "otherwise.",
        )
        returned = real_number(block_fails(n, own), f"block_fails({n}, {own})")
        survives = (1 - own) ** n
        need(
            not math.isclose(returned, 1 - survives, rel_tol=1e-6),
            "This is how often a block has any error. A single error is no failure: it is "
            "corrected.",
        )
        # The contributions of two wrong bits, of three, and so on: the same sum from its other end.
        right = sum(math.comb(n, i) * own**i * (1 - own) ** (n - i) for i in range(2, n + 1))
        need(
            math.isclose(returned, right, rel_tol=1e-6),
            f"For n = {n} and p = {own} a block fails {'more' if returned < right else 'less'} "
            "often than you say.",
            "No error: in one way. Exactly one: in how many ways, and what must the other bits do?",
        )


@dataclass(frozen=True)
class Task:
    """A message to send, and a limit on its loss."""

    p: float
    bits: int
    lost: float

    def __str__(self) -> str:
        return (
            f"p = {self.p:g} on the channel; {self.bits:,} bits of message; at most "
            f"{self.lost:.0%} of such messages may be lost"
        )

    def risk(self, n: int) -> float:
        """Return how often the message is lost with the Hamming code of length n."""
        k = n - n.bit_length()
        fails = 1 - (1 - self.p) ** n - n * self.p * (1 - self.p) ** (n - 1)
        return 1 - (1 - fails) ** math.ceil(self.bits / k)


LENGTHS = tuple(2**r - 1 for r in range(2, 11))


def task(variant: Variant) -> Task:
    """Return a task whose answer is at neither end of the range, and clear."""
    rng = variant.random("task")
    while True:
        made = Task(
            round(10 ** rng.uniform(-4.2, -2.8), 6),
            rng.randrange(500, 9000, 100),
            rng.choice((0.01, 0.02, 0.05)),
        )
        good = [n for n in LENGTHS if made.risk(n) <= made.lost]
        if good and 7 <= max(good) <= 255:
            next_one = 2 * max(good) + 1
            if made.risk(max(good)) < 0.85 * made.lost and made.risk(next_one) > 1.2 * made.lost:
                return made


@exercise("7.6", "Choose a code", given=task)
def choose_a_code(chosen: Task, n: Any) -> None:
    n = whole_number(n, "n")
    need(
        n in LENGTHS,
        f"There is no Hamming code of {n} bits here; n must be one less than a power of two.",
    )
    risk = chosen.risk(n)
    need(
        risk <= chosen.lost,
        f"With n = {n}, {risk:.2%} of the messages are lost, which exceeds the limit.",
        "How many blocks does the message have? All of them must get through.",
    )
    need(
        2 * n + 1 not in LENGTHS or chosen.risk(2 * n + 1) > chosen.lost,
        f"n = {n} keeps the limit, but so does a code with a higher rate.",
        "Try every r, and see how the risk grows.",
    )
