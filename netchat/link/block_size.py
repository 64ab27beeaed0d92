"""How long a block should be: long ones waste less on heads, short ones fail less often."""

from __future__ import annotations

import math

from netchat.link.header import HEAD_SIZE

__all__ = ["MAX_CODED", "BlockSizer"]

#: Bytes of coded payload in a block of a stream: 16 codewords of Reed-Solomon; heads are 2 % then.
MAX_CODED = 4080

#: And the least that is aimed at.
_LEAST_CODED = 64

#: What a new outcome weighs in the averages.
_GAIN = 1 / 8


class BlockSizer:
    """The length of blocks, learned for each code from what became of those sent before.

    With H bytes of head and a hazard of q failures a byte, a block of L bytes brings
    L / (L + H) * exp(-q L) of its bytes, which is most at about L = sqrt(H / q).

    Args:
        most: bytes of coded payload at most.
    """

    def __init__(self, most: int = MAX_CODED) -> None:
        self._most = most
        self._seen: dict[int, tuple[float, float]] = {}

    def coded(self, code: int) -> int:
        """How many bytes of coded payload to aim at.

        Args:
            code: the number of the code.
        """
        failing, length = self._seen.get(code, (0.0, float(self._most)))
        if failing < 0.01:
            return self._most
        hazard = -math.log1p(-min(failing, 0.99)) / length
        return int(min(self._most, max(_LEAST_CODED, math.sqrt(HEAD_SIZE / hazard))))

    def outcome(self, code: int, size: int, *, arrived: bool) -> None:
        """A block of so many bytes has arrived, or has not."""
        failing, length = self._seen.get(code, (0.0, float(size)))
        self._seen[code] = (
            failing + _GAIN * ((not arrived) - failing),
            length + _GAIN * (size - length),
        )
