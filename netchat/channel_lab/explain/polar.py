"""Successive cancellation of polar codes: the tree, its ratios, and the paths of a list.

The steps are those of the library's decoder, in integers of 8 bits, with the same shortcuts for simple
nodes and the same order of equally likely paths.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netchat.channel_lab.explain.block_view import BlockView, quantised
from netchat.channel_lab.line import show_bits
from netchat.coding import Polar
from netchat.coding.arrays import Rows
from netchat.coding.cyclic_checks import CyclicCheck
from netchat.coding.polar.code import PolarPlan, plan_of
from netchat.coding.polar.steps import PolarStep
from netchat.wording import many

__all__ = ["PolarRun", "explain_polar", "run_polar"]

#: Largest tree whose ratios are sent.
_DRAWN = 64
#: Splits of the list that are sent.
_SPLITS = 64
#: Metric of a path that fails its check: worse than any other.
_WRONG = 1 << 10

_LEAVES = {
    PolarStep.ZEROS: "frozen", PolarStep.FREE: "free", PolarStep.EQUAL: "repetition",
    PolarStep.EVEN: "parity",
}  # fmt: skip


@dataclass(slots=True)
class PolarRun:
    """Paths of a decoder; without a list there is one."""

    inputs: Rows
    """(paths, size) Inputs of the transform."""
    metrics: list[int]
    """Metric of each path, relative to the best one."""
    passes: list[bool]
    """Whether the check of each path holds."""
    chosen: int = 0
    """Path that the decoder returns."""
    levels: list[list[int | None]] = field(default_factory=list)
    """Ratios at each depth of the tree, from the received ones; None where a shortcut needs none."""
    nodes: list[dict[str, Any]] = field(default_factory=list)
    """Nodes that are decoded at once."""
    splits: list[dict[str, Any]] = field(default_factory=list)
    """Nodes at which paths were split, with the parent of each path that survived, and the metrics."""

    @property
    def failed(self) -> bool:
        """Whether no path passes the check."""
        return not self.passes[self.chosen]


class _Lanes:
    """Paths side by side, with the ratios of each level and the bits of all positions."""

    def __init__(self, plan: PolarPlan, received: NDArray[np.int64], paths: int) -> None:
        size = len(plan.frozen)
        self.top = size.bit_length() - 1
        first = np.where(plan.missing == -1, 127, 0).astype(np.int64)
        for place, ratio in zip(plan.sent.tolist(), received.tolist(), strict=True):
            first[place] = min(max(first[place] + ratio, -128), 127)
        self.ratios = [np.zeros((paths, 1 << level), np.int8) for level in range(self.top + 1)]
        self.ratios[self.top][:] = first
        self.words = np.zeros((paths, size), np.uint8)
        self.metrics = np.full(paths, 255, np.int64)
        self.metrics[0] = 0
        self.run = PolarRun(self.words, [], [])
        self.run.levels = [[None] * size for _ in range(self.top + 1)]
        self.run.levels[0] = [int(value) for value in first]

    def keep(self, level: int, at: int) -> None:
        """Keep the ratios of a node, of the first path."""
        row = self.ratios[level][0].tolist()
        self.run.levels[self.top - level][at : at + len(row)] = row

    def left(self, level: int) -> None:
        """Compute the ratios of the left half of a node."""
        half = 1 << (level - 1)
        one, two = self.ratios[level][:, :half], self.ratios[level][:, half:]
        size = np.minimum(np.maximum(one, -one), np.maximum(two, -two))
        self.ratios[level - 1][:] = np.where((one ^ two) < 0, -size, size)

    def right(self, level: int, at: int) -> None:
        """Compute the ratios of the right half of a node, given the bits of the left half."""
        half = 1 << (level - 1)
        one = self.ratios[level][:, :half].astype(np.int64)
        two = self.ratios[level][:, half:].astype(np.int64)
        total = np.where(self.words[:, at : at + half] == 1, two - one, two + one)
        self.ratios[level - 1][:] = np.clip(total, -127, 127)

    def normalise(self) -> None:
        """Subtract the least metric."""
        self.metrics -= self.metrics.min()

    def select(self, flipped: NDArray[np.int64]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """Keep the best half of the paths, each with and without a flipped decision.

        Returns:
            The path that each one continues, and whether it continues with the flipped decision.
        """
        paths = len(self.metrics)
        candidates = sorted(
            [(int(metric), 0, path) for path, metric in enumerate(self.metrics)]
            + [(int(metric), 1, path) for path, metric in enumerate(flipped)]
        )[:paths]
        doubled = sorted(path for _, kind, path in candidates if kind)
        lost = sorted(set(range(paths)) - {path for _, kind, path in candidates if not kind})
        order, flips = np.arange(paths), np.zeros(paths, np.bool_)
        for source, target in zip(doubled, lost, strict=True):
            order[target], flips[target] = source, True
            self.metrics[target] = flipped[source]
        return order, flips

    def reorder(self, order: NDArray[np.intp]) -> None:
        """Replace paths by copies of others."""
        self.words[:] = self.words[order]
        for ratios in self.ratios:
            ratios[:] = ratios[order]

    def note(self, at: int, size: int, order: NDArray[np.intp], flips: NDArray[np.bool_]) -> None:
        """Keep a split."""
        if len(self.run.splits) < _SPLITS:
            self.run.splits.append(
                {"at": at, "size": size, "parents": order.tolist(), "flipped": flips.tolist(),
                 "metrics": self.metrics.tolist()}
            )  # fmt: skip


def run_polar(code: Polar, view: BlockView) -> PolarRun:
    """Decode a block as the library does; an adaptive decoder uses its list only if it needs to."""
    plan = plan_of(code)
    received = quantised(view.decoder_ratios, plan.limit, plan.largest)
    if plan.paths == 1 or plan.is_adaptive:
        run = _run(plan, plan.steps, received, 1)
        if not run.failed or not plan.is_adaptive:
            return run
    return _run(plan, plan.list_steps, received, plan.paths)


def _run(
    plan: PolarPlan, steps: NDArray[np.int32], received: NDArray[np.int64], paths: int
) -> PolarRun:
    lanes = _Lanes(plan, received, paths)
    words, run = lanes.words, lanes.run
    for number, level, at in steps.tolist():
        kind, half = PolarStep(number), 1 << level >> 1
        if kind is PolarStep.LEFT:
            lanes.left(level)
            lanes.keep(level - 1, at)
        elif kind in (PolarStep.RIGHT, PolarStep.RIGHT_ONLY):
            if kind is PolarStep.RIGHT_ONLY:
                words[:, at : at + half] = 0
                run.nodes.append({"at": at, "size": half, "kind": "frozen"})
            lanes.right(level, at)
            lanes.keep(level - 1, at + half)
        elif kind is PolarStep.JOIN:
            words[:, at : at + half] ^= words[:, at + half : at + 2 * half]
        elif kind is PolarStep.JOIN_EQUAL:
            words[:, at : at + half] = words[:, at + half : at + 2 * half]
        else:
            run.nodes.append({"at": at, "size": 1 << level, "kind": _LEAVES[kind]})
            (_leaf if paths == 1 else _listed_leaf)(lanes, kind, level, at)
    run.inputs = _transformed(words)
    run.metrics = lanes.metrics.tolist()
    run.passes = [_passes(row[plan.places], plan.check) for row in run.inputs]
    run.chosen = min(
        range(paths),
        key=lambda path: (run.metrics[path] + (0 if run.passes[path] else _WRONG), path),
    )
    return run


def _leaf(lanes: _Lanes, kind: PolarStep, level: int, at: int) -> None:
    """Decode a node at once, without a list."""
    ratios = lanes.ratios[level][0].astype(np.int64)
    word = lanes.words[0, at : at + len(ratios)]
    if kind is PolarStep.ZEROS:
        word[:] = 0
    elif kind is PolarStep.FREE:
        word[:] = ratios < 0
    elif kind is PolarStep.EQUAL:
        while len(ratios) > 1:
            half = len(ratios) // 2
            ratios = np.clip(ratios[:half] + ratios[half:], -127, 127)
        word[:] = ratios[0] < 0
    else:
        word[:] = ratios < 0
        if word.sum() & 1:  # flip the least reliable bit
            word[np.abs(ratios).argmin()] ^= 1


def _listed_leaf(lanes: _Lanes, kind: PolarStep, level: int, at: int) -> None:
    """Decode a node with a list of paths."""
    ratios = lanes.ratios[level].astype(np.int64)
    size = ratios.shape[1]
    part = slice(at, at + size)
    if kind is PolarStep.ZEROS:
        lanes.words[:, part] = 0
        for index in range(size):
            lanes.metrics = np.minimum(lanes.metrics + np.maximum(-ratios[:, index], 0), 255)
            if index & 1 or index == size - 1:
                lanes.normalise()
    elif kind is PolarStep.FREE:
        _split_free(lanes, ratios, at)
    else:
        of_zero, of_one = lanes.metrics.copy(), lanes.metrics.copy()
        for index in range(size):
            of_zero = np.minimum(of_zero + np.maximum(-ratios[:, index], 0), 255)
            of_one = np.minimum(of_one + np.maximum(ratios[:, index], 0), 255)
            if index & 1 or index == size - 1:
                best = int(min(of_zero.min(), of_one.min()))
                of_zero, of_one = of_zero - best, of_one - best
        likelier = of_one < of_zero
        lanes.metrics = np.minimum(of_zero, of_one)
        order, flips = lanes.select(np.maximum(of_zero, of_one))
        likelier = likelier[order] ^ flips
        lanes.reorder(order)
        lanes.words[:, part] = likelier[:, None]
        lanes.normalise()
        lanes.note(at, size, order, flips)


def _split_free(lanes: _Lanes, ratios: NDArray[np.int64], at: int) -> None:
    """Split the paths at the least reliable bits of a node without frozen bits."""
    paths, size = ratios.shape
    part = slice(at, at + size)
    lanes.words[:, part] = ratios < 0
    sizes = np.abs(ratios)
    for _ in range(min(paths - 1, size)):
        least = sizes.argmin(axis=1)
        order, flips = lanes.select(np.minimum(lanes.metrics + sizes.min(axis=1), 255))
        if not flips.any():
            break  # neither will more reliable bits be flipped
        sizes[np.arange(paths), least] = 255
        sizes = sizes[order]
        lanes.reorder(order)
        for path in np.flatnonzero(flips):
            lanes.words[path, at + least[order[path]]] ^= 1
        lanes.normalise()
        lanes.note(at, size, order, flips)


def _transformed(words: Rows) -> Rows:
    """Multiply rows by the matrix of a polar code, which is its own inverse."""
    found, half = words.copy(), 1
    while half < words.shape[1]:
        pairs = found.reshape(len(words), -1, 2, half)
        pairs[:, :, 0] ^= pairs[:, :, 1]
        half *= 2
    return found


def _passes(bits: Rows, check: CyclicCheck) -> bool:
    """Return whether the check of a message that is followed by it holds."""
    register = check.start.tolist()
    if not register:
        return True
    for bit in bits.tolist():
        feedback = register.pop(0) ^ bit
        register.append(feedback)
        for tap in check.taps.tolist():
            register[check.width - 1 - tap] ^= feedback
    return not any(register)


def explain_polar(view: BlockView) -> dict[str, Any]:
    """Explain a block of a polar code."""
    code = view.code
    assert isinstance(code, Polar)
    plan, run = plan_of(code), run_polar(code, view)
    size = len(plan.frozen)
    kinds = ["frozen"] * size
    for number, place in enumerate(plan.places.tolist()):
        kinds[place] = "information" if number < code.k else "crc"
    used_list = len(run.passes) > 1
    return {
        "n": code.n,
        "size": size,
        "kind_of": kinds,
        "reliability": plan.ranks.tolist(),
        "sent": plan.sent.tolist(),
        "levels": run.levels if size <= _DRAWN and not used_list else None,
        "nodes": run.nodes,
        "decisions": run.inputs[run.chosen].tolist(),
        "message": run.inputs[run.chosen][plan.places[: code.k]].tolist(),
        "paths": [
            {"bits": show_bits(inputs[plan.places]), "metric": metric, "crc_ok": passes}
            for inputs, metric, passes in zip(run.inputs, run.metrics, run.passes, strict=True)
        ],
        "chosen": run.chosen,
        "splits": run.splits,
        "decoder": code.decoder,
        "is_decision": True,
        "note": "The decoder rounds ratios to integers of 8 bits; these are the numbers shown. It decodes "
        "simple nodes at once.",
        "steps": _steps(code, view, run, size),
        "long": [],
    }  # fmt: skip


def _steps(code: Polar, view: BlockView, run: PolarRun, size: int) -> list[str]:
    plan = plan_of(code)
    frozen = int(plan.frozen.sum())
    lines = [
        f"Of {size} inputs of the transform, {frozen} are frozen to 0: the least reliable ones. The others "
        f"carry {many(code.k, 'message bit')}"
        + (f" and a CRC of {plan.check.width} bits." if plan.check.width else "."),
        "The decoder decides the inputs from left to right. Each decision helps all later ones.",
    ]
    if plan.is_adaptive and len(run.passes) > 1:
        lines.append("The CRC of the single path failed, so the decoder tries again with a list.")
    if len(run.passes) > 1:
        good = sum(run.passes)
        lines.append(
            f"It follows {len(run.passes)} paths, and splits them where a decision is doubtful. At the end, "
            f"{many(good, 'path')} {'passes' if good == 1 else 'pass'} the check; path {run.chosen + 1} is "
            "the best."
        )
    return [*lines, view.verdict()]
