"""Self-checks of lesson 14: near the limit."""

import functools
import itertools
import math
import random
from dataclasses import dataclass
from typing import Any

import numpy as np

from netchat.bench import lower_bound, normal_approximation
from netchat.course import Variant, Wrong, exercise, need, real_number


@dataclass(frozen=True)
class Puzzle:
    """The positions of the bits of each check, and a word with erased bits."""

    checks: list[list[int]]
    word: list[int | None]


def puzzle(variant: Variant) -> Puzzle:
    """Return a code of ten bits, one for each pair of five checks, and four erasures to find in turn."""
    rng = variant.random("puzzle")
    pairs = list(itertools.combinations(range(5), 2))
    rng.shuffle(pairs)
    checks = [[bit for bit, pair in enumerate(pairs) if check in pair] for check in range(5)]
    word = _codeword(checks, 10, rng)
    while True:
        lost = rng.sample(range(10), 4)
        holes: list[int | None] = [None if bit in lost else word[bit] for bit in range(10)]
        # A check with one unknown must not be enough, and a first round must not find everything.
        single = {b for c in checks if len(u := [b for b in c if holes[b] is None]) == 1 for b in u}
        if (
            None not in _peeled(checks, holes)
            and len(single) < 3
            and sum(word[b] for b in lost) > 1
        ):
            return Puzzle(checks, holes)


def _codeword(checks: list[list[int]], bits: int, rng: Any) -> list[int]:
    """Return a random word that fulfils all checks, with ones in it."""
    while True:
        word = [rng.randrange(2) for _ in range(bits)]
        if any(word) and all(sum(word[bit] for bit in check) % 2 == 0 for check in checks):
            return word


def _peeled(checks: list[list[int]], word: list[int | None]) -> list[int | None]:
    word, again = list(word), True
    while again:
        again = False
        for check in checks:
            unknown = [bit for bit in check if word[bit] is None]
            if len(unknown) == 1:
                known = (value for bit in check if (value := word[bit]) is not None)
                word[unknown[0]], again = sum(known) % 2, True
    return word


def _shown(word: list[int | None]) -> str:
    return "".join("?" if bit is None else str(bit) for bit in word)


@exercise("14.1", "Peeling", given=puzzle)
def peeling(given: Puzzle, peel: Any) -> None:
    rng = random.Random(str(given))
    chain = [[0, 1], [1, 2], [2, 3], [3, 4], [4, 5]]
    trials: list[tuple[list[list[int]], list[int | None]]] = [
        ([[0, 1, 2, 3]], [0, None, 1, 0]),
        (given.checks, given.word),
        (chain[::-1], [1, None, None, None, None, None]),
        (chain, [None, None, None, None, None, 1]),
    ]
    for lost in (0, 3, 5, 6, 7, 10):
        word: list[int | None] = list(_codeword(given.checks, 10, rng))
        for bit in rng.sample(range(10), lost):
            word[bit] = None
        trials.append((given.checks, word))
    for checks, word in trials:
        answer = peel(checks, word)
        what = f"With the checks {checks} and the word {_shown(word)}, your peel"
        need(
            answer is not None,
            "peel returns None.",
            "A function without `return` returns None, even if it has changed the word in place.",
        )
        need(
            isinstance(answer, (list, tuple))
            and len(answer) == len(word)
            and all(bit is None or bit in (0, 1) for bit in answer),
            f"peel must return a list of {len(word)} values, each 0, 1 or None.",
        )
        found, right = list(answer), _peeled(checks, word)
        changed = [i for i, bit in enumerate(word) if bit is not None and found[i] != bit]
        need(not changed, f"{what} changes bit {changed[0] if changed else 0}, which had arrived.")
        for check in checks:
            unknown = [bit for bit in check if word[bit] is None]
            need(
                len(unknown) != 1 or found[unknown[0]] is not None,
                f"{what} leaves bit {unknown[0] if unknown else 0} open, the only erased bit of the check "
                f"{check}.",
                "Visit every check. And test `word[bit] is None`: a bit that is 0 counts as false, too.",
            )
        for bit, (mine, true) in enumerate(zip(found, right, strict=True)):
            need(
                mine is not None or true is None,
                f"{what} leaves bit {bit} open, but it can be found.",
                "Each bit that you fill in may help a check that you have already visited.",
            )
            need(
                mine is None or true is not None,
                f"{what} says that bit {bit} is {mine}, but no check can know that.",
                "A check with two or more erased bits says nothing about any of them.",
            )
            need(
                mine == true,
                f"{what} finds {mine} for bit {bit}. Then a check has an odd number of ones.",
                "The erased bit makes the number of ones in the whole check even.",
            )


def own_table(variant: Variant) -> list[list[int]]:
    """Return the shifts of a (3,6) code without cycles of length four."""
    rng = variant.random("table")
    while True:
        table = [[rng.randrange(171) for _ in range(6)] for _ in range(3)]
        if all(
            len({(one - two) % 171 for one, two in zip(*rows, strict=True)}) == 6
            for rows in itertools.combinations(table, 2)
        ):
            return table


@exercise("14.2", "Two rules", given=own_table)
def two_rules(table: list[list[int]], check_update: Any, variable_update: Any) -> None:
    rng = np.random.default_rng([14, *table[0]])
    for degree in (2, 3, 6):
        messages = rng.normal(0, 2, (5, 4, degree))
        found = _array(check_update(messages), messages.shape, "check_update")
        differences = np.tanh(messages / 2)
        for axis in (0, 1):
            others = [np.delete(differences, i, axis).prod(axis) for i in range((5, 4)[axis])]
            need(
                not np.allclose(found, 2 * np.arctanh(np.stack(others, axis)), atol=1e-6),
                f"Your check_update combines the messages along axis {axis} of {messages.shape}.",
                "The bits of one check are along the last axis: axis=-1.",
            )
        _check_rule(check_update, messages, "")
    same = np.full((2, degree), 1.5)
    _check_rule(check_update, same, "")
    zero = np.array([[0.0, 2.0, -3.0], [0.0, 0.0, 1.0]])
    with np.errstate(all="ignore"):
        found = _array(check_update(zero), zero.shape, "check_update")
        need(
            np.isfinite(found).all(),
            f"check_update of {zero.tolist()} is not a number everywhere.",
            "Multiply the others instead of dividing the product: the tanh of 0 is 0.",
        )
        _check_rule(check_update, zero, " (one of them is 0)")
        strong = np.array([[15.0, 16.0, -17.0]])
        found = _array(check_update(strong), strong.shape, "check_update")
        need(
            (np.abs(found) > 14).all(),
            f"check_update of {strong.tolist()} is {found.round(2).tolist()}: all bits are nearly certain, "
            "but the answers are not.",
            "Clip only the product, and only to 0.999999999999, with twelve nines.",
        )
        for sure in (45.0, 300.0):
            large = np.array([[sure, -sure, sure]])
            found = _array(check_update(large), large.shape, "check_update")
            need(
                np.isfinite(found).all() and (np.abs(found) < 1e6).all(),
                f"check_update of {large.tolist()} is {found.tolist()}.",
                "Clip the product to a little less than 1 before artanh, with np.clip.",
            )
            need(
                (np.sign(found) == [[-1, 1, -1]]).all() and (np.abs(found) > 5).all(),
                f"check_update of {large.tolist()} is {found.tolist()}: all bits are nearly certain, so the "
                "messages must be large, with the right signs.",
            )
    for shape in ((3, 5), (2, 4, 3)):
        channel, messages = rng.normal(1, 2, shape), rng.normal(1, 2, (*shape, 3))
        answer = variable_update(channel, messages)
        found = _array(answer, messages.shape, "variable_update")
        total = channel[..., None] + messages.sum(axis=-1, keepdims=True)
        need(
            not np.allclose(found, np.broadcast_to(total, found.shape)),
            "Your variable_update gives the same answer to all checks: each hears its own opinion again.",
            "Subtract from the sum what this check has said.",
        )
        need(
            not np.allclose(found, total - messages - channel[..., None]),
            "Your variable_update forgets what the channel said.",
            "The channel is one of the witnesses, and each check hears it.",
        )
        need(
            np.allclose(found, total - messages, atol=1e-6),
            "The answer to a check is not the channel's ratio plus the messages of the other checks.",
            "channel[..., None] has one more axis, so that it can be added to the messages.",
        )


def _check_rule(check_update: Any, messages: np.ndarray, note: str) -> None:
    """Compare with the probabilities of all values of the other bits."""
    found = _array(check_update(messages), messages.shape, "check_update")
    rows, degree = messages.reshape(-1, messages.shape[-1]), messages.shape[-1]
    right, total = np.empty_like(rows), np.empty(len(rows))
    for number, row in enumerate(rows):
        for skipped in range(degree + 1):  # the last time, none is skipped
            others = np.delete(row, skipped) if skipped < degree else row
            even = odd = 0.0
            for bits in itertools.product((0, 1), repeat=len(others)):
                chance = math.prod(
                    1 / (1 + math.exp(-ratio if bit == 0 else ratio))
                    for bit, ratio in zip(bits, others.tolist(), strict=True)
                )
                even, odd = even + chance * (sum(bits) % 2 == 0), odd + chance * (sum(bits) % 2)
            value = math.log(even / odd)
            if skipped < degree:
                right[number, skipped] = value
            else:
                total[number] = value
    flat = found.reshape(rows.shape)
    need(
        not np.allclose(flat, total[:, None], atol=1e-6),
        "Your check_update uses all messages of a check, including the one of the bit that it answers.",
        "What goes to bit i is computed from the other bits only.",
    )
    need(
        not np.allclose(flat, -right, atol=1e-6) or np.allclose(right, 0),
        "Your check_update has the wrong sign.",
    )
    wrong = np.argwhere(~np.isclose(flat, right, rtol=1e-5, atol=1e-6))
    if len(wrong):
        row, place = wrong[0]
        others = np.round(np.delete(rows[row], place), 3).tolist()
        raise Wrong(
            f"The others of a check have the ratios {others}{note}, and you answer "
            f"{flat[row, place]:.4g}. This is not the ratio of their parity.",
            "tanh of half of each ratio; the product of the others; then twice the artanh.",
        )


def _array(answer: Any, shape: tuple[int, ...], what: str) -> np.ndarray:
    try:
        found = np.asarray(answer, float)
    except (TypeError, ValueError):
        raise Wrong(f"{what} must return an array of numbers.") from None
    need(
        found.shape == shape,
        f"{what} must return the shape {shape} here, that of the messages; got {found.shape}.",
    )
    return found


def degrees(variant: Variant) -> tuple[int, int]:
    return variant.random("degrees").choice(
        [(3, 4), (3, 5), (3, 7), (3, 8), (3, 9), (3, 10), (3, 12), (4, 6), (4, 8), (4, 10), (5, 10)]
    )


@exercise("14.3", "Your threshold", given=degrees)
def your_threshold(given: tuple[int, int], lost_after: Any, threshold: Any) -> None:
    dv, dc = given
    threshold = real_number(threshold, "threshold")
    for p in (0.2, 0.45, 0.9):
        start = real_number(lost_after(p, dv, dc, 0), f"lost_after({p}, {dv}, {dc}, 0)")
        need(
            math.isclose(start, p),
            f"lost_after({p}, {dv}, {dc}, 0) is {start:.4g}. Before the first round, the channel has erased "
            "a share p.",
        )
    for p, v, c, rounds in ((0.4, 3, 6, 1), (0.4, dv, dc, 2), (0.3, 4, 8, 5), (0.5, dv, dc, 20)):
        x = p
        for _ in range(rounds):
            x = p * (1 - (1 - x) ** (c - 1)) ** (v - 1)
        answer = real_number(lost_after(p, v, c, rounds), f"lost_after({p}, {v}, {c}, {rounds})")
        wrong_start = p
        for _ in range(rounds):
            wrong_start = wrong_start * (1 - (1 - wrong_start) ** (c - 1)) ** (v - 1)
        need(
            math.isclose(x, wrong_start, rel_tol=1e-3, abs_tol=1e-9)
            or not math.isclose(answer, wrong_start, rel_tol=1e-6),
            f"lost_after({p}, {v}, {c}, {rounds}) is {answer:.4g}, which is too optimistic.",
            "The factor p is that of the channel, and stays the same in every round.",
        )
        need(
            math.isclose(answer, x, rel_tol=1e-6, abs_tol=1e-12),
            f"lost_after({p}, {v}, {c}, {rounds}) is {answer:.4g}, which is not the formula's result.",
            "The exponents are the numbers of the others: dc - 1 and dv - 1.",
        )
    # At the threshold, the curve touches the diagonal.
    x = np.linspace(1e-4, 1, 200_000)
    right = float((x / (1 - (1 - x) ** (dc - 1)) ** (dv - 1)).min())
    need(
        threshold < dv / dc,
        f"A threshold of {threshold:.4g} is not below the capacity's limit, {dv / dc:.4g}.",
        "At the threshold x still goes to 0: repeat it often enough, and look at a very small x.",
    )
    need(
        threshold > right - 8e-4,
        f"At p = {threshold:.4g}, the share goes to 0, and it still does for a larger p.",
        "Slightly below the threshold, the decoder needs hundreds or thousands of rounds.",
    )
    need(
        threshold < right + 8e-4,
        f"At p = {threshold:.4g}, the share does not go to 0 in any number of rounds.",
        "At the threshold x still goes to 0: repeat it often enough, and look at a very small x.",
    )


@exercise("14.4", "Polarise")
def polarise_check(variant: Variant, polarise: Any) -> None:
    mine = variant.random("polarise").randrange(20, 80) / 100
    for p, levels in ((mine, 0), (mine, 1), (mine, 2), (0.4, 5), (mine, 8)):
        try:
            answer = polarise(p, levels)
        except Wrong as wrong:
            if "RecursionError" not in str(wrong):
                raise
            raise Wrong(
                f"polarise({p}, {levels}) calls itself without end.",
                "With 0 levels return the list [p], without another call.",
            ) from None
        try:
            found = np.asarray(answer, float)
        except (TypeError, ValueError):
            raise Wrong(f"polarise({p}, {levels}) must return a list of numbers.") from None
        what = f"polarise({p}, {levels}) must return a list of length {1 << levels}"
        need(found.ndim > 0, f"{what}, got a number.", "With 0 levels it is [p], in brackets.")
        need(
            found.ndim == 1,
            f"{what}, got lists in a list.",
            "One list follows the other: left + right, with lists.",
        )
        need(
            len(found) == 1 << levels,
            f"{what}, got the length {len(found)}.",
            "Each half is the list of one of the two channels, with levels - 1.",
        )
        need(
            math.isclose(float(found.sum()), p * len(found), rel_tol=1e-6),
            f"The sum of polarise({p}, {levels}) is {found.sum():.4g}, but {len(found)} channels lose "
            f"{p * len(found):.4g} in all.",
            "2p - p^2 and p^2: what one of the two loses, the other one gains.",
        )
        right = np.array([p])
        for _ in range(levels):
            right = np.stack([2 * right - right**2, right**2], axis=1).reshape(-1)
        need(
            not np.allclose(found, right[::-1]) or not levels,
            f"In polarise({p}, {levels}), the better channels come first.",
            "The receiver needs the worse one first, so it is the first half of the list.",
        )
        need(
            np.allclose(found, right),
            f"polarise({p}, {levels}) has the right sum, but not the right numbers in the right order.",
            "Both halves have one level less: the first begins with 2p - p^2, the second with p^2.",
        )


def _transform(u: np.ndarray) -> np.ndarray:
    if u.shape[1] == 1:
        return u
    half = u.shape[1] // 2
    a, b = _transform(u[:, :half]), _transform(u[:, half:])
    return np.concatenate([a ^ b, b], axis=1)


def _exact(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    found: np.ndarray = 2 * np.arctanh(
        np.clip(np.tanh(one / 2) * np.tanh(two / 2), -1 + 1e-12, 1 - 1e-12)
    )
    return found


def _simple(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    found: np.ndarray = np.sign(one) * np.sign(two) * np.minimum(np.abs(one), np.abs(two))
    return found


def _cancelled(ratios: np.ndarray, frozen: list[bool], rule: Any) -> np.ndarray:
    if len(frozen) == 1:
        return np.zeros(ratios.shape, int) if frozen[0] else (ratios < 0).astype(int)
    half = len(frozen) // 2
    one, two = ratios[:, :half], ratios[:, half:]
    left = _cancelled(rule(one, two), frozen[:half], rule)
    right = _cancelled(two + (1 - 2 * _transform(left)) * one, frozen[half:], rule)
    return np.concatenate([left, right], axis=1)


def _weak(n: int) -> list[bool]:
    """Return which inputs to freeze: those whose numbers have few ones."""
    return [i.bit_count() < n.bit_length() // 2 for i in range(n)]


@exercise("14.5", "Successive cancellation")
def successive_cancellation(variant: Variant, successive: Any) -> None:
    rng = variant.numpy("successive")

    def decoded(ratios: np.ndarray, frozen: list[bool]) -> np.ndarray:
        try:
            found = np.asarray(successive(ratios, frozen))
        except ValueError:
            raise Wrong("successive must return an array of bits.") from None
        need(
            found.shape == ratios.shape and np.isin(found, (0, 1)).all(),
            f"successive must return bits, 0 or 1, with the shape {ratios.shape} here, got {found.shape}.",
            "Both halves are put together again with np.concatenate([...], axis=1).",
        )
        need(
            found.dtype.kind in "biu",
            f"For n = {ratios.shape[1]}, successive returns {found.dtype.name}, not integers.",
            "The ^ in transform needs integers: .astype(int), and np.zeros(shape, int).",
        )
        return found.astype(int)

    for n in (1, 2, 8):
        found = decoded(rng.normal(0, 2, (40, n)), [True] * n)
        need(
            not found.any(),
            f"For n = {n} all inputs are frozen, and your decoder does not return zeros.",
            "A frozen input is 0, whatever its ratio says.",
        )
    # Without noise, and with more and more of the steps.
    one = np.array([[3.0], [-3.0]])
    need(
        decoded(one, [False]).tolist() == [[0], [1]],
        "For n = 1 and an input that is not frozen, your decoder decides wrongly about the ratios 3 and -3.",
        "A positive ratio means 0. `frozen` is a list, even if it has only one value.",
    )
    for n, most in ((2, 0), (2, 1), (4, 0), (8, 4), (32, 16)):
        frozen = [i < most for i in range(n)] if n < 8 else _weak(n)
        u = rng.integers(0, 2, (40, n)) * ~np.array(frozen)
        clean = 4.0 * (1 - 2 * _transform(u))
        found = decoded(clean + rng.normal(0, 0.01, clean.shape), frozen)
        what = f"For n = {n} and frozen = {frozen}, your decoder makes mistakes without any noise"
        need(
            (found == u).all() or not (found == _transform(u)).all(),
            f"{what}: it returns the codewords.",
            "Return the inputs, those of a and then those of b. Only step 3 needs a codeword.",
        )
        need(
            (found == u).all() or n > 2 or (found[:, 0] == u[:, 0]).all(),
            f"{what}, already in its first input.",
            "Step 1: the parity of two bits is 1 where the signs of their ratios differ.",
        )
        need(
            (found == u).all() or n > 2,
            f"{what}, in its second input.",
            "Step 3: flip the sign of the *first* half's ratio where a is 1, and add the other one.",
        )
        need(
            (found == u).all(),
            f"{what}.",
            "In step 3, a is the codeword: the transform of the inputs that step 2 has decoded. Each half "
            "needs its own half of `frozen`.",
        )
    for n in (2, 4, 8, 16):
        frozen = _weak(n)
        u = rng.integers(0, 2, (200, n)) * ~np.array(frozen)
        noisy = 1.5 * (1 - 2 * _transform(u)) + rng.normal(0, 1.7, u.shape)
        found = decoded(noisy, frozen)
        off = [
            float((_cancelled(noisy, frozen, rule) != found).any(axis=1).mean())
            for rule in (_exact, _simple)
        ]
        need(
            min(off) < 0.02,
            f"For n = {n}, your decoder works without noise, but with noise it decides differently from "
            f"steps 1 to 4 in {min(off):.0%} of the blocks.",
            "Step 1 is the message of a check, with its size: min(|l|, |r|), not the sign alone.",
        )


@dataclass(frozen=True)
class Claim:
    """A code as it is advertised."""

    company: str
    n: int
    k: int
    ebn0: float
    lost: float

    def __str__(self) -> str:
        return (
            f"{self.company:9} n = {self.n}, k = {self.k}, at {self.ebn0} dB it loses {self.lost:.1e} of "
            "the blocks"
        )


@functools.lru_cache(128)
def _bound(n: int, k: int, ebn0: float) -> float:
    return lower_bound(n, k, f"awgn:{ebn0}dB") or 0.0


@functools.lru_cache(16)
def claims(variant: Variant) -> tuple[Claim, ...]:
    """Return three possible claims and three impossible ones, all beyond Shannon's limit.

    One of the possible claims is better than the normal approximation, which proves nothing.
    """
    rng = variant.random("claims")
    names = ["Axiom", "Beacon", "Citadel", "Dynamo", "Ember", "Falcon"]
    found: list[Claim] = []
    for number in range(6):
        while True:
            n = rng.choice([128, 256, 512, 1024, 2048])
            k = n * rng.choice([1, 2]) // rng.choice([3, 4])
            ebn0 = rng.randrange(8, 40) / 10
            best = normal_approximation(n, k, f"awgn:{ebn0}dB") or 0
            if not 2e-5 < best < 0.03 or not (bound := _bound(n, k, ebn0)):
                continue
            if number < 5 or best > 2.5 * bound:
                break
        if number < 3:
            lost = bound / rng.uniform(3, 6)
        elif number < 5:
            lost = max(bound, best) * rng.uniform(2, 4)
        else:
            lost = (bound * best) ** 0.5
        found.append(Claim("", n, k, ebn0, float(f"{lost:.1e}")))
    rng.shuffle(found)
    return tuple(
        Claim(name, claim.n, claim.k, claim.ebn0, claim.lost)
        for name, claim in zip(names, found, strict=True)
    )


@exercise("14.6", "Impossible claims", given=claims)
def impossible_claims(given: tuple[Claim, ...], impossible: Any) -> None:
    need(
        isinstance(impossible, (list, tuple, set, frozenset))
        and all(isinstance(name, str) for name in impossible),
        "impossible must be a list of names, each in quotes.",
    )
    known = {claim.company for claim in given}
    named = set(impossible)
    need(named <= known, f"No company is called {', '.join(sorted(named - known))}.")
    right = {claim.company for claim in given if claim.lost < _bound(claim.n, claim.k, claim.ebn0)}
    best = {c.company: normal_approximation(c.n, c.k, f"awgn:{c.ebn0}dB") or 0.0 for c in given}
    need(
        named - right
        != {c.company for c in given if c.company not in right and c.lost < best[c.company]},
        "You accuse a company whose claim is better than the approximation, but above the bound.",
        "Only lower_bound is a proof. normal_approximation tells about what the best codes reach.",
    )
    need(
        len(named - right) == 0,
        "You accuse a company whose claim is possible.",
        "Impossible is what is below lower_bound(n, k, channel), with soft decisions.",
    )
    need(
        len(right - named) == 0,
        "Another claim is impossible, too.",
        "Being beyond Shannon's limit is not enough: the bound depends on the length.",
    )
