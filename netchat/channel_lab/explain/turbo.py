"""Turbo decoding: two decoders that exchange extrinsic values.

The steps are those of the library's fast decoder, max-log with costs of 8 bits. Decoders with other
settings are shown by the library's results after each iteration.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netchat.channel_lab.explain.block_view import BlockView, quantised
from netchat.coding import Turbo
from netchat.coding.arrays import Rows
from netchat.coding.turbo.code import TurboPlan, plan_of
from netchat.wording import many

__all__ = ["TurboRun", "explain_turbo", "run_turbo"]

#: Longest block whose extrinsic values are computed.
_LONGEST = 1024
#: Longest block whose extrinsic values are sent.
_SENT = 256
#: Steps that lead back to state 0, and the largest metric.
_TAIL, _WORST = 3, 127

#: Trellis of LTE: for each state and input, the next state and the parity bit.
_NEXT = tuple(
    tuple(((bit ^ (s >> 1 & 1) ^ (s & 1)) << 2) | s >> 1 for bit in (0, 1)) for s in range(8)
)
_PARITY = tuple(
    tuple((bit ^ (s >> 1 & 1) ^ (s & 1)) ^ (s >> 2) ^ (s & 1) for bit in (0, 1)) for s in range(8)
)


@dataclass(slots=True)
class TurboRun:
    """Half iterations of the decoder."""

    extrinsic: list[NDArray[np.int64]] = field(default_factory=list)
    """(size,) Extrinsic values after each half iteration, in the order of the message."""
    decided: list[Rows] = field(default_factory=list)
    """(size,) Decisions after each half iteration."""
    failed: bool = False
    """Whether the CRC does not hold at the end."""


def run_turbo(code: Turbo, view: BlockView) -> TurboRun:
    """Decode a block as the library's fast decoder does."""
    plan = plan_of(code)
    size, order = plan.size, plan.order.tolist()
    received = quantised(view.decoder_ratios, plan.limit, plan.largest)
    ratios = np.zeros(3 * size + 4 * _TAIL, np.int64)
    ratios[plan.known] = plan.largest
    for place, ratio in zip(plan.sent.tolist(), received.tolist(), strict=True):
        total = min(max(int(ratios[place]) + ratio, -128), 127)
        ratios[place] = min(max(total, -plan.largest), plan.largest)
    parities, tails = [], []
    for code_number in range(2):
        begin = size + code_number * (size + 2 * _TAIL)
        tail = ratios[begin + size : begin + size + 2 * _TAIL]
        parities.append([*ratios[begin : begin + size].tolist(), *tail[1::2].tolist()])
        tails.append(tail[0::2].tolist())
    most = _WORST - plan.largest
    extrinsic = np.zeros(size, np.int64)
    run = TurboRun()
    for half in range(2 * code.iterations):
        second = half & 1
        places = np.array(order) if second else np.arange(size)
        inputs = np.clip(ratios[places] + extrinsic[places], -most, most).tolist() + tails[second]
        values, decided = _decode_half(inputs, parities[second], size, plan)
        extrinsic = np.empty(size, np.int64)
        extrinsic[places] = values
        decisions = np.empty(size, np.uint8)
        decisions[places] = decided
        run.extrinsic.append(extrinsic)
        run.decided.append(decisions)
        if len(plan.check.start):
            run.failed = not _passes(decisions[plan.places], plan)
            if not run.failed:
                break
    return run


def _decode_half(
    inputs: list[int], parity: list[int], size: int, plan: TurboPlan
) -> tuple[list[int], list[int]]:
    """Decode one of the two codes: the extrinsic values and the decisions."""
    back = [0] + [_WORST] * 7
    kept: list[list[int]] = []
    for step in range(size + _TAIL - 1, -1, -1):
        if step < size:
            kept.append(back)
        costs = _costs(inputs[step], parity[step])
        back = _normalised(
            [
                min(back[_NEXT[s][bit]] + costs[bit][_PARITY[s][bit]] for bit in (0, 1))
                for s in range(8)
            ],
            step,
        )
    kept.reverse()
    forward = [0] + [_WORST] * 7
    values, decided = [], []
    for step in range(size):
        u, z, after = inputs[step], parity[step], kept[step]
        best = [255, 255]
        for bit in (0, 1):
            for s in range(8):
                cost = max(z, 0) if _PARITY[s][bit] else max(-z, 0)
                best[bit] = min(best[bit], forward[s] + after[_NEXT[s][bit]] + cost)
        of_0, of_1 = best
        magnitude = min(abs(of_1 - of_0), plan.most)
        if plan.scales:
            magnitude -= (magnitude + 2) >> 2
        values.append(-magnitude if of_1 < of_0 else magnitude)
        decided.append(int(min(of_1 + max(u, 0), 255) < min(of_0 + max(-u, 0), 255)))
        costs = _costs(u, z)
        new = [1 << 10] * 8
        for s in range(8):
            for bit in (0, 1):
                target = _NEXT[s][bit]
                new[target] = min(new[target], forward[s] + costs[bit][_PARITY[s][bit]])
        forward = _normalised(new, step)
    return values, decided


def _costs(u: int, z: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the cost of a message bit and a parity bit: the magnitudes that they contradict."""
    u0, u1, z0, z1 = max(-u, 0), max(u, 0), max(-z, 0), max(z, 0)
    return (u0 + z0, u0 + z1), (u1 + z0, u1 + z1)


def _normalised(metrics: list[int], step: int) -> list[int]:
    least = min(metrics) if step % 2 == 0 else 0
    return [min(metric - least, _WORST) for metric in metrics]


def _passes(bits: Rows, plan: TurboPlan) -> bool:
    """Return whether the check of a message that is followed by it holds."""
    register = plan.check.start.tolist()
    for bit in bits.tolist():
        feedback = register.pop(0) ^ bit
        register.append(feedback)
        for tap in plan.check.taps.tolist():
            register[plan.check.width - 1 - tap] ^= feedback
    return not any(register)


def explain_turbo(view: BlockView) -> dict[str, Any]:
    """Explain a block of a turbo code."""
    code = view.code
    assert isinstance(code, Turbo)
    plan = plan_of(code)
    is_fast = code.is_fast and plan.size <= _LONGEST
    run = run_turbo(code, view) if is_fast else TurboRun()
    places = plan.places[: code.k]
    iterations = []
    for at in range(0, len(run.decided), 2):
        halves = list(range(at, min(at + 2, len(run.decided))))
        wrong = [int((run.decided[half][places] != view.sent).sum()) for half in halves]
        shown = [
            run.extrinsic[half][places].tolist() if code.k <= _SENT else None for half in halves
        ]
        iterations.append(
            {
                "extrinsic1": shown[0],
                "extrinsic2": shown[1] if len(shown) > 1 else None,
                "errors1": wrong[0],
                "errors": wrong[-1],
            }
        )
    return {
        "k": code.k,
        "size": plan.size,
        "order": plan.order.tolist() if code.k <= _SENT else None,
        "iterations": iterations,
        "limit": code.iterations,
        "message": run.decided[-1][places].tolist() if run.decided else None,
        "is_decision": is_fast,
        "note": "The decoder rounds ratios to integers of 8 bits; these are the numbers shown. It takes "
        f"{3 if plan.scales else 4}/4 of each extrinsic value, because the two decoders are not independent."
        if is_fast else "The values of this decoder are not shown.",
        "steps": _steps(view, iterations),
        "long": [],
    }  # fmt: skip


def _steps(view: BlockView, iterations: list[dict[str, Any]]) -> list[str]:
    lines = [
        "Two decoders work on the same message: the first in its order, the second in interleaved order. "
        "Each tells the other only what it has learned itself, the extrinsic values."
    ]
    for at, one in enumerate(iterations, 1):
        lines.append(
            f"Iteration {at}: {many(one['errors1'], 'wrong bit')} after the first decoder, "
            f"{one['errors']} after the second."
        )
    return [*lines, view.verdict()]
