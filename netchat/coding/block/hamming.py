"""Hamming codes, and the extended ones that also notice a second error."""

from __future__ import annotations

from netchat.coding.block.syndrome import SyndromeCode, parity_check_matrix

__all__ = ["Hamming"]

#: The longest one: (1023, 1013). Longer ones correct one error in more than a thousand bits.
_LONGEST = 10


class Hamming(SyndromeCode):
    """Hamming (2^r - 1, 2^r - 1 - r), distance 3; and extended (2^r, 2^r - 1 - r), distance 4.

    The first corrects one error, and takes two for another one: every word is within one error of
    a codeword. The second corrects one and notices two.

    The columns of the check matrix for the data are the numbers that are no power of two, in order:
    3, 5, 6, 7, ... In the extended code the numbers of an even number of bits get one more, which
    makes all columns odd; the sum of two of them is even, and no column.

    Args:
        n: bits in a codeword: 3, 7, 15, 31, ... 1023, or one more.
        k: bits in a message; may be left out.

    Raises:
        ValueError: if there is no such Hamming code.

    >>> Hamming(7, 4).encode([[1, 0, 1, 1]]).tolist()
    [[1, 0, 1, 1, 0, 1, 0]]
    >>> Hamming(8, 4).decode([[1, 1, 0, 0, 0, 0, 0, 0]]).corrected.tolist()
    [-1]
    """

    def __init__(self, n: int = 7, k: int | None = None) -> None:
        extended = n % 2 == 0
        size = n if extended else n + 1
        r = max(size.bit_length() - 1, 0)
        least = 3 if extended else 2
        if size != 1 << r or not least <= r <= _LONGEST or k not in (None, size - 1 - r):
            raise ValueError(
                f"There is no Hamming code ({n},{'?' if k is None else k}); "
                "there are 7,4  15,11  31,26  63,57 ... and, extended, 8,4  16,11  32,26 ..."
            )
        data = [column for column in range(3, 1 << r) if column & (column - 1)]
        if extended:
            data = [column | (1 - column.bit_count() % 2) << r for column in data]
        super().__init__(
            f"{'extended ' if extended else ''}Hamming ({n},{size - 1 - r})",
            parity_check_matrix(data, r + extended),
            minimum_distance=4 if extended else 3,
            citation="Hamming, Error detecting and error correcting codes, BSTJ 29 (1950)",
        )
        self.spec = f"hamming:{n},{self.k}"
