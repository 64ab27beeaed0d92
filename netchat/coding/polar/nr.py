"""Polar codes of the control channels of 5G NR (3GPP TS 38.212)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netchat.coding.cyclic_checks import CyclicCheck, cyclic_check

__all__ = ["PRESETS", "Preset", "channel_order", "input_order"]

#: Input interleaver (table 5.3.1.1-1).
_INPUT = (
    0, 2, 4, 7, 9, 14, 19, 20, 24, 25, 26, 28, 31, 34, 42, 45, 49, 50, 51, 53, 54, 56, 58, 59, 61, 62, 65,
    66, 67, 69, 70, 71, 72, 76, 77, 81, 82, 83, 87, 88, 89, 91, 93, 95, 98, 101, 104, 106, 108, 110, 111,
    113, 115, 118, 119, 120, 122, 123, 126, 127, 129, 132, 134, 138, 139, 140, 1, 3, 5, 8, 10, 15, 21, 27,
    29, 32, 35, 43, 46, 52, 55, 57, 60, 63, 68, 73, 78, 84, 90, 92, 94, 96, 99, 102, 105, 107, 109, 112,
    114, 116, 121, 124, 128, 130, 133, 135, 141, 6, 11, 16, 22, 30, 33, 36, 44, 47, 64, 74, 79, 85, 97,
    100, 103, 117, 125, 131, 136, 142, 12, 17, 23, 37, 48, 75, 80, 86, 137, 143, 13, 18, 38, 144, 39, 145,
    40, 146, 41, *range(147, 164),
)  # fmt: skip

#: Largest lengths of a block: before segmentation (uplink), and of the input interleaver (downlink).
_MOST_SENT = 8192
_UPLINK = range(20, 1013)
_DOWNLINK = range(12, len(_INPUT) - 24 + 1)


@dataclass(frozen=True, slots=True)
class Preset:
    """Code of a control channel."""

    name: str
    """Name in a specification."""
    n: int
    """Number of bits sent."""
    k: int
    """Number of message bits, without the CRC."""
    check: CyclicCheck
    """CRC."""
    largest: int
    """Largest exponent of the length of the mother code."""
    interleaved: bool
    """Whether message and CRC are interleaved before encoding."""
    triangle: bool
    """Whether the codeword is interleaved in a triangle (section 5.4.1.3)."""
    citation: str
    """Standard."""


def _uplink(n: int = 256, k: int = 64) -> Preset:
    """Return the code of uplink control information; shorter messages have parity-check bits."""
    if k not in _UPLINK or not k + 11 < n <= _MOST_SENT or (k >= 360 and n >= 1088):
        raise ValueError(
            f"Arguments of uci must be n up to {_MOST_SENT} and k from {_UPLINK[0]} to "
            f"{_UPLINK[-1]} and below n - 11, and one block (k < 360 or n < 1088), got {n} and {k}."
        )
    return Preset(
        "uci", n, k, cyclic_check("11"), 10, False, True, "3GPP TS 38.212, section 6.3: 5G uplink control"
    )  # fmt: skip


def _downlink(n: int = 216, k: int = 40) -> Preset:
    """Return the code of downlink control information, without the scrambling by an identity."""
    if k not in _DOWNLINK or not k + 24 < n <= _MOST_SENT:
        raise ValueError(
            f"Arguments of dci must be n up to {_MOST_SENT} and k from {_DOWNLINK[0]} to "
            f"{_DOWNLINK[-1]} and below n - 24, got {n} and {k}."
        )
    return Preset(
        "dci", n, k, cyclic_check("24c", ones=24), 9, True, False,
        "3GPP TS 38.212, section 7.3: 5G downlink control",
    )  # fmt: skip


def _broadcast() -> Preset:
    """Return the code of the broadcast channel."""
    return Preset(
        "pbch", 864, 32, cyclic_check("24c"), 9, True, False, "3GPP TS 38.212, section 7.1: 5G broadcast"
    )  # fmt: skip


PRESETS: dict[str, Callable[..., Preset]] = {"uci": _uplink, "dci": _downlink, "pbch": _broadcast}


def input_order(count: int) -> NDArray[np.intp]:
    """Return which bit of the message and its CRC each input takes (section 5.3.1.1)."""
    pattern = np.array(_INPUT)
    return pattern[pattern >= len(pattern) - count] - (len(pattern) - count)


def channel_order(count: int) -> NDArray[np.intp]:
    """Return which bit is sent in each place: written in rows of a triangle, read in columns."""
    side = 1
    while side * (side + 1) // 2 < count:
        side += 1
    rows, at = np.full((side, side), -1), 0
    for row in range(side):
        width = min(side - row, max(count - at, 0))
        rows[row, :width] = np.arange(at, at + width)
        at += side - row
    read = rows.T.reshape(-1)
    return read[read >= 0]
