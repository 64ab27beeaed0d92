"""Belief propagation of LDPC codes: the Tanner graph, and messages and checks in each iteration.

The steps are those of the library's fast decoder, layered min-sum in integers of 8 bits, with the same
rounding and saturation. Decoders with other algorithms are shown by their results only.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netchat.channel_lab.explain.block_view import BlockView, quantised
from netchat.channel_lab.line import show_bits
from netchat.coding import LDPC
from netchat.coding.ldpc.code import design_of, fast_parameters
from netchat.coding.ldpc.graph import Graph
from netchat.wording import many

__all__ = ["LDPCRun", "explain_ldpc", "run_min_sum"]

#: Largest graph that is drawn with all edges and messages.
_EDGES = 300
#: Largest graph whose ones are sent for a dot plot.
_DOTS = 40_000
_ROUNDED = (
    "The decoder rounds ratios to integers of 8 bits; these are the numbers shown. A check scales its "
    "messages, because the smallest input alone promises too much."
)
#: Iterations whose ratios are sent for a large code.
_SHOWN = 20


@dataclass(slots=True)
class LDPCRun:
    """Iterations of the decoder; the first entry is before the first one."""

    posteriors: list[NDArray[np.int64]] = field(default_factory=list)
    """(variables,) Sum of the ratios of each variable."""
    unsatisfied: list[list[int]] = field(default_factory=list)
    """Checks that do not hold."""
    to_checks: list[NDArray[np.int64]] = field(default_factory=list)
    """(edges,) Messages from variables to checks."""
    to_variables: list[NDArray[np.int64]] = field(default_factory=list)
    """(edges,) Messages from checks to variables."""
    decided: NDArray[np.uint8] | None = None
    """(variables,) Decisions."""
    failed: bool = True
    """Whether a check does not hold at the end."""


def run_min_sum(code: LDPC, view: BlockView) -> LDPCRun:
    """Decode a block as the library's fast decoder does."""
    parameters = fast_parameters(code)
    assert parameters is not None
    graph, sent, own, limit, largest, shift = parameters
    received = quantised(view.decoder_ratios, limit, largest)
    posterior = [0] * graph.columns
    for variable, ratio in zip(sent.tolist(), received.tolist(), strict=True):
        posterior[variable] = min(max(posterior[variable] + ratio, -128), 127)
    most = limit - limit // 4
    for variable in own[own >= 0].tolist():
        posterior[variable] = min(max(posterior[variable], -most), most)
    edges = [
        graph.variables[begin:end].tolist()
        for begin, end in itertools.pairwise(graph.starts.tolist())
    ]
    messages = [[0] * len(variables) for variables in edges]
    inputs = [[0] * len(variables) for variables in edges]
    half = (1 << shift) >> 1 if shift < 7 else 0
    run = LDPCRun()
    for iteration in range(code.iterations + 1):
        if iteration:
            for check, variables in enumerate(edges):
                values = [
                    max(min(posterior[variable] - message, 127), -127)
                    for variable, message in zip(variables, messages[check], strict=True)
                ]
                inputs[check] = values
                smallest, second, *_ = sorted([*map(abs, values), 127, 127])
                scaled, of_smallest = (
                    min(each - (min(each + half, 127) >> shift), limit)
                    for each in (smallest, second)
                )
                is_odd = sum(value < 0 for value in values) & 1
                out = [
                    -size if (value < 0) != is_odd else size
                    for value in values
                    for size in [scaled if smallest < abs(value) else of_smallest]
                ]
                messages[check] = out
                for variable, value, message in zip(variables, values, out, strict=True):
                    posterior[variable] = max(min(value + message, 127), -128)
        words = (np.array(posterior) < 0).astype(np.uint8)
        wrong = _unsatisfied(graph, words)
        run.posteriors.append(np.array(posterior))
        run.unsatisfied.append(wrong)
        run.to_checks.append(np.array(list(itertools.chain.from_iterable(inputs))))
        run.to_variables.append(np.array(list(itertools.chain.from_iterable(messages))))
        if not wrong:
            break
    if wrong:  # parity bits that are in a single check follow from the others
        solved = words.copy()
        for check, variable in enumerate(own.tolist()):
            if variable >= 0:
                others = [other for other in edges[check] if other != variable]
                solved[variable] = solved[others].sum() & 1
        if not _unsatisfied(graph, solved):
            words, wrong = solved, []
    run.decided, run.failed = words, bool(wrong)
    return run


def _unsatisfied(graph: Graph, words: NDArray[np.uint8]) -> list[int]:
    sums = np.add.reduceat(words[graph.variables].astype(np.int64), graph.starts[:-1])
    return [int(check) for check in np.flatnonzero(sums & 1)]


def explain_ldpc(view: BlockView) -> dict[str, Any]:
    """Explain a block of an LDPC code."""
    code = view.code
    assert isinstance(code, LDPC)
    design = design_of(code)
    graph, sent = design.graph, design.sent
    owner = np.repeat(np.arange(graph.checks), np.diff(graph.starts))
    is_small = len(graph.variables) <= _EDGES
    ones = np.stack([owner, graph.variables], axis=1).tolist() if len(owner) <= _DOTS else None
    is_fast = fast_parameters(code) is not None
    run = run_min_sum(code, view) if is_fast else None
    iterations = []
    for at in range(min(len(run.posteriors), _SHOWN + 1) if run is not None else 0):
        assert run is not None
        posterior = run.posteriors[at]
        iterations.append(
            {
                "llr": posterior.tolist(),
                "hard": show_bits((posterior < 0).astype(np.uint8)),
                "unsatisfied": run.unsatisfied[at],
                "to_checks": run.to_checks[at].tolist() if is_small else None,
                "to_variables": run.to_variables[at].tolist() if is_small else None,
            }
        )
    return {
        "n": code.n,
        "m": graph.checks,
        "variables": graph.columns,
        "sent": sent.tolist(),
        "edges": ones if is_small else None,
        "dots": None if is_small else ones,
        "iterations": iterations,
        "algorithm": code.algorithm,
        "schedule": code.schedule,
        "limit": code.iterations,
        "converged": not run.failed if run is not None else not view.failed,
        "is_decision": is_fast,
        "note": _ROUNDED
        if is_fast else f"The messages of {code.algorithm}, {code.schedule}, are not shown.",
        "steps": _steps(view, graph, run),
        "long": [],
    }  # fmt: skip


def _steps(view: BlockView, graph: Graph, run: LDPCRun | None) -> list[str]:
    code = view.code
    assert isinstance(code, LDPC)
    degrees = np.diff(graph.starts)
    lines = [
        f"The Tanner graph has {graph.columns} variables and {graph.checks} checks, with "
        f"{degrees.min()} to {degrees.max()} variables in each check."
        if degrees.min() != degrees.max()
        else f"The Tanner graph has {graph.columns} variables and {graph.checks} checks, with {degrees[0]} "
        "variables in each check."
    ]
    if run is not None:
        counts = [len(wrong) for wrong in run.unsatisfied]
        lines.append(
            f"Before the first iteration, {many(counts[0], 'check')} of {graph.checks} fail."
        )
        for at, count in enumerate(counts[1:], 1):
            lines.append(f"After iteration {at}, {many(count, 'check')} fail{'s' * (count == 1)}.")
        if not run.failed:
            lines.append(
                "The decoder computes the parity bits that are in a single check again; then all checks hold."
                if counts[-1]
                else "All checks hold, and the decoder stops."
            )
        else:
            lines.append(f"After {code.iterations} iterations, the decoder gives up.")
    return [*lines, view.verdict()]
