"""Self-checks of lesson 12: your own code."""

import math
from typing import Any

import numpy as np

import netchat.bench
import netchat.channels
import netchat.coding
from netchat.coding import Code, Decoded, check
from netchat.course import NotAnswered, Variant, Wrong, as_code, exercise, need, whole_number


def made(kind: Any, what: str, *arguments: Any) -> Code:
    """Return the code that a student's class makes."""
    if getattr(kind, "__abstractmethods__", None):
        raise NotAnswered
    return as_code(kind(*arguments), what)


def need_laws(code: Code) -> None:
    for verdict in check(code):
        need(
            verdict.counterexample is None,
            f"{code.name} breaks a law. {verdict.law} But {verdict.counterexample}",
            "Work through this case by hand, then in a separate cell.",
        )


@exercise("12.1", "A code that only detects")
def only_detects(variant: Variant, parity: Any) -> None:
    code = made(parity, "Parity")
    need((code.k, code.n) == (7, 8), f"Your code must be (8,7), got ({code.n},{code.k}).")
    need(
        code.minimum_distance == 2,
        f"It claims a minimum distance of {code.minimum_distance}. In how many positions do two nearest "
        "codewords differ?",
    )
    need_laws(code)
    rng = variant.numpy("parity")
    word = code.encode(rng.integers(0, 2, (50, 7)))
    need((word.sum(axis=1) % 2 == 0).all(), "A codeword has an odd number of ones.")
    for place in range(8):
        broken = word.copy()
        broken[:, place] ^= 1
        need(
            code.decode(broken).failed.all(),
            f"With the bit at position {place} wrong, the decoder does not report failure.",
        )


class Suspicious(Code):
    """A Hamming code whose decoder is wrong in one case: one position, and some messages."""

    def __init__(self, seed: int) -> None:
        super().__init__(
            f"a colleague's Hamming (15,11), version {seed % 1000}",
            k=11,
            n=15,
            minimum_distance=3,
            citation="?",
        )
        rng = np.random.default_rng(seed)
        self._hamming = netchat.coding.get("hamming:15,11")
        self._place = int(rng.integers(11))
        self._bits = rng.choice(np.delete(np.arange(11), self._place), 6, replace=False)
        self._like = rng.integers(0, 2, 6)

    def _encode(self, message: np.ndarray) -> np.ndarray:
        return self._hamming.encode(message)

    def _decode(self, received: np.ndarray) -> Decoded:
        result = self._hamming.decode(received)
        message = result.message.copy()
        turned = message[:, self._place] != received[:, self._place]
        struck = turned & (message[:, self._bits] == self._like).all(axis=1)
        message[struck, self._place] ^= 1
        return Decoded(message, result.corrected)


def suspicious(variant: Variant) -> Suspicious:
    return Suspicious(variant.seed("suspicious"))


@exercise("12.2", "The counterexample", given=suspicious)
def counterexample(code: Suspicious, message: Any, place: Any) -> None:
    try:
        bits = np.asarray(message)
        fits = bits.shape == (11,) and bool(np.isin(bits, (0, 1)).all())
    except ValueError:
        fits = False
    need(fits, "message must be a list of eleven bits.")
    place = whole_number(place, "place")
    need(0 <= place < 15, f"place must be 0 to 14, got {place}.")
    word = code.encode(bits.astype(np.uint8)[None])
    word[0, place] ^= 1
    need(
        (code.decode(word).message[0] != bits).any(),
        f"With the bit at position {place} of this codeword wrong, the decoder still returns "
        "the message.",
        "Run the laws: which one does it break?",
    )


def own_matrix(variant: Variant) -> list[list[int]]:
    """Return the matrix of a code of four to six message bits that corrects one error or two."""
    rng = variant.numpy("matrix")
    while True:
        k, r = int(rng.integers(4, 7)), int(rng.integers(5, 8))
        matrix = rng.integers(0, 2, (k, r))
        if _distance(matrix) in (3, 4, 5):
            return matrix.tolist()


def _distance(matrix: np.ndarray) -> int:
    k = len(matrix)
    messages = (np.arange(1, 1 << k)[:, None] >> np.arange(k)) & 1
    return int((messages.sum(axis=1) + (messages @ matrix % 2).sum(axis=1)).min())


#: Hamming (7,4), the same with a parity over all, repetition of one bit, and a code with t = 2.
OTHERS = (
    [[1, 1, 0], [1, 0, 1], [0, 1, 1], [1, 1, 1]],
    [[1, 1, 0, 1], [1, 0, 1, 1], [0, 1, 1, 1], [1, 1, 1, 0]],
    [[1, 1, 1, 1, 1, 1]],
    [[1, 1, 1, 1, 0, 0, 0], [0, 0, 1, 1, 1, 1, 0], [0, 1, 0, 1, 0, 1, 1]],
    [[1, 1], [0, 1]],
)


@exercise("12.3", "Decode any of them", given=own_matrix)
def decode_any(matrix: list[list[int]], table_code: Any) -> None:
    for parity in (OTHERS[0], matrix, *OTHERS[1:]):
        array = np.array(parity)
        k, r = array.shape
        code = made(table_code, "TableCode", parity)
        what = (
            f"of the matrix {parity}"
            if array.size <= 20
            else f"of a matrix of {k} rows and {r} columns"
        )
        need(
            (code.k, code.n) == (k, k + r),
            f"The code {what} is ({k + r},{k}), but yours is ({code.n},{code.k}).",
        )
        need(
            code.minimum_distance == _distance(array),
            f"The minimum distance of the code {what} is not {code.minimum_distance}.",
            "It is the smallest number of ones in a nonzero codeword: message and parity together.",
        )
        need_laws(code)
        messages = (np.arange(1 << k)[:, None] >> np.arange(k)) & 1
        word = code.encode(messages)
        need(
            (word[:, :k] == messages).all() and (word[:, k:] == messages @ array % 2).all(),
            f"The codewords {what} are not (m, mP).",
        )
        silent = ~code.decode((np.arange(1 << (k + r))[:, None] >> np.arange(k + r)) & 1).failed
        spheres = sum(
            math.comb(k + r, weight) for weight in range((code.minimum_distance - 1) // 2 + 1)
        )
        need(
            int(silent.sum()) == spheres << k,
            f"The code {what} decodes {int(silent.sum())} of the {1 << (k + r)} words. It must "
            "correct up to t errors, and fail on everything else.",
        )


def prize(variant: Variant) -> float:
    return variant.random("prize").randrange(100, 200) / 10_000


@exercise("12.4", "The prize", given=prize)
def the_prize(p: float, my_code: Any) -> None:
    code = as_code(getattr(my_code, "_thing", my_code), "The last line")
    need(
        code.alphabet == "bit" and code.n <= 24,
        f"It has {code.n * code.bits_per_symbol} bits; at most 24 are allowed.",
    )
    need(code.rate >= 0.5, f"Its rate is {code.rate:.3f}, below 1/2.")
    need_laws(code)
    channel = netchat.channels.get(f"bsc:{p}")
    goal = 0.4 * netchat.bench.theory(netchat.coding.get("hamming:8,4"), channel).ber
    for frames in (20_000, 100_000, 500_000):
        point = netchat.bench.run(
            [code], [channel], errors=10**9, frames=frames, seed=12, workers=1
        ).points[0]
        low, high = point.ber_interval
        if high <= goal:
            return
        if low > goal:
            break
    raise Wrong(
        f"Measured with {point.tally.frames:,} blocks, its bit error rate is between {low:.2e} "
        f"and {high:.2e} (95 %); it must be at most {goal:.2e}.",
        "Can it correct more errors per block, or use a table with an entry for every syndrome?",
    )
