"""Binary linear codes that correct a single error by looking its syndrome up."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netchat.coding.bit_sliced_code import BitSlicedCode
from netchat.coding.bit_slicing import DecodedBitSlices
from netchat.coding.code import BitSlices

__all__ = ["SyndromeCode", "parity_check_matrix"]


def parity_check_matrix(columns: list[int], parity: int) -> NDArray[np.bool_]:
    """The check matrix [A | 1] with the given columns of A, each a number of `parity` bits.

    >>> parity_check_matrix([3], 2).astype(int).tolist()
    [[1, 1, 0], [1, 0, 1]]
    """
    numbers = np.array([*columns, *(1 << j for j in range(parity))])
    return (numbers[None, :] >> np.arange(parity)[:, None] & 1).astype(np.bool_)


class SyndromeCode(BitSlicedCode):
    """A systematic code with the check matrix H = [A | 1]: codeword = message, then parity.

    One error in position i has column i of H as its syndrome. A syndrome that is no column cannot
    come from one error, and is a failure.

    Args:
        name: what it is called.
        check: (n - k, n) the matrix H.
        minimum_distance: 3 or 4.
        citation: where it is from.

    Attributes:
        check: the matrix H.
    """

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
