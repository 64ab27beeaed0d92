"""Binary linear codes that correct a single error by its syndrome."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netchat.coding.arrays import BitSlices, DecodedBitSlices
from netchat.coding.bit_sliced_code import BitSlicedCode

__all__ = ["SyndromeCode", "parity_check_matrix"]


def parity_check_matrix(columns: list[int], parity: int) -> NDArray[np.bool_]:
    """Return the parity-check matrix [A | I], given the columns of A as numbers.

    Args:
        columns: Columns of A; bit j is the entry of row j.
        parity: Number of rows.


    >>> parity_check_matrix([3], 2).astype(int).tolist()
    [[1, 1, 0], [1, 0, 1]]
    """
    numbers = np.array([*columns, *(1 << j for j in range(parity))])
    return (numbers[None, :] >> np.arange(parity)[:, None] & 1).astype(np.bool_)


class SyndromeCode(BitSlicedCode):
    """A systematic code with the parity-check matrix H = [A | I]; the parity follows the message.

    The syndrome of one error at position i is column i of H. A syndrome that is not a column is a
    failure: a single error cannot cause it.

    Args:
        name: Name shown in tables.
        check: (n - k, n) Parity-check matrix H.
        minimum_distance: Minimum distance, 3 or 4.
        citation: Publication or standard that defines the code.
    """

    check: NDArray[np.bool_]
    """(n - k, n) Parity-check matrix H."""

    def __init__(
        self, name: str, check: NDArray[np.bool_], minimum_distance: int, citation: str
    ) -> None:
        parity, n = check.shape
        super().__init__(
            name, k=n - parity, n=n, minimum_distance=minimum_distance, citation=citation
        )
        self.check = check

    def _encode_bit_sliced(self, message: BitSlices) -> BitSlices:
        from netchat.coding.block import syndrome_kernels

        codeword = np.empty((self.n, message.shape[1]), np.uint64)
        syndrome_kernels.encode(message, self.check, codeword)
        return codeword

    def _decode_bit_sliced(self, received: BitSlices) -> DecodedBitSlices:
        from netchat.coding.block import syndrome_kernels

        words = received.shape[1]
        message = np.empty((self.k, words), np.uint64)
        corrected, failed = np.empty((2, words), np.uint64)
        syndrome_kernels.decode(received, self.check, message, corrected, failed)
        return DecodedBitSlices(message, corrected[None, :], failed)
