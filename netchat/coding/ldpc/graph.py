"""Sparse parity-check matrices, and the file formats that hold them."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netchat.wording import cannot, cut

__all__ = ["Graph", "expanded", "read_graph"]

#: Largest number of columns of a matrix in a file, and of its ones.
_COLUMNS, _ONES = 1 << 17, 1 << 22


@dataclass(frozen=True, slots=True)
class Graph:
    """Parity-check matrix, as the variables of each check."""

    columns: int
    """Number of variables."""
    starts: NDArray[np.int32]
    """(checks + 1,) Position in `variables` at which each check begins."""
    variables: NDArray[np.int32]
    """(ones,) Variables of all checks, one check after the other."""

    @classmethod
    def of(cls, columns: int, checks: list[NDArray[np.integer]]) -> Graph:
        """Create a graph from the variables of each check."""
        starts = np.concatenate([[0], np.cumsum([len(check) for check in checks])])
        variables = np.concatenate([np.zeros(0, np.int32), *checks])
        return cls(columns, starts.astype(np.int32), variables.astype(np.int32))

    @property
    def checks(self) -> int:
        """Number of checks."""
        return len(self.starts) - 1

    def dense(self) -> NDArray[np.uint8]:
        """Return the matrix (checks, columns)."""
        matrix = np.zeros((self.checks, self.columns), np.uint8)
        matrix[np.repeat(np.arange(self.checks), np.diff(self.starts)), self.variables] = 1
        return matrix


def expanded(base: list[list[tuple[int, ...]]], lifting: int) -> Graph:
    """Replace each entry of a base matrix by a sum of cyclic shifts of the identity matrix.

    Args:
        base: Shifts in each entry; a shift by s has its one in row r in column (r + s) mod `lifting`.
        lifting: Size of the submatrices.
    """
    row = np.arange(lifting)
    checks: list[NDArray[np.integer]] = []
    for entries in base:
        places = [
            column * lifting + (row + shift) % lifting
            for column, shifts in enumerate(entries)
            for shift in shifts
        ]
        checks += list(np.stack(places, axis=1))
    return Graph.of(len(base[0]) * lifting, checks)


def base_matrix(lines: list[str]) -> list[list[tuple[int, ...]]]:
    """Parse the rows of a base matrix: shifts, -1 for zero, and 0/7 for a sum of two shifts.

    Raises:
        ValueError: A row is not of numbers, or the rows differ in length.
    """
    rows = [
        [tuple(int(shift) for shift in entry.split("/") if entry != "-1") for entry in line.split()]
        for line in lines
    ]
    if not rows or {len(row) for row in rows} != {len(rows[0])}:
        raise ValueError("its rows differ in length")
    return rows


def read_graph(path: str) -> tuple[Graph, NDArray[np.bool_] | None]:
    """Read a matrix from a file: .alist (MacKay), .qc (base matrix), .mtx, .npz (SciPy) or .npy.

    Returns:
        The graph, and which variables are sent, if the file says so.

    Raises:
        ValueError: The file cannot be read or is not valid.
    """
    suffix = Path(path).suffix.lower()
    readers = {".alist": _alist, ".qc": _qc, ".mtx": _mtx, ".npz": _arrays, ".npy": _arrays}
    if suffix not in readers:
        raise ValueError(
            f"{cut(path)} must be a file with the suffix {', '.join(readers)}, or one of the standards."
        )
    try:
        graph, sent = readers[suffix](path)
    except OSError as error:
        raise ValueError(cannot("read", path, error)) from error
    except (ValueError, IndexError, KeyError, zipfile.BadZipFile) as error:
        text = str(error) or type(error).__name__
        raise ValueError(f"{cut(path)} is not a valid {suffix} file: {cut(text)}.") from error
    if not 2 <= graph.columns <= _COLUMNS or not 1 <= len(graph.variables) <= _ONES:
        raise ValueError(
            f"{cut(path)} must have 2 to {_COLUMNS} columns and at most {_ONES} ones, got "
            f"{graph.columns} and {len(graph.variables)}."
        )
    return graph, sent


def _alist(path: str) -> tuple[Graph, None]:
    """Read D. MacKay's format: sizes, degrees, then the positions of the ones, from 1."""
    lines = Path(path).read_text("utf-8").splitlines()
    rows = [
        [int(word) for word in line.split()]
        for line in lines
        if line.strip() and not line.startswith("#")
    ]
    columns, checks = rows[0]
    listed = rows[4 + columns : 4 + columns + checks]
    if len(listed) != checks:
        raise ValueError(f"it has {len(listed)} of {checks} checks")
    found: list[NDArray[np.integer]] = []
    for row in listed:
        check = np.array(sorted(place - 1 for place in row if place > 0))
        if not len(check) or check[-1] >= columns or len(set(check.tolist())) < len(check):
            raise ValueError(
                f"check {len(found) + 1} is empty, or has a wrong or repeated position"
            )
        found.append(check)
    return Graph.of(columns, found), None


def _qc(path: str) -> tuple[Graph, NDArray[np.bool_] | None]:
    """Read a base matrix: columns, rows and lifting size, the rows, and which columns are sent."""
    return parse_qc(Path(path).read_text("utf-8").splitlines())


def parse_qc(text: list[str]) -> tuple[Graph, NDArray[np.bool_] | None]:
    """Parse the lines of a .qc file.

    Raises:
        ValueError: The text is not valid.
    """
    lines = [line for line in text if line.strip()]
    width, height, lifting = (int(word) for word in lines[0].split())
    base = base_matrix(lines[1 : 1 + height])
    most = max((shift for row in base for entry in row for shift in entry), default=-1)
    least = min((shift for row in base for entry in row for shift in entry), default=0)
    if len(base) != height or len(base[0]) != width or not 0 <= least <= most < lifting:
        raise ValueError(f"it must have {height} rows of {width} shifts below {lifting}")
    sent = None
    if len(lines) > 1 + height:
        pattern = np.array(lines[1 + height].split()) == "1"
        if len(pattern) != width:
            raise ValueError("its last line must have a digit for each column")
        sent = np.repeat(pattern, lifting)
    return expanded(base, lifting), sent


def _mtx(path: str) -> tuple[Graph, None]:
    """Read a sparse matrix in the Matrix Market format, with or without values."""
    from scipy import io  # type: ignore[import-untyped]

    matrix = io.mmread(path).tocsr()
    matrix.eliminate_zeros()
    if matrix.nnz > _ONES or (matrix.data != 1).any():
        raise ValueError("it must contain a matrix of zeros and ones")
    parts = np.split(matrix.indices, matrix.indptr[1:-1])
    checks: list[NDArray[np.integer]] = [np.sort(part) for part in parts if len(part)]
    return Graph.of(matrix.shape[1], checks), None


def _arrays(path: str) -> tuple[Graph, None]:
    """Read a dense matrix, or a sparse one of `scipy.sparse.save_npz`."""
    with Path(path).open("rb") as file:
        loaded = np.load(file, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            matrix = loaded
        elif "format" in loaded:
            from scipy import sparse

            matrix = sparse.load_npz(path).toarray()
        else:
            matrix = loaded[loaded.files[0]]
    if matrix.ndim != 2 or matrix.dtype.kind not in "biu" or matrix.max(initial=0) > 1:
        raise ValueError("it must contain a matrix of zeros and ones")
    checks: list[NDArray[np.integer]] = [np.flatnonzero(row) for row in matrix if row.any()]
    return Graph.of(matrix.shape[1], checks), None
