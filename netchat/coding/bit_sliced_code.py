"""The base of the codes that are at home on planes."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, Literal

import numpy as np

from netchat.coding import bit_sliced_counters, bit_slicing
from netchat.coding.bit_slicing import DecodedBitSlices
from netchat.coding.code import BitSlices, Bools, Code, Decoded, Rows

__all__ = ["BitSlicedCode"]


class BitSlicedCode(Code):
    """A code over bits that implements `_encode_bit_sliced` and `_decode_bit_sliced`; rows follow."""

    fast: ClassVar[Literal["rows", "bit_sliced"]] = "bit_sliced"

    @abstractmethod
    def _encode_bit_sliced(self, message: BitSlices) -> BitSlices:
        """(k, words) to (n, words)."""

    @abstractmethod
    def _decode_bit_sliced(self, received: BitSlices) -> DecodedBitSlices:
        """(n, words) to (k, words) and what was corrected."""

    def encode_bit_sliced(self, message: BitSlices) -> BitSlices:
        """Encode planes (k, words) into planes (n, words)."""
        return self._encode_bit_sliced(self._bit_slices(message, self.k, "message"))

    def decode_bit_sliced(
        self, received: BitSlices, erasures: BitSlices | None = None
    ) -> DecodedBitSlices:
        """Decode planes (n, words)."""
        bit_slices = self._bit_slices(received, self.n, "received word")
        if erasures is not None and erasures.any():
            return self._decode_bit_sliced_erasures(
                bit_slices, self._bit_slices(erasures, self.n, "lost symbol")
            )
        return self._decode_bit_sliced(bit_slices)

    def _decode_bit_sliced_erasures(self, received: BitSlices, lost: BitSlices) -> DecodedBitSlices:
        """Decode where some bits are lost; what `Code._decode_erasures` does to rows."""
        if self.erasure_capability == 0:
            return self._decode_bit_sliced(received)
        erased = bit_sliced_counters.count(lost)
        message = self._decode_bit_sliced(received).message.copy()
        failed = ~np.zeros(received.shape[1], np.uint64)
        corrected = np.zeros((self.n.bit_length() + 1, received.shape[1]), np.uint64)
        for filled in (received & ~lost, received | lost):
            result = self._decode_bit_sliced(filled)
            wrong = bit_sliced_counters.count(
                (self._encode_bit_sliced(result.message) ^ received) & ~lost
            )
            both = bit_sliced_counters.add(wrong, erased)
            near = (
                bit_sliced_counters.below(
                    bit_sliced_counters.add(wrong, both), self.minimum_distance
                )
                & ~result.failed
            )
            message ^= (message ^ result.message) & near
            corrected |= both & near & failed  # if both fillings find a word, it is the same one
            failed &= ~near
        return DecodedBitSlices(message, corrected, failed)

    def _encode(self, message: Rows) -> Rows:
        return bit_slicing.to_rows(
            self._encode_bit_sliced(bit_slicing.from_rows(message)), len(message)
        )

    def _decode(self, received: Rows) -> Decoded:
        return self._rows_of(
            self._decode_bit_sliced(bit_slicing.from_rows(received)), len(received)
        )

    def _decode_erasures(self, received: Rows, erasures: Bools) -> Decoded:
        lost = bit_slicing.from_rows(erasures.astype(np.uint8))
        return self._rows_of(
            self._decode_bit_sliced_erasures(bit_slicing.from_rows(received), lost), len(received)
        )

    def _rows_of(self, result: DecodedBitSlices, batch: int) -> Decoded:
        corrected = bit_slicing.to_counts(result.corrected, batch)
        corrected[bit_slicing.to_rows(result.failed[None, :], batch)[:, 0] == 1] = -1
        return Decoded(bit_slicing.to_rows(result.message, batch), np.ascontiguousarray(corrected))
