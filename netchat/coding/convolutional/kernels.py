"""Kernels of convolutional codes: the encoder, and the Viterbi decoder of 64 blocks at a time.

The decoder stores one bit per state, step and block. A long block is decoded in segments: the first
pass keeps the metrics at their borders, and each segment is then computed again, from the last to the
first. The result is that of a single segment.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from netchat.coding import vector_kernels as vectors
from netchat.jit import kernel

__all__ = ["decode", "encode"]

#: Steps between normalisations of the metrics.
_NORMALISE = 3
#: Rounds of the wrap-around decoder of tail-biting codes.
_ROUNDS = 4
#: Paths that the decoder of tail-biting codes tries in each round but the first.
_ATTEMPTS = 2
#: Values of `end` that need a case of their own.
_TERMINATED, _TAIL_BITING = 0, 2


@kernel
def encode(
    message: Any, outputs: Any, memory: Any, columns: Any, tail_biting: Any, word: Any
) -> None:
    """Encode messages (batch, k) to codewords (batch, n).

    Args:
        message: Messages.
        outputs: (branches,) Outputs of each branch.
        memory: Number of bits in a state.
        columns: (steps, outputs) Position of each output in the codeword; -1 if it is not sent.
        tail_biting: Whether the first state is the last one.
        word: Codewords, to be filled.
    """
    k = message.shape[1]
    steps, count = columns.shape
    for block in range(len(message)):
        state = 0
        if tail_biting:
            for bit in message[block, k - memory :]:
                state = (state >> 1) | (np.int64(bit) << (memory - 1))
        for step in range(steps):
            branch = state
            if step < k:
                branch |= np.int64(message[block, step]) << memory
            output = np.int64(outputs[branch])
            for place in range(count):
                column = columns[step, place]
                if column >= 0:
                    word[block, column] = (output >> place) & 1
            state = branch >> 1


@kernel
def _steps(
    begin: Any, end: Any, known: Any, memory: Any, count: Any, quantised: Any, words: Any, none: Any,
    old: Any, new: Any, branch: Any, decisions: Any,
) -> Any:  # fmt: skip
    """Run add, compare and select for steps begin to end; return the arrays of metrics, latest first.

    If the first state is known to be zero, only states that it leads to count in the first steps.
    """
    states, lanes = 1 << memory, vectors.LANES
    half = states >> 1
    worst = ~np.zeros(lanes, old.dtype)
    zero = vectors.load(none, 0)
    for step in range(begin, end):
        for place in range(count):
            ratio = vectors.load(quantised, (step * count + place) * lanes)
            # The cost of a bit that contradicts the sign is the magnitude.
            of_one = vectors.widen_like(vectors.maximum(ratio, zero), branch)
            of_zero = vectors.widen_like(vectors.maximum(vectors.negative(ratio), zero), branch)
            if place == 0:
                vectors.store(branch, 0, of_zero)
                vectors.store(branch, lanes, of_one)
            else:
                size = 1 << place
                for word in range(size):
                    cost = vectors.load(branch, word * lanes)
                    vectors.store(
                        branch, (word + size) * lanes, vectors.add_saturated(cost, of_one)
                    )
                    vectors.store(branch, word * lanes, vectors.add_saturated(cost, of_zero))
        row = (step - begin) * states
        for low in range(half):
            one = vectors.load(old, 2 * low * lanes)
            two = vectors.load(old, (2 * low + 1) * lanes)
            one_0 = vectors.add_saturated(
                one, vectors.load(branch, np.int64(words[2 * low]) * lanes)
            )
            two_0 = vectors.add_saturated(
                two, vectors.load(branch, np.int64(words[2 * low + 1]) * lanes)
            )
            one_1 = vectors.add_saturated(
                one, vectors.load(branch, np.int64(words[states + 2 * low]) * lanes)
            )
            two_1 = vectors.add_saturated(
                two, vectors.load(branch, np.int64(words[states + 2 * low + 1]) * lanes)
            )
            decisions[row + low] = vectors.bits_below(two_0, one_0)
            decisions[row + half + low] = vectors.bits_below(two_1, one_1)
            vectors.store(new, low * lanes, vectors.minimum(one_0, two_0))
            vectors.store(new, (half + low) * lanes, vectors.minimum(one_1, two_1))
        if known and step < memory - 1:
            unreachable = vectors.load(worst, 0)
            for state in range(states):
                if state & ((1 << (memory - 1 - step)) - 1):
                    vectors.store(new, state * lanes, unreachable)
        if step % _NORMALISE == 0:
            least = vectors.load(new, 0)
            for state in range(1, states):
                least = vectors.minimum(least, vectors.load(new, state * lanes))
            for state in range(states):
                at = state * lanes
                vectors.store(new, at, vectors.subtract_saturated(vectors.load(new, at), least))
        old, new = new, old
    return old, new


@kernel
def _trace(
    begin: Any, end: Any, memory: Any, words: Any, decisions: Any, state: Any, live: Any, sent: Any
) -> None:
    """Follow the best paths from their last states back to the first step of a segment.

    The most significant bit of `sent` is the message bit of a step, the others are its outputs.
    """
    states = 1 << memory
    for step in range(end - 1, begin - 1, -1):
        at = (step - begin) * states
        for lane in range(vectors.LANES):
            here = np.int64(state[lane])
            decision = (decisions[at + here] >> np.uint64(lane)) & np.uint64(1)
            branch = (here << 1) | np.int64(decision)
            if live[lane]:
                bit = here >> (memory - 1)
                sent[step * vectors.LANES + lane] = words[branch] | np.uint8(bit << 7)
            state[lane] = branch & (states - 1)


@kernel
def _best(memory: Any, metrics: Any, state: Any) -> None:
    """Set each block's state to the one with the least metric."""
    for lane in range(vectors.LANES):
        best = 0
        for other in range(1, 1 << memory):
            if metrics[other * vectors.LANES + lane] < metrics[best * vectors.LANES + lane]:
                best = other
        state[lane] = best


@kernel
def _finish(
    first: Any, blocks: Any, count: Any, sources: Any, quantised: Any, none: Any, sent: Any,
    bytes_of_64: Any, spare: Any, message: Any, corrected: Any,
) -> None:  # fmt: skip
    """Write the messages, and count where their codewords differ from the hard decisions."""
    lanes, k = vectors.LANES, message.shape[1]
    flat = message.reshape(-1)
    zero = vectors.load(none, 0)
    digits = np.zeros(32, np.uint64)  # of one counter per block, in binary
    for source in sources:
        ratio = vectors.load(quantised, source * lanes)
        below, above = vectors.bits_below(ratio, zero), vectors.bits_below(zero, ratio)
        bits = vectors.bits_at(vectors.load(sent, source // count * lanes), source % count)
        carry, digit = (below ^ bits) | ~(below | above), 0
        while carry:
            old = digits[digit]
            digits[digit] = old ^ carry
            carry &= old
            digit += 1
    for lane in range(blocks):
        if corrected[first + lane] == 0:
            for digit in range(32):
                bit = np.int64((digits[digit] >> np.uint64(lane)) & np.uint64(1))
                corrected[first + lane] += bit << digit
    for start in range(0, k, lanes):
        width = min(lanes, k - start)
        for step in range(width):
            row = vectors.load(sent, (start + step) * lanes)
            vectors.store(bytes_of_64, step * lanes, vectors.shift_right(row, 7))
        vectors.transpose(bytes_of_64, spare)
        for lane in range(blocks):
            at = (first + lane) * k + start
            if width == lanes:
                vectors.store(flat, at, vectors.load(bytes_of_64, lane * lanes))
            else:
                flat[at : at + width] = bytes_of_64[lane * lanes : lane * lanes + width]


@kernel
def decode(
    ratios: Any, sources: Any, memory: Any, steps: Any, count: Any, words: Any, limit: Any,
    largest: Any, end: Any, segment: Any, metrics: Any, message: Any, corrected: Any,
) -> None:  # fmt: skip
    """Decode received words (batch, n).

    Args:
        ratios: Log-likelihood ratios.
        sources: (n,) Number of the output that each received symbol is: step * count + place.
        memory: Number of bits in a state.
        steps: Number of steps of the trellis.
        count: Number of outputs per step.
        words: (branches,) Outputs of each branch.
        limit: Integer for twice the mean magnitude of the ratios of a block.
        largest: Largest magnitude of a quantised ratio.
        end: 0 if the last state is zero, 1 if it is unknown, 2 for a tail-biting code.
        segment: Number of steps whose decisions are stored.
        metrics: (2, states * 64) Working memory for the metrics.
        message: (batch, k) Messages, to be filled.
        corrected: (batch,) Zeros, to be filled.
    """
    batch, lanes, states = len(ratios), vectors.LANES, 1 << memory
    known = end != _TAIL_BITING
    old, new = metrics[0], metrics[1]
    branch = np.zeros((1 << count) * lanes, metrics.dtype)
    segments = (steps + segment - 1) // segment
    borders = np.empty((segments, states * lanes if segments > 1 else 1), metrics.dtype)
    final = np.zeros(states * lanes if end == _TAIL_BITING else 1, metrics.dtype)
    decisions = np.empty(min(segment, steps) * states, np.uint64)
    quantised = np.empty(steps * count * lanes, np.int8)
    if len(sources) < steps * count:  # outputs that are not sent
        quantised[:] = 0
    none = np.zeros(lanes, np.int8)
    sent = np.empty(steps * lanes, np.uint8)
    bytes_of_64, more = np.zeros(lanes * lanes, np.uint8), np.zeros(lanes * lanes, np.uint8)
    state, ends = np.zeros(lanes, np.int32), np.zeros(lanes, np.int32)
    live = np.ones(lanes, np.bool_)
    for first in range(0, batch, lanes):
        blocks = min(lanes, batch - first)
        vectors.quantise(ratios, first, blocks, sources, limit, largest, quantised)
        live[:] = True
        old[:] = 0
        if known:
            old[lanes:] = ~np.zeros(1, metrics.dtype)[0]
        for turn in range(_ROUNDS):
            for part_of in range(segments):
                if segments > 1:
                    borders[part_of] = old
                begin = part_of * segment
                old, new = _steps(
                    begin, min(begin + segment, steps), known, memory, count, quantised, words, none,
                    old, new, branch, decisions,
                )  # fmt: skip
            if end == _TERMINATED:
                state[:] = 0
            else:
                _best(memory, old, state)
            if end == _TAIL_BITING:
                final[:] = old
            left = 0
            for attempt in range(_ATTEMPTS if turn else 1):
                ends[:] = state
                for part_of in range(segments - 1, -1, -1):
                    begin = part_of * segment
                    stop = min(begin + segment, steps)
                    if part_of < segments - 1 or (attempt and segments > 1):
                        old[:] = borders[part_of]
                        old, new = _steps(
                            begin, stop, known, memory, count, quantised, words, none,
                            old, new, branch, decisions,
                        )  # fmt: skip
                    _trace(begin, stop, memory, words, decisions, state, live, sent)
                if end != _TAIL_BITING:
                    break
                # A path that ends in the state where it began is a codeword. The first state of another
                # path is more reliable than its last one, which only the past determines: try it.
                left = 0
                for lane in range(blocks):
                    live[lane] &= state[lane] != ends[lane]
                    left += live[lane]
                if not left:
                    break
            if not left:
                break
            old[:] = final
        for lane in range(blocks):
            corrected[first + lane] = -1 if not known and live[lane] else 0
        _finish(
            first,
            blocks,
            count,
            sources,
            quantised,
            none,
            sent,
            bytes_of_64,
            more,
            message,
            corrected,
        )
