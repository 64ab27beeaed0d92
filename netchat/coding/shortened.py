"""Any code with a shorter message: the tail of a stream of bytes needs it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netchat.coding.code import Bools, Code, Decoded, Floats, Rows
from netchat.coding.registry import get

__all__ = ["Shortened"]


class Shortened(Code):
    """A code whose first symbols are zero, known on both sides, and not sent.

    Corrects and detects what the full code does. A decoder that finds a zero changed has found the
    wrong codeword; that is a failure, and one more error that the short code notices. If the code
    is not systematic, all of its symbols are sent.

    Args:
        full: the code, or its spec.
        k: symbols in a message, 1 to full.k.

    >>> from netchat.coding.block.hamming import Hamming
    >>> Shortened(Hamming(7, 4), 1).encode([[1]]).tolist()
    [[1, 1, 1, 1]]
    """

    def __init__(self, full: Code | str, k: int) -> None:
        self._full = full = get(full)
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
        self.spec = f"{full.spec}, shortened to {k}"
        self.soft = full.soft

    @property
    def data_positions(self) -> NDArray[np.intp]:
        """(k,) Where the message stands."""
        return np.searchsorted(self._sent, self._full.data_positions[self._full.k - self.k :])

    def _encode(self, message: Rows) -> Rows:
        padded = np.zeros((len(message), self._full.k), np.uint8)
        padded[:, self._full.k - self.k :] = message
        return np.ascontiguousarray(self._full.encode(padded)[:, self._sent])

    def _decode(self, received: Rows) -> Decoded:
        return self._cut(self._full.decode(self._padded(received)))

    def _decode_erasures(self, received: Rows, erasures: Bools) -> Decoded:
        return self._cut(self._full.decode(self._padded(received), self._padded(erasures)))

    def _decode_soft(self, received: Rows, soft: Floats, erasures: Bools | None) -> Decoded:
        certain = np.full((len(soft), self._full.n), np.inf)
        certain[:, self._sent] = soft
        lost = None if erasures is None else self._padded(erasures)
        return self._cut(self._full.decode(self._padded(received), lost, certain))

    def _padded(self, rows: NDArray[np.generic]) -> NDArray[np.generic]:
        padded = np.zeros((len(rows), self._full.n), rows.dtype)
        padded[:, self._sent] = rows
        return padded

    def _cut(self, result: Decoded) -> Decoded:
        zeros = self._full.k - self.k
        moved = result.message[:, :zeros].any(axis=1)
        corrected = np.where(moved, np.int64(-1), result.corrected)
        return Decoded(np.ascontiguousarray(result.message[:, zeros:]), corrected)
