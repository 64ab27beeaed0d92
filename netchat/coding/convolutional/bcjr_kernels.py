"""Symbol-by-symbol decoder of a trellis (BCJR) for 64 blocks at a time, in floats.

The metrics are logarithms of probabilities. The forward metrics are kept for one segment at a time; those at
the borders of segments, from which they are computed again, are kept for the whole block.

Reference: L. R. Bahl, J. Cocke, F. Jelinek and J. Raviv, "Optimal decoding of linear codes for minimizing
symbol error rate" (1974).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from netchat.coding import vector_kernels as vectors
from netchat.jit import kernel

__all__ = ["decode", "posterior"]

_F = np.float32
_HALF, _ONE = _F(0.5), _F(1)
#: Metric of an impossible state, and largest magnitude of a ratio.
_IMPOSSIBLE, _CERTAIN = _F(-1e9), _F(1e4)
#: ln(1 + exp(-d)) is about 1 / (c0 + c1 d + ... + c6 d^6), with an error below 0.0004.
_C0, _C1, _C2, _C3, _C4, _C5, _C6 = (
    _F(each) for each in (
        1.4433733898136791, 1.0240806331772285, 0.5778091998847044, -0.0036410988063196857,
        0.18876580917134875, -0.04969254527309552, 0.010592496615656082,
    )
)  # fmt: skip
#: Largest difference for which a correction is computed.
_FAR = _F(30)
#: Values of `end`: the last state is zero, unknown, or the first one.
_TERMINATED, _TAIL_BITING = 0, 2


@kernel
def _join(one: Any, two: Any, exact: Any) -> None:
    """Set `one` to the logarithm of the sum of two probabilities, or to the larger one."""
    if exact:
        for lane in range(vectors.LANES):
            a, b = one[lane], two[lane]
            d = abs(a - b)
            d = d if d < _FAR else _FAR
            low = _C0 + d * (_C1 + d * (_C2 + d * (_C3 + d * (_C4 + d * (_C5 + d * _C6)))))
            one[lane] = (a if a > b else b) + _ONE / low
    else:
        for lane in range(vectors.LANES):
            a, b = one[lane], two[lane]
            one[lane] = a if a > b else b


@kernel
def _branches(inputs: Any, step: Any, count: Any, branch: Any) -> None:
    """Compute the metric of each output word of a step."""
    lanes = vectors.LANES
    for word in range(1 << count):
        out = branch[word * lanes : (word + 1) * lanes]
        out[:] = _F(0)
        for place in range(count):
            row = (step * count + place) * lanes
            ratio = inputs[row : row + lanes]
            sign = -_HALF if (word >> place) & 1 else _HALF
            for lane in range(lanes):
                out[lane] += sign * ratio[lane]


@kernel
def _normalise(metrics: Any) -> None:
    """Subtract the largest metric of each block."""
    lanes = vectors.LANES
    most = metrics[:lanes].copy()
    for row in range(lanes, len(metrics), lanes):
        other = metrics[row : row + lanes]
        for lane in range(lanes):
            most[lane] = other[lane] if other[lane] > most[lane] else most[lane]
    for row in range(0, len(metrics), lanes):
        metric = metrics[row : row + lanes]
        for lane in range(lanes):
            metric[lane] -= most[lane]


@kernel
def _forward_step(
    branch: Any, incoming: Any, words: Any, states: Any, exact: Any, spare: Any, old: Any, new: Any
) -> None:
    """Compute the forward metrics after a step."""
    lanes = vectors.LANES
    for state in range(states):
        out = new[state * lanes : (state + 1) * lanes]
        for side in range(2):
            number = incoming[2 * state + side]
            source = number % states
            before = old[source * lanes : (source + 1) * lanes]
            word = np.int64(words[number])
            cost = branch[word * lanes : (word + 1) * lanes]
            if side:
                for lane in range(lanes):
                    spare[lane] = before[lane] + cost[lane]
            else:
                for lane in range(lanes):
                    out[lane] = before[lane] + cost[lane]
        _join(out, spare, exact)
    _normalise(new)


@kernel
def _backward_step(
    branch: Any, targets: Any, words: Any, states: Any, exact: Any, spare: Any, ahead: Any, alpha: Any,
    beta: Any, new: Any, sums: Any,
) -> None:  # fmt: skip
    """Compute the backward metrics before a step, and the metrics of its message bit.

    Args:
        branch: Metrics of the output words.
        targets: (2 * states) State after each branch.
        words: (2 * states) Output word of each branch.
        states: Number of states.
        exact: See `_join`.
        spare: Working memory of 64 floats.
        ahead: The same.
        alpha: Forward metrics before the step.
        beta: Backward metrics after it.
        new: Backward metrics before it, to be filled.
        sums: (2 * 64) Metrics of a 0 and of a 1, to be filled.
    """
    lanes = vectors.LANES
    for state in range(states):
        out = new[state * lanes : (state + 1) * lanes]
        before = alpha[state * lanes : (state + 1) * lanes]
        for bit in range(2):
            number = bit * states + state
            target, word = np.int64(targets[number]), np.int64(words[number])
            after = beta[target * lanes : (target + 1) * lanes]
            cost = branch[word * lanes : (word + 1) * lanes]
            total = sums[bit * lanes : (bit + 1) * lanes]
            for lane in range(lanes):
                ahead[lane] = after[lane] + cost[lane]
            if state:
                for lane in range(lanes):
                    spare[lane] = before[lane] + ahead[lane]
                _join(total, spare, exact)
            else:
                for lane in range(lanes):
                    total[lane] = before[lane] + ahead[lane]
            if bit:
                _join(out, ahead, exact)
            else:
                for lane in range(lanes):
                    out[lane] = ahead[lane]
    _normalise(new)


@kernel
def posterior(
    inputs: Any, steps: Any, count: Any, targets: Any, incoming: Any, words: Any, end: Any, exact: Any,
    segment: Any, out: Any,
) -> None:  # fmt: skip
    """Compute the log-likelihood ratio of the message bit of each step.

    Branch `bit * states + state` begins in a state with a message bit.

    Args:
        inputs: (steps * count * 64) Ratios of the outputs.
        steps: Number of steps.
        count: Number of outputs of a step.
        targets: (2 * states) State after each branch.
        incoming: (2 * states) The two branches that lead to each state.
        words: (2 * states) Output word of each branch; bit i is output i.
        end: 0 if the last state is zero, 1 if it is unknown, 2 if it is the first one.
        exact: Whether probabilities are added (log-MAP) instead of taking the larger one (max-log).
        segment: Number of steps whose forward metrics are kept.
        out: (steps * 64) Ratios, to be filled.
    """
    lanes = vectors.LANES
    states = len(targets) // 2
    width = states * lanes
    segments = (steps + segment - 1) // segment
    borders = np.empty((segments, width), np.float32)
    kept = np.empty((min(segment, steps) + 1, width), np.float32)
    branch = np.empty((1 << count) * lanes, np.float32)
    spare, ahead = np.empty(lanes, np.float32), np.empty(lanes, np.float32)
    sums = np.empty(2 * lanes, np.float32)
    old, new = np.zeros(width, np.float32), np.zeros(width, np.float32)
    if end != _TAIL_BITING:
        old[lanes:] = _IMPOSSIBLE
    for _ in range(2 if end == _TAIL_BITING else 1):  # the first turn finds the first state
        for step in range(steps):
            if step % segment == 0:
                borders[step // segment] = old
            _branches(inputs, step, count, branch)
            _forward_step(branch, incoming, words, states, exact, spare, old, new)
            old, new = new, old
    old[:] = _F(0)
    if end == _TERMINATED:
        old[lanes:] = _IMPOSSIBLE
    elif end == _TAIL_BITING:
        kept[0] = _F(0)
        for step in range(steps - 1, -1, -1):
            _branches(inputs, step, count, branch)
            _backward_step(
                branch, targets, words, states, exact, spare, ahead, kept[0], old, new, sums
            )
            old, new = new, old
    for number in range(segments - 1, -1, -1):
        begin = number * segment
        stop = min(begin + segment, steps)
        kept[0] = borders[number]
        for step in range(begin, stop - 1):
            _branches(inputs, step, count, branch)
            at = step - begin
            _forward_step(branch, incoming, words, states, exact, spare, kept[at], kept[at + 1])
        for step in range(stop - 1, begin - 1, -1):
            _branches(inputs, step, count, branch)
            _backward_step(
                branch,
                targets,
                words,
                states,
                exact,
                spare,
                ahead,
                kept[step - begin],
                old,
                new,
                sums,
            )
            old, new = new, old
            row = step * lanes
            for lane in range(lanes):
                out[row + lane] = sums[lane] - sums[lanes + lane]


@kernel
def decode(
    ratios: Any, sources: Any, steps: Any, count: Any, targets: Any, incoming: Any, words: Any, end: Any,
    exact: Any, segment: Any, message: Any,
) -> None:  # fmt: skip
    """Decide each message bit of received words (batch, n).

    Args:
        ratios: Log-likelihood ratios.
        sources: (n,) Number of the output that each received symbol is: step * count + place.
        steps: As in `posterior`, and so are all others but these.
        count: The same.
        targets: The same.
        incoming: The same.
        words: The same.
        end: The same.
        exact: The same.
        segment: The same.
        message: (batch, k) Messages, to be filled.
    """
    lanes, k = vectors.LANES, message.shape[1]
    inputs = np.zeros(steps * count * lanes, np.float32)
    out = np.empty(steps * lanes, np.float32)
    for first in range(0, len(ratios), lanes):
        blocks = min(lanes, len(ratios) - first)
        for at in range(len(sources)):
            row = sources[at] * lanes
            for lane in range(blocks):
                inputs[row + lane] = min(max(ratios[first + lane, at], -_CERTAIN), _CERTAIN)
        posterior(inputs, steps, count, targets, incoming, words, end, exact, segment, out)
        for lane in range(blocks):
            for at in range(k):
                message[first + lane, at] = np.uint8(out[at * lanes + lane] < 0)
