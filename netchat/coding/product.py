"""Product codes: a table whose rows and columns are codewords."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from netchat.arguments import whole_number
from netchat.coding.arrays import Bools, Decoded, Rows
from netchat.coding.code import Code
from netchat.coding.registry import get

__all__ = ["Product"]

_LARGEST_ITERATIONS = 1000


class Product(Code):
    """Product of two linear codes: each row of a table is a codeword of one, each column of the other.

    n, k and the minimum distance are the products of those of the two codes. The decoder decodes all
    rows, then all columns, until neither changes a symbol. It reports a failure if a row or a column is
    no codeword then. Rows and columns get hard decisions.

    The message fills the rows of a table with k_1 columns, for the k_1 of the row code. The codeword is
    sent row by row.

    References: P. Elias, "Error-free coding" (1954); N. Abramson, "Cascade decoding of cyclic product
    codes" (1968).

    Args:
        rows: Linear code of the rows, or its specification.
        columns: Linear code of the columns, or its specification; that of the rows by default.
        iterations: Largest number of times that rows and columns are decoded.

    Raises:
        TypeError: iterations is not an integer.
        ValueError: The codes are not linear or have different alphabets, or iterations is out of range.

    >>> code = Product("hamming:7,4")
    >>> code.n, code.k, code.minimum_distance, code.corrects
    (49, 16, 9, 3)
    """

    rows: Code
    """Code of the rows."""
    columns: Code
    """Code of the columns."""
    iterations: int
    """Largest number of times that rows and columns are decoded."""

    def __init__(
        self, rows: Code | str, columns: Code | str | None = None, iterations: int = 20
    ) -> None:
        rows = get(rows)
        columns = rows if columns is None else get(columns)
        self.rows, self.columns = rows, columns
        self.iterations = whole_number("iterations", iterations)
        if not 1 <= self.iterations <= _LARGEST_ITERATIONS:
            raise ValueError(
                f"Argument 'iterations' must be from 1 to {_LARGEST_ITERATIONS}, got {iterations}."
            )
        if not rows.linear or not columns.linear or rows.alphabet != columns.alphabet:
            raise ValueError(
                "A product needs two linear codes over bits, or two over bytes, got "
                f"{rows.spec} and {columns.spec}."
            )
        # Rows with more errors than they correct are at most as many as the columns correct.
        corrects = (rows.corrects + 1) * (columns.corrects + 1) - 1
        super().__init__(
            f"{rows.name} x {columns.name}",
            k=rows.k * columns.k,
            n=rows.n * columns.n,
            minimum_distance=rows.minimum_distance * columns.minimum_distance,
            alphabet=rows.alphabet,
            corrects=corrects,
            detects=corrects,
            erasure_capability=0,
            systematic=rows.systematic and columns.systematic,
            citation=f"Elias, Error-free coding (1954); {rows.citation}",
        )
        same = columns is rows or columns.spec == rows.spec
        self.spec: str = f"{rows.spec}+product{'' if same else f':{columns.spec}'}"

    @property
    def data_positions(self) -> NDArray[np.intp]:
        """(k,) Positions of the message symbols."""
        starts = self.rows.n * self.columns.data_positions
        return (starts[:, None] + self.rows.data_positions).ravel()

    def spread(self, width: int) -> int:
        """Return the largest number of symbols of one row in a window."""
        return self.rows.spread(min(width, self.rows.n))

    def _encode(self, message: Rows) -> Rows:
        batch = len(message)
        table = self.rows.encode(message.reshape(batch * self.columns.k, self.rows.k))
        table = table.reshape(batch, self.columns.k, self.rows.n)
        return np.ascontiguousarray(_of_columns(self.columns.encode, table)).reshape(batch, self.n)

    def _decode(self, received: Rows) -> Decoded:
        return self._decode_erasures(received, np.zeros(received.shape, np.bool_))

    def _decode_erasures(self, received: Rows, erasures: Bools) -> Decoded:
        batch, shape = len(received), (len(received), self.columns.n, self.rows.n)
        table, lost = received.reshape(shape).copy(), erasures.reshape(shape).copy()
        is_open = np.arange(batch)  # blocks whose tables still change
        consistent = np.zeros(batch, np.bool_)
        for _ in range(self.iterations):
            now, gone = table[is_open], lost[is_open]
            by_rows, rows_fail, gone = _corrected(self.rows, now, gone)
            turned, columns_fail, gone = _corrected(
                self.columns, by_rows.transpose(0, 2, 1), gone.transpose(0, 2, 1)
            )
            after, gone = turned.transpose(0, 2, 1), gone.transpose(0, 2, 1)
            same = (after == now).all(axis=(1, 2)) & (gone == lost[is_open]).all(axis=(1, 2))
            table[is_open], lost[is_open] = after, gone
            consistent[is_open] = ~rows_fail & ~columns_fail & (by_rows == after).all(axis=(1, 2))
            is_open = is_open[~same & ~consistent[is_open]]
            if not len(is_open):
                break
        halfway = _of_columns(lambda words: self.columns.decode(words).message, table)
        message = self.rows.decode(
            np.ascontiguousarray(halfway).reshape(batch * self.columns.k, self.rows.n)
        ).message.reshape(batch, self.k)
        changed = (table.reshape(batch, self.n) != received) | erasures
        return Decoded(message, np.where(consistent, changed.sum(axis=1), -1))


def _of_columns(function: Callable[[Rows], Rows], table: Rows) -> Rows:
    """Apply a function of rows to the columns of tables (batch, height, width)."""
    batch, height, width = table.shape
    columns = np.ascontiguousarray(table.transpose(0, 2, 1)).reshape(batch * width, height)
    done = function(columns)
    return done.reshape(batch, width, done.shape[1]).transpose(0, 2, 1)


def _corrected(code: Code, table: Rows, lost: Bools) -> tuple[Rows, Bools, Bools]:
    """Decode the rows of tables; return them, which tables have a failure, and what is still lost."""
    batch, height, width = table.shape
    rows = np.ascontiguousarray(table).reshape(batch * height, width)
    gone = lost.reshape(batch * height, width).copy()
    result = code.decode(rows, gone)
    word = code.encode(result.message)
    failed = result.failed
    word[failed] = rows[failed]
    gone &= failed[:, None]
    shape = batch, height, width
    fails: Bools = np.asarray(failed.reshape(batch, height).any(axis=1), np.bool_)
    return word.reshape(shape), fails, gone.reshape(shape)
