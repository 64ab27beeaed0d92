"""Viterbi decoding of convolutional codes: path metrics, survivors and the traceback.

The steps are those of the library's decoder, with the same integers: ratios are rounded as it rounds
them, and metrics saturate where its metrics do, so that the path is the same even where two paths are
equally likely.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netchat.channel_lab.explain.block_view import BlockView, quantised
from netchat.coding import Convolutional

__all__ = ["ViterbiRun", "explain_trellis", "run_viterbi"]

#: Largest trellis that is shown with all metrics and survivors.
_STATES, _STAGES = 16, 64

#: Steps between normalisations of the metrics.
_NORMALISE = 3
#: Rounds of the decoder of tail-biting codes, and paths that it tries in each but the first.
_ROUNDS, _ATTEMPTS = 4, 2


@dataclass(slots=True)
class ViterbiRun:
    """Metrics and survivors of all steps, and the path that was chosen."""

    received: NDArray[np.int64]
    """(steps, outputs) Quantised ratios; 0 where an output is not sent."""
    metrics: list[list[int | None]]
    """Cost of the best path to each state after each step; None for a state without a path."""
    survivors: list[list[int]]
    """State before each state, on its best path, for each step."""
    path: list[int]
    """States of the chosen path, one more than steps."""
    bits: list[int]
    """Input of each step on the chosen path."""
    rounds: int
    """Rounds of the decoder; 1 but for tail-biting codes."""
    closes: bool
    """Whether the path of a tail-biting code ends where it begins."""

    @property
    def cost(self) -> int:
        """Cost of the chosen path, in the last round."""
        last = self.metrics[-1][self.path[-1]]
        return 0 if last is None else last


def run_viterbi(code: Convolutional, view: BlockView) -> ViterbiRun:
    """Decode a block as the library does."""
    count, states = len(code.generators), 1 << code.memory
    limit = largest = min(30, 60 // count)
    worst = 255
    if code.memory > 8 or count > 4:
        limit, largest, worst = 60, 127, 65535
    if not view.is_soft:
        limit = 2  # each ratio counts 1
    values = quantised(view.decoder_ratios, limit, largest)
    received = np.zeros(code.trellis_shape, np.int64)
    received.reshape(-1)[code.sent_outputs] = values
    known = code.end != "tailbiting"
    old = np.zeros(states, np.int64)
    if known:
        old[1:] = worst
    outputs = code.branch_outputs.astype(np.int64)
    bits_of = (outputs[:, None] >> np.arange(count)) & 1  # (branches, outputs)
    target = np.arange(states)
    # The two branches into a state leave the states 2 low and 2 low + 1.
    before = (target << 1) & (states - 1)
    first = (target >> (code.memory - 1) << code.memory) | before
    run = ViterbiRun(received, [], [], [], [], 0, True)
    for turn in range(_ROUNDS):
        run.metrics, run.survivors, taken = [], [], []
        offset = 0
        for step, values_of in enumerate(received):
            # A bit that contradicts the sign of a ratio costs its magnitude.
            costs = np.where(bits_of == 1, np.maximum(values_of, 0), np.maximum(-values_of, 0))
            branch = np.minimum(costs.sum(axis=1), worst)
            one = np.minimum(old[before] + branch[first], worst)
            two = np.minimum(old[before + 1] + branch[first + 1], worst)
            second = two < one
            new = np.where(second, two, one)
            reachable = np.ones(states, np.bool_)
            if known and step < code.memory - 1:
                reachable = (target & ((1 << (code.memory - 1 - step)) - 1)) == 0
                new[~reachable] = worst
            taken.append(second)
            run.survivors.append((before + second).tolist())
            run.metrics.append(
                [
                    m + offset if ok else None
                    for m, ok in zip(new.tolist(), reachable.tolist(), strict=True)
                ]
            )
            if step % _NORMALISE == 0:
                least = int(new.min())
                new = new - least
                offset += least
            old = new
        run.rounds = turn + 1
        state = 0 if code.end == "terminated" else int(old.argmin())
        for _ in range(_ATTEMPTS if turn else 1):
            path, bits = [state], []
            for second in reversed(taken):
                here = path[-1]
                bits.append(here >> (code.memory - 1))
                path.append(((here << 1) | int(second[here])) & (states - 1))
            run.path, run.bits = path[::-1], bits[::-1]
            run.closes = known or run.path[0] == run.path[-1]
            if run.closes:
                return run
            state = run.path[0]
    return run


def explain_trellis(view: BlockView) -> dict[str, Any]:
    """Explain a block of a convolutional code."""
    code = view.code
    assert isinstance(code, Convolutional)
    run = run_viterbi(code, view)
    count, states = len(code.generators), 1 << code.memory
    is_small = states <= _STATES and len(run.received) <= _STAGES
    outputs = code.branch_outputs.tolist()
    diagram = [
        {"from": state, "input": bit, "to": (bit << code.memory | state) >> 1,
         "output": [outputs[bit << code.memory | state] >> place & 1 for place in range(count)]}
        for state in range(states) for bit in (0, 1)
    ] if states <= _STATES else []  # fmt: skip
    erased = np.ones(run.received.shape, np.bool_)
    erased.reshape(-1)[code.sent_outputs] = False
    stages = [
        {
            "received": [None if hole else value for value, hole in zip(row, holes, strict=True)],
            "metrics": run.metrics[at] if is_small else None,
            "survivors": [
                None if metric is None else survivor
                for survivor, metric in zip(run.survivors[at], run.metrics[at], strict=True)
            ] if is_small else None,
            "input": [state >> (code.memory - 1) for state in range(states)] if is_small else None,
            "best": _best(run.metrics[at]),
            "decided": run.bits[at],
        }
        for at, (row, holes) in enumerate(zip(run.received.tolist(), erased.tolist(), strict=True))
    ]  # fmt: skip
    is_viterbi = code.algorithm == "viterbi"
    return {
        "K": code.memory + 1,
        "generators": [f"{generator:o}" for generator in code.generators],
        "states": states,
        "outputs": count,
        "end": code.end,
        "stages": stages,
        "traceback": run.path,
        "message": run.bits[: code.k],
        "cost": run.cost,
        "rounds": run.rounds,
        "closes": run.closes,
        "diagram": diagram,
        "is_decision": is_viterbi,
        "note": _note(code, view),
        "steps": _steps(code, view, run),
        "long": _long(code, run, count),
    }


def _best(metrics: list[int | None]) -> int:
    """Return the state with the least metric."""
    return min(
        (state for state, metric in enumerate(metrics) if metric is not None),
        key=lambda state: (metrics[state], state),
    )


def _note(code: Convolutional, view: BlockView) -> str:
    if code.algorithm != "viterbi":
        return (
            f"This code is decoded bit by bit ({code.algorithm}). The trellis shows the likeliest path, "
            "which can differ from that decision."
        )
    if view.is_soft:
        return "The decoder rounds the received values to small integers; the metrics are sums of these."
    return "Each metric counts the received bits that contradict the path."


def _steps(code: Convolutional, view: BlockView, run: ViterbiRun) -> list[str]:
    states = 1 << code.memory
    start = "any state" if code.end == "tailbiting" else "state 0"
    end = {"terminated": "state 0", "truncated": "the state with the least metric"}.get(
        code.end, "the state with the least metric, and must begin in the same state"
    )
    lines = [
        f"The encoder remembers {code.memory} bits, so the trellis has {states} states. Paths begin in "
        f"{start}.",
        "At each stage, two paths enter each state. The one with the smaller metric survives.",
        f"After {len(run.received)} stages, the traceback begins in {end}.",
        f"The path has the metric {run.cost}. Its inputs are the message: "
        f"{''.join(map(str, run.bits[: code.k]))}.",
    ]
    if not run.closes:
        lines.append(f"After {run.rounds} rounds, the path still does not close.")
    return [*lines, view.verdict()]


def _long(code: Convolutional, run: ViterbiRun, count: int) -> list[str]:
    outputs, memory = code.branch_outputs.tolist(), code.memory
    lines = []
    for at, bit in enumerate(run.bits[:_STAGES]):
        here, after = run.path[at], run.path[at + 1]
        word = outputs[bit << memory | here]
        expected = "".join(str(word >> place & 1) for place in range(count))
        lines.append(
            f"Stage {at + 1}: received {' '.join(map(str, run.received[at].tolist()))}; from state "
            f"{here:0{memory}b} with input {bit} to {after:0{memory}b}, output {expected}, metric "
            f"{run.metrics[at][after]}."
        )
    return lines
