"""Hybrid ARQ: what several damaged copies of a block say together.

Three ways, from the cheapest on; the CRC of the payload decides each time.

- *Selection.* Each codeword is taken from a copy in which it could be decoded.
- *Guessing.* Where the last two copies, decoded as well as they can be, differ in a few bytes, one
  of them is nearly always right in each: all choices are tried (Chakraborty, Yli-Juuti and
  Liinaharja 1998). With 8 bytes that is 256 looks at a CRC-32, which lets a wrong one pass with a
  probability of 6e-8.
- *Majority.* Of three copies and more, each bit is what most of them say (Chase 1985, with hard
  decisions).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np

__all__ = ["Decoding", "combined"]

#: Bytes that are guessed.
_MOST_GUESSED = 8

Decoding = Callable[[bytes], tuple[bytes, "np.typing.NDArray[np.bool_]"]]
"""Makes of a copy the bytes it was made from, as well as it can, and which of them are certain."""


def combined(copies: list[bytes], decode: Decoding, good: Callable[[bytes], bool]) -> bytes | None:
    """The bytes that a block was made from; None if its copies do not tell.

    Args:
        copies: two or more, the latest last.
        decode: how one is decoded.
        good: whether the CRC of the bytes is right.
    """
    decoded = [decode(copy) for copy in copies]
    octets = np.stack([np.frombuffer(data, np.uint8) for data, _ in decoded])
    certain = np.stack([sure for _, sure in decoded])
    first = certain.argmax(axis=0)
    best = octets[first, np.arange(octets.shape[1])]
    # What is certain in no copy is left as each of them has it.
    octets = np.where(certain.any(axis=0), best, octets)
    for data in _guesses(octets[-1], octets[-2]):
        if good(data):
            return data
    if len(copies) < 3:
        return None
    data, _ = decode(_majority(copies))
    return data if good(data) else None


def _guesses(one: np.typing.NDArray[np.uint8], other: np.typing.NDArray[np.uint8]) -> list[bytes]:
    """Everything that is like one or the other in each byte."""
    places = np.flatnonzero(one != other)
    if len(places) > _MOST_GUESSED:
        return []
    guesses = []
    for choice in product((True, False), repeat=len(places)):
        guess = one.copy()
        guess[places] = np.where(choice, one[places], other[places])
        guesses.append(guess.tobytes())
    return guesses


def _majority(copies: list[bytes]) -> bytes:
    """Each bit as most of the copies have it; where they are equal, as the latest one has it."""
    bits = np.stack([np.unpackbits(np.frombuffer(copy, np.uint8)) for copy in copies])
    ones = 2 * bits.sum(axis=0, dtype=np.int16)
    return np.packbits(np.where(ones == len(copies), bits[-1], ones > len(copies))).tobytes()
