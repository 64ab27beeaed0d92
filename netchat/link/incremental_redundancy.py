"""Payload codes with incremental redundancy: a failed block is repaired by more parity, not by a copy.

All these codes send parts of the same codewords, those of `RateCompatible`: a *prefix* carries a block
with a certain share of parity, and an *increment* carries the parity between two prefixes. The receiver
decodes everything it has of a block together, with the sum of the ratios for bits that it has several
times (Lin and Yu 1982; 3GPP TS 38.212, section 5.4.2).
"""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache

import numpy as np

from netchat.coding.ldpc.rate_compatible import RateCompatible
from netchat.link.block_code import CRC_SIZE, BlockCode, DecodedPayload, crc_syndrome
from netchat.link.incremental_work import Steps
from netchat.link.sync_marker import differing_bits

__all__ = [
    "INCREMENTS",
    "LAST_PREFIX",
    "LEVELS",
    "MAX_INCREMENTS",
    "MIN_INCREMENTAL",
    "PREFIXES",
    "RedundancyCode",
    "decode_pieces",
    "increment_after",
    "is_redundancy",
    "layout",
    "parity_level",
    "sent_bits",
]

#: Parity of each level, in percent of the message.
LEVELS = (
    3, 5, 6, 8, 10, 12, 15, 18, 21, 25, 29, 34, 40, 46, 53, 61, 70, 80, 92, 105, 120, 135,
)  # fmt: skip

#: Additional parity bits, without which the shortest codewords could not be decoded.
_MORE = 4

#: Number of the first prefix, and of the first increment, in the table of codes.
_PREFIX, _INCREMENT = 16, 48

#: Levels of the prefixes and increments, by number.
PREFIXES = {_PREFIX + level: level for level in range(len(LEVELS))}
LAST_PREFIX = max(PREFIXES)
INCREMENTS = {_INCREMENT + level: level for level in range(len(LEVELS) - 1)}

#: Payload from which a failed block is repaired by increments, in bytes. Each increment has a header of 100
#: bytes, so that a shorter block is better retransmitted.
MIN_INCREMENTAL = 1024

#: Increments after which a block is retransmitted.
MAX_INCREMENTS = 4

#: Maximum message bits of a codeword: those of lifting size 192.
_LONGEST = 22 * 192

#: Iterations of the decoder per step: up to a millisecond.
_AT_ONCE = 4

#: Number of message lengths whose codes are kept.
_KEPT = 32


def is_redundancy(number: int) -> bool:
    """Return whether a number of the table is that of a prefix or an increment."""
    return number in PREFIXES or number in INCREMENTS


def parity_level(number: int) -> int:
    """Return the level that a prefix or an increment reaches; -1 for another code.

    >>> parity_level(16), parity_level(48), parity_level(4)
    (0, 1, -1)
    """
    if number in INCREMENTS:
        return INCREMENTS[number] + 1
    return PREFIXES.get(number, -1)


def increment_after(number: int) -> int | None:
    """Return the number of the parity that follows a prefix or an increment; None after the last.

    >>> increment_after(16), increment_after(48), increment_after(37)
    (48, 49, None)
    """
    following = _INCREMENT + parity_level(number)
    return following if following in INCREMENTS else None


def layout(length: int) -> tuple[int, int]:
    """Return the number of codewords of a payload, and their message bits.

    Args:
        length: Payload length in bytes.
    """
    bits = 8 * (length + CRC_SIZE)
    blocks = -(-bits // _LONGEST)
    return blocks, -(-bits // blocks)


@lru_cache(_KEPT)
def _code(k: int) -> RateCompatible:
    return RateCompatible(k)


def sent_bits(k: int, level: int) -> int:
    """Return the bits of a codeword in the prefix of a level."""
    return k - (-k * LEVELS[level] // 100) + _MORE


class RedundancyCode(BlockCode):
    """A prefix, or an increment, as code of a block.

    The bits are distributed evenly over the codewords, and the codewords are interleaved (first bit of
    each, second bit of each, …).

    Args:
        number: Number in the table of codes.
    """

    def __init__(self, number: int) -> None:
        self._begin = INCREMENTS.get(number)
        self._end = PREFIXES[number] if self._begin is None else self._begin + 1
        self.spec = f"nr:{LEVELS[self._end]}"
        if self._begin is not None:
            self.spec = f"nr:{LEVELS[self._begin]}..{LEVELS[self._end]}"
        self.rate = 100 / (100 + LEVELS[self._end])
        self._within: dict[int, int] = {}

    @property
    def is_increment(self) -> bool:
        """Whether it cannot be decoded by itself."""
        return self._begin is not None

    def span(self, k: int) -> tuple[int, int]:
        """Return the first and last bits of each codeword, of k message bits, that it carries."""
        return (0 if self._begin is None else sent_bits(k, self._begin)), sent_bits(k, self._end)

    def warm_up(self) -> None:
        """Load and compile everything that encoding and decoding use, and build the longest code."""
        size = _LONGEST // 8 - CRC_SIZE
        self.decode(b"", self.encode(b"", bytes(size)), size)

    def coded_length(self, length: int) -> int:
        """Return the coded length of a payload of `length` bytes, in bytes."""
        blocks, k = layout(length)
        begin, end = self.span(k)
        return -(-blocks * (end - begin) // 8)

    def _search_within(self, coded: int) -> int:
        return bisect_right(range(1, coded + 1), coded, key=self.coded_length)

    def _encode(self, sealed: bytes) -> bytes:
        blocks, k = layout(len(sealed) - CRC_SIZE)
        begin, end = self.span(k)
        bits = np.zeros(blocks * k, np.uint8)
        data = np.unpackbits(np.frombuffer(sealed, np.uint8))
        bits[: data.size] = data
        words = _code(k).encode(bits.reshape(blocks, k), end)
        return np.packbits(words[:, begin:].T).tobytes()

    def decode_steps(self, context: bytes, coded: bytes, length: int) -> Steps[DecodedPayload]:
        """Decode a coded payload by itself; an increment alone fails."""
        found = yield from decode_pieces(context, [(self, coded)], length)
        return found


def decode_pieces(
    context: bytes, pieces: list[tuple[RedundancyCode, bytes]], length: int
) -> Steps[DecodedPayload]:
    """Decode all pieces of a block that have been received, together.

    Args:
        context: Additional bytes that the CRC covers.
        pieces: The code and the received coded payload of each piece.
        length: Payload length in bytes.
    """
    blocks, k = layout(length)
    spans = [code.span(k) for code, _ in pieces]
    n = max(end for _, end in spans)
    votes = np.zeros((n, blocks), np.int8)
    for (begin, end), (_, coded) in zip(spans, pieces, strict=True):
        bits = np.unpackbits(np.frombuffer(coded, np.uint8))[: (end - begin) * blocks]
        votes[begin:end] += 1 - 2 * bits.reshape(end - begin, blocks).astype(np.int8)
    if n - np.count_nonzero(votes.any(axis=1)) > n - k:  # fewer bits than the message has
        return DecodedPayload(b"", good=False, corrected=0, wrong=0)
    result = yield from _code(k).decode_steps(votes.T.astype(np.float32), _AT_ONCE)
    sealed = np.packbits(result.message.ravel()).tobytes()[: length + CRC_SIZE]
    good = not crc_syndrome(context, sealed)
    wrong = 0
    if good and result.corrected.any():
        yield
        wrong = sum(differing_bits(coded, code._encode(sealed)) for code, coded in pieces)
    return DecodedPayload(sealed[:length], good=good, corrected=wrong, wrong=wrong)
