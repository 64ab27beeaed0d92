"""5G LDPC code with incremental redundancy: any prefix of one long codeword can be sent.

The bits of the longest codeword are ordered as in the circular buffer of 3GPP TS 38.212 (section 5.4.2.1),
from its start. A sender sends a prefix; if that does not suffice, it sends the bits that follow. A
receiver decodes the longest prefix of which it has something, with ratios of 0 for missing bits and with
the sums of the ratios for bits that it has several times.

All prefixes and all lengths of message with the same lifting size share one graph and one plan of the
encoder, so that a new length costs little.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from netchat.coding.arrays import Decoded, Floats, Rows
from netchat.coding.ldpc.encoder import Plan, plan
from netchat.coding.ldpc.graph import Graph
from netchat.coding.ldpc.standards import LIFTINGS, base_graph_1

__all__ = ["RateCompatible"]

#: Columns and rows of base graph 1, its columns with the message, and its first rows, whose parity
#: bits depend on one another.
_COLUMNS, _ROWS, _DATA, _CORE = 68, 46, 22, 4

#: Columns at the start that are not sent.
_PUNCTURED = 2

#: Parameters of the decoder in integers, as in `netchat.coding.ldpc.code`.
_LIMIT, _LARGEST, _SHIFT = 28, 42, 2

#: Codewords that the decoder handles at a time.
_LANES = 64

#: Numbers of lifting sizes and of message lengths whose graphs are kept.
_LIFTINGS_KEPT, _LENGTHS_KEPT = 16, 32


@dataclass(frozen=True, slots=True)
class _Mother:
    """Code of one lifting size, with all its parity bits."""

    lifting: int
    starts: NDArray[np.int32]
    variables: NDArray[np.int32]
    plan: Plan


@lru_cache(_LIFTINGS_KEPT)
def _mother(lifting: int) -> _Mother:
    index = np.arange(lifting, dtype=np.int32)
    rows: list[list[NDArray[np.int32]]] = [[] for _ in range(_ROWS)]
    for row, column, shift in base_graph_1(lifting):
        rows[row].append((column * lifting + (index + shift) % lifting).astype(np.int32))
    variables = np.concatenate([np.stack(row, axis=1).ravel() for row in rows])
    degrees = np.repeat([len(row) for row in rows], lifting)
    starts = np.concatenate([[0], np.cumsum(degrees)]).astype(np.int32)
    core, message = _CORE * lifting, np.arange(_DATA * lifting)
    first = plan(
        Graph((_DATA + _CORE) * lifting, starts[: core + 1], variables[: starts[core]]), message
    )
    # Each later check has one parity bit of its own.
    later = np.arange(core, _ROWS * lifting, dtype=np.int32)
    return _Mother(
        lifting, starts, variables,
        Plan(
            np.concatenate([first.checks, later]),
            np.concatenate([first.solved, later + np.int32(_DATA * lifting)]),
            first.assumed, first.left, first.inverse,
        ),
    )  # fmt: skip


class RateCompatible:
    """5G LDPC code, base graph 1, for messages of one length and codewords of any length.

    Reference: 3GPP TS 38.212, sections 5.3.2 and 5.4.2.1.

    Args:
        k: Message bits, 4 to 8448.
        iterations: Largest number of iterations of the decoder, layered normalised min-sum.

    Attributes:
        k: Message bits.
        longest: Bits of the longest codeword.

    Raises:
        ValueError: The code has no such length.
    """

    def __init__(self, k: int, iterations: int = 20) -> None:
        if not 4 <= k <= _DATA * max(LIFTINGS):
            raise ValueError(f"Argument 'k' must be from 4 to {_DATA * max(LIFTINGS)}, got {k}.")
        self.k = k
        self._iterations = iterations
        lifting = min(size for size in LIFTINGS if _DATA * size >= k)
        self._mother = mother = _mother(lifting)
        self.longest: int = k + (_COLUMNS - _DATA - _PUNCTURED) * lifting
        # The columns after the message are zero, and no check needs them.
        is_used = (mother.variables < k) | (mother.variables >= _DATA * lifting)
        counts = np.concatenate([[0], np.cumsum(is_used)])
        self._starts = counts[mother.starts].astype(np.int32)
        self._variables = mother.variables[is_used]
        order = np.concatenate(
            [np.arange(_PUNCTURED * lifting, k), np.arange(_DATA * lifting, _COLUMNS * lifting)]
        )
        self._order = order.astype(np.int32)
        self._places = np.arange(k)

    def encode(self, message: Rows, n: int) -> Rows:
        """Encode messages.

        Args:
            message: (batch, k) Bits.
            n: Length of the codewords, up to `longest`.

        Returns:
            (batch, n) The first n bits of the longest codewords.
        """
        from netchat.coding.ldpc import kernels
        from netchat.jit import read_only

        mother, checks = self._mother, self._checks(n)
        steps = mother.plan
        some = len(steps.checks) - (_ROWS * mother.lifting - checks)
        word = np.empty((len(message), n), np.uint8)
        kernels.encode(
            read_only(np.ascontiguousarray(message)), self._places, self._starts[: checks + 1],
            self._variables, steps.checks[:some], steps.solved[:some], steps.assumed, steps.left,
            steps.inverse, _COLUMNS * mother.lifting, self._order[:n], word,
        )  # fmt: skip
        return word

    def decode(self, ratios: Floats) -> Decoded:
        """Decode prefixes of codewords.

        Args:
            ratios: (batch, n) Log-likelihood ratios, positive for 0, in any unit; 0 for a missing bit.

        Returns:
            Messages, and the number of corrected bits of each; -1 where decoding has failed.
        """
        steps = self.decode_steps(ratios, self._iterations + 1)
        while True:
            try:
                next(steps)
            except StopIteration as done:
                return done.value  # type: ignore[no-any-return]

    def decode_steps(self, ratios: Floats, at_once: int) -> Generator[None, None, Decoded]:
        """Decode prefixes of codewords in steps, between which the caller can do other work.

        Args:
            ratios: As for `decode`.
            at_once: Iterations per step, for up to 64 codewords.

        Returns:
            As `decode`.
        """
        from netchat.coding.ldpc import kernels
        from netchat.jit import read_only

        batch, n = ratios.shape
        checks = self._checks(n)
        columns = _DATA * self._mother.lifting + checks
        starts = self._starts[: checks + 1]
        variables = self._variables[: self._starts[checks]]
        rows = read_only(np.ascontiguousarray(ratios, np.float32))
        message, corrected = np.empty((batch, self.k), np.uint8), np.empty(batch, np.int64)
        posterior = np.empty(columns * _LANES, np.int8)
        messages = np.empty(len(variables) * _LANES, np.int8)
        hard, lost, words, result = (np.empty(size, np.uint64) for size in (n, n, columns, columns))
        order = self._order[:n]
        for first in range(0, batch, _LANES):
            blocks = min(_LANES, batch - first)
            kernels.start(
                rows, first, blocks, order, np.arange(n), _LIMIT, _LARGEST, posterior, messages,
                hard, lost,
            )  # fmt: skip
            open_blocks = np.uint64((1 << blocks) - 1)
            for begin in range(0, self._iterations + 1, at_once):
                left = kernels.run(
                    starts, variables, posterior, messages, _LIMIT, _SHIFT, begin, begin + at_once,
                    self._iterations, open_blocks, words, result,
                )  # fmt: skip
                open_blocks = np.uint64(left)
                if not open_blocks:
                    break
                yield
            kernels.finish(
                first, blocks, open_blocks, hard, lost, result, order, self._places, message,
                corrected,
            )  # fmt: skip
        return Decoded(message, corrected)

    def _checks(self, n: int) -> int:
        """Return the number of checks that concern the first n bits."""
        parity = n - max(0, self.k - _PUNCTURED * self._mother.lifting)
        return max(_CORE * self._mother.lifting, parity)
