"""Generator polynomials of the checks that are part of a code, as in 3GPP TS 38.212 and 36.212."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["CHECKS", "CyclicCheck", "cyclic_check"]


@dataclass(frozen=True, slots=True)
class CyclicCheck:
    """Cyclic redundancy check that follows a message, the highest coefficient first."""

    width: int
    """Number of bits."""
    taps: NDArray[np.int64]
    """Exponents of the generator polynomial, without the highest and without 0."""
    start: NDArray[np.uint8]
    """(width,) Register before the first bit of the message, the highest coefficient first."""


#: Polynomials without the highest power, by name. The last two are those of Ethernet and of DVB-S2.
CHECKS = {
    "0": (0, 0),
    "6": (6, 0x21),
    "8": (8, 0x9B),
    "11": (11, 0x621),
    "16": (16, 0x1021),
    "24": (24, 0x864CFB),
    "24a": (24, 0x864CFB),
    "24b": (24, 0x800063),
    "24c": (24, 0xB2B117),
    "32": (32, 0x04C11DB7),
}


def cyclic_check(name: int | str, ones: int = 0) -> CyclicCheck:
    """Return a check by its width, or by the name that 3GPP gives it, such as 24c.

    Args:
        name: Width, or width and letter; 0 for no check.
        ones: Number of ones that precede the message in the computation and are not sent.

    Raises:
        ValueError: There is no such check.
    """
    if str(name) not in CHECKS:
        raise ValueError(f"Argument 'crc' must be {', '.join(CHECKS)}, got {str(name)[:20]}.")
    width, polynomial = CHECKS[str(name)]
    taps = np.array([j for j in range(1, width) if polynomial >> j & 1], np.int64)
    register, top = 0, 1 << width
    for _ in range(ones):
        register = (register ^ top >> 1) << 1
        register = register ^ polynomial ^ top if register & top else register
    start = np.array([register >> (width - 1 - j) & 1 for j in range(width)], np.uint8)
    return CyclicCheck(width, taps, start)
