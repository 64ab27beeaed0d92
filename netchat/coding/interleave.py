"""Block interleaving, which spreads a burst of errors over many codewords."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netchat.arguments import whole_number
from netchat.coding.arrays import Bools, Decoded, Floats, Rows
from netchat.coding.code import Code
from netchat.coding.registry import get

__all__ = ["Interleaved"]


class Interleaved(Code):
    """Block interleaver: writes `depth` codewords as rows of a table and sends its columns.

    n and k are `depth` times those of the row code, and the minimum distance is the same. A burst of
    up to `depth` symbols hits each codeword once. `corrects` and `detects` hold for errors at any
    positions, so they equal those of one codeword.

    Reference: S. Lin and D. J. Costello, "Error Control Coding", 2nd edition (2004), chapter 15.

    Args:
        outer: Code of the rows, or its specification.
        depth: Number of rows.
        tail: Shortened code of one additional row.

    Raises:
        TypeError: depth is not an integer.
        ValueError: depth is less than 1, the codeword would be too long, or the rows differ in their
            alphabets.

    >>> from netchat.coding.block.uncoded import Uncoded
    >>> Interleaved(Uncoded(3), 2).encode([[0, 0, 0, 1, 1, 1]]).tolist()
    [[0, 1, 0, 1, 0, 1]]
    """

    outer: Code
    """Code of the rows."""
    depth: int
    """Number of rows."""
    tail: Code | None
    """Shortened code of one additional row, if there is one."""

    def __init__(self, outer: Code | str, depth: int, tail: Code | None = None) -> None:
        outer, depth = get(outer), whole_number("depth", depth)
        if depth < 1:
            raise ValueError(f"Argument 'depth' must be at least 1, got {depth}.")
        if tail is not None and tail.alphabet != outer.alphabet:
            raise ValueError(
                f"Argument 'tail' must be a code over {outer.alphabet}s, got {tail.spec}."
            )
        self.outer, self.depth, self.tail = outer, depth, tail
        self._codes = [(outer, depth)] + ([(tail, 1)] if tail else [])
        super().__init__(
            f"{outer.name}, interleaved {depth}",
            k=sum(code.k * rows for code, rows in self._codes),
            n=sum(code.n * rows for code, rows in self._codes),
            minimum_distance=outer.minimum_distance,
            alphabet=outer.alphabet,
            corrects=outer.corrects,
            detects=outer.detects,
            erasure_capability=outer.erasure_capability,
            systematic=outer.systematic,
            linear=outer.linear,
            citation=outer.citation,
        )
        self.spec: str = f"{outer.spec}+interleave:{depth}"
        self.soft: bool = outer.soft
        row = np.concatenate([np.full(outer.n, r) for r in range(depth)] + [
            np.full(code.n, depth) for code in (tail,) if code
        ])  # fmt: skip
        column = np.concatenate(
            [np.arange(code.n) for code, rows in self._codes for _ in range(rows)]
        )
        self._order = np.lexsort((row, column))
        self._place = np.argsort(self._order)

    @property
    def data_positions(self) -> NDArray[np.intp]:
        """(k,) Positions of the message symbols."""
        starts = np.arange(self.depth) * self.outer.n
        parts = [(starts[:, None] + self.outer.data_positions).ravel()]
        if self.tail:
            parts.append(self.depth * self.outer.n + self.tail.data_positions)
        return self._place[np.concatenate(parts)]

    def spread(self, width: int) -> int:
        """Return the largest number of symbols of one row in a window."""
        return self.outer.spread(-(-width // self.depth))

    def _encode(self, message: Rows) -> Rows:
        batch, parts, start = len(message), [], 0
        for code, rows in self._codes:
            stop = start + rows * code.k
            words = code.encode(message[:, start:stop].reshape(batch * rows, code.k))
            parts.append(words.reshape(batch, rows * code.n))
            start = stop
        return np.ascontiguousarray(np.concatenate(parts, axis=1)[:, self._order])

    def _decode(self, received: Rows) -> Decoded:
        return self._decode_rows(received, None, None)

    def _decode_erasures(self, received: Rows, erasures: Bools) -> Decoded:
        return self._decode_rows(received, erasures, None)

    def _decode_soft(self, received: Rows, soft: Floats, erasures: Bools | None) -> Decoded:
        return self._decode_rows(received, erasures, soft)

    def _decode_rows(self, received: Rows, erasures: Bools | None, soft: Floats | None) -> Decoded:
        batch, messages, start = len(received), [], 0
        corrected = np.zeros(batch, np.int64)
        failed = np.zeros(batch, np.bool_)
        for code, rows in self._codes:
            columns = self._place[start : start + rows * code.n]
            word, lost, ratio = (
                None if what is None else what[:, columns].reshape(batch * rows, code.n)
                for what in (received, erasures, soft)
            )
            assert word is not None
            result = code.decode(word, lost, ratio)
            messages.append(result.message.reshape(batch, rows * code.k))
            corrected += result.corrected.reshape(batch, rows).sum(axis=1)
            failed |= result.failed.reshape(batch, rows).any(axis=1)
            start += rows * code.n
        corrected[failed] = -1
        return Decoded(np.concatenate(messages, axis=1), corrected)

    def _shorten(self, k: int) -> Code:
        rows, rest = divmod(k, self.outer.k)
        tail = self.outer.shortened(rest) if rest else None
        if rows == 0 and tail:
            return tail
        return Interleaved(self.outer, rows, tail)
