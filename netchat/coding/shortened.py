"""The code that shortens any other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netchat.arguments import whole_number
from netchat.coding.arrays import Bools, Decoded, Floats, Rows
from netchat.coding.code import Code

__all__ = ["Shortened"]


class Shortened(Code):
    """A shortened code: the first message symbols are zero, known to the receiver, and not sent.

    It corrects and detects as many errors as the full code. If the decoder changes one of the
    omitted zeros, it has found a wrong codeword, which counts as a failure. A code that is not
    systematic sends all its symbols.

    Args:
        full: The full code.
        k: Number of symbols in a message, 1 to full.k.

    Raises:
        TypeError: k is not an integer.
        ValueError: k is out of range.

    >>> from netchat.coding import Hamming
    >>> Shortened(Hamming(7, 4), 1).encode([[1]]).tolist()
    [[1, 1, 1, 1]]
    """

    def __init__(self, full: Code, k: int) -> None:
        k = whole_number("k", k)
        if not 1 <= k <= full.k:
            raise ValueError(f"Argument 'k' must be from 1 to {full.k} for {full.spec}, got {k}.")
        self._full = full
        sent = np.ones(full.n, np.bool_)
        if full.systematic:
            sent[full.data_positions[: full.k - k]] = False
        self._sent = np.flatnonzero(sent)
        super().__init__(
            f"{full.name}, shortened to {k}",
            k=k,
            n=len(self._sent),
            minimum_distance=full.minimum_distance,
            alphabet=full.alphabet,
            corrects=full.corrects,
            detects=full.detects,
            erasure_capability=full.erasure_capability,
            systematic=full.systematic,
            linear=full.linear,
            citation=full.citation,
        )
        self.spec: str = f"{full.spec}, shortened to {k}"
        self.soft: bool = full.soft

    @property
    def data_positions(self) -> NDArray[np.intp]:
        """(k,) Positions of the message symbols."""
        return np.searchsorted(self._sent, self._full.data_positions[self._full.k - self.k :])

    def _encode(self, message: Rows) -> Rows:
        padded = np.zeros((len(message), self._full.k), np.uint8)
        padded[:, self._full.k - self.k :] = message
        return np.ascontiguousarray(self._full.encode(padded)[:, self._sent])

    def _decode(self, received: Rows) -> Decoded:
        return self._without_padding(self._full.decode(self._padded(received)))

    def _decode_erasures(self, received: Rows, erasures: Bools) -> Decoded:
        return self._without_padding(
            self._full.decode(self._padded(received), self._padded(erasures))
        )

    def _decode_soft(self, received: Rows, soft: Floats, erasures: Bools | None) -> Decoded:
        ratios = np.full(
            (len(soft), self._full.n), np.inf, np.float32
        )  # the omitted bits are surely zero
        ratios[:, self._sent] = soft
        lost = None if erasures is None else self._padded(erasures)
        return self._without_padding(self._full.decode(self._padded(received), lost, ratios))

    def _padded(self, rows: NDArray[np.generic]) -> NDArray[np.generic]:
        padded = np.zeros((len(rows), self._full.n), rows.dtype)
        padded[:, self._sent] = rows
        return padded

    def _without_padding(self, result: Decoded) -> Decoded:
        zeros = self._full.k - self.k
        padding_changed = result.message[:, :zeros].any(axis=1)
        corrected = np.where(padding_changed, np.int64(-1), result.corrected)
        return Decoded(np.ascontiguousarray(result.message[:, zeros:]), corrected)
