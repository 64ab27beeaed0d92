"""Encoding of any number of bytes with a block code, without a length field.

The data is split into messages of k symbols; the rest uses a shortened code. The number of coded
bytes grows with the number of data bytes, by at least one each, so the receiver can compute one from
the other. A code over bits pads its last byte with zeros.

A code that is not systematic cannot omit symbols. Its data is followed by a one and then by zeros up
to the end of the block.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np

from netchat.coding.arrays import Decoded, Rows
from netchat.wording import many

__all__ = [
    "CodeProtocol",
    "DecodedBytes",
    "coded_length",
    "data_length",
    "decode_bytes",
    "decoded_bytes",
    "encode_bytes",
    "joined",
    "split_codewords",
    "split_messages",
]


class CodeProtocol(Protocol):
    """The part of `netchat.coding.Code` that framing uses."""

    n: int
    k: int
    spec: str
    systematic: bool

    @property
    def bits_per_symbol(self) -> int:
        """Number of bits in a symbol."""

    def __hash__(self) -> int:
        """Return the identity hash, for caches."""

    def encode(self, message: Any) -> Rows:
        """Encode a batch of messages."""

    def decode(self, received: Any) -> Decoded:
        """Decode a batch of received words."""

    def shortened(self, k: int) -> Any:
        """Return the code shortened to messages of k symbols."""


@dataclass(frozen=True, slots=True)
class DecodedBytes:
    """Result of decoding bytes."""

    data: bytes
    """Decoded data; the received data in blocks that failed."""
    corrected: int
    """Number of corrected symbols in all blocks that did not fail."""
    failed: int
    """Number of blocks that could not be decoded; 0 if the data is intact."""
    blocks: int
    """Total number of blocks."""


def split_messages(code: CodeProtocol, data: bytes) -> list[tuple[Any, Rows]]:
    """Split data into messages, each batch with the code that encodes it.

    Returns:
        The full messages with `code`, then the rest with the shortened code.
    """
    symbols = _symbols(code, data)
    if not code.systematic and data:
        padded = np.zeros(_blocks(code, len(symbols) + 1) * code.k, np.uint8)
        padded[: len(symbols)] = symbols
        padded[len(symbols)] = 1
        symbols = padded
    return _split(code, symbols, len(symbols))


def encode_bytes(code: CodeProtocol, data: bytes) -> bytes:
    """Encode any number of bytes; empty data encodes to no bytes."""
    return joined(code, [part.encode(message) for part, message in split_messages(code, data)])


def split_codewords(code: CodeProtocol, coded: bytes) -> list[tuple[Any, Rows]]:
    """Split coded bytes into received words, each batch with the code that decodes it.

    Raises:
        ValueError: No data encodes to this number of bytes.
    """
    count = data_length(code, len(coded)) * 8 // code.bits_per_symbol
    symbols = _symbols(code, coded)
    if not code.systematic and coded:
        count = _blocks(code, count + 1) * code.k  # all blocks are full
    return _split(code, symbols, count, coded=True)


def decode_bytes(code: CodeProtocol, coded: bytes) -> DecodedBytes:
    """Decode the output of `encode_bytes`.

    Raises:
        ValueError: No data encodes to this number of bytes.
    """
    return decoded_bytes(code, [part.decode(word) for part, word in split_codewords(code, coded)])


def decoded_bytes(code: CodeProtocol, results: Sequence[Decoded]) -> DecodedBytes:
    """Join the decoded blocks."""
    message = _concatenated([result.message for result in results])
    counts = np.concatenate([result.corrected for result in results] or [np.zeros(0, np.int64)])
    failed = int((counts < 0).sum())
    if not code.systematic and len(message):
        per_byte = 8 // code.bits_per_symbol
        ones = np.flatnonzero(message)
        end = int(ones[-1]) if len(ones) else 0
        if end % per_byte or message[end] != 1:
            failed, end = max(failed, 1), end // per_byte * per_byte
        message = message[:end]
    corrected = int(np.maximum(counts, 0).sum())
    return DecodedBytes(_bytes(code, message), corrected, failed, len(counts))


def joined(code: CodeProtocol, words: Sequence[Rows]) -> bytes:
    """Join codewords into bytes."""
    return _bytes(code, _concatenated(words))


def coded_length(code: CodeProtocol, length: int) -> int:
    """Return the number of bytes to which `length` bytes of data encode."""
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
def data_length(code: CodeProtocol, length: int) -> int:
    """Return the number of data bytes that encode to `length` bytes.

    For a code that is not systematic, return the largest such number.

    Raises:
        ValueError: No data encodes to this number of bytes.
    """
    low, high = 0, length
    while low < high:
        middle = (low + high + 1) // 2
        if coded_length(code, middle) <= length:
            low = middle
        else:
            high = middle - 1
    if coded_length(code, low) != length:
        raise ValueError(
            f"{code.spec}: no data encodes to {many(length, 'byte')}; check whether bytes were lost "
            "or added."
        )
    return low


def _blocks(code: CodeProtocol, symbols: int) -> int:
    return -(-symbols // code.k)


def _split(
    code: CodeProtocol, symbols: Rows, count: int, *, coded: bool = False
) -> list[tuple[Any, Rows]]:
    """Split symbols into messages, or into codewords, of `count` message symbols in total."""
    full, rest = divmod(count, code.k)
    parts: list[tuple[Any, int]] = [(code, full)] if full else []
    if rest:
        parts.append((code.shortened(rest), 1))
    rows, start = [], 0
    for part, blocks in parts:
        width = part.n if coded else part.k
        rows.append((part, symbols[start : start + blocks * width].reshape(blocks, width)))
        start += blocks * width
    return rows


def _concatenated(rows: Sequence[Rows]) -> Rows:
    return np.concatenate([row.ravel() for row in rows] or [np.zeros(0, np.uint8)])


def _symbols(code: CodeProtocol, data: bytes) -> Rows:
    octets = np.frombuffer(data, np.uint8)
    return octets if code.bits_per_symbol == 8 else np.unpackbits(octets)


def _bytes(code: CodeProtocol, symbols: Rows) -> bytes:
    return (symbols if code.bits_per_symbol == 8 else np.packbits(symbols)).tobytes()
