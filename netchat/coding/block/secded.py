"""SECDED: single errors corrected, double errors detected, in the sizes of ECC memory."""

from __future__ import annotations

from itertools import combinations

from netchat.coding.block.syndrome import SyndromeCode, parity_check_matrix

__all__ = ["SECDED"]


class SECDED(SyndromeCode):
    """Single error corrected, double error detected: (72, 64), (39, 32), (22, 16), ...; distance 4.

    All columns of the check matrix are different and of odd weight, the lightest first, so that
    every row is a short sum (Hsiao). The sum of two is even, hence no column: two errors are noticed.
    Hsiao also balances the rows, which saves gates and makes no other difference; that is not done.

    Args:
        n: bits in a codeword.
        k: bits in a message; n - k = r parity bits take up to 2^(r - 1) - r.

    Raises:
        ValueError: if r parity bits are too few.

    >>> Secded(72, 64).decode([[1, 1] + 70 * [0], [1] + 71 * [0]]).corrected.tolist()
    [-1, 1]
    """

    def __init__(self, n: int = 72, k: int = 64) -> None:
        r = n - k
        if not 4 <= r <= 10 or not 1 <= k <= (1 << (r - 1)) - r:
            raise ValueError(
                f"There is no SECDED code ({n},{k}): n - k is 4 to 10, and k up to 2^(n-k-1) - (n-k)."
            )
        odd = (
            sum(1 << bit for bit in bits)
            for weight in range(3, r + 1, 2)
            for bits in combinations(range(r), weight)
        )
        super().__init__(
            f"SECDED ({n},{k})",
            parity_check_matrix([column for _, column in zip(range(k), odd, strict=False)], r),
            minimum_distance=4,
            citation="Hsiao, A class of optimal minimum odd-weight-column SEC-DED codes (1970)",
        )
        self.spec = f"secded:{n},{k}"
