"""Successive-cancellation list decoder of polar codes.

A vector of 64 lanes holds `paths` paths of 64 / paths blocks: the lanes of a block are neighbours. Metrics
are integers of 8 bits: how much worse a path is than the best one of its block, up to 255, which means as
good as lost. Where a path is replaced by a copy of another one, the lanes change their order. Ratios and
bits computed before are reordered when they are read: `orders` has the lane of each lane's value since
the ratios of a level, or afterwards the bits of its left half, were computed.

References: I. Tal and A. Vardy, "List decoding of polar codes" (2015); S. A. Hashemi, C. Condo and
W. J. Gross, "Fast and flexible successive-cancellation list decoders for polar codes" (2017).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from netchat.coding import check_kernels as checks
from netchat.coding import lane_kernels as lanes
from netchat.coding import vector_kernels as vectors
from netchat.coding.polar import kernels as plain
from netchat.jit import kernel, part

__all__ = ["decode"]

#: Kinds of steps, as in `steps`.
_LEFT, _RIGHT, _JOIN, _ZEROS, _FREE, _EQUAL = 0, 1, 3, 5, 6, 7
_ALL = ~np.uint64(0)


@part
def _combine(one: Any, two: Any, zero: Any) -> Any:
    """Return the ratio of the sum of two bits."""
    size = vectors.minimum(
        vectors.maximum(one, vectors.negative(one)), vectors.maximum(two, vectors.negative(two))
    )
    return vectors.choose(vectors.xor(one, two), zero, vectors.negative(size), size)


@part
def _least(metric: Any, turns: Any, doublings: Any) -> Any:
    """Return the least metric of each block, in all of its lanes."""
    for doubling in range(doublings):
        turn = vectors.load(turns, ((1 << doubling) - 1) * vectors.LANES)
        metric = vectors.minimum(metric, lanes.permute(metric, turn))
    return metric


@kernel
def _rank(metrics: Any, doublings: Any, turns: Any, wraps: Any, ones: Any, counts: Any) -> None:
    """Count how many candidates of its block precede each candidate.

    Args:
        metrics: (2 * 64) Metrics of the paths, continued with the likelier bit and with the other one.
        doublings: Logarithm of the number of paths.
        turns: (paths - 1, 64) Lane that is 1, 2, ... places after each lane, in its block.
        wraps: (paths - 1,) Lanes for which that is an earlier one.
        ones: 64 ones.
        counts: (2 * 64) Numbers, to be filled.
    """
    count = vectors.LANES
    one = vectors.load(ones, 0)
    kept, flipped = vectors.load(metrics, 0), vectors.load(metrics, count)
    none = vectors.subtract_saturated(one, one)
    rank_kept, rank_flipped = none, one
    for turn in range((1 << doublings) - 1):
        order = vectors.load(turns, turn * count)
        wrap = wraps[turn]
        other = lanes.permute(kept, order)
        before = (vectors.bits_below(other, kept) & ~wrap) | (
            ~vectors.bits_below(kept, other) & wrap
        )
        rank_kept = lanes.choose_bits(before, vectors.add_saturated(rank_kept, one), rank_kept)
        before = ~vectors.bits_below(flipped, other)
        rank_flipped = lanes.choose_bits(
            before, vectors.add_saturated(rank_flipped, one), rank_flipped
        )
        other = lanes.permute(flipped, order)
        before = vectors.bits_below(other, kept)
        rank_kept = lanes.choose_bits(before, vectors.add_saturated(rank_kept, one), rank_kept)
        before = (vectors.bits_below(other, flipped) & ~wrap) | (
            ~vectors.bits_below(flipped, other) & wrap
        )
        rank_flipped = lanes.choose_bits(
            before, vectors.add_saturated(rank_flipped, one), rank_flipped
        )
    vectors.store(counts, 0, rank_kept)
    vectors.store(counts, count, rank_flipped)


@kernel
def _select(
    metrics: Any, doublings: Any, turns: Any, wraps: Any, constants: Any, counts: Any, order: Any
) -> Any:
    """Choose the best half of the candidates of each block.

    Each path whose candidates are both lost is replaced by the second candidate of a path of which both
    survive. `metrics` then begins with those of the chosen candidates.

    Args:
        metrics: See `_rank`.
        doublings: The same.
        turns: The same.
        wraps: The same.
        constants: Ones, then the number of paths minus one, in 64 lanes each.
        counts: Working memory of 2 * 64.
        order: (64,) Lane of the path that each lane continues, to be filled.

    Returns:
        A word with a bit for each lane that continues with the less likely bit; 0 if no path changes.
    """
    count = vectors.LANES
    last = vectors.load(constants, count)
    _rank(metrics, doublings, turns, wraps, constants, counts)
    doubled = ~vectors.bits_below(last, vectors.load(counts, count))
    flips = np.uint64(0)
    if doubled:
        lost = vectors.bits_below(last, vectors.load(counts, 0))
        for lane in range(count):
            order[lane] = lane
        paths = 1 << doublings
        group = (np.uint64(1) << np.uint64(paths)) - np.uint64(1) if paths < 64 else _ALL
        for first in range(0, count, paths):
            source = (doubled >> np.uint64(first)) & group
            target = (lost >> np.uint64(first)) & group
            at, to = first, first
            while source:
                while not source & np.uint64(1):
                    source >>= np.uint64(1)
                    at += 1
                while not target & np.uint64(1):
                    target >>= np.uint64(1)
                    to += 1
                order[to] = at
                flips |= np.uint64(1) << np.uint64(to)
                metrics[to] = metrics[count + at]
                source >>= np.uint64(1)
                target >>= np.uint64(1)
                at += 1
                to += 1
    return flips


@kernel
def _reorder(order: Any, level: Any, top: Any, orders: Any, changed: Any) -> None:
    """Apply an order of the lanes to the levels from `level` to `top`."""
    by = vectors.load(order, 0)
    for each in range(level, top + 1):
        row = each * vectors.LANES
        vectors.store(orders, row, lanes.permute(vectors.load(orders, row), by))
        changed[each] = True


@kernel
def _decode_free(
    level: Any, at: Any, top: Any, ratios: Any, words: Any, metrics: Any, doublings: Any, turns: Any,
    wraps: Any, constants: Any, counts: Any, order: Any, orders: Any, changed: Any, sizes: Any, limits: Any,
) -> None:  # fmt: skip
    """Decode a node without frozen bits: split the paths at their least reliable bits."""
    count = vectors.LANES
    size = 1 << level
    zero = vectors.load(limits, 0)
    most = vectors.load(constants, 2 * count)
    for index in range(size):
        value = vectors.load(ratios, (size + index) * count)
        words[at + index] = vectors.bits_below(value, zero)
        magnitude = vectors.maximum(value, vectors.negative(value))
        vectors.store(sizes, index * count, vectors.widen_like(magnitude, sizes))
    for _ in range(min((1 << doublings) - 1, size)):
        smallest = most
        for index in range(size):
            smallest = vectors.minimum(smallest, vectors.load(sizes, index * count))
        metric = vectors.load(metrics, 0)
        vectors.store(metrics, count, vectors.add_saturated(metric, smallest))
        flips = _select(metrics, doublings, turns, wraps, constants, counts, order)
        if not flips:
            break  # neither will more reliable bits be flipped
        by = vectors.load(order, 0)
        pending = _ALL
        for index in range(size):
            magnitude = vectors.load(sizes, index * count)
            found = pending & ~vectors.bits_below(smallest, magnitude)
            pending &= ~found
            magnitude = lanes.choose_bits(found, most, magnitude)
            vectors.store(sizes, index * count, lanes.permute(magnitude, by))
            moved = lanes.permute_bits(words[at + index], by)
            words[at + index] = moved ^ (lanes.permute_bits(found, by) & flips)
        _reorder(order, level + 1, top, orders, changed)
        metric = vectors.load(metrics, 0)
        metric = vectors.subtract_saturated(metric, _least(metric, turns, doublings))
        vectors.store(metrics, 0, metric)


@kernel
def _run(
    steps: Any, top: Any, ratios: Any, words: Any, metrics: Any, doublings: Any, turns: Any, wraps: Any,
    constants: Any, counts: Any, order: Any, identity: Any, orders: Any, changed: Any, sizes: Any,
    limits: Any,
) -> None:  # fmt: skip
    """Run the steps of the decoder."""
    count = vectors.LANES
    zero, least = vectors.load(limits, 0), vectors.load(limits, count)
    same = vectors.load(identity, 0)
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
            vectors.store(orders, level * count, same)
            changed[level] = False
        elif kind == _RIGHT:
            by = vectors.load(orders, level * count)
            moves = changed[level] and level < top
            for index in range(half):
                one, two = vectors.load(ratios, one_row), vectors.load(ratios, two_row)
                if moves:
                    one, two = lanes.permute(one, by), lanes.permute(two, by)
                total = lanes.choose_bits(
                    words[at + index],
                    vectors.subtract_saturated(two, one),
                    vectors.add_saturated(two, one),
                )
                vectors.store(ratios, out_row, vectors.maximum(total, least))
                one_row += count
                two_row += count
                out_row += count
            vectors.store(orders, level * count, same)
            changed[level] = False
        elif kind == _JOIN:
            by = vectors.load(orders, level * count)
            if changed[level]:
                for index in range(at, at + half):
                    words[index] = lanes.permute_bits(words[index], by) ^ words[index + half]
            else:
                for index in range(at, at + half):
                    words[index] ^= words[index + half]
        elif kind == _FREE:
            _decode_free(
                level, at, top, ratios, words, metrics, doublings, turns, wraps, constants, counts, order,
                orders, changed, sizes, limits,
            )  # fmt: skip
        elif kind == _ZEROS:
            metric = vectors.load(metrics, 0)
            for index in range(size):
                words[at + index] = 0
                value = vectors.load(ratios, (size + index) * count)
                cost = vectors.maximum(vectors.negative(value), zero)
                metric = vectors.add_saturated(metric, vectors.widen_like(cost, metrics))
                if index & 1 or index == size - 1:
                    best = _least(metric, turns, doublings)
                    metric = vectors.subtract_saturated(metric, best)
            vectors.store(metrics, 0, metric)
        elif kind == _EQUAL:
            of_zero = vectors.load(metrics, 0)
            of_one = of_zero
            for index in range(size):
                value = vectors.load(ratios, (size + index) * count)
                cost = vectors.maximum(vectors.negative(value), zero)
                of_zero = vectors.add_saturated(of_zero, vectors.widen_like(cost, metrics))
                cost = vectors.maximum(value, zero)
                of_one = vectors.add_saturated(of_one, vectors.widen_like(cost, metrics))
                if index & 1 or index == size - 1:
                    best = _least(vectors.minimum(of_zero, of_one), turns, doublings)
                    of_zero = vectors.subtract_saturated(of_zero, best)
                    of_one = vectors.subtract_saturated(of_one, best)
            likelier = vectors.bits_below(of_one, of_zero)
            vectors.store(metrics, 0, vectors.minimum(of_zero, of_one))
            vectors.store(metrics, count, vectors.maximum(of_zero, of_one))
            flips = _select(metrics, doublings, turns, wraps, constants, counts, order)
            if flips:
                likelier = lanes.permute_bits(likelier, vectors.load(order, 0)) ^ flips
                _reorder(order, level + 1, top, orders, changed)
            for index in range(at, at + size):
                words[index] = likelier
            metric = vectors.load(metrics, 0)
            metric = vectors.subtract_saturated(metric, _least(metric, turns, doublings))
            vectors.store(metrics, 0, metric)


@kernel
def _take(words: Any, chosen: Any, blocks: Any, size: Any) -> None:
    """Replace the lanes of the paths by the chosen lane of each block."""
    for at in range(size):
        word, taken = words[at], np.uint64(0)
        for block in range(blocks):
            taken |= ((word >> chosen[block]) & np.uint64(1)) << np.uint64(block)
        words[at] = taken


@kernel
def decode(
    rows: Any, sent: Any, missing: Any, positions: Any, size: Any, steps: Any, places: Any, check: Any,
    taps: Any, start: Any, limit: Any, largest: Any, doublings: Any, message: Any, corrected: Any,
) -> None:  # fmt: skip
    """Decode received words (batch, n); of the paths that pass the check, the best one is returned.

    Args:
        rows: Log-likelihood ratios.
        sent: As in `kernels.decode`, and so are all others but these.
        missing: The same.
        positions: The same.
        size: The same.
        steps: The same.
        places: The same.
        check: The same.
        taps: The same.
        start: The same.
        limit: The same.
        largest: The same.
        doublings: Logarithm of the number of paths, 1 to 5.
        message: (batch, k) Messages, to be filled.
        corrected: (batch,) int64 array, to be filled.
    """
    count = vectors.LANES
    paths = 1 << doublings
    together = count >> doublings  # blocks in a vector
    top = 0
    while 1 << top < size:
        top += 1
    received = np.zeros(len(sent) * count, np.int8)
    ratios = np.empty(2 * size * count, np.int8)
    sizes = np.empty(size * count, np.uint8)
    words, codeword = np.empty(size, np.uint64), np.empty(size, np.uint64)
    hard, lost = np.empty(len(sent), np.uint64), np.empty(len(sent), np.uint64)
    register = np.empty(len(start), np.uint64)
    limits = np.zeros(2 * count, np.int8)
    limits[count:] = -127
    constants = np.ones(3 * count, np.uint8)
    constants[count : 2 * count] = paths - 1
    constants[2 * count :] = 255
    metrics, counts = np.zeros(2 * count, np.uint8), np.zeros(2 * count, np.uint8)
    order, orders = np.zeros(count, np.uint8), np.zeros((top + 1) * count, np.uint8)
    identity, spread = np.zeros(count, np.uint8), np.zeros(count, np.uint8)
    changed = np.zeros(top + 1, np.bool_)
    turns, wraps = np.zeros((paths - 1) * count, np.uint8), np.zeros(paths - 1, np.uint64)
    for lane in range(count):
        identity[lane] = lane
        spread[lane] = lane >> doublings
        for turn in range(1, paths):
            other = (lane & ~(paths - 1)) | ((lane + turn) & (paths - 1))
            turns[(turn - 1) * count + lane] = other
            if other < lane:
                wraps[turn - 1] |= np.uint64(1) << np.uint64(lane)
    bytes_of_64, more = np.zeros(count * count, np.uint8), np.zeros(count * count, np.uint8)
    chosen = np.zeros(count, np.uint64)
    zero = vectors.load(limits, 0)
    for first in range(0, len(rows), together):
        blocks = min(together, len(rows) - first)
        vectors.quantise(rows, first, blocks, positions, limit, largest, received)
        by = vectors.load(spread, 0)
        for at in range(len(sent)):
            ratio = vectors.load(received, at * count)
            hard[at] = vectors.bits_below(ratio, zero)
            lost[at] = ~(hard[at] | vectors.bits_below(zero, ratio))
            vectors.store(received, at * count, lanes.permute(ratio, by))
        plain.load_received(received, sent, missing, size, ratios)
        metrics[:] = 255  # one path of each block at first
        metrics[0:count:paths] = 0
        _run(
            steps, top, ratios, words, metrics, doublings, turns, wraps, constants, counts, order, identity,
            orders, changed, sizes, limits,
        )  # fmt: skip
        codeword[:] = words
        plain.transform(words, size)
        wrong = checks.remainder(words, check, taps, start, register)
        failed = np.uint64(0)
        for block in range(blocks):
            best, best_metric = block * paths, np.int64(1 << 20)
            for lane in range(block * paths, (block + 1) * paths):
                metric = np.int64(metrics[lane])
                if (wrong >> np.uint64(lane)) & np.uint64(1):
                    metric += 1 << 10
                if metric < best_metric:
                    best, best_metric = lane, metric
            chosen[block] = best
            if best_metric >= 1 << 10:
                failed |= np.uint64(1) << np.uint64(block)
        _take(words, chosen, blocks, size)
        _take(codeword, chosen, blocks, size)
        vectors.write_rows(first, blocks, words, places, bytes_of_64, more, message)
        vectors.count_differences(first, blocks, hard, lost, codeword, sent, ~failed, corrected)
