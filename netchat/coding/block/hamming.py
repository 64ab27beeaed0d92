"""Hamming codes and extended Hamming codes."""

from __future__ import annotations

from netchat.arguments import whole_number
from netchat.coding.block.syndrome import SyndromeCode, parity_check_matrix

__all__ = ["Hamming"]

#: Number of parity bits of the longest code, (1023, 1013).
_LARGEST_R = 10


class Hamming(SyndromeCode):
    """Hamming code: n = 2^r - 1, k = n - r, minimum distance 3; or its extension by a parity bit.

    The code corrects one error. It is perfect: every word is within one error of a codeword, so two
    errors are decoded to a wrong message. The extended code (2^r, 2^r - 1 - r) has minimum distance
    4: it corrects one error and detects two.

    The data columns of the parity-check matrix are the numbers that are not powers of two, in
    ascending order: 3, 5, 6, 7, … The extended code sets one more bit in the columns of even weight,
    which makes all columns odd; the sum of two columns is even and so never a column.

    Reference: R. W. Hamming, "Error detecting and error correcting codes", Bell System Technical
    Journal 29 (1950).

    Args:
        n: Number of bits in a codeword: 2^r - 1 (3, 7, 15, …, 1023) or, extended, 2^r (8, 16, …, 1024).
        k: Number of bits in a message; follows from n and may be omitted.

    Raises:
        TypeError: An argument is not an integer.
        ValueError: No such code exists.

    >>> code = Hamming(7, 4)
    >>> code.n, code.k, code.minimum_distance
    (7, 4, 3)
    >>> code.encode([[1, 0, 1, 1]]).tolist()
    [[1, 0, 1, 1, 0, 1, 0]]
    >>> Hamming(8, 4).decode([[1, 1, 0, 0, 0, 0, 0, 0]]).corrected.tolist()  # -1: detected
    [-1]
    """

    def __init__(self, n: int = 7, k: int | None = None) -> None:
        n = whole_number("n", n)
        k = None if k is None else whole_number("k", k)
        extended = n % 2 == 0
        size = n if extended else n + 1
        r = max(size.bit_length() - 1, 0)
        if size != 1 << r or not (3 if extended else 2) <= r <= _LARGEST_R:
            raise ValueError(
                "Argument 'n' must be 2^r - 1 (3, 7, 15, ..., 1023) or, for an extended code, "
                f"2^r (8, 16, ..., 1024), got {n}."
            )
        if k not in (None, size - 1 - r):
            raise ValueError(f"Argument 'k' must be {size - 1 - r} for n = {n}, got {k}.")
        data = [column for column in range(3, 1 << r) if column & (column - 1)]
        if extended:
            data = [column | (1 - column.bit_count() % 2) << r for column in data]
        super().__init__(
            f"{'extended ' if extended else ''}Hamming ({n},{size - 1 - r})",
            parity_check_matrix(data, r + extended),
            minimum_distance=4 if extended else 3,
            citation="Hamming, Error detecting and error correcting codes, BSTJ 29 (1950)",
        )
        self.spec: str = f"hamming:{n},{self.k}"
