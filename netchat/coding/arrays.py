"""Array types of the codes, the result of decoding a batch, and argument checks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "Alphabet",
    "BitSlices",
    "Bools",
    "Decoded",
    "DecodedBitSlices",
    "Floats",
    "Rows",
    "checked_bit_slices",
    "checked_rows",
]

Alphabet = Literal["bit", "byte"]
Rows = NDArray[np.uint8]
BitSlices = NDArray[np.uint64]
Bools = NDArray[np.bool_]
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Decoded:
    """Result of decoding a batch of blocks."""

    message: Rows
    """(batch, k) Messages. Where decoding failed, the best estimate, such as the received data."""
    corrected: NDArray[np.int64]
    """(batch,) Number of symbols corrected or filled in; -1 where decoding failed."""

    @property
    def failed(self) -> Bools:
        """(batch,) True where decoding failed."""
        return self.corrected < 0


@dataclass(frozen=True, slots=True)
class DecodedBitSlices:
    """Result of decoding a batch of blocks, bit-sliced (see `netchat.coding.bit_slicing`)."""

    message: BitSlices
    """(k bits, words) Messages."""
    corrected: BitSlices
    """(digits, words) Number of corrections per block, in binary, least significant digit first."""
    failed: BitSlices
    """(words,) Set where decoding failed."""


def checked_rows(value: ArrayLike, width: int, largest: int, label: str) -> Rows:
    """Return an argument as a contiguous uint8 array of shape (batch, width).

    Args:
        value: Array of integers; a single row (width,) becomes a batch of one.
        width: Required number of columns.
        largest: Largest value of a symbol.
        label: Name of the argument in error messages.

    Raises:
        ValueError: The shape, the type or a value is wrong.
    """
    array = np.asarray(value)
    if array.ndim not in (1, 2) or array.shape[-1] != width:
        raise ValueError(
            f"{label} must have shape (batch, {width}) or ({width},), got {array.shape}."
        )
    array = np.atleast_2d(array)
    if array.dtype.kind not in "biu":
        raise ValueError(f"{label} must contain integers, got an array of {array.dtype}.")
    if array.size and (array.dtype != np.uint8 or largest < 255):
        high = int(array.max())
        low = 0 if array.dtype.kind in ("b", "u") else int(array.min())
        if not 0 <= low <= high <= largest:
            wrong = low if low < 0 else high
            raise ValueError(f"{label} must contain values from 0 to {largest}, got {wrong}.")
    return np.ascontiguousarray(array, dtype=np.uint8)


def checked_bit_slices(value: BitSlices, width: int, label: str) -> BitSlices:
    """Return a bit-sliced argument of shape (width, words) as a contiguous array.

    Raises:
        ValueError: The shape or the type is wrong.
    """
    if value.dtype != np.uint64 or value.ndim != 2 or value.shape[0] != width:
        raise ValueError(
            f"{label} must be a uint64 array of shape ({width}, words), "
            f"got {value.dtype} {value.shape}."
        )
    return np.ascontiguousarray(value)
