"""Matrices and weight distributions of linear codes.

The functions take a `Code`, whose module imports this one.
"""

from __future__ import annotations

from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netchat.coding.arrays import Rows

__all__ = [
    "generator_matrix",
    "packed",
    "parity_check_matrix",
    "weight_distribution",
    "weights_of_dual",
    "weights_of_mds",
]

#: Largest number of entries of a matrix.
_ENTRIES = 1 << 28

#: Largest dimension of a code whose codewords are enumerated, which takes seconds.
LONGEST_ENUMERATION = 28

#: Dimension of the part of a code whose codewords are kept in memory.
_AT_ONCE = 16


def generator_matrix(code: Any) -> Rows:
    """Return the generator matrix (k, n) of a linear code.

    Raises:
        ValueError: The code is not linear, or the matrix is too large.

    >>> from netchat.coding import Hamming
    >>> generator_matrix(Hamming(3, 1)).tolist()
    [[1, 1, 1]]
    """
    _check_linear(code)
    if code.k * code.n > _ENTRIES:
        raise ValueError(
            f"{code.spec}: a matrix must have at most {_ENTRIES} entries, got {code.k} x {code.n}."
        )
    matrix: Rows = code.encode(np.eye(code.k, dtype=np.uint8))
    return matrix


def parity_check_matrix(code: Any) -> Rows:
    """Return a parity-check matrix (n - k, n) of a linear code.

    A systematic code has a single one of each parity symbol's column in the rows, in the order of the
    symbols; otherwise, the rows are in the form that elimination gives.

    Raises:
        ValueError: The code is not linear, its matrix is too large, or it is over bytes and not systematic.

    >>> from netchat.coding import Hamming
    >>> parity_check_matrix(Hamming(3, 1)).tolist()
    [[1, 1, 0], [1, 0, 1]]
    """
    generator = code.G
    if code.systematic:
        data = code.data_positions
    elif code.alphabet == "bit":
        generator, data = _systematic(generator)
    else:
        raise ValueError(f"{code.spec}: H of a code over bytes is known only if it is systematic.")
    parity = np.setdiff1d(np.arange(code.n), data)
    check = np.zeros((code.n - code.k, code.n), np.uint8)
    check[:, data] = generator[:, parity].T
    check[np.arange(len(parity)), parity] = 1
    return check


def weight_distribution(code: Any) -> list[int]:
    """Return the number of codewords of each weight of a code over bits, 0 to n.

    Raises:
        ValueError: The code is not linear, not over bits, or it and its dual are too large.

    >>> from netchat.coding import Hamming
    >>> weight_distribution(Hamming(7, 4))
    [1, 0, 0, 7, 7, 0, 0, 1]
    """
    _check_linear(code)
    if code.alphabet != "bit" or min(code.k, code.n - code.k) > LONGEST_ENUMERATION:
        raise ValueError(
            f"{code.spec}: the weight distribution is known for codes over bits with k or n - k up to "
            f"{LONGEST_ENUMERATION}, got k = {code.k} and n - k = {code.n - code.k}."
        )
    if code.k <= code.n - code.k:
        return _enumerated(code.G)
    return weights_of_dual(_enumerated(code.H))


def weights_of_dual(weights: list[int]) -> list[int]:
    """Return the weight distribution of the dual code by MacWilliams' identity.

    >>> weights_of_dual([1, 0, 0, 1])  # the dual of a repetition code
    [1, 0, 3, 0]
    """
    n, size = len(weights) - 1, sum(weights)
    totals = [0] * (n + 1)
    for weight, count in enumerate(weights):
        if not count:
            continue
        before, term = 0, 1  # Krawtchouk polynomials K_w(weight), w = 0, 1, …
        for w in range(n + 1):
            totals[w] += count * term
            before, term = term, ((n - 2 * weight) * term - (n - w + 1) * before) // (w + 1)
    return [total // size for total in totals]


def weights_of_mds(n: int, k: int, field: int) -> list[int]:
    """Return the weight distribution of a code over GF(`field`) with minimum distance n - k + 1.

    >>> sum(weights_of_mds(7, 3, 8)) == 8**3
    True
    """
    distance = n - k + 1
    return [1] + [
        comb(n, w)
        * sum((-1) ** j * comb(w, j) * (field ** (w - distance + 1 - j) - 1)
              for j in range(w - distance + 1))
        for w in range(1, n + 1)
    ]  # fmt: skip


def packed(rows: Rows) -> NDArray[np.uint64]:
    """Pack rows of bits into words: bit j is bit j % 64 of word j // 64.

    >>> packed(np.array([[1, 0, 1]], np.uint8)).tolist()
    [[5]]
    """
    octets = np.packbits(rows, axis=1, bitorder="little")
    padded = np.pad(octets, ((0, 0), (0, -octets.shape[1] % 8)))
    return np.ascontiguousarray(padded).view("<u8").astype(np.uint64, copy=False)


def _check_linear(code: Any) -> None:
    if not code.linear:
        raise ValueError(f"{code.spec}: only a linear code has G, H and a weight distribution.")


def _enumerated(generator: Rows) -> list[int]:
    """Count the weights of all sums of rows."""
    words = packed(generator)
    split = min(len(words), _AT_ONCE)
    few = np.zeros((1, words.shape[1]), np.uint64)
    for row in words[:split]:
        few = np.concatenate([few, few ^ row])
    counts = np.zeros(generator.shape[1] + 1, np.int64)
    current = np.zeros(words.shape[1], np.uint64)
    for index in range(1 << (len(words) - split)):
        if index:  # the Gray code: one row changes
            current = current ^ words[split + (index & -index).bit_length() - 1]
        weight = np.bitwise_count(few ^ current).sum(axis=1, dtype=np.int64)
        counts += np.bincount(weight, minlength=len(counts))
    return [int(count) for count in counts]


def _systematic(generator: Rows) -> tuple[Rows, NDArray[np.intp]]:
    """Return a generator matrix of the same code with unit columns, and their positions."""
    rows = generator.copy()
    data: list[int] = []
    for column in range(rows.shape[1]):
        top = len(data)
        places = top + np.flatnonzero(rows[top:, column])
        if not len(places):
            continue
        rows[[top, places[0]]] = rows[[places[0], top]]
        others = np.flatnonzero(rows[:, column])
        rows[others[others != top]] ^= rows[top]
        data.append(column)
    return rows, np.array(data, np.intp)
