"""SECDED codes: single error correction and double error detection for memory."""

from __future__ import annotations

from itertools import combinations

from netchat.arguments import whole_number
from netchat.coding.block.syndrome import SyndromeCode, parity_check_matrix

__all__ = ["SECDED"]


class SECDED(SyndromeCode):
    """SECDED code, such as (72, 64), (39, 32) or (22, 16): minimum distance 4.

    It corrects one error and detects two. All columns of the parity-check matrix are different and
    have odd weight, the lightest first, so each parity bit is the sum of few data bits. The sum of
    two columns is even and so never a column. Hsiao also balances the rows to save gates, which this
    implementation does not need.

    Reference: M. Y. Hsiao, "A class of optimal minimum odd-weight-column SEC-DED codes", IBM Journal
    of Research and Development 14 (1970).

    Args:
        n: Number of bits in a codeword.
        k: Number of bits in a message; r = n - k parity bits allow k up to 2^(r - 1) - r.

    Raises:
        TypeError: An argument is not an integer.
        ValueError: No such code exists.

    >>> code = SECDED(72, 64)
    >>> code.n, code.k, code.minimum_distance
    (72, 64, 4)
    >>> code.decode([[1, 1] + 70 * [0], [1] + 71 * [0]]).corrected.tolist()
    [-1, 1]
    """

    def __init__(self, n: int = 72, k: int = 64) -> None:
        n, k = whole_number("n", n), whole_number("k", k)
        r = n - k
        if not 4 <= r <= 10:
            raise ValueError(f"Argument 'n' must be from k + 4 to k + 10 = {k + 10}, got {n}.")
        largest = (1 << (r - 1)) - r
        if not 1 <= k <= largest:
            raise ValueError(
                f"Argument 'k' must be from 1 to {largest} with n - k = {r} parity bits, got {k}."
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
        self.spec: str = f"secded:{n},{k}"
