"""Turbo code of LTE: interleaver, filler bits and rate matching (3GPP TS 36.212, section 5.1)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["Layout", "interleaver", "layout", "sizes"]

_DATA = Path(__file__).with_name("data")
#: Order of the columns of the sub-block interleaver (table 5.1.4-1).
_COLUMNS = (
    0, 16, 8, 24, 4, 20, 12, 28, 2, 18, 10, 26, 6, 22, 14, 30,
    1, 17, 9, 25, 5, 21, 13, 29, 3, 19, 11, 27, 7, 23, 15, 31,
)  # fmt: skip
_TAIL = 4


@cache
def _polynomials() -> dict[int, tuple[int, int]]:
    """Return f1 and f2 by the length of the block (table 5.1.3-3)."""
    lines = (_DATA / "lte_qpp.txt").read_text("utf-8").splitlines()
    rows = (tuple(map(int, line.split())) for line in lines)
    return {size: (one, two) for size, one, two in rows}


def sizes() -> list[int]:
    """Return the lengths of a block, in increasing order."""
    return list(_polynomials())


def interleaver(size: int) -> NDArray[np.intp]:
    """Return which bit of the block each input of the second code is."""
    one, two = _polynomials()[size]
    at = np.arange(size)
    return (one * at + two * at * at) % size


@dataclass(frozen=True, slots=True)
class Layout:
    """Which bits of a block are sent.

    The bits are numbered: the block (`size`), the parity bits of the first code, three pairs of its tail
    (a message bit and a parity bit), and the same of the second code.
    """

    size: int
    """Length of the block: fillers, message and check."""
    fillers: int
    """Number of zeros before the message, which are not sent."""
    sent: NDArray[np.intp]
    """(n,) Numbers of the bits in the order in which they are sent; one can occur several times."""
    known: NDArray[np.intp]
    """Numbers of the bits that are zero and not sent."""


def layout(bits: int, n: int | None, version: int) -> Layout:
    """Lay out a block of message and check.

    Args:
        bits: Number of bits of message and check, at most 6144.
        n: Number of bits to send with rate matching; None to send all bits once.
        version: Redundancy version, 0 to 3.
    """
    size = next(each for each in sizes() if each >= bits)
    fillers = size - bits
    tail = 2 * size + np.arange(6)
    other = size + 6 + tail
    streams = np.empty((3, size + _TAIL), np.intp)
    streams[:, :size] = np.stack(
        [np.arange(size), size + np.arange(size), 2 * size + 6 + np.arange(size)]
    )
    # Section 5.1.3.2.2: the tails x, z, x, z, x, z of both codes are spread over the streams.
    for stream, places in enumerate(((0, 3), (1, 4), (2, 5))):
        streams[stream, size:] = [*tail[list(places)], *other[list(places)]]
    streams[:2, :fillers] = -1
    known = np.concatenate([np.arange(fillers), size + np.arange(fillers)])
    order = streams.T.reshape(-1) if n is None else _circular_buffer(streams, version)
    sent = order[order >= 0]
    return Layout(size, fillers, sent if n is None else np.resize(sent, n), known)


def _circular_buffer(streams: NDArray[np.intp], version: int) -> NDArray[np.intp]:
    """Interleave and collect the streams, from the start of a redundancy version (section 5.1.4.1)."""
    length = streams.shape[1]
    rows = -(-length // len(_COLUMNS))
    total = rows * len(_COLUMNS)
    padded = np.full((3, total), -1, np.intp)
    padded[:, total - length :] = streams
    columns = np.array(_COLUMNS)
    one, two = (padded[stream].reshape(rows, -1)[:, columns].T.reshape(-1) for stream in range(2))
    at = np.arange(total)
    three = padded[2][(columns[at // rows] + len(_COLUMNS) * (at % rows) + 1) % total]
    buffer = np.concatenate([one, np.stack([two, three], axis=1).reshape(-1)])
    start = rows * (2 * -(-len(buffer) // (8 * rows)) * version + 2)
    return np.roll(buffer, -start)
