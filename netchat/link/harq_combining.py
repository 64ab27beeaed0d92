"""Hybrid ARQ: joint decoding of several damaged copies of a block.

There are three methods, tried in this order; the CRC of the payload decides each time.

- *Selection.* Each codeword is taken from a copy in which it could be decoded.
- *Guessing.* If the last two copies differ in a few bytes after decoding, one of them is nearly
  always right in each byte. All combinations are tried (Chakraborty, Yli-Juuti and Liinaharja 1998).
  With 8 bytes this takes 256 CRC-32 checks, which accept a wrong one with probability 6e-8.
- *Majority.* With three or more copies, each bit is decided by majority (Chase 1985, with hard
  decisions).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np

__all__ = ["Decoding", "combined"]

#: Maximum number of bytes to guess.
_MAX_GUESSED = 8

Decoding = Callable[[bytes], tuple[bytes, "np.typing.NDArray[np.bool_]"]]
"""Decodes a copy into bytes, and tells which of them are certainly correct."""


def combined(copies: list[bytes], decode: Decoding, good: Callable[[bytes], bool]) -> bytes | None:
    """Decode a block from several damaged copies.

    Args:
        copies: Two or more copies, the latest last.
        decode: Decoder for one copy.
        good: Check of the decoded bytes' CRC.

    Returns:
        The decoded bytes; None if the copies do not suffice.
    """
    decoded = [decode(copy) for copy in copies]
    octets = np.stack([np.frombuffer(data, np.uint8) for data, _ in decoded])
    certain = np.stack([sure for _, sure in decoded])
    first = certain.argmax(axis=0)
    best = octets[first, np.arange(octets.shape[1])]
    # Bytes that are certain in no copy keep the value of each copy.
    octets = np.where(certain.any(axis=0), best, octets)
    for data in _guesses(octets[-1], octets[-2]):
        if good(data):
            return data
    if len(copies) < 3:
        return None
    data, _ = decode(_majority(copies))
    return data if good(data) else None


def _guesses(one: np.typing.NDArray[np.uint8], other: np.typing.NDArray[np.uint8]) -> list[bytes]:
    """Return all combinations of two copies in the bytes where they differ."""
    positions = np.flatnonzero(one != other)
    if len(positions) > _MAX_GUESSED:
        return []
    guesses = []
    for choice in product((True, False), repeat=len(positions)):
        guess = one.copy()
        guess[positions] = np.where(choice, one[positions], other[positions])
        guesses.append(guess.tobytes())
    return guesses


def _majority(copies: list[bytes]) -> bytes:
    """Return the bitwise majority of the copies; the latest copy decides ties."""
    bits = np.stack([np.unpackbits(np.frombuffer(copy, np.uint8)) for copy in copies])
    ones = 2 * bits.sum(axis=0, dtype=np.int16)
    return np.packbits(np.where(ones == len(copies), bits[-1], ones > len(copies))).tobytes()
