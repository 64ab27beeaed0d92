"""Choice of the block size: long blocks have less overhead, short ones fail less often."""

from __future__ import annotations

import math

from netchat.link.header import HEAD_SIZE
from netchat.link.incremental_redundancy import is_redundancy

__all__ = ["MAX_CODED", "MAX_REDUNDANCY_CODED", "BlockSizer"]

#: Maximum coded payload of a block in a stream, in bytes: 32 Reed-Solomon codewords, 1 % overhead.
MAX_CODED = 8160

#: The same with incremental redundancy.
MAX_REDUNDANCY_CODED = 9180

#: Minimum coded payload to aim at, in bytes.
_MIN_CODED = 64

#: Weight of a new outcome in the averages.
_GAIN = 1 / 8


class BlockSizer:
    """Block size of each code, learned from the outcomes of earlier blocks.

    With H bytes of marker and header and a hazard of q failures per byte, a block of L bytes has an
    efficiency of L / (L + H) * exp(-q L). The maximum is at about L = sqrt(H / q).

    Args:
        most: Maximum coded payload in bytes.
    """

    def __init__(self, most: int = MAX_CODED) -> None:
        self._most = most
        self._seen: dict[int, tuple[float, float]] = {}

    def coded(self, code: int) -> int:
        """Return the coded payload to aim at, in bytes.

        Args:
            code: Number of the code.
        """
        if is_redundancy(code):  # a failed block costs little, however long it is
            return self._most if self._most < MAX_CODED else MAX_REDUNDANCY_CODED
        failing, length = self._seen.get(code, (0.0, float(self._most)))
        if failing < 0.01:
            return self._most
        hazard = -math.log1p(-min(failing, 0.99)) / length
        return int(min(self._most, max(_MIN_CODED, math.sqrt(HEAD_SIZE / hazard))))

    def outcome(self, code: int, size: int, *, arrived: bool) -> None:
        """Record whether a block arrived.

        Args:
            code: Number of the code.
            size: Size of the block in bytes.
            arrived: Whether its payload could be decoded.
        """
        failing, length = self._seen.get(code, (0.0, float(size)))
        self._seen[code] = (
            failing + _GAIN * ((not arrived) - failing),
            length + _GAIN * (size - length),
        )
