"""Kernels of polar codes: the encoder and the successive-cancellation decoder of 64 blocks at a time.

A decoder runs a list of steps (see `steps`). The ratios of a node of 2^level positions begin at entry
2^level of `ratios`; each position has an integer of 8 bits for each block. `words` has the bits of a node,
a word of 64 blocks for each position, at the places that the node has in the mother codeword.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from netchat.coding import check_kernels as checks
from netchat.coding import lane_kernels as lanes
from netchat.coding import vector_kernels as vectors
from netchat.jit import kernel, part

__all__ = ["decode", "encode", "load_received", "transform"]

#: Kinds of steps, as in `steps`.
_LEFT, _RIGHT, _RIGHT_ONLY, _JOIN, _JOIN_EQUAL = 0, 1, 2, 3, 4
_ZEROS, _FREE, _EQUAL, _EVEN = 5, 6, 7, 8
#: Kinds of places in a mother codeword without a received bit: known to be zero, or unknown.
_SHORTENED = -1


@kernel
def transform(words: Any, size: Any) -> None:
    """Multiply the first `size` words by the matrix of a polar code, which is its own inverse."""
    half = 1
    while half < size:
        for begin in range(0, size, 2 * half):
            for at in range(begin, begin + half):
                words[at] ^= words[at + half]
        half *= 2


@kernel
def encode(
    message: Any,
    places: Any,
    check_places: Any,
    taps: Any,
    start: Any,
    size: Any,
    sent: Any,
    word: Any,
) -> None:
    """Encode messages (batch, k) to codewords (batch, n).

    Args:
        message: Messages.
        places: (k,) Place of each message bit in the mother code.
        check_places: (width,) Places of the check, the highest coefficient first.
        taps: Generator of the check, as in `remainder`.
        start: The same.
        size: Length of the mother code.
        sent: (n,) Place in the mother codeword of each bit.
        word: Codewords, to be filled.
    """
    words = np.zeros(size, np.uint64)
    square = np.zeros(vectors.LANES * vectors.LANES, np.uint8)
    spare = np.zeros_like(square)
    register = np.zeros(len(start), np.uint64)
    for first in range(0, len(message), vectors.LANES):
        blocks = min(vectors.LANES, len(message) - first)
        words[:] = 0
        vectors.read_rows(first, blocks, message, places, square, spare, words)
        checks.remainder(words, places, taps, start, register)
        for at in range(len(start)):
            words[check_places[at]] = register[at]
        transform(words, size)
        vectors.write_rows(first, blocks, words, sent, square, spare, word)


@part
def _combine(one: Any, two: Any, zero: Any) -> Any:
    """Return the ratio of the sum of two bits: the smaller magnitude, with the product of the signs."""
    size = vectors.minimum(
        vectors.maximum(one, vectors.negative(one)), vectors.maximum(two, vectors.negative(two))
    )
    return vectors.choose(vectors.xor(one, two), zero, vectors.negative(size), size)


@kernel
def load_received(received: Any, sent: Any, missing: Any, size: Any, ratios: Any) -> None:
    """Place received ratios in the mother codeword; those of a repeated bit are added."""
    count = vectors.LANES
    for at in range(size):
        value = np.int8(127) if missing[at] == _SHORTENED else np.int8(0)
        row = (size + at) * count
        ratios[row : row + count] = value
    for at in range(len(sent)):
        row = (size + sent[at]) * count
        total = vectors.add_saturated(vectors.load(ratios, row), vectors.load(received, at * count))
        vectors.store(ratios, row, total)


@kernel
def _run(steps: Any, ratios: Any, words: Any, constants: Any) -> None:
    """Run the steps of the decoder."""
    count = vectors.LANES
    zero = vectors.load(constants, 0)
    least = vectors.load(constants, count)
    most = vectors.load(constants, 2 * count)
    for number in range(len(steps)):
        kind, level, at = steps[number, 0], steps[number, 1], steps[number, 2]
        size = 1 << level
        half = size >> 1
        one_row, two_row, out_row = size * count, (size + half) * count, half * count
        if kind == _LEFT:
            for _ in range(half):
                one, two = vectors.load(ratios, one_row), vectors.load(ratios, two_row)
                vectors.store(ratios, out_row, _combine(one, two, zero))
                one_row += count
                two_row += count
                out_row += count
        elif kind == _RIGHT:
            for index in range(half):
                one, two = vectors.load(ratios, one_row), vectors.load(ratios, two_row)
                total = lanes.choose_bits(
                    words[at + index],
                    vectors.subtract_saturated(two, one),
                    vectors.add_saturated(two, one),
                )
                vectors.store(ratios, out_row, vectors.maximum(total, least))
                one_row += count
                two_row += count
                out_row += count
        elif kind == _RIGHT_ONLY:
            for _ in range(half):
                one, two = vectors.load(ratios, one_row), vectors.load(ratios, two_row)
                total = vectors.add_saturated(two, one)
                vectors.store(ratios, out_row, vectors.maximum(total, least))
                one_row += count
                two_row += count
                out_row += count
        elif kind == _JOIN:
            for index in range(at, at + half):
                words[index] ^= words[index + half]
        elif kind == _JOIN_EQUAL:
            for index in range(at, at + half):
                words[index] = words[index + half]
        elif kind == _ZEROS:
            for index in range(at, at + size):
                words[index] = 0
        elif kind == _FREE:
            for index in range(size):
                words[at + index] = vectors.bits_below(
                    vectors.load(ratios, (size + index) * count), zero
                )
        elif kind == _EQUAL:
            while size > 1:
                size >>= 1
                for index in range(size):
                    total = vectors.add_saturated(
                        vectors.load(ratios, (2 * size + index) * count),
                        vectors.load(ratios, (3 * size + index) * count),
                    )
                    vectors.store(ratios, (size + index) * count, vectors.maximum(total, least))
            bit = vectors.bits_below(vectors.load(ratios, count), zero)
            for index in range(at, at + (1 << level)):
                words[index] = bit
        elif kind == _EVEN:
            odd = np.uint64(0)
            smallest = most
            for index in range(size):
                value = vectors.load(ratios, (size + index) * count)
                bits = vectors.bits_below(value, zero)
                words[at + index] = bits
                odd ^= bits
                smallest = vectors.minimum(
                    smallest, vectors.maximum(value, vectors.negative(value))
                )
            index = 0
            while odd:  # flip the least reliable bit of each block with odd parity
                value = vectors.load(ratios, (size + index) * count)
                magnitude = vectors.maximum(value, vectors.negative(value))
                flipped = odd & ~vectors.bits_below(smallest, magnitude)
                words[at + index] ^= flipped
                odd &= ~flipped
                index += 1


@kernel
def decode(
    rows: Any, sent: Any, missing: Any, positions: Any, size: Any, steps: Any, places: Any, check: Any,
    taps: Any, start: Any, limit: Any, largest: Any, message: Any, corrected: Any,
) -> None:  # fmt: skip
    """Decode received words (batch, n).

    Args:
        rows: Log-likelihood ratios.
        sent: (n,) Place in the mother codeword of each bit.
        missing: (size,) -1 where a bit of the mother codeword is not sent and known to be zero.
        positions: (n,) Numbers 0 to n - 1.
        size: Length of the mother code.
        steps: Steps of the decoder.
        places: (k,) Places of the message in the mother code.
        check: (k + width,) Places of the message and of its check, the highest coefficient first.
        taps: Generator of the check, as in `remainder`.
        start: The same.
        limit: Integer for twice the mean magnitude of the ratios of a block.
        largest: Largest magnitude of a quantised ratio.
        message: (batch, k) Messages, to be filled.
        corrected: (batch,) int64 array, to be filled; -1 where the check fails.
    """
    count = vectors.LANES
    received = np.empty(len(sent) * count, np.int8)
    ratios = np.empty(2 * size * count, np.int8)
    words = np.empty(size, np.uint64)
    codeword = np.empty(size, np.uint64)
    hard, lost = np.empty(len(sent), np.uint64), np.empty(len(sent), np.uint64)
    register = np.empty(len(start), np.uint64)
    constants = np.zeros(3 * count, np.int8)
    constants[count : 2 * count] = -127
    constants[2 * count :] = 127
    bytes_of_64, more = np.zeros(count * count, np.uint8), np.zeros(count * count, np.uint8)
    zero = vectors.load(constants, 0)
    for first in range(0, len(rows), count):
        blocks = min(count, len(rows) - first)
        vectors.quantise(rows, first, blocks, positions, limit, largest, received)
        for at in range(len(sent)):
            ratio = vectors.load(received, at * count)
            hard[at] = vectors.bits_below(ratio, zero)
            lost[at] = ~(hard[at] | vectors.bits_below(zero, ratio))
        load_received(received, sent, missing, size, ratios)
        _run(steps, ratios, words, constants)
        codeword[:] = words
        transform(words, size)
        wrong = checks.remainder(words, check, taps, start, register)
        vectors.write_rows(first, blocks, words, places, bytes_of_64, more, message)
        vectors.count_differences(first, blocks, hard, lost, codeword, sent, ~wrong, corrected)
