"""Self-checks of lesson 13: the trellis."""

import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

import netchat.coding
from netchat.course import Variant, Wrong, exercise, need, real_number, whole_number

STATES = ("00", "01", "10", "11")


def branch(state: int, bit: int) -> tuple[tuple[int, int], int]:
    """Return the two bits that the encoder sends, and its next state."""
    last, before = state >> 1, state & 1
    return (bit ^ last ^ before, bit ^ before), 2 * bit + last


def sent_by(bits: np.ndarray, start: np.ndarray | int) -> np.ndarray:
    """Return what is sent for bits (blocks, steps), from a state on: (blocks, steps, 2)."""
    state = np.broadcast_to(np.asarray(start), len(bits)).astype(int)
    out = np.empty((*bits.shape, 2), int)
    for step in range(bits.shape[1]):
        new, last, before = bits[:, step], state >> 1, state & 1
        out[:, step, 0], out[:, step, 1] = new ^ last ^ before, new ^ before
        state = 2 * new + last
    return out


def sums_of(bits: np.ndarray, start: np.ndarray | int, ratios: np.ndarray) -> np.ndarray:
    """Return the sum of the path of each row of bits (blocks, steps), for its ratios."""
    found: np.ndarray = ((1 - 2 * sent_by(bits, start)) * ratios).sum(axis=(1, 2))
    return found


def every_word(length: int) -> np.ndarray:
    return (np.arange(1 << length)[:, None] >> np.arange(length)) & 1


@dataclass(frozen=True)
class Observation:
    """One observation of a bit: what arrived, and over which channel."""

    channel: str
    arrived: float
    noise: float

    def __str__(self) -> str:
        if self.channel == "bsc":
            return f"over a BSC with p = {self.noise}, a {self.arrived:.0f} arrives"
        return f"over Gaussian noise of variance {self.noise}, y = {self.arrived:+} arrives"


def witnesses(variant: Variant) -> list[Observation]:
    """Return three observations whose ratios do not cancel, so that each mistake shows."""
    chance = variant.random("witnesses")
    while True:
        seen = [
            Observation(
                "gauss", round(chance.uniform(0.2, 1.6), 1), chance.choice((0.4, 0.5, 0.8))
            ),
            Observation(
                "gauss", -round(chance.uniform(0.3, 1.1), 1), chance.choice((1.2, 1.5, 2.0))
            ),
            Observation("bsc", 1, chance.choice((0.05, 0.1, 0.15, 0.2, 0.25))),
        ]
        one, two, three = map(_ratio, seen)
        if min(abs(one + two), abs(one + two + three)) > 0.3:
            return seen


def _ratio(seen: Observation) -> float:
    if seen.channel == "bsc":
        return math.log((1 - seen.noise) / seen.noise) * (1 - 2 * seen.arrived)
    return 2 * seen.arrived / seen.noise


@exercise("13.1", "Three witnesses", given=witnesses)
def three_witnesses(seen: list[Observation], total: Any, chance_of_zero: Any) -> None:
    total = real_number(total, "total")
    ratios = [_ratio(observation) for observation in seen]
    one, two, three = ratios

    wrong = f"The three observations together do not have the ratio {total:.4g}."

    def differs(mistaken: float) -> bool:
        return not math.isclose(total, mistaken, rel_tol=2e-3, abs_tol=6e-3)

    need(
        differs(one + two - three),
        wrong,
        "A 1 that arrives speaks against 0: is its ratio positive or negative?",
    )
    need(
        differs(sum(ratios) / 3),
        wrong,
        "Three witnesses together are surer than one: do not take the mean.",
    )
    need(
        differs((one + two) / 2 + three),
        wrong,
        "The formula for Gaussian noise has a factor of 2.",
    )
    need(
        all(differs(one + two + three / math.log(base)) for base in (2, 10)),
        wrong,
        "Use the natural logarithm, math.log.",
    )
    need(
        not differs(sum(ratios)) or total not in (round(sum(ratios)), round(sum(ratios), 1)),
        f"{total:.4g} is rounded too much.",
        "Give at least two digits after the decimal point.",
    )
    need(
        not differs(sum(ratios)),
        wrong,
        "Compute one ratio for each observation first. The variance is the square already.",
    )
    need(callable(chance_of_zero), "chance_of_zero must be a function of a ratio, not a value.")
    for ratio in (0.0, math.log(3), -math.log(9), 2.5, -7.0, total):
        p = real_number(chance_of_zero(ratio), f"chance_of_zero({ratio:.4g})")
        need(0 <= p <= 1, f"chance_of_zero({ratio:.4g}) is {p:.4g}, which is not a probability.")
        need(
            math.isclose(p, 1 / (1 + math.exp(-ratio)), rel_tol=1e-6),
            f"chance_of_zero({ratio:.4g}) is {p:.4g}. Then ln(P(0) / P(1)) is not {ratio:.4g}.",
            "The ratio r is the logarithm of P(0) / P(1), and P(1) is 1 - P(0). Solve for P(0).",
        )


def short_message(variant: Variant) -> list[int]:
    """Return six bits with a 101 and a 11 in them, so that each mistake shows."""
    rng = variant.random("message")
    while True:
        bits = [rng.randrange(2) for _ in range(6)]
        text = "".join(map(str, bits))
        if "101" in text and "11" in text and bits[-1]:
            return bits


@exercise("13.2", "Encode with a pencil", given=short_message)
def encode_with_a_pencil(message: list[int], sent: Any) -> None:
    need(
        isinstance(sent, str) and set(sent) <= set("01 "),
        f'sent must be a text of 0 and 1 in quotes, such as "1101", got {str(sent)[:40]}.',
    )
    sent = sent.replace(" ", "")
    steps = [*message, 0, 0]
    need(
        len(sent) != 2 * len(message),
        f"You send {len(sent)} bits, two for each message bit.",
        "The tail is sent, too: two more zeros go through the register.",
    )
    need(
        len(sent) == 2 * len(steps),
        f"You send {len(sent)} bits; {len(message)} message bits and the tail are "
        f"{len(steps)} steps of two bits.",
    )
    state, right, swapped = 0, [], []
    for bit in steps:
        pair, state = branch(state, bit)
        right.append("{}{}".format(*pair))
        swapped.append("{}{}".format(*pair[::-1]))
    yours = [sent[place : place + 2] for place in range(0, len(sent), 2)]
    need(
        yours != swapped,
        "In each step, your two bits are exchanged.",
        "The parity of all three bits is sent first.",
    )
    state = 0
    for number, (bit, pair, mine) in enumerate(zip(steps, right, yours, strict=True)):
        need(
            pair == mine,
            f"Step {number + 1} is wrong: a {bit} comes into the register, which holds "
            f"{STATES[state]}, and you send {mine}.",
            "Write the new bit and the two digits of the state in a row. The first parity is that of "
            "all three, the second that of the first and the third. Then drop the third.",
        )
        state = branch(state, bit)[1]


def small_trellis(variant: Variant) -> list[tuple[int, int]]:
    """Return ratios of three message bits and the tail, whose signs alone would mislead."""
    rng = variant.numpy("by hand")
    words = np.concatenate([every_word(3), np.zeros((8, 2), int)], axis=1)
    signs = 1 - 2 * sent_by(words, 0)
    while True:
        message = int(rng.integers(8))
        ratios = np.rint(3 * signs[message] + rng.normal(0, 3.3, (5, 2))).astype(int)
        soft = (signs * ratios).sum(axis=(1, 2))
        hard = (signs * np.sign(ratios)).sum(axis=(1, 2))
        best = np.sort(hard)[::-1]
        if (
            message
            and (ratios != 0).all()
            and np.abs(ratios).max() <= 9
            and soft.argmax() == message
            and hard.argmax() != message
            and best[0] > best[1]
            and _without_ties(ratios)
        ):
            return [(int(a), int(b)) for a, b in ratios]


def _entering(ratios: Any, step: int, state: int) -> list[int]:
    """Return the sums of all paths of the message to a state after a number of steps."""
    found = []
    for bits in itertools.product((0, 1), repeat=step):
        here, total = 0, 0
        for bit, (first, second) in zip(bits, ratios, strict=False):
            (one, two), here = branch(here, bit)
            total += (1 - 2 * one) * int(first) + (1 - 2 * two) * int(second)
        if here == state and not any(bits[3:]):
            found.append(total)
    return found


def _without_ties(ratios: np.ndarray) -> bool:
    """Return whether no comparison of the algorithm is a tie."""
    for step in (3, 4, 5):
        for state in range(4):
            found = _entering(ratios, step, state)
            if len(set(found)) < len(found):
                return False
    return True


@exercise("13.3", "Viterbi by hand", given=small_trellis)
def viterbi_by_hand(ratios: list[tuple[int, int]], sums: Any, message: Any) -> None:
    need(
        isinstance(sums, (list, tuple))
        and len(sums) == 5
        and all(isinstance(row, (list, tuple)) and len(row) == 4 for row in sums),
        "sums must be five lists of four values, as in the cell.",
    )
    for step in range(1, 6):
        for state in range(4):
            where = f"state {STATES[state]} after step {step}"
            possible = _entering(ratios, step, state)
            value = sums[step - 1][state]
            if not possible:
                need(value is None, f"No path passes {where}, but you have {value}.")
                continue
            value = whole_number(value, f"The sum of {where}")
            need(
                value in possible,
                f"No path to {where} has the sum {value}.",
                "Add the ratios of a branch to the sum of the state that it leaves. A ratio counts "
                "positively where the branch sends 0, and negatively where it sends 1.",
            )
            need(
                value == max(possible),
                f"A path with the sum {value} leads to {where}, but another one has a larger sum.",
                "Two branches enter. Add both values first, then keep the larger sum.",
            )
    if isinstance(message, np.ndarray):
        message = message.tolist()
    need(
        isinstance(message, (list, tuple)) and len(message) == 3 and set(message) <= {0, 1},
        "message must be a list of three bits, without the tail.",
    )
    steps = np.array([[*message, 0, 0]], int)
    need(
        int(sums_of(steps, 0, np.array([ratios]))[0]) == sums[4][0],
        f"Your sums are right, but the path of the message {list(message)} does not have the sum "
        f"{sums[4][0]}.",
        "Begin at the right end, and follow the branch that you selected in each state. The first digit "
        "of a state is its newest bit.",
    )


@exercise("13.4", "Viterbi by machine")
def viterbi_by_machine(variant: Variant, viterbi: Any) -> None:
    rng = variant.numpy("by machine")
    words = np.concatenate([rng.integers(0, 2, (3, 6)), np.zeros((3, 2), int)], axis=1)
    clean = 3.0 * (1 - 2 * sent_by(words, 0))
    bits, sums = _decoded(viterbi, clean, 0, 0)
    size = (
        "Every ratio is 3 or -3 without noise, so the best path of 8 steps has the sum 48; yours is "
        f"{sums[0]:g}."
    )
    need(
        not np.allclose(sums, 16),
        size,
        "A ratio counts with its size, not with its sign alone.",
    )
    need(
        np.allclose(sums, 48),
        size,
        "Add the value of a branch to the sum of the state that it leaves, and keep the larger of the two.",
    )
    wrong = (bits != words).any(axis=1)
    first = int(wrong.argmax())
    what = f"Without any noise, the bits {words[first].tolist()} become {bits[first].tolist()}."
    need(
        not wrong.any() or (bits[:, ::-1] != words).any(),
        what,
        "The way back finds the last bit first.",
    )
    need(
        not wrong.any() or all((bits[:, late:] != words[:, :-late]).any() for late in (1, 2)),
        what,
        "Each bit comes too late. The new bit is the first digit of the state that a branch enters.",
    )
    need(
        not wrong.any(),
        what,
        "The sums are right. Does the way back follow, in each state, the branch with the larger sum?",
    )
    for start, end, steps in ((0, 0, 5), (0, 0, 7), (2, 1, 6), (3, 3, 6), (1, 2, 4)):
        ratios = rng.normal(0, 2, (40, steps, 2))
        bits, sums = _decoded(viterbi, ratios, start, end)
        what = f"From state {STATES[start]} to state {STATES[end]} in {steps} steps: your"
        last = 2 * bits[:, -1] + bits[:, -2]
        need(
            (last == end).all(),
            f"{what} path ends in state {STATES[int(last[last != end][0])] if (last != end).any() else ''}.",
            "The way back begins in the state `end`, whatever the sums are.",
        )
        every = every_word(steps)
        scores = np.einsum("wst,bst->bw", 1 - 2 * sent_by(every, start), ratios)
        best = scores[:, 2 * every[:, -1] + every[:, -2] == end].max(axis=1)
        mine = sums_of(bits, start, ratios)
        mismatch = f"{what} path does not have the sum that you return."
        need(
            np.allclose(mine, sums, rtol=1e-4, atol=1e-3)
            or not (np.allclose(mine, best) and np.allclose(sums, scores.max(axis=1))),
            mismatch,
            "The path ends in the state `end`: return the sum of that state, not the largest of all.",
        )
        need(
            np.allclose(mine, sums, rtol=1e-4, atol=1e-3),
            mismatch,
            "Before the first step, no path is in any state but `start`: the sums of the others are -np.inf.",
        )
        need(
            (sums > best - 1e-3).all(),
            f"{what} path has the sum {sums[sums <= best - 1e-3][:1].sum():.2f}, but another path has a "
            "larger one.",
            "In each state, the larger of the two sums survives; store for each step which one it was.",
        )
    code = netchat.coding.get("conv:7,5,k=200")
    messages = rng.integers(0, 2, (8, 200), dtype=np.uint8)
    noisy = 2.0 * (1 - 2.0 * code.encode(messages)) + rng.normal(0, 2, (8, 404))
    library = code.decode((noisy < 0).astype(np.uint8), soft=noisy).message
    padded = np.concatenate([library, np.zeros((8, 2), np.uint8)], axis=1).astype(int)
    ratios = noisy.reshape(8, 202, 2)
    bits, sums = _decoded(viterbi, ratios, 0, 0)
    need(
        (sums > sums_of(padded, 0, ratios) - 0.05).all()
        and np.allclose(sums_of(bits, 0, ratios), sums, rtol=1e-4, atol=0.05),
        "For 200 message bits, netchat's decoder finds a path with a larger sum than yours.",
    )


def _decoded(
    viterbi: Any, ratios: np.ndarray, start: int, end: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the bits and sums of a student's decoder."""
    result = viterbi(ratios, start, end)
    if not (isinstance(result, (tuple, list)) and len(result) == 2):
        raise Wrong("viterbi must return two arrays: the bits and the sums.")
    bits, sums = _bits(result[0], ratios.shape[:2], "viterbi"), result[1]
    if not isinstance(sums, np.ndarray):
        raise Wrong("viterbi must return the sums as a NumPy array, not as a list.")
    need(
        sums.shape == ratios.shape[:1] and np.issubdtype(sums.dtype, np.number),
        f"The sums of {len(ratios)} blocks must have the shape {ratios.shape[:1]}, got {sums.shape}.",
    )
    return bits, sums.astype(float)


def _bits(answer: Any, shape: tuple[int, ...], what: str) -> np.ndarray:
    """Return an answer as an array of bits."""
    if not isinstance(answer, np.ndarray):
        kind = type(answer).__name__
        raise Wrong(f"{what} must return its bits as one NumPy array, got a {kind}.")
    bits = answer
    need(
        bits.shape == shape,
        f"{what} of {shape[0]} blocks of {shape[1]} steps must return bits with the shape {shape}, got "
        f"{bits.shape}.",
    )
    need(np.isin(bits, (0, 1)).all(), f"{what} must return bits, 0 or 1.")
    return bits.astype(int)


@dataclass(frozen=True)
class Probe:
    """Plan of a probe with hard decisions, and the gain of soft ones."""

    gain: float
    watts: float
    distance: float
    speed: float

    def __str__(self) -> str:
        return (
            f"planned: {self.watts:g} watts, {self.distance:g} million km, {self.speed:g} bits per second; "
            f"gain {self.gain:g} dB"
        )


def probe(variant: Variant) -> Probe:
    rng = variant.random("probe")
    return Probe(
        rng.randrange(16, 25) / 10 + 0.05,
        float(rng.randrange(12, 30)),
        float(rng.randrange(500, 1500)),
        float(rng.randrange(20, 120) * 1000),
    )


@exercise("13.5", "What it is worth", given=probe)
def what_it_is_worth(planned: Probe, watts: Any, distance: Any, speed: Any) -> None:
    watts, distance, speed = (
        real_number(value, name)
        for value, name in ((watts, "watts"), (distance, "distance"), (speed, "speed"))
    )
    factor = 10 ** (planned.gain / 10)
    need(
        not math.isclose(watts, planned.watts / 10 ** (planned.gain / 20), rel_tol=5e-3),
        f"{watts:.4g} watts are more than necessary.",
        "Decibels of a power are 10 times the logarithm, not 20 times.",
    )
    need(
        watts < planned.watts,
        f"The receiver became better, but you send with {watts:.4g} watts instead of {planned.watts:g}.",
        "A gain of g dB: the same error rate at 10^(g/10) times less power.",
    )
    need(
        math.isclose(watts, planned.watts / factor, rel_tol=5e-3),
        f"{watts:.4g} watts are not {planned.gain:g} dB less than {planned.watts:g} watts.",
        "A gain of g dB: the same error rate at 10^(g/10) times less power.",
    )
    far, fast = planned.distance * math.sqrt(factor), planned.speed * factor
    need(
        distance < 1000 * far,
        f"{distance:.4g} million km are much too far.",
        "Give the distance in millions of kilometres, as in the plan.",
    )
    need(
        distance < 1.005 * far,
        f"At {distance:.4g} million km, too little power would arrive.",
        "At twice the distance, a quarter of the power arrives.",
    )
    need(
        math.isclose(distance, far, rel_tol=5e-3),
        f"At {distance:.4g} million km, more power arrives than the decoder needs.",
        "By which factor may the received power fall? At which distance does it?",
    )
    need(
        not math.isclose(1000 * speed, fast, rel_tol=5e-3),
        f"{speed:.6g} bits per second are slower than planned.",
        "Give the speed in bits per second, as in the plan.",
    )
    need(
        speed < 1.005 * fast,
        f"With {speed:.6g} bits per second, a bit does not get the energy that the decoder needs.",
        "Each bit may have 10^(g/10) times less energy: how much shorter may it be?",
    )
    need(
        math.isclose(speed, fast, rel_tol=5e-3),
        f"With {speed:.6g} bits per second, a bit gets more energy than the decoder needs.",
        "Speed and power are exchanged one to one: by the whole factor, not by its root.",
    )


PATTERNS = (
    [(1, 1), (1, 0)],
    [(1, 1), (0, 1)],
    [(1, 1), (1, 0), (0, 1)],
    [(1, 0), (1, 1), (1, 1)],
    [(0, 1), (1, 1), (1, 0), (1, 1)],
)


def own_pattern(variant: Variant) -> list[tuple[int, int]]:
    """Return a pattern whose transposed and reversed forms differ from it."""
    rng = variant.random("pattern")
    while True:
        pairs = [rng.choice([(1, 1), (1, 1), (1, 0), (0, 1)]) for _ in range(4)]
        flat = [bit for pair in pairs for bit in pair]
        crossed = flat[0::2] + flat[1::2]
        if sum(flat) in (5, 6) and flat not in (crossed, flat[::-1]) and flat[:4] != flat[4:]:
            return pairs


@exercise("13.6", "Fill the holes", given=own_pattern)
def fill_the_holes(pattern: list[tuple[int, int]], refill: Any) -> None:
    for chosen, steps in (
        (PATTERNS[0], 4),
        (pattern, 8),
        (pattern, 10),
        *((p, 7) for p in PATTERNS),
    ):
        keep = np.resize(np.array(chosen, bool), (steps, 2))
        received = np.arange(1, 1 + 3 * int(keep.sum())).reshape(3, -1) + 0.5
        answer = refill(received, chosen, steps)
        what = f"refill with the pattern {chosen} and {steps} steps"
        if not (isinstance(answer, np.ndarray) and np.issubdtype(answer.dtype, np.number)):
            raise Wrong(f"{what} must return a NumPy array of ratios.")
        found = answer.astype(float)
        need(
            found.shape == (3, steps, 2),
            f"{what}, of 3 blocks, must return the shape (3, {steps}, 2), got {found.shape}.",
        )
        need(
            (found[:, ~keep] == 0).all(),
            f"{what} does not return 0 for all bits that were not sent.",
            "np.resize repeats a pattern to a shape: np.resize(np.array(pattern, bool), (steps, 2)).",
        )
        need(
            (found[:, keep] == received).all(),
            f"{what} does not return the received ratios in the order in which they were sent.",
            "The received ratios belong to the places with a 1, step by step, for every block.",
        )


@exercise("13.7", "Decode a ring")
def decode_a_ring(variant: Variant, decode_ring: Any) -> None:
    rng = variant.numpy("ring")
    for steps in (4, 6, 9):
        every = every_word(steps)
        starts = 2 * every[:, -1] + every[:, -2]
        signs = 1 - 2 * sent_by(every, starts)
        words = rng.integers(0, 2, (8, steps))
        clean = 3.0 * (1 - 2 * sent_by(words, 2 * words[:, -1] + words[:, -2]))
        bits = _bits(decode_ring(clean), clean.shape[:2], "decode_ring")
        need(
            (bits == words).all(),
            f"Without any noise, the ring of the bits {words[(bits != words).any(axis=1)][:1].tolist()} is "
            "decoded wrongly.",
            "Try each of the four states as beginning and end, and keep the best path of each block.",
        )
        ratios = 1.5 * signs[rng.integers(0, len(every), 60)] + rng.normal(0, 2, (60, steps, 2))
        bits = _bits(decode_ring(ratios), ratios.shape[:2], "decode_ring")
        mine = sums_of(bits, 2 * bits[:, -1] + bits[:, -2], ratios)
        best = np.einsum("wst,bst->bw", signs, ratios).max(axis=1)
        need(
            (mine > best - 1e-3).all(),
            "For some blocks, another closed path has a larger sum than yours.",
            "Choose among the four results by their sums, for each block separately.",
        )
