"""Tables of a BCH code for its kernel: which bit slices to add."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netchat.coding.binary_field import BinaryField

__all__ = ["BCHTables", "tables"]


class BCHTables(NamedTuple):
    """Tables of one BCH code."""

    degree: int
    """Degree m of the field."""
    n: int
    """Number of bits in a codeword."""
    k: int
    """Number of bits in a message."""
    errors: int
    """Number of errors corrected, t."""
    taps: NDArray[np.int64]
    """Powers of the generator polynomial, without the lowest and the highest."""
    sum_starts: NDArray[np.int32]
    """((2t - 1) m + 1,) Start in `sum_rows` of each bit of the syndromes S_1, S_2, …, lowest bit first."""
    sum_rows: NDArray[np.int32]
    """Coefficients of the remainder whose sum is that bit."""
    fold_starts: NDArray[np.int32]
    """(m,) Start in `fold_rows` of the powers m, …, 2m - 2 of a product."""
    fold_rows: NDArray[np.int32]
    """Bits of the field element that equals such a power."""
    field_taps: NDArray[np.int64]
    """Powers of the primitive polynomial, without the lowest and the highest."""


def tables(field: BinaryField, n: int, k: int, errors: int, generator: int) -> BCHTables:
    """Compute the tables of a code with a generator polynomial, a coefficient per bit."""
    m, parity = field.degree, n - k
    size = (1 << m) - 1
    powers = np.outer(np.arange(1, 2 * errors), np.arange(parity)) % size
    elements = field.exp[powers].astype(np.int64)  # (syndrome, coefficient of the remainder)
    is_added = (elements[:, None, :] >> np.arange(m)[:, None] & 1).reshape(-1, parity)
    starts, rows = _lists(is_added)
    folded = field.exp[np.arange(m, 2 * m - 1) % size].astype(np.int64)
    fold_starts, fold_rows = _lists(folded[:, None] >> np.arange(m) & 1)
    return BCHTables(
        m, n, k, errors, _middle(generator, parity), starts, rows, fold_starts, fold_rows,
        _middle(field.polynomial, m),
    )  # fmt: skip


def _middle(polynomial: int, degree: int) -> NDArray[np.int64]:
    return np.array([power for power in range(1, degree) if polynomial >> power & 1], np.int64)


def _lists(matrix: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return the columns with a one in each row, and where each row begins."""
    rows, columns = np.nonzero(matrix)
    starts = np.searchsorted(rows, np.arange(len(matrix) + 1))
    return starts.astype(np.int32), columns.astype(np.int32)
