"""Base class of the codes that are implemented on bit slices."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, Literal

import numpy as np

from netchat.coding import bit_sliced_counters, bit_slicing
from netchat.coding.arrays import BitSlices, Bools, Decoded, DecodedBitSlices, Rows
from netchat.coding.code import Code

__all__ = ["BitSlicedCode"]


class BitSlicedCode(Code):
    """A code over bits that is implemented on bit slices.

    A subclass implements `_encode_bit_sliced` and `_decode_bit_sliced`; the methods for blocks of
    symbols follow. See `netchat.coding.bit_slicing` for the layout.
    """

    fast: ClassVar[Literal["rows", "bit_sliced"]] = "bit_sliced"

    @abstractmethod
    def _encode_bit_sliced(self, message: BitSlices) -> BitSlices:
        """Encode messages (k, words) to codewords (n, words)."""

    @abstractmethod
    def _decode_bit_sliced(self, received: BitSlices) -> DecodedBitSlices:
        """Decode received words (n, words)."""

    def encode_bit_sliced(self, message: BitSlices) -> BitSlices:
        """Encode bit-sliced messages (k, words) to codewords (n, words)."""
        return self._encode_bit_sliced(self._bit_slices(message, self.k, "message"))

    def decode_bit_sliced(
        self, received: BitSlices, erasures: BitSlices | None = None
    ) -> DecodedBitSlices:
        """Decode bit-sliced received words (n, words); see `Code.decode_bit_sliced`."""
        words = self._bit_slices(received, self.n, "received")
        if erasures is not None and erasures.any():
            lost = self._bit_slices(erasures, self.n, "erasures")
            return self._decode_bit_sliced_erasures(words, lost)
        return self._decode_bit_sliced(words)

    def _decode_bit_sliced_erasures(self, received: BitSlices, lost: BitSlices) -> DecodedBitSlices:
        """Decode words with erasures, like `Code._decode_erasures`."""
        if self.erasure_capability == 0:
            return self._decode_bit_sliced(received)
        counters = bit_sliced_counters
        erased = counters.count(lost)
        message = self._decode_bit_sliced(received).message.copy()
        failed = ~np.zeros(received.shape[1], np.uint64)
        corrected = np.zeros((self.n.bit_length() + 1, received.shape[1]), np.uint64)
        for filled in (received & ~lost, received | lost):
            result = self._decode_bit_sliced(filled)
            wrong = counters.count((self._encode_bit_sliced(result.message) ^ received) & ~lost)
            both = counters.add(wrong, erased)
            near = counters.below(counters.add(wrong, both), self.minimum_distance)
            near &= ~result.failed
            message ^= (message ^ result.message) & near
            corrected |= both & near & failed  # both attempts can only find the same codeword
            failed &= ~near
        return DecodedBitSlices(message, corrected, failed)

    def _encode(self, message: Rows) -> Rows:
        codewords = self._encode_bit_sliced(bit_slicing.from_rows(message))
        return bit_slicing.to_rows(codewords, len(message))

    def _decode(self, received: Rows) -> Decoded:
        result = self._decode_bit_sliced(bit_slicing.from_rows(received))
        return self._rows_of(result, len(received))

    def _decode_erasures(self, received: Rows, erasures: Bools) -> Decoded:
        lost = bit_slicing.from_rows(erasures.astype(np.uint8))
        result = self._decode_bit_sliced_erasures(bit_slicing.from_rows(received), lost)
        return self._rows_of(result, len(received))

    def _rows_of(self, result: DecodedBitSlices, batch: int) -> Decoded:
        corrected = bit_slicing.to_counts(result.corrected, batch)
        corrected[bit_slicing.to_rows(result.failed[None, :], batch)[:, 0] == 1] = -1
        return Decoded(bit_slicing.to_rows(result.message, batch), np.ascontiguousarray(corrected))
