"""Bytes of any length through a block code, without a length field.

The data are cut into messages of k symbols; what remains makes one shortened block. The number of
coded bytes then grows with the number of data bytes, by at least one each, so that the receiver can
tell the one from the other. A code over bits fills its last byte with zeros.

A code that is not systematic cannot leave symbols out: its data are followed by a one and zeros
up to the end of the block instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from netchat.coding.code import Code, Decoded, Rows
from netchat.coding.registry import get
from netchat.wording import many

__all__ = [
    "DecodedBytes",
    "coded_length",
    "data_length",
    "decode_bytes",
    "decoded_bytes",
    "encode_bytes",
    "joined",
    "messages_of",
    "words_of",
]


@dataclass(frozen=True, slots=True)
class DecodedBytes:
    """What `decode_bytes` made of coded bytes."""

    data: bytes
    """The data; where a block failed, what arrived."""
    corrected: int
    """Symbols that were corrected, in all blocks that did not fail."""
    failed: int
    """Blocks that could not be decoded; 0 if the data are good."""
    blocks: int
    """Blocks in all."""


def messages_of(code: Code, data: bytes) -> list[tuple[Code, Rows]]:
    """Data as messages: those of the code, then the one of a shortened code, if there is a rest."""
    symbols = _symbols(code, data)
    if not code.systematic and data:
        filled = np.zeros(_blocks(code, len(symbols) + 1) * code.k, np.uint8)
        filled[: len(symbols)] = symbols
        filled[len(symbols)] = 1
        symbols = filled
    return _cut(code, symbols, len(symbols))


def encode_bytes(code: Code | str, data: bytes) -> bytes:
    """Encode any number of bytes; none make none."""
    code = get(code)
    return joined(code, [part.encode(message) for part, message in messages_of(code, data)])


def words_of(code: Code, coded: bytes) -> list[tuple[Code, Rows]]:
    """Coded bytes as received words: those of the code, then the one of a shortened code.

    Raises:
        ValueError: if no data encodes to that many bytes.
    """
    count = data_length(code, len(coded)) * 8 // code.bits_per_symbol
    symbols = _symbols(code, coded)
    if not code.systematic:
        count = len(symbols) // code.n * code.k  # all blocks are full
    return _cut(code, symbols, count, coded=True)


def decode_bytes(code: Code | str, coded: bytes) -> DecodedBytes:
    """Decode what `encode_bytes` made.

    Raises:
        ValueError: if no data encodes to that many bytes.
    """
    code = get(code)
    return decoded_bytes(code, [part.decode(word) for part, word in words_of(code, coded)])


def decoded_bytes(code: Code, results: list[Decoded]) -> DecodedBytes:
    """What was decoded of all blocks, put together."""
    message = _concatenated([result.message for result in results])
    counts = np.concatenate([result.corrected for result in results] or [np.zeros(0, np.int64)])
    failed = int((counts < 0).sum())
    if not code.systematic and len(message):
        ones = np.flatnonzero(message)
        end = int(ones[-1]) if len(ones) else 0
        if end % (8 // code.bits_per_symbol) or message[end] != 1:
            failed, end = (
                max(failed, 1),
                end // (8 // code.bits_per_symbol) * (8 // code.bits_per_symbol),
            )
        message = message[:end]
    corrected = int(np.maximum(counts, 0).sum())
    return DecodedBytes(_bytes(code, message), corrected, failed, len(counts))


def joined(code: Code, words: list[Rows]) -> bytes:
    """Codewords put together into bytes."""
    return _bytes(code, _concatenated(words))


def coded_length(code: Code | str, length: int) -> int:
    """How many bytes `encode_bytes` makes of so many."""
    code = get(code)
    if length == 0:
        return 0
    count = length * 8 // code.bits_per_symbol
    if not code.systematic:
        symbols = _blocks(code, count + 1) * code.n
    else:
        rest = count % code.k
        symbols = count // code.k * code.n + (code.shortened(rest).n if rest else 0)
    return -(-symbols * code.bits_per_symbol // 8)


@lru_cache(maxsize=1024)
def data_length(code: Code | str, length: int) -> int:
    """How many bytes encode to so many; the most, for a code that is not systematic.

    Raises:
        ValueError: if none do.
    """
    code = get(code)
    low, high = 0, length
    while low < high:
        middle = (low + high + 1) // 2
        if coded_length(code, middle) <= length:
            low = middle
        else:
            high = middle - 1
    if coded_length(code, low) != length:
        raise ValueError(
            f"{code.spec}: no data encodes to {many(length, 'byte')}; some were lost or added."
        )
    return low


def _blocks(code: Code, symbols: int) -> int:
    return -(-symbols // code.k)


def _cut(code: Code, symbols: Rows, count: int, *, coded: bool = False) -> list[tuple[Code, Rows]]:
    """Symbols of `count` symbols of message as rows: of messages, or of codewords."""
    full, rest = divmod(count, code.k)
    parts = [(code, full)] if full else []
    if rest:
        parts.append((code.shortened(rest), 1))
    rows, start = [], 0
    for part, blocks in parts:
        width = part.n if coded else part.k
        rows.append((part, symbols[start : start + blocks * width].reshape(blocks, width)))
        start += blocks * width
    return rows


def _concatenated(rows: list[Rows]) -> Rows:
    return np.concatenate([row.ravel() for row in rows] or [np.zeros(0, np.uint8)])


def _symbols(code: Code, data: bytes) -> Rows:
    octets = np.frombuffer(data, np.uint8)
    return octets if code.alphabet == "byte" else np.unpackbits(octets)


def _bytes(code: Code, symbols: Rows) -> bytes:
    return (symbols if code.alphabet == "byte" else np.packbits(symbols)).tobytes()
