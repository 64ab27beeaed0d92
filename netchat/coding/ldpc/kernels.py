"""Kernels of LDPC codes: the encoder, and decoders of 64 blocks at a time.

A decoder stops a block at the first iteration after which all its checks hold; the blocks with which it
is decoded have no influence on it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from netchat.coding import vector_kernels as vectors
from netchat.jit import kernel

__all__ = [
    "decode",
    "decode_floats",
    "encode",
    "finish",
    "run",
    "solve",
    "start",
    "syndromes",
]

#: Number of sum-product in `decode_floats`; the others are forms of min-sum.
_SUM_PRODUCT = 2

_F = np.float32
_HALF, _ONE, _LN2, _LOG2E, _SQRT2 = (
    _F(each) for each in (0.5, 1, 0.6931471805599453, 1.4426950408889634, 1.4142135623730951)
)
#: Coefficients of exp and log in single precision (Moshier, Cephes).
_E0, _E1, _E2, _E3, _E4, _E5 = (
    _F(each) for each in (
        1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 0.5
    )
)  # fmt: skip
_L0, _L1, _L2, _L3, _L4, _L5, _L6, _L7, _L8 = (
    _F(each) for each in (
        7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1,
        -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
    )
)  # fmt: skip
_MANTISSA, _ONE_BITS, _23 = np.int32(0x007FFFFF), np.int32(0x3F800000), np.int32(23)
#: Largest magnitude of a message: exp(-80) is still a normal number.
_CERTAIN, _LEAST = _F(80), _F(1e-34)
_OF_REGISTER = np.uint64((1 << vectors.REGISTER) - 1)


@kernel
def solve(words: Any, starts: Any, variables: Any, checks: Any, solved: Any) -> None:
    """Compute variables, each from a check: words of 64 blocks."""
    for step in range(len(checks)):
        check, variable = checks[step], solved[step]
        total = np.uint64(0)
        for at in range(starts[check], starts[check + 1]):
            if variables[at] != variable:
                total ^= words[variables[at]]
        words[variable] = total


@kernel
def syndromes(words: Any, starts: Any, variables: Any, checks: Any) -> Any:
    """Return the sums of checks: words of 64 blocks."""
    sums = np.zeros(len(checks), np.uint64)
    for number in range(len(checks)):
        check = checks[number]
        for at in range(starts[check], starts[check + 1]):
            sums[number] ^= words[variables[at]]
    return sums


@kernel
def encode(
    message: Any, places: Any, starts: Any, variables: Any, checks: Any, solved: Any, assumed: Any,
    left: Any, inverse: Any, columns: Any, sent: Any, word: Any,
) -> None:  # fmt: skip
    """Encode messages (batch, k) to codewords (batch, n).

    Args:
        message: Messages.
        places: (k,) Variables of the message.
        starts: Graph, as in `Graph`.
        variables: The same.
        checks: Plan, as in `Plan`.
        solved: The same.
        assumed: The same.
        left: The same.
        inverse: The same.
        columns: Number of variables.
        sent: (n,) Variables in the order in which they are sent.
        word: Codewords, to be filled.
    """
    words = np.zeros(columns, np.uint64)
    square = np.zeros(vectors.LANES * vectors.LANES, np.uint8)
    spare = np.zeros_like(square)
    for first in range(0, len(message), vectors.LANES):
        blocks = min(vectors.LANES, len(message) - first)
        vectors.read_rows(first, blocks, message, places, square, spare, words)
        for variable in assumed:
            words[variable] = 0
        solve(words, starts, variables, checks, solved)
        if len(assumed):
            sums = syndromes(words, starts, variables, left)
            for number in range(len(assumed)):
                total = np.uint64(0)
                for equation in range(len(left)):
                    if inverse[number, equation]:
                        total ^= sums[equation]
                words[assumed[number]] = total
            solve(words, starts, variables, checks, solved)
        vectors.write_rows(first, blocks, words, sent, square, spare, word)


@kernel
def _wrong_checks(words: Any, starts: Any, variables: Any, stop: Any) -> Any:
    """Return a word with a bit for each block in which a check does not hold."""
    # Numba tests a signed index for being negative, which takes as long as the rest.
    starts, variables = starts.view(np.uint32), variables.view(np.uint32)
    wrong = np.uint64(0)
    for check in range(len(starts) - 1):
        total = np.uint64(0)
        for at in range(starts[check], starts[check + 1]):
            total ^= words[variables[at]]
        wrong |= total
        if wrong & stop == stop:  # all of interest are wrong
            break
    return wrong


@kernel
def _solve_own(words: Any, starts: Any, variables: Any, own: Any) -> None:
    """Set the variables that are in a single check so that it holds."""
    for check in range(len(own)):
        if own[check] >= 0:
            total = np.uint64(0)
            for at in range(starts[check], starts[check + 1]):
                if variables[at] != own[check]:
                    total ^= words[variables[at]]
            words[own[check]] = total


@kernel
def _iterate(
    starts: Any,
    variables: Any,
    posterior: Any,
    messages: Any,
    inputs: Any,
    constants: Any,
    shift: Any,
) -> None:
    """Run one iteration of normalised min-sum, check by check: the blocks of a register, in 8 bits."""
    lanes = vectors.REGISTER
    zero = vectors.load_register(constants, 0)
    most = vectors.load_register(constants, lanes)
    least = vectors.load_register(constants, 2 * lanes)
    half = vectors.load_register(constants, 3 * lanes)
    cap = vectors.load_register(constants, 4 * lanes)
    for check in range(len(starts) - 1):
        begin = starts[check]
        # The indices of a slice are not negative, and need no test.
        of_check = variables[begin : starts[check + 1]]
        signs, smallest, second = zero, most, most
        for at in range(len(of_check)):
            value = vectors.subtract_saturated(
                vectors.load_register(posterior, of_check[at] * lanes),
                vectors.load_register(messages, (begin + at) * lanes),
            )
            value = vectors.maximum(value, least)
            vectors.store(inputs, at * lanes, value)
            signs = vectors.xor(signs, value)
            size = vectors.maximum(value, vectors.negative(value))
            second = vectors.minimum(second, vectors.maximum(smallest, size))
            smallest = vectors.minimum(smallest, size)
        # m - (m + half) >> shift: the scale 1 - 2^-shift, rounded
        scaled = vectors.add_saturated(smallest, half)
        scaled_smallest = vectors.subtract_saturated(smallest, vectors.shift_right(scaled, shift))
        scaled_smallest = vectors.minimum(scaled_smallest, cap)
        scaled = vectors.add_saturated(second, half)
        scaled_second = vectors.subtract_saturated(second, vectors.shift_right(scaled, shift))
        scaled_second = vectors.minimum(scaled_second, cap)
        for at in range(len(of_check)):
            value = vectors.load_register(inputs, at * lanes)
            size = vectors.maximum(value, vectors.negative(value))
            size = vectors.choose(smallest, size, scaled_smallest, scaled_second)
            message = vectors.choose(vectors.xor(signs, value), zero, vectors.negative(size), size)
            vectors.store(messages, (begin + at) * lanes, message)
            vectors.store(posterior, of_check[at] * lanes, vectors.add_saturated(value, message))


@kernel
def start(
    ratios: Any, first: Any, blocks: Any, sent: Any, positions: Any, limit: Any, largest: Any,
    posterior: Any, messages: Any, hard: Any, lost: Any,
) -> None:  # fmt: skip
    """Load 64 received words into the decoder.

    Args:
        ratios: (batch, n) Log-likelihood ratios.
        first: First word.
        blocks: Number of words, at most 64.
        sent: (n,) Variables in the order in which they are sent.
        positions: (n,) Numbers 0 to n - 1.
        limit: Integer for twice the mean magnitude of the ratios of a block.
        largest: Largest magnitude of a quantised ratio.
        posterior: (columns * 64) int8 array, to be filled: the sums of the ratios of each variable, those of
            the words of one register after those of the other, because `run` takes them one after the
            other, so that they fit the cache.
        messages: (ones * 64) int8 array, to be filled with zeros.
        hard: (n,) uint64 array, to be filled: the hard decisions.
        lost: (n,) uint64 array, to be filled: the ratios that are zero.
    """
    lanes = vectors.LANES
    received = np.empty(len(sent) * lanes, np.int8)
    vectors.quantise(ratios, first, blocks, positions, limit, largest, received)
    zero = vectors.load(np.zeros(lanes, np.int8), 0)
    posterior[:] = 0
    for at in range(len(sent)):
        both = vectors.load(received, at * lanes)
        hard[at] = vectors.bits_below(both, zero)
        lost[at] = ~(hard[at] | vectors.bits_below(zero, both))
        for side in range(vectors.REGISTERS):
            row = side * len(posterior) // vectors.REGISTERS + sent[at] * vectors.REGISTER
            ratio = vectors.load_register(received, at * lanes + side * vectors.REGISTER)
            old = vectors.load_register(posterior, row)
            vectors.store(posterior, row, vectors.add_saturated(old, ratio))
    messages[:] = 0


@kernel
def run(
    starts: Any, variables: Any, posterior: Any, messages: Any, limit: Any, shift: Any, begin: Any,
    end: Any, iterations: Any, open_blocks: Any, words: Any, result: Any,
) -> Any:  # fmt: skip
    """Run some iterations of layered normalised min-sum in integers of 8 bits.

    Args:
        starts: Graph, as in `Graph`.
        variables: The same.
        posterior: State of the decoder, as of `start`.
        messages: The same.
        limit: As in `start`.
        shift: The messages are multiplied by 1 - 2^-shift; 7 means 1.
        begin: First iteration; iteration 0 only checks the received words.
        end: Iteration after the last one to run now.
        iterations: Largest number of iterations.
        open_blocks: Word with a bit for each block that is not decoded yet.
        words: (columns,) uint64 working memory.
        result: (columns,) uint64 array: the decisions about blocks that end, to be filled.

    Returns:
        The bits of the blocks in which checks still do not hold.
    """
    lanes, columns, degree = vectors.REGISTER, len(words), 0
    for check in range(len(starts) - 1):
        degree = max(degree, starts[check + 1] - starts[check])
    inputs = np.empty(degree * lanes, np.int8)
    constants = np.zeros(5 * lanes, np.int8)
    constants[lanes : 2 * lanes] = 127
    constants[2 * lanes : 3 * lanes] = -127
    constants[3 * lanes : 4 * lanes] = (1 << shift) >> 1 if shift < 7 else 0
    constants[4 * lanes :] = limit  # limits the messages, so that sums seldom saturate
    zero = vectors.load_register(constants, 0)
    left, decisions = np.uint64(0), words.view(vectors.REGISTER_WORD)
    for side in range(vectors.REGISTERS):
        totals = posterior[side * len(posterior) // vectors.REGISTERS :]
        own_messages = messages[side * len(messages) // vectors.REGISTERS :]
        still_open = open_blocks & (_OF_REGISTER << np.uint64(side * lanes))
        iteration = begin
        while still_open and iteration < min(end, iterations + 1):
            if iteration:
                _iterate(starts, variables, totals, own_messages, inputs, constants, shift)
            for variable in range(columns):
                decisions[vectors.REGISTERS * variable + side] = vectors.bits_below(
                    vectors.load_register(totals, variable * lanes), zero
                )
            wrong = _wrong_checks(words, starts, variables, still_open)
            ended = still_open & (~wrong if iteration < iterations else ~np.uint64(0))
            if ended:
                vectors.take(words, ended, result)
            still_open &= wrong
            iteration += 1
        left |= still_open
    return left


@kernel
def finish(
    first: Any, blocks: Any, open_blocks: Any, hard: Any, lost: Any, result: Any, sent: Any,
    places: Any, message: Any, corrected: Any,
) -> None:  # fmt: skip
    """Store the messages of 64 decoded words, and count the corrected positions.

    Args:
        first: As in `start`.
        blocks: The same.
        open_blocks: As returned by `run`.
        hard: As in `start`.
        lost: The same.
        result: As in `run`.
        sent: As in `start`.
        places: (k,) Variables of the message.
        message: (batch, k) Messages, to be filled.
        corrected: (batch,) int64 array, to be filled; -1 where decoding has failed.
    """
    lanes = vectors.LANES
    square, spare = np.zeros(lanes * lanes, np.uint8), np.zeros(lanes * lanes, np.uint8)
    vectors.write_rows(first, blocks, result, places, square, spare, message)
    every = ~np.uint64(0) >> np.uint64(lanes - blocks)
    vectors.count_differences(
        first, blocks, hard, lost, result, sent, every & ~open_blocks, corrected
    )


@kernel
def decode(
    ratios: Any, sent: Any, own: Any, positions: Any, columns: Any, starts: Any, variables: Any,
    limit: Any, largest: Any, iterations: Any, shift: Any, places: Any, message: Any, corrected: Any,
) -> None:  # fmt: skip
    """Decode received words (batch, n), 64 at a time: `start`, `run` and `finish`.

    Args:
        ratios: Log-likelihood ratios.
        sent: As in `start`.
        own: (checks,) A variable of each check that is in no other one, or -1. Its ratio stays below the
            largest message, so that the check can correct it, and after the last iteration it follows from
            the others: a parity bit of 5G with a large wrong ratio is no failure.
        positions: The same.
        columns: Number of variables.
        starts: As in `run`.
        variables: The same.
        limit: As in `start`.
        largest: The same.
        iterations: Largest number of iterations.
        shift: As in `run`.
        places: As in `finish`.
        message: The same.
        corrected: The same.
    """
    lanes = vectors.LANES
    posterior = np.empty(columns * lanes, np.int8)
    messages = np.empty(len(variables) * lanes, np.int8)
    hard, lost = np.empty(len(sent), np.uint64), np.empty(len(sent), np.uint64)
    words, result = np.empty(columns, np.uint64), np.empty(columns, np.uint64)
    most = limit - limit // 4
    for first in range(0, len(ratios), lanes):
        blocks = min(lanes, len(ratios) - first)
        start(
            ratios, first, blocks, sent, positions, limit, largest, posterior, messages, hard, lost
        )
        for check in range(len(own)):
            if own[check] >= 0:
                for side in range(vectors.REGISTERS):
                    place = (side * columns + own[check]) * vectors.REGISTER
                    for at in range(place, place + vectors.REGISTER):
                        posterior[at] = min(max(posterior[at], -most), most)
        every = ~np.uint64(0) >> np.uint64(lanes - blocks)
        open_blocks = run(
            starts, variables, posterior, messages, limit, shift, 0, iterations + 1, iterations,
            every, words, result,
        )  # fmt: skip
        if open_blocks:
            _solve_own(words, starts, variables, own)
            solved = open_blocks & ~_wrong_checks(words, starts, variables, open_blocks)
            vectors.take(words, solved, result)
            open_blocks &= ~solved
        finish(first, blocks, open_blocks, hard, lost, result, sent, places, message, corrected)


@kernel
def _exponentials(sizes: Any, integers: Any) -> None:
    """Replace magnitudes x, up to 80, by exp(-x); `integers` is a view of `sizes`."""
    for at in range(len(sizes)):
        scaled = -sizes[at] * _LOG2E
        whole = np.floor(scaled + _HALF)
        x = (scaled - whole) * _LN2
        y = _E0
        y = y * x + _E1
        y = y * x + _E2
        y = y * x + _E3
        y = y * x + _E4
        y = y * x + _E5
        value = y * x * x + x + _ONE
        sizes[at] = value
        integers[at] += np.int32(whole) << _23


@kernel
def _logarithms(values: Any, integers: Any, sizes: Any) -> None:
    """Set sizes to -ln of positive values, which are overwritten; `integers` is a view of them."""
    for at in range(len(values)):
        sizes[at] = _F((integers[at] >> _23) - np.int32(127))
        integers[at] = (integers[at] & _MANTISSA) | _ONE_BITS
    for at in range(len(values)):
        mantissa, exponent = values[at], sizes[at]
        large = mantissa > _SQRT2
        x = (mantissa * _HALF if large else mantissa) - _ONE
        exponent = exponent + _ONE if large else exponent
        z = x * x
        y = _L0
        y = y * x + _L1
        y = y * x + _L2
        y = y * x + _L3
        y = y * x + _L4
        y = y * x + _L5
        y = y * x + _L6
        y = y * x + _L7
        y = y * x + _L8
        sizes[at] = -(x - _HALF * z + x * z * y + exponent * _LN2)


@kernel
def _combine(sizes: Any, integers: Any, before: Any, after: Any, after_integers: Any) -> None:
    """Replace magnitudes (degree * 64) by those of the messages of sum-product.

    With e = exp(-|L|), the sum of two bits has e = (e1 + e2) / (1 + e1 e2), which is exact: it is
    tanh(L / 2) = tanh(L1 / 2) tanh(L2 / 2). Sums of all but one follow from both ends.
    """
    lanes = vectors.LANES
    last = len(sizes) - lanes
    _exponentials(sizes, integers)
    for lane in range(lanes):
        before[lane] = _F(0)
        after[last + lane] = _F(0)
    for row in range(0, last, lanes):
        value_of, one, two = (
            sizes[row : row + lanes],
            before[row : row + lanes],
            before[row + lanes :],
        )
        for lane in range(lanes):
            two[lane] = (one[lane] + value_of[lane]) / (_ONE + one[lane] * value_of[lane])
    for row in range(last, 0, -lanes):
        value_of, one, two = (
            sizes[row : row + lanes],
            after[row : row + lanes],
            after[row - lanes :],
        )
        for lane in range(lanes):
            two[lane] = (one[lane] + value_of[lane]) / (_ONE + one[lane] * value_of[lane])
    for at in range(len(sizes)):
        value = (before[at] + after[at]) / (_ONE + before[at] * after[at])
        after[at] = value if value > _LEAST else _LEAST
    _logarithms(after, after_integers, sizes)


@kernel
def _check(
    begin: Any, end: Any, variables: Any, old: Any, new: Any, messages: Any, inputs: Any, sizes: Any,
    before: Any, after: Any, algorithm: Any, scale: Any, offset: Any, flooding: Any,
) -> None:  # fmt: skip
    """Update the messages of one check, in floats."""
    lanes = vectors.LANES
    count = (end - begin) * lanes
    product = np.ones(lanes, np.float32)  # of the signs
    smallest, second = np.full(lanes, _CERTAIN), np.full(lanes, _CERTAIN)
    # Slices let the compiler see that no index is negative; otherwise it does not vectorise.
    for at in range(begin, end):
        row = (at - begin) * lanes
        value_of = old[variables[at] * lanes : (variables[at] + 1) * lanes]
        message_of = messages[at * lanes : (at + 1) * lanes]
        input_of, size_of = inputs[row : row + lanes], sizes[row : row + lanes]
        for lane in range(lanes):
            value = value_of[lane] - message_of[lane]
            input_of[lane] = value
            size = abs(value)
            size = size if size < _CERTAIN else _CERTAIN
            size_of[lane] = size
            product[lane] = product[lane] if value >= 0 else -product[lane]
            least = smallest[lane]
            larger = size if size > least else least
            second[lane] = larger if larger < second[lane] else second[lane]
            smallest[lane] = size if size < least else least
    if algorithm == _SUM_PRODUCT:
        _combine(
            sizes[:count], sizes[:count].view(np.int32), before[:count], after[:count],
            after[:count].view(np.int32),
        )  # fmt: skip
    for at in range(begin, end):
        row = (at - begin) * lanes
        input_of, size_of = inputs[row : row + lanes], sizes[row : row + lanes]
        message_of = messages[at * lanes : (at + 1) * lanes]
        if algorithm != _SUM_PRODUCT:
            for lane in range(lanes):
                size = second[lane] if size_of[lane] == smallest[lane] else smallest[lane]
                size = size * scale - offset
                size_of[lane] = size if size > _F(0) else _F(0)
        for lane in range(lanes):
            message = product[lane] * size_of[lane]
            message_of[lane] = message if input_of[lane] >= 0 else -message
        value_of = new[variables[at] * lanes : (variables[at] + 1) * lanes]
        if flooding:
            for lane in range(lanes):
                value_of[lane] += message_of[lane]
        else:
            for lane in range(lanes):
                value_of[lane] = input_of[lane] + message_of[lane]


@kernel
def decode_floats(
    ratios: Any, sent: Any, columns: Any, starts: Any, variables: Any, iterations: Any,
    algorithm: Any, scale: Any, offset: Any, flooding: Any, places: Any, message: Any, corrected: Any,
) -> None:  # fmt: skip
    """Decode received words (batch, n) in floats.

    Args:
        ratios: Log-likelihood ratios.
        sent: (n,) Variables in the order in which they are sent.
        columns: Number of variables.
        starts: Graph, as in `Graph`.
        variables: The same.
        iterations: Largest number of iterations.
        algorithm: 0 for normalised min-sum, 1 for offset min-sum, 2 for sum-product.
        scale: Factor of min-sum, float32.
        offset: Offset of min-sum, float32.
        flooding: Whether all checks use the values of the iteration before.
        places: (k,) Variables of the message.
        message: (batch, k) Messages, to be filled.
        corrected: (batch,) int64 array, to be filled.
    """
    lanes = vectors.LANES
    degree = 0
    for check in range(len(starts) - 1):
        degree = max(degree, starts[check + 1] - starts[check])
    posterior = np.zeros(columns * lanes, np.float32)
    channel = np.zeros(columns * lanes if flooding else 0, np.float32)
    target = np.zeros(columns * lanes if flooding else 0, np.float32)
    messages = np.zeros(len(variables) * lanes, np.float32)
    inputs, sizes = np.zeros(degree * lanes, np.float32), np.zeros(degree * lanes, np.float32)
    before, after = np.zeros(degree * lanes, np.float32), np.zeros(degree * lanes, np.float32)
    bytes_of_64, more = np.zeros(lanes * lanes, np.uint8), np.zeros(lanes * lanes, np.uint8)
    bits = np.zeros(lanes, np.uint8)
    hard, lost = np.zeros(len(sent), np.uint64), np.zeros(len(sent), np.uint64)
    words, result = np.zeros(columns, np.uint64), np.zeros(columns, np.uint64)
    for first in range(0, len(ratios), lanes):
        blocks = min(lanes, len(ratios) - first)
        posterior[:] = 0
        for at in range(len(sent)):
            below, none = np.uint64(0), np.uint64(0)
            for lane in range(blocks):
                ratio = min(max(ratios[first + lane, at], -_CERTAIN), _CERTAIN)
                posterior[sent[at] * lanes + lane] += ratio
                below |= np.uint64(ratio < 0) << np.uint64(lane)
                none |= np.uint64(ratio == 0) << np.uint64(lane)
            hard[at], lost[at] = below, none
        messages[:] = 0
        if flooding:
            channel[:] = posterior
        every = ~np.uint64(0) >> np.uint64(lanes - blocks)
        open_blocks = every
        for iteration in range(iterations + 1):
            if iteration:
                if flooding:
                    target[:] = channel
                for check in range(len(starts) - 1):
                    _check(
                        starts[check], starts[check + 1], variables, posterior,
                        target if flooding else posterior, messages, inputs, sizes, before, after,
                        algorithm, scale, offset, flooding,
                    )  # fmt: skip
                if flooding:
                    posterior[:] = target
            for variable in range(columns):
                value_of = posterior[variable * lanes : (variable + 1) * lanes]
                for lane in range(lanes):
                    bits[lane] = np.uint8(value_of[lane] < 0)
                words[variable] = vectors.bits_at(vectors.load(bits, 0), 0)
            wrong = _wrong_checks(words, starts, variables, open_blocks)
            ended = open_blocks & (~wrong if iteration < iterations else ~np.uint64(0))
            if ended:
                vectors.take(words, ended, result)
            open_blocks &= wrong
            if not open_blocks:
                break
        vectors.write_rows(first, blocks, result, places, bytes_of_64, more, message)
        vectors.count_differences(
            first, blocks, hard, lost, result, sent, every & ~open_blocks, corrected
        )
