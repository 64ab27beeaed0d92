"""Repetition codes: send each bit n times and decode by majority vote."""

from __future__ import annotations

import numpy as np

from netchat.arguments import whole_number
from netchat.coding.arrays import BitSlices, Bools, Decoded, DecodedBitSlices, Floats, Rows
from netchat.coding.bit_sliced_code import BitSlicedCode

__all__ = ["Repetition"]


class Repetition(BitSlicedCode):
    """Repetition code: k = 1, minimum distance n.

    With an odd n the decoder corrects (n - 1) / 2 errors. With an even n it corrects n / 2 - 1; a tie
    of n / 2 errors is a failure. The soft decoder adds the log-likelihood ratios.

    Reference: F. J. MacWilliams and N. J. A. Sloane, "The Theory of Error-Correcting Codes", chapter
    1 (1977).

    Args:
        n: Number of copies of each bit, 2 to 255.

    Raises:
        TypeError: n is not an integer.
        ValueError: n is out of range.

    >>> Repetition(3).minimum_distance
    3
    >>> Repetition(3).decode([[1, 0, 1], [0, 0, 0]]).message.tolist()
    [[1], [0]]
    """

    def __init__(self, n: int = 3) -> None:
        n = whole_number("n", n)
        if not 2 <= n <= 255:
            raise ValueError(f"Argument 'n' must be from 2 to 255, got {n}.")
        super().__init__(
            f"repetition ({n})",
            k=1,
            n=n,
            minimum_distance=n,
            citation="MacWilliams and Sloane, The Theory of Error-Correcting Codes (1977), ch. 1",
        )
        self.spec: str = f"repetition:{n}"

    def _encode_bit_sliced(self, message: BitSlices) -> BitSlices:
        return np.repeat(message, self.n, axis=0)

    def _decode_bit_sliced(self, received: BitSlices) -> DecodedBitSlices:
        from netchat.coding.block import repetition_kernels

        words = received.shape[1]
        message, failed = np.empty((1, words), np.uint64), np.empty(words, np.uint64)
        corrected = np.empty((self.n.bit_length(), words), np.uint64)
        repetition_kernels.decode(received, message, corrected, failed)
        return DecodedBitSlices(message, corrected, failed)

    def _decode_soft(self, received: Rows, soft: Floats, erasures: Bools | None) -> Decoded:
        if erasures is not None:
            soft = np.where(erasures, 0.0, soft)
        total = soft.sum(axis=1)
        bit = (total < 0).astype(np.uint8)
        wrong = (
            (received != bit[:, None])
            if erasures is None
            else (received != bit[:, None]) | erasures
        )
        corrected = np.where(total == 0, -1, wrong.sum(axis=1)).astype(np.int64)
        return Decoded(np.where(total == 0, received[:, 0], bit)[:, None], corrected)
