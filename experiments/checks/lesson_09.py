"""Self-checks of lesson 9: how far from Shannon."""

import math
from dataclasses import dataclass
from typing import Any

import netchat.bench
import netchat.channels
import netchat.coding
from netchat.bench import lowest_ber
from netchat.course import Variant, Wrong, exercise, need, real_number


@exercise("9.1", "Capacity")
def capacity_of_a_bsc(variant: Variant, entropy: Any, capacity: Any) -> None:
    for p in (0.0, 1.0):
        answer = real_number(entropy(p), f"entropy({p:g})")
        need(
            math.isclose(answer, 0, abs_tol=1e-12),
            f"If no bit is wrong, or every bit, there is nothing to say: entropy({p:g}) must be "
            f"0, got {answer:g}.",
        )
    answer = real_number(entropy(0.5), "entropy(0.5)")
    need(
        math.isclose(answer, 1, rel_tol=1e-9),
        f"A fair coin has one bit of entropy; entropy(0.5) returns {answer:g}.",
        "Which logarithm counts bits?",
    )
    rng = variant.random("entropy")
    for _ in range(5):
        p = round(rng.uniform(0.01, 0.45), 3)
        one, other = (
            real_number(entropy(p), f"entropy({p})"),
            real_number(entropy(1 - p), f"entropy({1 - p})"),
        )
        need(
            math.isclose(one, other, rel_tol=1e-9),
            f"Rare errors are as hard to locate as rare correct bits: entropy({p}) and "
            f"entropy({1 - p:g}) must be equal. You return {one:.4f} and {other:.4f}.",
            "Both the errors and the correct bits contribute a term.",
        )
        n = 200_000
        ways = math.lgamma(n + 1) - math.lgamma(n * p + 1) - math.lgamma(n * (1 - p) + 1)
        need(
            math.isclose(one, ways / n / math.log(2), rel_tol=2e-3),
            f"Counting the ways to choose {p:.1%} of many bits gives a different entropy({p}) "
            f"from {one:.4f}.",
        )
        need(
            math.isclose(real_number(capacity(p), f"capacity({p})"), 1 - one, rel_tol=1e-9),
            f"capacity({p}) and entropy({p}) do not add up to one bit.",
        )


@dataclass(frozen=True)
class Claim:
    """A company's claim about its code."""

    name: str
    rate: float
    p: float
    ber: float

    def __str__(self) -> str:
        return f"{self.name:11} rate {self.rate:.3f}, p = {self.p:.3f}, bit error rate {self.ber:g}"


def _share(claim: Claim) -> float:
    """Return the claimed share of what is possible; above 1 it is impossible."""
    capacity = netchat.channels.get(f"bsc:{claim.p}").capacity or 0.0
    return claim.rate * (1 - _entropy(claim.ber)) / capacity


def _entropy(p: float) -> float:
    return 1 - (netchat.channels.get(f"bsc:{p}").capacity or 0.0)


def claims(variant: Variant) -> list[Claim]:
    """Return six clear claims; two of them are the opposite of what they seem."""
    rng = variant.random("claims")
    names = variant.people("claims", 6)
    made: list[Claim] = []
    kinds = ["below", "below", "above", "above", "errors allowed", "errors forgotten"]
    rng.shuffle(kinds)
    for name, kind in zip(names, kinds, strict=True):
        p = round(rng.uniform(0.02, 0.2), 3)
        capacity = netchat.channels.get(f"bsc:{p}").capacity or 0.0
        if kind == "errors allowed":  # above the capacity, but possible
            ber = round(rng.uniform(0.3, 0.6) * p, 3)
            rate = capacity * (1 + 0.6 * (1 / (1 - _entropy(ber)) - 1))
        elif kind == "errors forgotten":  # some errors are allowed, but this is too few
            ber = round(rng.uniform(0.05, 0.15) * p, 4)
            rate = capacity / (1 - _entropy(ber)) * 1.1
        else:
            ber = rng.choice((1e-5, 1e-6, 1e-9))
            rate = capacity * (
                rng.uniform(0.75, 0.95) if kind == "below" else rng.uniform(1.04, 1.2)
            )
        made.append(Claim(name, round(min(rate, 0.999), 3), p, ber))
    return made


@exercise("9.2", "Impossible claims", given=claims)
def impossible_claims(given: list[Claim], possible: Any, impossible: Any) -> None:
    for p in (0.01, 0.11, 0.3):
        need(
            possible(0.9, p, p),
            f"A code of rate 0.9 that leaves as many errors as the channel makes (p = {p}) is "
            "possible, but you say that it is not.",
            "How much information need not be delivered if that many errors may remain?",
        )
        need(
            not possible(1.0, p, 1e-12),
            f"Rate 1 without any errors over a BSC with p = {p} is impossible, but you say that "
            "it is possible.",
        )
    for spec in ("repetition:3", "hamming:7,4", "rs:255,223"):
        code = netchat.coding.get(spec)
        found = netchat.bench.theory(code, netchat.channels.get("bsc:0.003"))
        need(
            possible(code.rate, 0.003, found.ber),
            f"{spec} at p = 0.003 leaves a bit error rate of {found.ber:.1e}. It exists, but "
            "you say that it is impossible.",
        )
    for rate, p in ((0.5, 0.15), (0.8, 0.1), (0.3, 0.25)):
        least = lowest_ber(rate, netchat.channels.get(f"bsc:{p}").capacity or 0.0)
        need(
            possible(rate, p, least * 1.05) and not possible(rate, p, least * 0.95),
            f"For rate {rate} and p = {p}, your boundary between possible and impossible bit "
            "error rates differs from R (1 - h(BER)) <= C.",
        )
    names = {claim.name for claim in given}
    need(
        isinstance(impossible, (list, tuple, set)) and set(impossible) <= names,
        f"impossible must be a list of names out of {', '.join(sorted(names))}.",
    )
    for claim in given:
        if claim.name in impossible:
            need(_share(claim) > 1, f"{claim.name} claims no more than Shannon allows.")
        else:
            need(
                _share(claim) <= 1,
                f"At least one impossible claim is missing from your list of {len(impossible)}.",
            )


def level(variant: Variant) -> float:
    return variant.random("level").randrange(20, 85) / 10


@exercise("9.3", "Is repetition worth its energy?", given=level)
def worth_its_energy(ebn0_db: float, raw_error: Any, ratio: Any) -> None:
    for at in (0.0, 4.0, 8.0, ebn0_db):
        for rate in (1.0, 0.5, 1 / 3):
            answer = real_number(raw_error(at, rate), f"raw_error({at}, {rate:.2f})")
            right = netchat.channels.get(f"awgn:{at}dB").at_rate(rate).p
            need(
                not (
                    rate < 1
                    and math.isclose(answer, netchat.channels.get(f"awgn:{at}dB").p, rel_tol=1e-6)
                ),
                f"raw_error({at}, {rate:.2f}) assumes the whole energy of an information bit. "
                "How much of it does each transmitted bit have?",
            )
            need(
                math.isclose(answer, right, rel_tol=1e-6),
                f"raw_error({at}, {rate:.2f}) returns {answer:.3g}: netchat's channel has "
                f"{'more' if answer < right else 'fewer'} errors.",
                "Convert decibels first: 10 ** (dB / 10). Then apply Q to the square root; and "
                "Q(x) is not erfc(x).",
            )
    answer = real_number(ratio, "ratio")
    p, alone = (netchat.channels.get(f"awgn:{ebn0_db}dB").at_rate(r).p for r in (1 / 3, 1.0))
    right = (3 * p**2 - 2 * p**3) / alone
    need(
        not math.isclose(answer, 1 / right, rel_tol=1e-4),
        "This is the inverse of the ratio.",
    )
    need(
        math.isclose(answer, right, rel_tol=1e-4),
        f"ratio = {answer:.4g} is not the ratio for repetition at {ebn0_db} dB.",
        "The bits of repetition have a third of the energy each; without a code, a bit has all "
        "of it.",
    )


@dataclass(frozen=True)
class Task:
    """A channel, and the share of its capacity that a code has to use."""

    p: float
    share: float

    def __str__(self) -> str:
        capacity = netchat.channels.get(f"bsc:{self.p}").capacity
        return (
            f"BSC with p = {self.p}, capacity {capacity:.4f}; use at least {self.share:.0%} of it"
        )


def challenge(variant: Variant) -> Task:
    p = variant.random("challenge").randrange(20, 120) / 10_000
    channel = netchat.channels.get(f"bsc:{p}")
    k = 255
    while (
        fer := netchat.bench.theory(netchat.coding.get(f"rs:255,{k - 2}"), channel).fer
    ) is None or fer > 4e-3:
        k -= 2
    return Task(p, math.floor(100 * (k - 4) / 255 / (channel.capacity or 1.0)) / 100)


@exercise("9.4", "As near to Shannon as you can", given=challenge)
def near_to_shannon(task: Task, spec: Any) -> None:
    need(isinstance(spec, str), "spec must be a text such as 'rs:255,239'.")
    try:
        code = netchat.coding.get(spec)
    except ValueError as error:
        raise Wrong(f"There is no such code: {error}") from None
    bits = code.k * code.bits_per_symbol
    need(bits >= 800, f"{spec} has {bits} message bits per block; it needs at least 800.")
    channel = netchat.channels.get(f"bsc:{task.p}")
    share = code.rate / (channel.capacity or 1.0)
    need(
        share <= 1,
        f"{spec} has rate {code.rate:.3f}, which is above the capacity: it cannot work.",
    )
    need(
        share >= task.share,
        f"{spec} uses {share:.1%} of the capacity.",
        "A code with less parity uses more of it, but loses more blocks.",
    )
    point = netchat.bench.run([code], [channel], errors=200, frames=6000, seed=9, workers=1).points[
        0
    ]
    low, high = point.fer_interval
    need(
        high <= 0.01,
        f"Measured with {point.tally.frames:,} blocks, between {low:.2%} and {high:.2%} of them "
        "are lost (95 %).",
        "The code needs more parity, or must use its parity better.",
    )
