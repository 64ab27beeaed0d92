"""Hybrid ARQ: joint decoding of several damaged copies of a block.

There are three methods, tried in this order; the CRC of the payload decides each time.

- *Selection.* Each codeword is taken from a copy in which it could be decoded.
- *Guessing.* If the last two copies differ in a few bytes after decoding, one of them is nearly
  always right in each byte. All combinations are tried (Chakraborty, Yli-Juuti and Liinaharja 1998).
  With 8 bytes these are 256 candidates; a CRC-32 accepts a wrong one with probability 6e-8.
- *Majority.* With three or more copies, each bit is decided by majority (Chase 1985, with hard
  decisions).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np

from netchat.link.incremental_work import Steps

__all__ = ["Decoding", "combined"]

#: Maximum number of bytes to guess.
_MAX_GUESSED = 8

Octets = np.typing.NDArray[np.uint8]

Decoding = Callable[[bytes], "Steps[tuple[bytes, np.typing.NDArray[np.bool_]]]"]
"""Decodes a copy into bytes, and marks those that are certainly correct."""


def combined(
    copies: list[bytes], decode: Decoding, syndrome: Callable[[bytes], int]
) -> Steps[bytes | None]:
    """Decode a block from several damaged copies.

    Args:
        copies: Two or more copies, the latest last.
        decode: Decoder for one copy.
        syndrome: Difference between the CRC of decoded bytes and the CRC in them; 0 if they agree.

    Returns:
        The decoded bytes; None if the copies do not suffice.
    """
    decoded = []
    for copy in copies:
        decoded.append((yield from decode(copy)))
        yield
    octets = np.stack([np.frombuffer(data, np.uint8) for data, _ in decoded])
    certain = np.stack([sure for _, sure in decoded])
    first = certain.argmax(axis=0)
    best = octets[first, np.arange(octets.shape[1])]
    # Bytes that are certain in no copy keep the value of each copy.
    octets = np.where(certain.any(axis=0), best, octets)
    data = _guess(octets[-1], octets[-2], syndrome)
    if data is not None or len(copies) < 3:
        return data
    yield
    majority = _majority(copies)
    yield
    data, _ = yield from decode(majority)
    return None if syndrome(data) else data


def _guess(one: Octets, other: Octets, syndrome: Callable[[bytes], int]) -> bytes | None:
    """Return the combination of two copies, in the bytes where they differ, whose CRC is valid.

    A CRC is affine over GF(2): replacing a byte changes the syndrome by the same value, whatever the
    other bytes are. One CRC for each byte therefore decides all combinations.
    """
    positions = np.flatnonzero(one != other)
    if len(positions) > _MAX_GUESSED:
        return None
    base = syndrome(one.tobytes())
    changes = [
        base ^ syndrome(_replaced(one, other, positions[i : i + 1])) for i in range(len(positions))
    ]
    for count in range(len(positions) + 1):
        for chosen in combinations(range(len(positions)), count):
            value = base
            for index in chosen:
                value ^= changes[index]
            if not value:
                return _replaced(one, other, positions[list(chosen)])
    return None


def _replaced(one: Octets, other: Octets, positions: np.typing.NDArray[np.intp]) -> bytes:
    replaced = one.copy()
    replaced[positions] = other[positions]
    return replaced.tobytes()


def _majority(copies: list[bytes]) -> bytes:
    """Return the bitwise majority of the copies; the latest copy decides ties."""
    rows = [np.frombuffer(copy, np.uint8) for copy in copies]
    # Bit i of each bit's count of ones, as in an adder for all bits at once.
    digits = [np.zeros_like(rows[0]) for _ in range(len(rows).bit_length())]
    for row in rows:
        carry = row
        for i, digit in enumerate(digits):
            digits[i], carry = digit ^ carry, digit & carry
    result = np.zeros_like(rows[0])
    for ones in range((len(rows) + 1) // 2, len(rows) + 1):
        matches = rows[-1] if 2 * ones == len(rows) else np.full_like(rows[0], 255)
        for i, digit in enumerate(digits):
            matches = matches & (digit if ones >> i & 1 else ~digit)
        result |= matches
    return result.tobytes()
