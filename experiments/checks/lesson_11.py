"""Self-checks of lesson 11: deciding under uncertainty."""

import math
from typing import Any

import numpy as np

from netchat.course import NotAnswered, Variant, Wrong, exercise, need, whole_number

RATES = (1.0, 0.94, 0.87, 0.75, 0.5)


@exercise("11.1", "Optimism")
def optimism(variant: Variant, ucb_choice: Any) -> None:
    def choice(counts: list[int], totals: list[float]) -> int:
        answer = whole_number(ucb_choice(counts, totals), "ucb_choice")
        need(
            0 <= answer < len(counts),
            f"There are codes 0 to {len(counts) - 1}, but you choose {answer}.",
        )
        return answer

    for untried in (0, 2):
        counts = [0 if i == untried else 4 for i in range(3)]
        need(
            choice(counts, [0.0 if i == untried else 4.0 for i in range(3)]) == untried,
            f"counts = {counts}: code {untried} was never tried, so it must come first.",
        )
    need(
        choice([1000, 1000, 1000], [300.0, 800.0, 500.0]) == 1,
        "All codes were tried 1,000 times, and code 1 has delivered most; you choose another one.",
    )
    need(
        choice([500, 3, 500], [250.0, 1.4, 250.0]) == 1,
        "All codes have delivered about as much per block, but code 1 was tried only 3 times: "
        "its upper end is the highest. You choose another one.",
        "What is divided by the number of times the code was tried?",
    )
    rng = variant.numpy("optimism")
    for _ in range(60):
        counts = rng.integers(1, 40, 5).tolist()
        totals = [float(n * rng.random()) for n in counts]
        ends = [
            s / n + math.sqrt(2 * math.log(sum(counts)) / n)
            for s, n in zip(totals, counts, strict=True)
        ]
        chosen = choice(counts, totals)
        need(
            ends[chosen] >= max(ends) - 1e-9,
            f"counts = {counts}, totals = {[round(s, 2) for s in totals]}: the upper end of code {chosen} "
            "is not the highest.",
            "A code's mean is its total divided by its own count; t is the total number of blocks.",
        )


@exercise("11.2", "Random sampling")
def random_sampling(variant: Variant, thompson_choice: Any) -> None:
    rng, direct = variant.numpy("chance"), _direct(thompson_choice)

    def often(
        arrived: list[int], failed: list[int], rates: list[float], times: int = 800
    ) -> list[float]:
        counts = [0] * len(rates)
        for _ in range(times):
            answer = direct(arrived, failed, rates)
            answer = whole_number(answer, "thompson_choice")
            need(
                0 <= answer < len(rates),
                f"There are codes 0 to {len(rates) - 1}, but you choose {answer}.",
            )
            counts[answer] += 1
        return [count / times for count in counts]

    thompson_choice([1, 1], [1, 1], [1.0, 0.5])  # a first call that reports errors
    even = often([5, 5], [5, 5], [1.0, 1.0])
    need(
        0.4 < even[0] < 0.6,
        "Two codes with the same counts are equally likely to be the best. You choose the "
        f"first in {even[0]:.0%} of the cases.",
        "Is your choice random? And do you draw separately for each code?",
    )
    sure = often([900, 400], [100, 600], [1.0, 1.0])
    need(
        sure[0] > 0.99,
        "One code arrives in 900 of 1,000 cases, the other in 400: you must nearly always "
        "choose the first.",
    )
    rate = often([900, 950], [100, 50], [1.0, 0.5])
    need(
        rate[0] > 0.99,
        "Code 1 arrives a little more often, but at half the rate it delivers far less. You "
        "still choose it.",
        "A block delivers its rate, if it arrives.",
    )
    for arrived, failed, rates in (
        ([3, 0], [1, 0], [1.0, 0.9]),
        ([8, 1, 4], [4, 0, 1], [1.0, 0.8, 0.9]),
        ([0, 2], [3, 2], [1.0, 0.7]),
    ):
        draws = np.array(rates) * rng.beta(
            np.array(arrived) + 1, np.array(failed) + 1, (200_000, len(rates))
        )
        right = np.bincount(draws.argmax(axis=1), minlength=len(rates)) / len(draws)
        found = often(arrived, failed, rates)
        off = max(abs(a - b) for a, b in zip(found, right, strict=True))
        need(
            off < 0.09,  # five standard deviations of 800 draws
            f"arrived = {arrived}, failed = {failed}, rates = {rates}: you choose the codes "
            f"with probabilities {[round(f, 2) for f in found]}; these are not the "
            "probabilities that they are the best.",
            "Beta(a + 1, f + 1): without the ones, a code without an arrived or failed block "
            "has no distribution.",
        )


def _direct(called: Any) -> Any:
    """Return a student's function without the copies that a check makes, for thousands of calls."""
    return getattr(called, "_thing", called)


def beach(variant: Variant) -> list[tuple[int, list[float]]]:
    """Return four spells in which no single code is always good."""
    chance = variant.random("beach")

    def about(*chances: float) -> list[float]:
        return [round(min(1.0, max(0.0, c + chance.uniform(-0.02, 0.02))), 2) for c in chances]

    clear = (chance.randrange(220, 270), about(0.96, 0.98, 1.0, 1.0, 1.0))
    bursts = (chance.randrange(220, 270), about(0.02, 0.05, 0.3, 0.9, 0.98))
    storm = (chance.randrange(220, 270), about(0.0, 0.0, 0.02, 0.05, 0.95))
    breeze = (chance.randrange(220, 270), about(0.3, 0.85, 0.97, 1.0, 1.0))
    orders = (
        [clear, bursts, storm, breeze],
        [clear, storm, breeze, bursts],
        [breeze, storm, bursts, clear],
    )
    return list(chance.choice(orders))


@exercise("11.3", "Adapt", given=beach)
def adapt(spells: list[tuple[int, list[float]]], mine: Any) -> None:
    if not (hasattr(mine, "choose") and hasattr(mine, "learn")):
        raise NotAnswered
    shares = []
    for game in range(5):
        rng = np.random.default_rng([11, game])
        policy, got, best = mine(), 0.0, 0.0
        choose, learn = _direct(policy.choose), _direct(policy.learn)
        for blocks, chances in spells:
            worth = [rate * chance for rate, chance in zip(RATES, chances, strict=True)]
            for _ in range(blocks):
                code = whole_number(choose(), "What choose returns")
                need(0 <= code < len(RATES), f"choose returns {code}; there are codes 0 to 4.")
                learn(code, bool(rng.random() < chances[code]))
                got, best = got + worth[code], best + max(worth)
        shares.append(got / best)
        if game == 1 and max(shares) < 0.7:
            break  # two games are enough to see that
    mean, spread = float(np.mean(shares)), float(np.std(shares, ddof=1))
    low = mean - 2.78 * spread / math.sqrt(len(shares))  # Student's factor of four degrees
    need(
        low >= 0.8,
        f"In {len(shares)} games your policy got {mean:.1%} of what the oracle gets (the "
        f"interval begins at {low:.1%}).",
        "Print when it makes mistakes: always, at the beginning, or after the weather has changed?",
    )


@exercise("11.4", "Soft decoding")
def soft(variant: Variant, soft_decode: Any) -> None:
    rng = variant.numpy("soft")
    words = np.array([[0, 0, 0], [1, 1, 1]])
    found = _numbers(soft_decode(np.array([[-0.5, -0.4, 3.0]]), words), 1, 2)
    need(
        found[0] == 0,
        "A bit is sent three times, with ratios -0.5, -0.4 and +3.0. Two of them point to 1, "
        "but the third and the sum point clearly to 0. You decide for 1.",
        "A positive ratio means 0.",
    )
    for k, n in ((1, 4), (3, 6), (4, 8)):
        words = np.unique(rng.integers(0, 2, (1 << k, n)), axis=0)
        values = rng.normal(0, 2, (300, n))
        found = _numbers(soft_decode(values, words), 300, len(words))
        for row in range(0, 300, 7):
            votes = [
                sum(v if bit == 0 else -v for v, bit in zip(values[row], word, strict=True))
                for word in words
            ]
            need(
                votes[found[row]] >= max(votes) - 1e-9,
                f"For the ratios {np.round(values[row], 1).tolist()} another codeword has a "
                f"larger sum than {words[found[row]].tolist()}.",
                "Add a ratio where the codeword has a 0, and subtract it where it has a 1.",
            )


def _numbers(answer: Any, blocks: int, words: int) -> np.ndarray:
    found = np.asarray(answer)
    need(
        found.shape == (blocks,),
        f"soft_decode of {blocks} blocks must return an array of shape ({blocks},), got "
        f"{found.shape}.",
    )
    if not np.issubdtype(found.dtype, np.integer) or not ((found >= 0) & (found < words)).all():
        raise Wrong(f"soft_decode must return numbers of codewords, from 0 to {words - 1}.")
    return found
