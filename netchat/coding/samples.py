"""Test cases of the laws: messages, error patterns, and their text in counterexamples."""

from __future__ import annotations

from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray

from netchat.coding.arrays import Bools, Rows
from netchat.coding.code import Code

__all__ = ["error_patterns", "lost_patterns", "messages", "show", "show_places"]

#: Largest number of patterns of one weight that are all tried; beyond it, `_SAMPLE` of them.
_ALL = 5000
_SAMPLE = 60


def messages(code: Code, batch: int, rng: np.random.Generator, width: int | None = None) -> Rows:
    """Return random messages; the first are all zeros, all ones, and a single one."""
    width = code.k if width is None else width
    top = 255 if code.alphabet == "byte" else 1
    rows = rng.integers(0, top + 1, (batch, width), dtype=np.uint8)
    for row, kind in enumerate((0, top)[:batch]):
        rows[row] = kind
    if batch > 2:
        rows[2] = 0
        rows[2, int(rng.integers(width))] = 1
    return rows


def error_patterns(code: Code, weight: int, rng: np.random.Generator) -> Rows:
    """Return error patterns (count, n) with `weight` wrong symbols: all of them, or a sample.

    A sample starts with bursts at both ends of the block, where decoders tend to have bugs.
    """
    if comb(code.n, weight) <= _ALL:
        places = np.array(list(combinations(range(code.n), weight))).reshape(-1, weight)
    else:
        start = np.arange(weight)
        ends = [start, code.n - 1 - start, (start + code.k - weight // 2) % code.n]
        drawn = rng.permuted(np.tile(np.arange(code.n), (_SAMPLE, 1)), axis=1)[:, :weight]
        places = np.concatenate([np.stack(ends), drawn])
    return _errors_at(code, places, rng)


def lost_patterns(
    code: Code, batch: int, errors: int, erased: int, rng: np.random.Generator
) -> tuple[Rows, Bools]:
    """Return errors (batch, n) and erasures (batch, n); an erased symbol may be right or wrong."""
    places = rng.permuted(np.tile(np.arange(code.n), (batch, 1)), axis=1)
    error = _errors_at(code, places[:, : errors + erased], rng)
    lost = np.zeros((batch, code.n), np.bool_)
    np.put_along_axis(lost, places[:, errors : errors + erased], True, axis=1)
    return np.where(lost & (rng.random(lost.shape) < 0.3), np.uint8(0), error), lost


def _errors_at(code: Code, places: NDArray[np.int64], rng: np.random.Generator) -> Rows:
    rows = np.zeros((len(places), code.n), np.uint8)
    top = 255 if code.alphabet == "byte" else 1
    values = rng.integers(1, top + 1, places.shape, dtype=np.uint8)
    np.put_along_axis(rows, places, values, axis=1)
    return rows


def show(code: Code, symbols: Rows) -> str:
    """Format symbols: bits as digits, bytes in hexadecimal, cut after 32 symbols.

    >>> from netchat.coding.block.uncoded import Uncoded
    >>> show(Uncoded(4), np.array([1, 0, 1, 1], np.uint8))
    '1011'
    """
    few = symbols[:32].tolist()
    text = "".join(map(str, few)) if code.alphabet == "bit" else bytes(few).hex(" ")
    return text + (f"... ({len(symbols)} symbols)" if len(symbols) > 32 else "")


def show_places(chosen: Bools) -> str:
    """Format the positions of chosen symbols, counted from 0.

    >>> show_places(np.array([False, True, True]))
    'symbols 1, 2'
    """
    places = np.flatnonzero(chosen).tolist()
    text = ", ".join(map(str, places[:8])) + (", ..." if len(places) > 8 else "")
    return f"symbol{'s' if len(places) > 1 else ''} {text}"
