"""Encoder of a sparse parity-check matrix of any form.

The parity variables are found one after the other, each from a check in which all others are known.
Where no such check is left, some variables are assumed to be zero at first. The checks that remain then
give linear equations for them, whose inverse is a small dense matrix (after Richardson and Urbanke,
"Efficient encoding of low-density parity-check codes", 2001).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netchat.coding.ldpc.graph import Graph

__all__ = ["Plan", "independent_columns", "plan"]


@dataclass(frozen=True, slots=True)
class Plan:
    """Order in which an encoder computes the parity variables."""

    checks: NDArray[np.int32]
    """(steps,) Check of each step."""
    solved: NDArray[np.int32]
    """(steps,) Variable that it determines."""
    assumed: NDArray[np.int32]
    """(gap,) Variables that are zero in the first pass."""
    left: NDArray[np.int32]
    """(equations,) Checks that determine them."""
    inverse: NDArray[np.uint8]
    """(gap, equations) Which of these checks each assumed variable is the sum of."""


def independent_columns(graph: Graph) -> NDArray[np.intp]:
    """Return columns that form a basis of the column space, the last ones if possible."""
    rows = np.packbits(graph.dense(), axis=1)
    rows = np.pad(rows, ((0, 0), (0, -rows.shape[1] % 8))).view(np.uint64)
    dense = rows.view(np.uint8)
    found, top = [], 0
    for column in range(graph.columns - 1, -1, -1):
        has = (dense[top:, column >> 3] >> (7 - (column & 7))) & 1
        places = np.flatnonzero(has)
        if not len(places):
            continue
        pivot = top + int(places[0])
        rows[[top, pivot]] = rows[[pivot, top]]
        others = top + places[1:]
        rows[others] ^= rows[top]
        found.append(column)
        top += 1
        if top == len(rows):
            break
    return np.array(found[::-1], np.intp)


def plan(graph: Graph, message: NDArray[np.intp]) -> Plan:
    """Plan the computation of all variables but those of the message.

    Args:
        graph: Parity-check matrix.
        message: Variables of the message; the others must be determined by the checks.

    Raises:
        ValueError: The checks do not determine the other variables.
    """
    unknown = np.ones(graph.columns, np.bool_)
    unknown[message] = False
    owner = np.repeat(np.arange(graph.checks), np.diff(graph.starts))
    by_variable = np.argsort(graph.variables, kind="stable")
    degrees = np.bincount(graph.variables, minlength=graph.columns)
    checks_of = np.split(owner[by_variable], np.cumsum(degrees)[:-1])
    counts = np.bincount(owner, unknown[graph.variables], graph.checks).astype(np.int64)
    used = np.zeros(graph.checks, np.bool_)
    ready = deque(np.flatnonzero(counts == 1).tolist())
    checks, solved, assumed = [], [], []

    def known(variable: int) -> None:
        unknown[variable] = False
        for check in checks_of[variable].tolist():
            counts[check] -= 1
            if counts[check] == 1 and not used[check]:
                ready.append(check)

    def unknown_in(check: int) -> list[int]:
        members = graph.variables[graph.starts[check] : graph.starts[check + 1]]
        return [int(variable) for variable in members[unknown[members]]]

    waiting = np.flatnonzero(counts > 1)
    while True:
        while ready:
            check = ready.popleft()
            if used[check] or counts[check] != 1:
                continue
            used[check] = True
            (variable,) = unknown_in(check)
            checks.append(check)
            solved.append(variable)
            known(variable)
        waiting = waiting[counts[waiting] > 1]
        if not len(waiting):
            break
        check = int(waiting[np.argmin(counts[waiting])])
        # The variable in the fewest checks is solved; the others of this check are assumed.
        members = sorted(unknown_in(check), key=lambda each: len(checks_of[each]))
        for variable in members[1:]:
            assumed.append(variable)
            known(variable)
    if unknown.any():
        raise ValueError("its checks do not determine the parity bits")
    left = np.flatnonzero(~used)
    return Plan(
        np.array(checks, np.int32), np.array(solved, np.int32), np.array(assumed, np.int32),
        *_equations(graph, np.array(checks, np.int32), np.array(solved, np.int32),
                    np.array(assumed, np.int32), left),
    )  # fmt: skip


def _equations(
    graph: Graph,
    checks: NDArray[np.int32],
    solved: NDArray[np.int32],
    assumed: NDArray[np.int32],
    left: NDArray[np.intp],
) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """Return the checks that determine the assumed variables, and the inverse of their matrix."""
    gap = len(assumed)
    if not gap:
        return np.zeros(0, np.int32), np.zeros((0, 0), np.uint8)
    from netchat.coding.ldpc import kernels

    # Bit b of word w belongs to the assignment in which only assumed variable 64 w + b is one.
    words = np.zeros((graph.columns, -(-gap // 64)), np.uint64)
    words[assumed, np.arange(gap) // 64] = np.uint64(1) << (np.arange(gap) % 64).astype(np.uint64)
    sums = np.zeros((len(left), words.shape[1]), np.uint64)
    for column in range(words.shape[1]):
        one = np.ascontiguousarray(words[:, column])
        kernels.solve(one, graph.starts, graph.variables, checks, solved)
        sums[:, column] = kernels.syndromes(
            one, graph.starts, graph.variables, left.astype(np.int32)
        )
    unit = np.zeros((len(left), -(-len(left) // 64)), np.uint64)
    unit[np.arange(len(left)), np.arange(len(left)) // 64] = np.uint64(1) << (
        np.arange(len(left)) % 64
    ).astype(np.uint64)
    rows = np.concatenate([sums, unit], axis=1)
    for place in range(gap):
        word, bit = divmod(place, 64)
        has = np.flatnonzero((rows[:, word] >> np.uint64(bit)) & np.uint64(1))
        later = has[has >= place]
        if not len(later):
            raise ValueError("its checks do not determine the parity bits")
        rows[[place, later[0]]] = rows[[later[0], place]]
        has = np.flatnonzero((rows[:, word] >> np.uint64(bit)) & np.uint64(1))
        others = has[has != place]
        rows[others] ^= rows[place]
    found = np.ascontiguousarray(rows[:gap, sums.shape[1] :])
    bits = np.unpackbits(found.view(np.uint8), axis=1, bitorder="little")[:, : len(left)]
    needed = np.flatnonzero(bits.any(axis=0))
    return left[needed].astype(np.int32), np.ascontiguousarray(bits[:, needed])
