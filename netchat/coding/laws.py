"""Laws that every code must obey: functions that search for a counterexample.

A law takes a code and a random generator, and returns None or a sentence that describes the
counterexample. For a small code, a law tries every message with every error pattern.

    for result in check(netchat.coding.get("hamming:7,4")):
        print(result.law, result.counterexample or "holds")
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from netchat.coding import bit_slicing
from netchat.coding.arrays import Bools, Decoded, Rows
from netchat.coding.code import Code
from netchat.coding.registry import get
from netchat.coding.samples import error_patterns, lost_patterns, messages, show, show_places
from netchat.laws import LawResult, check_laws
from netchat.wording import many

__all__ = ["LAWS", "Law", "LawResult", "check"]

Law = Callable[[Code, np.random.Generator], str | None]

#: Number of cases decoded at once.
_BATCH = 4096


def parameters_are_possible(code: Code, rng: np.random.Generator) -> str | None:  # noqa: ARG001
    """All parameters are possible, and the citation is given."""
    if not 1 <= code.k <= code.n:
        return f"k = {code.k} and n = {code.n}, but k must be from 1 to n."
    if not 1 <= code.minimum_distance <= code.n - code.k + 1 and code.alphabet == "byte":
        return (
            f"minimum_distance is {code.minimum_distance}, above the Singleton bound "
            f"n - k + 1 = {code.n - code.k + 1}."
        )
    if code.corrects < 0 or 2 * code.corrects >= code.minimum_distance:
        return f"corrects is {code.corrects}, too many for the minimum distance {code.minimum_distance}."
    if not code.corrects <= max(code.detects, code.corrects) < code.minimum_distance:
        return (
            f"detects is {code.detects}, too many for the minimum distance {code.minimum_distance}."
        )
    if not code.citation.strip():
        return "citation is empty: name the publication, or write 'my own'."
    return None


def shapes_and_types(code: Code, rng: np.random.Generator) -> str | None:
    """Shapes and types are as documented, for any number of blocks, including zero."""
    for batch in (0, 1, 2, 65):
        message = messages(code, batch, rng)
        word = code.encode(message)
        result = code.decode(messages(code, batch, rng, code.n))
        for what, array, shape in (
            ("encode", word, (batch, code.n)),
            ("decode, its message,", result.message, (batch, code.k)),
        ):
            if array.shape != shape or array.dtype != np.uint8:
                return (
                    f"{what} returns {array.dtype} {array.shape} for {batch} blocks; "
                    f"it must return uint8 {shape}."
                )
        counts = result.corrected
        if counts.shape != (batch,) or counts.dtype.kind != "i":
            return (
                f"`corrected` is {counts.dtype} {counts.shape} for {batch} blocks; "
                "it must be one integer per block."
            )
        if batch and not -1 <= counts.min() <= counts.max() <= code.n:
            return f"`corrected` ranges from {counts.min()} to {counts.max()}; it must be from -1 to n."
        if code.alphabet == "bit" and max(word.max(initial=0), result.message.max(initial=0)) > 1:
            return "the output contains a bit that is neither 0 nor 1."
    return None


def arguments_are_unchanged(code: Code, rng: np.random.Generator) -> str | None:
    """Encode and decode do not modify their arguments."""
    for name, function, width in (("encode", code.encode, code.k), ("decode", code.decode, code.n)):
        given = messages(code, 16, rng, width)
        before = given.copy()
        result = function(given)
        result = result.message if isinstance(result, Decoded) else result
        if (given != before).any():
            return f"{name} modifies its argument."
        result[...] = 0
        if (given != before).any():
            return f"{name} returns a view of its argument."
    return None


def decode_undoes_encode(code: Code, rng: np.random.Generator) -> str | None:
    """Each codeword decodes to its message, with nothing corrected."""
    message = messages(code, 300, rng)
    return _wrong(code, message, code.encode(message), exactly=0)


def corrects_as_declared(code: Code, rng: np.random.Generator) -> str | None:
    """Every pattern of up to `corrects` wrong symbols is corrected, and counted."""
    most = code.corrects
    # Bugs of a decoder show at both ends of the range; of the rest, the middle is enough.
    for weight in sorted({1, 2, 3, most // 2, most - 1, most} & set(range(1, most + 1))):
        for message, error in _cases(code, weight, rng):
            broken = _wrong(code, message, code.encode(message), error, exactly=weight)
            if broken:
                return broken
    return None


def detects_as_declared(code: Code, rng: np.random.Generator) -> str | None:
    """No pattern of up to `detects` wrong symbols is decoded to another message."""
    for weight in range(code.corrects + 1, code.detects + 1):
        for message, error in _cases(code, weight, rng):
            received = code.encode(message) ^ error
            result = code.decode(received)
            silent = ~result.failed & (result.message != message).any(axis=1)
            if silent.any():
                row = int(np.flatnonzero(silent)[0])
                return (
                    f"the decoder must detect {weight} errors, but {_case(code, message, error, row)} "
                    f"it returns {show(code, result.message[row])} and reports "
                    f"{result.corrected[row]} corrected."
                )
    return None


def count_is_correct(code: Code, rng: np.random.Generator) -> str | None:
    """Where decoding succeeds, `corrected` is the number of symbols that the decoder changed."""
    message = messages(code, 400, rng)
    rate = rng.choice([0.0, 0.5, 1, 2, 4], (len(message), 1)) * max(code.corrects, 1) / code.n
    error = messages(code, len(message), rng, code.n) * (rng.random((len(message), code.n)) < rate)
    error[-50:] = messages(code, 50, rng, code.n)
    received = code.encode(message) ^ error.astype(np.uint8)
    result = code.decode(received)
    changed = (code.encode(result.message) != received).sum(axis=1)
    wrong = ~result.failed & (changed != result.corrected)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        return (
            f"for the received word {show(code, received[row])} the decoder returns "
            f"{show(code, result.message[row])} and reports {result.corrected[row]} corrected, "
            f"but the codeword of that message differs in {changed[row]} symbols."
        )
    return None


def blocks_are_independent(code: Code, rng: np.random.Generator) -> str | None:
    """Results for a block do not depend on the other blocks of the batch."""
    message = messages(code, 67, rng)
    both: tuple[tuple[str, Callable[[Rows], tuple[NDArray[np.integer], ...]], Rows], ...] = (
        ("encode", lambda m: (code.encode(m),), message),
        ("decode", lambda r: _parts(code.decode(r)), code.encode(message) ^ _light(code, 67, rng)),
    )
    for name, function, rows in both:
        together = function(rows)
        if any(len(part) != len(rows) for part in together):
            return f"{name} of {len(rows)} blocks returns {min(map(len, together))} blocks."
        order = rng.permutation(len(rows))
        shuffled = function(np.ascontiguousarray(rows[order]))
        if any((a[order] != b).any() for a, b in zip(together, shuffled, strict=True)):
            return f"{name} of the same blocks in another order gives different results."
        for row in (0, 1, 33, 66):
            alone = function(rows[row : row + 1])
            if any((a[row] != b[0]).any() for a, b in zip(together, alone, strict=True)):
                return (
                    f"{name} gives different results for block {row} of {len(rows)} if it is alone."
                )
    return None


def linear_if_declared(code: Code, rng: np.random.Generator) -> str | None:
    """Codewords of a linear code add up: the sum of two is the codeword of the sum."""
    if not code.linear:
        return None
    one, two = messages(code, 200, rng), messages(code, 200, rng)
    differs = (code.encode(one) ^ code.encode(two) != code.encode(one ^ two)).any(axis=1)
    if differs.any():
        row = int(np.flatnonzero(differs)[0])
        return (
            f"the codewords of {show(code, one[row])} and {show(code, two[row])} do not add up to "
            f"that of {show(code, one[row] ^ two[row])}; declare linear=False if that is intended."
        )
    return None


def systematic_if_declared(code: Code, rng: np.random.Generator) -> str | None:
    """Codewords of a systematic code contain the message, at `data_positions`."""
    if not code.systematic:
        return None
    message = messages(code, 200, rng)
    found = code.encode(message)[:, code.data_positions]
    differs = (found != message).any(axis=1)
    if differs.any():
        row = int(np.flatnonzero(differs)[0])
        return (
            f"the codeword of {show(code, message[row])} contains {show(code, found[row])} at "
            "data_positions; declare systematic=False if that is intended."
        )
    return None


def erasures_are_filled_as_declared(code: Code, rng: np.random.Generator) -> str | None:
    """Every pattern of e errors and s erasures with 2e + s <= `erasure_capability` is corrected.

    If `erasure_capability` is 0, this holds for e + s <= `corrects`.
    """
    most, cost = (code.erasure_capability, 2) if code.erasure_capability else (code.corrects, 1)
    top = most // cost
    for errors in sorted({0, 1, top // 2, top - 1, top} & set(range(top + 1))):
        for erased in {1, most - cost * errors} & set(range(1, most - cost * errors + 1)):
            message = messages(code, 40, rng)
            error, lost = lost_patterns(code, len(message), errors, erased, rng)
            broken = _wrong(code, message, code.encode(message), error, lost, exactly=None)
            if broken:
                return broken
    return None


def layouts_agree(code: Code, rng: np.random.Generator) -> str | None:
    """Bit slices and rows give the same results, with and without erasures."""
    message = messages(code, 128, rng)
    word = code.encode(message)
    as_bit_slices = code.encode_bit_sliced(bit_slicing.from_rows(_bits(code, message)))
    if (bit_slicing.to_rows(as_bit_slices) != _bits(code, word)).any():
        return "encode_bit_sliced and encode give different codewords."
    received = word ^ _light(code, len(word), rng)
    received[:8] = messages(code, 8, rng, code.n)
    received_bit_slices = bit_slicing.from_rows(_bits(code, received))
    losses: list[Bools | None] = [None]
    if code.alphabet == "bit":  # erasures of bit slices are bits
        losses.append(rng.random(received.shape) < rng.random((len(received), 1)) / code.n * 4)
    for lost in losses:
        gone = None if lost is None else bit_slicing.from_rows(lost.astype(np.uint8))
        rows, fast = code.decode(received, lost), code.decode_bit_sliced(received_bit_slices, gone)
        where = "" if lost is None else " with erasures"
        counts = bit_slicing.to_counts(fast.corrected, len(message))
        counts[bit_slicing.to_rows(fast.failed[None, :])[:, 0] == 1] = -1
        if (counts != rows.corrected).any():
            return f"decode_bit_sliced and decode give different `corrected` or failures{where}."
        if (bit_slicing.to_rows(fast.message) != _bits(code, rows.message)).any():
            return f"decode_bit_sliced and decode give different messages{where}."
    return None


def bytes_survive(code: Code, rng: np.random.Generator) -> str | None:
    """Any number of bytes is restored, even after an error that the code corrects."""
    block = max(1, code.k * code.bits_per_symbol // 8)
    lengths = {0, 1, 2, 3, 100, block - 1, block, block + 1, 2 * block + 1}
    for length in sorted(lengths | set(rng.integers(0, 300, 3).tolist())):
        data = rng.bytes(length)
        coded = code.encode_bytes(data)
        for errors in range(min(code.corrects, 1 if coded else 0) + 1):
            broken = bytearray(coded)
            if errors:
                # The first bit of a byte belongs to a block, never to the padding.
                broken[int(rng.integers(len(coded)))] ^= 0x80
            result = code.decode_bytes(bytes(broken))
            if result.data != data or result.failed:
                return (
                    f"data of {many(length, 'byte')}, encoded to {many(len(coded), 'byte')}, "
                    f"{'decodes to other data' if result.data != data else 'is reported as failed'}"
                    f"{' after one bit error' if errors else ''}."
                )
    return None


LAWS: tuple[Law, ...] = (
    parameters_are_possible,
    shapes_and_types,
    arguments_are_unchanged,
    decode_undoes_encode,
    corrects_as_declared,
    detects_as_declared,
    erasures_are_filled_as_declared,
    count_is_correct,
    blocks_are_independent,
    linear_if_declared,
    systematic_if_declared,
    layouts_agree,
    bytes_survive,
)


def check(code: Code | str, seed: int = 0) -> list[LawResult]:
    """Check a code against every law; an exception counts as a counterexample.

    Args:
        code: Code, or its specification.
        seed: Random seed of the test cases.

    >>> all(result.counterexample is None for result in check("hamming:7,4"))
    True
    """
    return check_laws(LAWS, get(code), lambda: np.random.default_rng(seed))


def _cases(code: Code, weight: int, rng: np.random.Generator) -> list[tuple[Rows, Rows]]:
    """Return messages with error patterns of a weight: all combinations, if they are few."""
    errors = error_patterns(code, weight, rng)
    few = code.alphabet == "bit" and code.k <= 11 and len(errors) << code.k <= 1 << 17
    every = messages(code, 1 << code.k if few else 2, rng)
    if few:
        every = ((np.arange(1 << code.k)[:, None] >> np.arange(code.k)) & 1).astype(np.uint8)
        pairs = np.repeat(every, len(errors), axis=0), np.tile(errors, (len(every), 1))
    else:
        pairs = messages(code, len(errors), rng), errors
    return [
        (pairs[0][at : at + _BATCH], pairs[1][at : at + _BATCH])
        for at in range(0, len(pairs[0]), _BATCH)
    ]


def _wrong(
    code: Code,
    message: Rows,
    word: Rows,
    error: Rows | None = None,
    lost: Bools | None = None,
    *,
    exactly: int | None,
) -> str | None:
    """Decode words that must be decodable, and describe the first that is not."""
    error = np.zeros_like(word) if error is None else error
    result = code.decode(word ^ error, lost)
    if len(result.message) != len(message) or len(result.corrected) != len(message):
        return f"decode of {len(message)} blocks returns {len(result.message)}."
    bad = (result.message != message).any(axis=1) | result.failed
    if exactly is not None:
        bad |= result.corrected != exactly
    if not bad.any():
        return None
    row = int(np.flatnonzero(bad)[0])
    verdict = (
        "reports failure"
        if result.failed[row]
        else f"returns {show(code, result.message[row])}"
        f" and reports {result.corrected[row]} corrected"
    )
    return f"{_case(code, message, error, row, lost)} the decoder {verdict}."


def _case(code: Code, message: Rows, error: Rows, row: int, lost: Bools | None = None) -> str:
    text = f"for the message {show(code, message[row])}"
    wrong = error[row] != 0
    if lost is not None and lost[row].any():
        text += f" with {show_places(lost[row])} erased"
        wrong &= ~lost[row]
    return text + (f" with {show_places(wrong)} wrong" if wrong.any() else "")


def _parts(result: Decoded) -> tuple[NDArray[np.integer], ...]:
    return result.message, result.corrected


def _light(code: Code, batch: int, rng: np.random.Generator) -> Rows:
    """Return errors of every correctable weight, and of one and two more."""
    weight = rng.integers(0, code.corrects + 3, (batch, 1))
    chosen = rng.permuted(np.tile(np.arange(code.n), (batch, 1)), axis=1) < weight
    top = 255 if code.alphabet == "byte" else 1
    return (chosen * rng.integers(1, top + 1, chosen.shape)).astype(np.uint8)


def _bits(code: Code, rows: Rows) -> Rows:
    return np.unpackbits(rows, axis=1) if code.alphabet == "byte" else rows
