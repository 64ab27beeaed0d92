"""No code at all: what every other one is compared with."""

from __future__ import annotations

import numpy as np

from netchat.coding.bit_sliced_code import BitSlicedCode
from netchat.coding.bit_slicing import DecodedBitSlices
from netchat.coding.code import BitSlices, Bools, Decoded, Floats, Rows

__all__ = ["Uncoded"]


class Uncoded(BitSlicedCode):
    """Bits as they are: n = k, distance 1; nothing is corrected and nothing is noticed.

    Args:
        k: bits in a block.

    >>> Uncoded(4).encode([[1, 0, 1, 1]]).tolist()
    [[1, 0, 1, 1]]
    """

    soft = False  # the sign of a ratio is all that counts

    def __init__(self, k: int = 64) -> None:
        super().__init__(f"uncoded ({k})", k=k, n=k, minimum_distance=1, citation="none is needed")
        self.spec = f"uncoded:{k}"

    def _encode_bit_sliced(self, message: BitSlices) -> BitSlices:
        return message.copy()

    def _decode_bit_sliced(self, received: BitSlices) -> DecodedBitSlices:
        words = received.shape[1]
        nothing = np.zeros((0, words), np.uint64)
        return DecodedBitSlices(received.copy(), nothing, np.zeros(words, np.uint64))

    def _decode_bit_sliced_erasures(self, received: BitSlices, lost: BitSlices) -> DecodedBitSlices:
        result = self._decode_bit_sliced(received)
        return DecodedBitSlices(
            result.message, result.corrected, np.bitwise_or.reduce(lost, axis=0)
        )

    def _decode_soft(self, received: Rows, soft: Floats, erasures: Bools | None) -> Decoded:
        lost = soft == 0 if erasures is None else (soft == 0) | erasures
        return self._decode_erasures(received, lost)
