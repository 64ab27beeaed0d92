"""The repetition code: say it n times, believe the majority."""

from __future__ import annotations

import numpy as np

from netchat.coding.bit_sliced_code import BitSlicedCode
from netchat.coding.bit_slicing import DecodedBitSlices
from netchat.coding.code import BitSlices, Bools, Decoded, Floats, Rows

__all__ = ["Repetition"]


class Repetition(BitSlicedCode):
    """One bit, n times: k = 1, distance n.

    An odd n corrects (n - 1) / 2 errors. An even n corrects n / 2 - 1, and n / 2 of them are a tie,
    which is a failure and not a guess. Soft values are added up.

    Args:
        n: how often, 2 to 255.

    Raises:
        ValueError: if n is none of these.

    >>> Repetition(3).decode([[1, 0, 1], [0, 0, 0]]).message.tolist()
    [[1], [0]]
    """

    soft = False  # the bench counts its hard decisions, on planes

    def __init__(self, n: int = 3) -> None:
        if not 2 <= n <= 255:
            raise ValueError(f"A repetition code has n from 2 to 255, not {n}.")
        super().__init__(
            f"repetition ({n})",
            k=1,
            n=n,
            minimum_distance=n,
            citation="MacWilliams and Sloane, The Theory of Error-Correcting Codes (1977), ch. 1",
        )
        self.spec = f"repetition:{n}"

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
