"""Uncoded transmission, the baseline for comparing codes."""

from __future__ import annotations

import numpy as np

from netchat.arguments import whole_number
from netchat.coding.arrays import BitSlices, Bools, Decoded, DecodedBitSlices, Floats, Rows
from netchat.coding.bit_sliced_code import BitSlicedCode
from netchat.coding.code import LONGEST

__all__ = ["Uncoded"]


class Uncoded(BitSlicedCode):
    """Uncoded bits: n = k, minimum distance 1; no error is corrected or detected.

    Args:
        k: Number of bits in a block.

    Raises:
        TypeError: k is not an integer.
        ValueError: k is out of range.

    >>> Uncoded(4).encode([[1, 0, 1, 1]]).tolist()
    [[1, 0, 1, 1]]
    """

    soft = False  # only the signs of the ratios matter

    def __init__(self, k: int = 64) -> None:
        k = whole_number("k", k)
        if not 1 <= k <= LONGEST:
            raise ValueError(f"Argument 'k' must be from 1 to {LONGEST}, got {k}.")
        super().__init__(
            f"uncoded ({k})", k=k, n=k, minimum_distance=1, citation="uncoded transmission"
        )
        self.spec: str = f"uncoded:{k}"

    def _encode_bit_sliced(self, message: BitSlices) -> BitSlices:
        return message.copy()

    def _decode_bit_sliced(self, received: BitSlices) -> DecodedBitSlices:
        words = received.shape[1]
        no_digits = np.zeros((0, words), np.uint64)
        return DecodedBitSlices(received.copy(), no_digits, np.zeros(words, np.uint64))

    def _decode_bit_sliced_erasures(self, received: BitSlices, lost: BitSlices) -> DecodedBitSlices:
        result = self._decode_bit_sliced(received)
        return DecodedBitSlices(
            result.message, result.corrected, np.bitwise_or.reduce(lost, axis=0)
        )

    def _decode_soft(self, received: Rows, soft: Floats, erasures: Bools | None) -> Decoded:
        lost = soft == 0 if erasures is None else (soft == 0) | erasures
        return self._decode_erasures(received, lost)
