"""Trellis of a convolutional code: outputs, minimum distances and the distance spectrum.

A state holds the last `memory` bits of the message, the newest as its most significant bit. A branch is
numbered by `memory` + 1 bits: the new bit, then the state that it leaves.
"""

from __future__ import annotations

import heapq
import math
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

__all__ = ["Trellis"]

#: Largest number of nodes (states times phases) for which the free distance is computed.
_NODES = 1 << 16

#: The same for the distance spectrum and its linear systems, and for tail-biting distances.
_SMALL = 320


class Trellis:
    """Trellis of a convolutional code with puncturing.

    Args:
        generators: Generators as integers; the most significant of `memory` + 1 bits is the new bit.
        memory: Number of bits in a state.
        kept: (period, n) Whether an output is sent, for each step of the puncturing period.
        inverted: Bits of the outputs that are inverted.
    """

    def __init__(
        self, generators: tuple[int, ...], memory: int, kept: NDArray[np.bool_], inverted: int = 0
    ) -> None:
        self.generators, self.memory, self.kept = generators, memory, kept
        self.states, self.period = 1 << memory, len(kept)
        branches = np.arange(2 * self.states)
        table = np.zeros(2 * self.states, np.uint8)
        for place, generator in enumerate(generators):
            parity = branches & generator
            for shift in (8, 4, 2, 1):
                parity = parity ^ (parity >> shift)
            table |= ((parity & 1) << place).astype(np.uint8)
        #: (branches,) Outputs without inversion, for distances; output i is bit i.
        self.linear_outputs = table
        #: (branches,) Outputs of each branch.
        self.outputs: NDArray[np.uint8] = table ^ np.uint8(inverted)

    @property
    def is_catastrophic(self) -> bool:
        """Whether the generators have a common factor: few channel errors can cause endless errors."""
        common = 0
        for generator in self.generators:
            one, two = common, generator
            while two:
                while one and one.bit_length() >= two.bit_length():
                    one ^= two << (one.bit_length() - two.bit_length())
                one, two = two, one
            common = one
        return common & (common - 1) != 0  # a power of two is a delay only

    @cached_property
    def weights(self) -> NDArray[np.int64]:
        """(period, branches) Number of ones that a branch sends in each phase."""
        bits = (self.linear_outputs[:, None] >> np.arange(len(self.generators))) & 1
        found: NDArray[np.int64] = self.kept.astype(np.int64) @ bits.T.astype(np.int64)
        return found

    @cached_property
    def free_distance(self) -> int | None:
        """Minimum weight of a path that leaves the zero state and returns to it; None if unknown.

        It is the shortest path in the graph of states and phases (Dijkstra).
        """
        if self.states * self.period > _NODES:
            return None
        weights, half = self.weights.tolist(), self.states >> 1
        best = [math.inf] * (self.states * self.period)
        queue: list[tuple[int, int, int]] = []
        for phase in range(self.period):
            after = (phase + 1) % self.period
            heapq.heappush(queue, (weights[phase][self.states], half, after))
        while True:  # every state leads to the zero state
            weight, state, phase = heapq.heappop(queue)
            if state == 0:
                return weight
            if best[state * self.period + phase] <= weight:
                continue
            best[state * self.period + phase] = weight
            for bit in (0, 1):
                branch = bit * self.states + state
                entry = weight + weights[phase][branch], branch >> 1, (phase + 1) % self.period
                heapq.heappush(queue, entry)

    @property
    def last_weight(self) -> int:
        """Smallest weight of the branch with which a path leaves the zero state."""
        return int(self.weights[:, self.states].min())

    def tail_biting_distance(self, steps: int) -> int | None:
        """Return the minimum distance of the tail-biting code; None if it takes long to compute."""
        size = self.states
        if size > _SMALL or size * size * steps > 1 << 26:
            return None
        far = 1 << 20
        # (start, state): the lightest path; row 0 for paths that have left the zero state at least once.
        lightest = np.full((size, size), far)
        np.fill_diagonal(lightest, 0)
        lightest[0, 0] = far
        into = np.arange(size)[:, None] * 2 + np.arange(2)  # branches by the state that they enter
        for step in range(steps):
            weight = self.weights[step % self.period]
            through = lightest[:, into % size] + weight[into]
            lightest = through.min(axis=2)
            leaving = int(weight[size])  # the branch with which a path leaves the zero state
            lightest[0, size >> 1] = min(lightest[0, size >> 1], leaving)
        return int(np.diag(lightest).min())

    def paths(self, most: int) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """Count the paths that leave the zero state and return to it, by weight up to `most`.

        Args:
            most: Largest weight, at least the free distance.

        Returns:
            (most + 1,) Number of paths, averaged over the phases in which they begin.
            (most + 1,) Sum of their message bits, averaged likewise.
            None if the trellis is too large, or its paths have no weight over many steps.
        """
        if self.states * self.period > _SMALL:
            return None
        into = np.arange(self.states)[:, None] * 2 + np.arange(2)
        count = np.zeros((2, most + 1))
        for begin in range(self.period):
            alive = np.zeros((2, self.states, most + 1))
            alive[:, self.states >> 1, self.weights[begin][self.states]] = 1.0
            for step in range(begin + 1, begin + 1 + 64 * (self.memory + 1) * self.period):
                if not alive.any():
                    break
                weight, moved = self.weights[step % self.period], np.zeros_like(alive)
                for side in (0, 1):
                    branch = into[:, side]
                    source, new = branch % self.states, branch // self.states
                    part = alive[:, source]
                    part[1] += new[:, None] * part[0]
                    for heavy in np.unique(weight[branch]):
                        rows = weight[branch] == heavy
                        moved[:, rows, heavy:] += part[:, rows, : most + 1 - heavy]
                count += moved[:, 0] / self.period
                moved[:, 0] = 0
                alive = moved
            else:
                return None
        return count[0], count[1]

    def transfer(self, factor: float) -> tuple[float, float] | None:
        """Return the sums of `factor`^weight over all such paths, and of that times their bits.

        They solve linear systems (Viterbi 1971). None if the sums do not converge, or if the trellis is
        too large.
        """
        size = self.states * self.period
        if size > _SMALL:
            return None
        matrix, ones = np.zeros((size, size)), np.zeros((size, size))
        start, start_ones = np.zeros((self.period, size)), np.zeros((self.period, size))
        back = np.zeros(size)
        for phase in range(self.period):
            after = (phase + 1) % self.period
            for branch in range(2 * self.states):
                state, target = branch % self.states, branch >> 1
                gain = factor ** int(self.weights[phase][branch])
                bit = branch // self.states
                if state == 0:
                    if bit:
                        start[phase, after * self.states + target] += gain
                        start_ones[phase, after * self.states + target] += gain
                elif target == 0:
                    back[phase * self.states + state] += gain
                else:
                    matrix[phase * self.states + state, after * self.states + target] += gain
                    if bit:
                        ones[phase * self.states + state, after * self.states + target] += gain
        # The sums converge if all entries of x = 1 + M x are at least 1 (M is not negative).
        try:
            to_end, converges = np.linalg.solve(
                np.eye(size) - matrix, np.stack([back, np.ones(size)], axis=1)
            ).T
            bits_to_end = np.linalg.solve(np.eye(size) - matrix, ones @ to_end)
        except np.linalg.LinAlgError:
            return None
        if not converges.min() >= 1:
            return None
        paths = start @ to_end
        bits = start_ones @ to_end + start @ bits_to_end
        return float(paths.mean()), float(bits.mean())
