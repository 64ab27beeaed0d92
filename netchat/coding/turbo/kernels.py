"""Kernels of turbo codes: the encoder, and the max-log decoder of 64 blocks at a time in 8 bits.

The trellis has the 8 states of LTE (3GPP TS 36.212, section 5.1.3.2). Metrics are costs: how much worse a
path is than the best one, up to 255. A decoder of one of the two codes takes one segment of the block at a
time, so that the metrics stay in the cache: it goes back through the steps after the segment, where all
states are equally likely at first, then back through the segment, and forward again. It does so for the
blocks of one SIMD register at a time, whose metrics then fit the registers that a processor has.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from netchat.coding import check_kernels as checks
from netchat.coding import vector_kernels as vectors
from netchat.jit import kernel, part

__all__ = ["count_differences", "decode", "encode", "place_received"]

#: Number of states and of steps that lead back to state 0.
_STATES, _TAIL = 8, 3
#: Steps between normalisations of the metrics.
_NORMALISE = 2
#: Largest metric, so that the sum of two fits 8 bits without saturation.
_WORST = 127
#: Steps whose metrics are kept.
_SEGMENT = 512
#: Steps after a segment from which the metrics at its end are learnt: 16 times the constraint length.
_LEARN = 64


@kernel
def _constituent(words: Any, first: Any, count: Any, order: Any, reads: Any, out: Any) -> None:
    """Encode `count` words in the order given, and write the parity bits and the tail.

    Args:
        words: Message words.
        first: Unused words before the message.
        count: Number of message words.
        order: (count,) Word that is read in each step.
        reads: Whether `order` is used.
        out: (count + 6,) Parity bits, then three pairs of a message bit and a parity bit of the tail.
    """
    one, two, three = np.uint64(0), np.uint64(0), np.uint64(0)
    for step in range(count):
        bit = words[first + (order[step] if reads else step)]
        new = bit ^ two ^ three
        out[step] = new ^ one ^ three
        one, two, three = new, one, two
    for step in range(_TAIL):
        out[count + 2 * step] = two ^ three
        out[count + 2 * step + 1] = one ^ three
        one, two, three = np.uint64(0), one, two


@kernel
def encode(
    message: Any, places: Any, size: Any, order: Any, taps: Any, start: Any, sent: Any, word: Any
) -> None:
    """Encode messages (batch, k) to codewords (batch, n).

    Args:
        message: Messages.
        places: (k,) Place of each bit in the block of `size` bits: fillers, message, check.
        size: Length of the block.
        order: (size,) Interleaver.
        taps: Generator of the check, as in `remainder`.
        start: The same.
        sent: (n,) Which bit is sent: the block, the parity bits of the first code and its tail, and those
            of the second one.
        word: Codewords, to be filled.
    """
    words = np.zeros(3 * size + 4 * _TAIL, np.uint64)
    square = np.zeros(vectors.LANES * vectors.LANES, np.uint8)
    spare = np.zeros_like(square)
    register = np.zeros(len(start), np.uint64)
    one, two = words[size : 2 * size + 2 * _TAIL], words[2 * size + 2 * _TAIL :]
    for first in range(0, len(message), vectors.LANES):
        blocks = min(vectors.LANES, len(message) - first)
        words[:] = 0
        vectors.read_rows(first, blocks, message, places, square, spare, words)
        checks.remainder(words, places, taps, start, register)
        for at in range(len(start)):
            words[size - len(start) + at] = register[at]
        _constituent(words, 0, size, order, False, one)
        _constituent(words, 0, size, order, True, two)
        vectors.write_rows(first, blocks, words, sent, square, spare, word)


@part
def _better(one: Any, cost_one: Any, two: Any, cost_two: Any) -> Any:
    return vectors.minimum(vectors.add(one, cost_one), vectors.add(two, cost_two))


@part
def _better_saturated(one: Any, cost_one: Any, two: Any, cost_two: Any) -> Any:
    return vectors.minimum(
        vectors.add_saturated(one, cost_one), vectors.add_saturated(two, cost_two)
    )


@part
def _least_of_4(a: Any, b: Any, c: Any, d: Any, e: Any, f: Any, g: Any, h: Any) -> Any:
    return vectors.minimum(_better(a, b, c, d), _better(e, f, g, h))


@part
def _load_states(array: Any, at: Any) -> Any:
    lanes = vectors.REGISTER
    return (
        vectors.load_register(array, at), vectors.load_register(array, at + lanes),
        vectors.load_register(array, at + 2 * lanes), vectors.load_register(array, at + 3 * lanes),
        vectors.load_register(array, at + 4 * lanes), vectors.load_register(array, at + 5 * lanes),
        vectors.load_register(array, at + 6 * lanes), vectors.load_register(array, at + 7 * lanes),
    )  # fmt: skip


@part
def _store_states(array: Any, at: Any, states: Any) -> None:
    lanes = vectors.REGISTER
    vectors.store(array, at, states[0])
    vectors.store(array, at + lanes, states[1])
    vectors.store(array, at + 2 * lanes, states[2])
    vectors.store(array, at + 3 * lanes, states[3])
    vectors.store(array, at + 4 * lanes, states[4])
    vectors.store(array, at + 5 * lanes, states[5])
    vectors.store(array, at + 6 * lanes, states[6])
    vectors.store(array, at + 7 * lanes, states[7])


@part
def _costs(ratio: Any, zero: Any, state: Any) -> Any:
    """Return the costs of a zero and of a one."""
    return (
        vectors.widen_like(vectors.maximum(vectors.negative(ratio), zero), state),
        vectors.widen_like(vectors.maximum(ratio, zero), state),
    )


@part
def _normalised(states: Any, worst: Any, is_time: Any) -> Any:
    """Return metrics relative to the best one, if it is time to, and at most `worst`."""
    m0, m1, m2, m3, m4, m5, m6, m7 = states
    if is_time:
        least = vectors.minimum(
            vectors.minimum(vectors.minimum(m0, m1), vectors.minimum(m2, m3)),
            vectors.minimum(vectors.minimum(m4, m5), vectors.minimum(m6, m7)),
        )
        m0, m1 = vectors.subtract(m0, least), vectors.subtract(m1, least)
        m2, m3 = vectors.subtract(m2, least), vectors.subtract(m3, least)
        m4, m5 = vectors.subtract(m4, least), vectors.subtract(m5, least)
        m6, m7 = vectors.subtract(m6, least), vectors.subtract(m7, least)
    return (
        vectors.minimum(m0, worst), vectors.minimum(m1, worst),
        vectors.minimum(m2, worst), vectors.minimum(m3, worst),
        vectors.minimum(m4, worst), vectors.minimum(m5, worst),
        vectors.minimum(m6, worst), vectors.minimum(m7, worst),
    )  # fmt: skip


@kernel
def _backward(
    begin: Any, end: Any, side: Any, inputs: Any, parity: Any, none: Any, limits: Any, state: Any,
    keeps: Any, kept: Any,
) -> None:  # fmt: skip
    """Go back from step `end` of a segment to step `begin`.

    Args:
        begin: First step.
        end: Last step, exclusive.
        side: First of the blocks whose entries fit a register, a multiple of their number.
        inputs: Ratios of the message bits, 64 for each step.
        parity: Ratios of the parity bits.
        none: 64 zeros.
        limits: As in `_forward`.
        state: (8 * blocks) Metrics after the last step; afterwards, before the first one.
        keeps: Whether to keep the metrics after each step.
        kept: (end * 8 * blocks) Metrics, to be filled.
    """
    lanes, width = vectors.LANES, vectors.REGISTER
    zero, worst = vectors.load_register(none, 0), vectors.load_register(limits, lanes)
    after = _load_states(state, 0)
    for step in range(end - 1, begin - 1, -1):
        if keeps:
            _store_states(kept, step * _STATES * width, after)
        row = step * lanes + side
        u0, u1 = _costs(vectors.load_register(inputs, row), zero, state)
        z0, z1 = _costs(vectors.load_register(parity, row), zero, state)
        g00, g01, g10, g11 = (
            vectors.add(u0, z0), vectors.add(u0, z1), vectors.add(u1, z0), vectors.add(u1, z1)
        )  # fmt: skip
        b0, b1, b2, b3, b4, b5, b6, b7 = after
        before = (
            _better(b0, g00, b4, g11), _better(b4, g00, b0, g11),
            _better(b5, g01, b1, g10), _better(b1, g01, b5, g10),
            _better(b2, g01, b6, g10), _better(b6, g01, b2, g10),
            _better(b7, g00, b3, g11), _better(b3, g00, b7, g11),
        )  # fmt: skip
        after = _normalised(before, worst, step % _NORMALISE == 0)
    _store_states(state, 0, after)


@kernel
def _forward(
    steps: Any, side: Any, inputs: Any, parity: Any, none: Any, limits: Any, state: Any, kept: Any,
    scales: Any, places: Any, extrinsic: Any, hard: Any,
) -> None:  # fmt: skip
    """Go forward through a segment, and compute what the code says of each bit.

    Args:
        steps: Number of steps.
        side: First of the blocks whose entries fit a register, a multiple of their number.
        inputs: Ratios of the message bits, 64 for each step.
        parity: Ratios of the parity bits.
        none: 64 zeros.
        limits: Largest extrinsic value, largest metric, and 2, 64 times each.
        state: (8 * blocks) Metrics before the first step; afterwards, after the last one.
        kept: Backward metrics after each step.
        scales: Whether the extrinsic values are multiplied by 3/4.
        places: Bit of each step.
        extrinsic: Extrinsic values of all bits, to be filled.
        hard: Decisions of all bits, a word for the blocks of each register, to be filled.
    """
    lanes, width = vectors.LANES, vectors.REGISTER
    zero, most = vectors.load_register(none, 0), vectors.load_register(limits, 0)
    worst, two = vectors.load_register(limits, lanes), vectors.load_register(limits, 2 * lanes)
    before = _load_states(state, 0)
    for step in range(steps):
        a0, a1, a2, a3, a4, a5, a6, a7 = before
        b0, b1, b2, b3, b4, b5, b6, b7 = _load_states(kept, step * _STATES * width)
        row = step * lanes + side
        u0, u1 = _costs(vectors.load_register(inputs, row), zero, state)
        z0, z1 = _costs(vectors.load_register(parity, row), zero, state)
        of_0 = _better_saturated(
            _least_of_4(a0, b0, a1, b4, a6, b7, a7, b3), z0,
            _least_of_4(a2, b5, a3, b1, a4, b2, a5, b6), z1,
        )  # fmt: skip
        of_1 = _better_saturated(
            _least_of_4(a2, b1, a3, b5, a4, b6, a5, b2), z0,
            _least_of_4(a0, b4, a1, b0, a6, b3, a7, b7), z1,
        )  # fmt: skip
        # The difference of the costs, limited and scaled
        above = vectors.minimum(vectors.subtract_saturated(of_1, of_0), most)
        below = vectors.minimum(vectors.subtract_saturated(of_0, of_1), most)
        size = vectors.maximum(above, below)
        if scales:
            quarter = vectors.shift_right(vectors.add(size, two), 2)
            size = vectors.subtract_saturated(size, quarter)
        value = vectors.widen_like(size, extrinsic)
        value = vectors.choose(of_1, of_0, vectors.negative(value), value)
        vectors.store(extrinsic, places[step] * lanes + side, value)
        hard[vectors.REGISTERS * places[step] + side // width] = vectors.bits_below(
            vectors.add_saturated(of_1, u1), vectors.add_saturated(of_0, u0)
        )
        g00, g01, g10, g11 = (
            vectors.add(u0, z0), vectors.add(u0, z1), vectors.add(u1, z0), vectors.add(u1, z1)
        )  # fmt: skip
        after = (
            _better(a0, g00, a1, g11), _better(a2, g10, a3, g01),
            _better(a4, g01, a5, g10), _better(a6, g11, a7, g00),
            _better(a0, g11, a1, g00), _better(a2, g01, a3, g10),
            _better(a4, g10, a5, g01), _better(a6, g00, a7, g11),
        )  # fmt: skip
        before = _normalised(after, worst, step % _NORMALISE == 0)
    _store_states(state, 0, before)


@kernel
def _half_iteration(
    blocks: Any, ratios: Any, parity: Any, tail: Any, none: Any, limits: Any, ends: Any, inputs: Any,
    before: Any, after: Any, kept: Any, scales: Any, order: Any, extrinsic: Any, hard: Any,
) -> None:  # fmt: skip
    """Decode one of the two codes.

    Args:
        blocks: Number of blocks, at most 64.
        ratios: Received ratios of the message bits, 64 for each.
        parity: Ratios of the parity bits, including those of the tail.
        tail: Ratios of the message bits of the tail.
        none: As in `_forward`.
        limits: The same.
        ends: Largest and least sum of a ratio and an extrinsic value, 64 times each.
        inputs: Working memory: 64 int8 for each step of a segment and those after it.
        before: Working memory of (registers, 8 * blocks) uint8.
        after: Working memory of 8 * blocks uint8.
        kept: Working memory: 8 * blocks uint8 for each step of a segment.
        scales: As in `_forward`.
        order: Message bit of each step.
        extrinsic: As in `_forward`.
        hard: The same.
    """
    lanes, size = vectors.LANES, len(order)
    highest, lowest = vectors.load(ends, 0), vectors.load(ends, lanes)
    before[:] = _WORST
    before[:, : vectors.REGISTER] = 0  # the encoder begins in state 0
    for begin in range(0, size, _SEGMENT):
        steps = min(_SEGMENT, size - begin)
        known = min(steps + _LEARN, size - begin)
        for step in range(known):
            place = order[begin + step] * lanes
            total = vectors.add_saturated(
                vectors.load(ratios, place), vectors.load(extrinsic, place)
            )
            total = vectors.minimum(vectors.maximum(total, lowest), highest)
            vectors.store(inputs, step * lanes, total)
        ends_here = begin + known == size
        if ends_here:
            inputs[known * lanes : (known + _TAIL) * lanes] = tail
            known += _TAIL
        for side in range(0, blocks, vectors.REGISTER):
            after[:] = _WORST if ends_here else 0
            after[: vectors.REGISTER] = 0  # the tail ends in state 0
            rest = parity[begin * lanes :]
            _backward(steps, known, side, inputs, rest, none, limits, after, False, kept)
            _backward(0, steps, side, inputs, rest, none, limits, after, True, kept)
            _forward(
                steps, side, inputs, rest, none, limits, before[side // vectors.REGISTER], kept, scales,
                order[begin:], extrinsic, hard,
            )  # fmt: skip


@kernel
def place_received(received: Any, sent: Any, known: Any, largest: Any, ratios: Any) -> None:
    """Place received ratios; those of a repeated bit are added.

    Args:
        received: Ratios of 64 blocks for each sent bit.
        sent: (n,) Which bit it is.
        known: Bits that are zero and not sent.
        largest: Their ratio, and the largest one of the others.
        ratios: Ratios of all bits, to be filled.
    """
    lanes = vectors.LANES
    limits = np.full(2 * lanes, largest, np.int8)
    limits[lanes:] = -largest
    most, least = vectors.load(limits, 0), vectors.load(limits, lanes)
    ratios[:] = 0
    for place in known:
        ratios[place * lanes : (place + 1) * lanes] = largest
    for at in range(len(sent)):
        row = sent[at] * lanes
        total = vectors.add_saturated(vectors.load(ratios, row), vectors.load(received, at * lanes))
        total = vectors.minimum(vectors.maximum(total, least), most)
        vectors.store(ratios, row, total)


@kernel
def count_differences(
    first: Any, blocks: Any, message: Any, places: Any, size: Any, order: Any, taps: Any, start: Any,
    sent: Any, hard: Any, lost: Any, words: Any, square: Any, spare: Any, passed: Any, corrected: Any,
) -> None:  # fmt: skip
    """Count the positions in which the codewords of decoded messages differ from the hard decisions.

    Args:
        first: First block.
        blocks: Number of blocks.
        message: (batch, k) Messages.
        places: As in `encode`.
        size: The same.
        order: The same.
        taps: The same.
        start: The same.
        sent: The same.
        hard: (n,) Hard decisions, a word of 64 blocks for each position.
        lost: (n,) Set where the ratio is 0.
        words: Working memory: a word for each bit.
        square: Working memory of 64 * 64 uint8.
        spare: The same.
        passed: Word with a bit for each block that was decoded; the others get -1.
        corrected: (batch,) int64 array, to be filled.
    """
    register = np.zeros(len(start), np.uint64)
    words[:] = 0
    vectors.read_rows(first, blocks, message, places, square, spare, words)
    checks.remainder(words, places, taps, start, register)
    for at in range(len(start)):
        words[size - len(start) + at] = register[at]
    _constituent(words, 0, size, order, False, words[size : 2 * size + 2 * _TAIL])
    _constituent(words, 0, size, order, True, words[2 * size + 2 * _TAIL :])
    vectors.count_differences(first, blocks, hard, lost, words, sent, passed, corrected)


@kernel
def decode(
    rows: Any, sent: Any, known: Any, positions: Any, size: Any, order: Any, places: Any, check: Any,
    taps: Any, start: Any, iterations: Any, scales: Any, limit: Any, largest: Any, most: Any, message: Any,
    corrected: Any,
) -> None:  # fmt: skip
    """Decode received words (batch, n) by max-log, with costs of 8 bits.

    Args:
        rows: Log-likelihood ratios.
        sent: (n,) Which bit is sent, as in `encode`.
        known: Bits that are zero and not sent.
        positions: (n,) Numbers 0 to n - 1.
        size: Length of the block.
        order: (size,) Interleaver.
        places: (k,) Place of each message bit in the block.
        check: Places of message and check.
        taps: Generator of the check, as in `remainder`.
        start: The same.
        iterations: Largest number of iterations. A block whose check holds is finished.
        scales: Whether the extrinsic values are multiplied by 3/4.
        limit: Integer for twice the mean magnitude of the ratios of a block.
        largest: Largest magnitude of a quantised ratio.
        most: Largest magnitude of an extrinsic value, before it is scaled.
        message: (batch, k) Messages, to be filled.
        corrected: (batch,) int64 array, to be filled; -1 where the check fails.
    """
    lanes = vectors.LANES
    received = np.empty(len(sent) * lanes, np.int8)
    ratios = np.empty((3 * size + 4 * _TAIL) * lanes, np.int8)
    extrinsic = np.empty(size * lanes, np.int8)
    inputs = np.empty((_SEGMENT + _LEARN + _TAIL) * lanes, np.int8)
    orders = np.empty((2, size), np.int64)
    orders[0], orders[1] = np.arange(size), order
    tails = np.empty((2, _TAIL * lanes), np.int8)
    words = np.empty(3 * size + 4 * _TAIL, np.uint64)
    decided, result = np.empty(size, np.uint64), np.zeros(size, np.uint64)
    hard, lost = np.empty(len(sent), np.uint64), np.empty(len(sent), np.uint64)
    register = np.empty(len(start), np.uint64)
    after = np.empty(_STATES * vectors.REGISTER, np.uint8)
    before = np.empty((vectors.REGISTERS, len(after)), np.uint8)
    kept = np.empty(_SEGMENT * len(after), np.uint8)
    decisions = decided.view(vectors.REGISTER_WORD)
    none = np.zeros(lanes, np.int8)
    limits = np.full(3 * lanes, most, np.uint8)
    limits[lanes : 2 * lanes] = _WORST
    limits[2 * lanes :] = 2
    bytes_of_64, more = np.zeros(lanes * lanes, np.uint8), np.zeros(lanes * lanes, np.uint8)
    ends = np.full(2 * lanes, _WORST - largest, np.int8)  # with a parity bit, it fits 7 bits
    ends[lanes:] = largest - _WORST
    zero = vectors.load(none, 0)
    for first in range(0, len(rows), lanes):
        blocks = min(lanes, len(rows) - first)
        vectors.quantise(rows, first, blocks, positions, limit, largest, received)
        for at in range(len(sent)):
            ratio = vectors.load(received, at * lanes)
            hard[at] = vectors.bits_below(ratio, zero)
            lost[at] = ~(hard[at] | vectors.bits_below(zero, ratio))
        place_received(received, sent, known, largest, ratios)
        for code in range(2):
            # Tail: three pairs of a message bit and a parity bit. The parity bits follow those before.
            end = (size + code * (size + 2 * _TAIL) + size) * lanes
            pairs = ratios[end : end + 2 * _TAIL * lanes].copy()
            for step in range(_TAIL):
                row, pair = step * lanes, 2 * step * lanes
                tails[code, row : row + lanes] = pairs[pair : pair + lanes]
                ratios[end + row : end + row + lanes] = pairs[pair + lanes : pair + 2 * lanes]
        extrinsic[:] = 0
        open_blocks = ~np.uint64(0) >> np.uint64(lanes - blocks)
        failed = open_blocks
        for half in range(2 * iterations):
            code = half & 1
            parity = ratios[(size + code * (size + 2 * _TAIL)) * lanes :]
            _half_iteration(
                blocks, ratios, parity, tails[code], none, limits, ends, inputs, before, after, kept, scales,
                orders[code], extrinsic, decisions,
            )  # fmt: skip
            is_last = half == 2 * iterations - 1
            if not len(start) and not is_last:
                continue
            wrong = checks.remainder(decided, check, taps, start, register)
            failed = open_blocks & wrong
            ended = open_blocks if is_last else open_blocks & ~wrong
            if ended:
                vectors.take(decided, ended, result)
            open_blocks &= ~ended
            if not open_blocks:
                break
        vectors.write_rows(first, blocks, result, places, bytes_of_64, more, message)
        count_differences(
            first, blocks, message, places, size, order, taps, start, sent, hard, lost, words, bytes_of_64,
            more, ~failed, corrected,
        )  # fmt: skip
