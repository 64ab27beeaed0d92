"""Cyclic redundancy checks: error detection, for protocols that retransmit."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from netchat.arguments import whole_number
from netchat.coding.arrays import BitSlices, DecodedBitSlices
from netchat.coding.bit_sliced_code import BitSlicedCode
from netchat.coding.code import Code

__all__ = ["CRC"]


class _Kind(NamedTuple):
    polynomial: int
    """Generator polynomial without its highest power."""
    reflected: bool
    """Whether each byte enters least significant bit first, with initial value and XOR of all ones."""
    message: int
    """Default number of bits in a message."""
    distances: tuple[tuple[int, int], ...]
    """Pairs (bits, distance): the minimum distance for messages of up to that many bits."""
    citation: str
    """Publication or standard."""


_KOOPMAN = "Koopman, 32-bit cyclic redundancy codes for Internet applications, DSN 2002"
_KOOPMAN_SMALL = "Koopman and Chakravarty, CRC polynomial selection for embedded networks, DSN 2004"
_KINDS = {
    8: _Kind(0x07, False, 64, ((119, 4),), f"CRC-8 of SMBus; {_KOOPMAN_SMALL}"),
    16: _Kind(0x1021, False, 512, ((32751, 4),), f"CRC-16/XMODEM; {_KOOPMAN_SMALL}"),
    32: _Kind(
        0x04C11DB7, True, 1024, ((268, 6), (2974, 5), (91607, 4)),
        f"CRC-32 of Ethernet and zlib; {_KOOPMAN}",
    ),
}  # fmt: skip


class CRC(BitSlicedCode):
    """Message followed by a CRC of 8, 16 or 32 bits: n = k + width; detects errors, corrects none.

    The decoder always detects minimum_distance - 1 errors. The minimum distance decreases with the
    message length; beyond the lengths published by Koopman the attribute is 2. CRC-16 equals
    `binascii.crc_hqx` and CRC-32 equals `zlib.crc32`, both sent most significant bit first.

    References: P. Koopman, "32-bit cyclic redundancy codes for Internet applications" (DSN 2002);
    P. Koopman and T. Chakravarty, "Cyclic redundancy code polynomial selection for embedded
    networks" (DSN 2004).

    Args:
        width: Number of bits of the CRC: 8, 16 or 32.
        k: Number of bits in a message, a multiple of 8; 64, 512 or 1024 by default.

    Raises:
        TypeError: An argument is not an integer.
        ValueError: An argument is out of range.

    >>> import zlib
    >>> code = CRC(32, 32)
    >>> code.n, code.k, code.minimum_distance
    (64, 32, 6)
    >>> coded = code.encode_bytes(b"chat")
    >>> coded[4:] == zlib.crc32(b"chat").to_bytes(4, "big")
    True
    """

    def __init__(self, width: int = 32, k: int | None = None) -> None:
        width = whole_number("width", width)
        if width not in _KINDS:
            raise ValueError(f"Argument 'width' must be 8, 16 or 32, got {width}.")
        kind = _KINDS[width]
        k = kind.message if k is None else whole_number("k", k)
        if k < 8 or k % 8:
            raise ValueError(f"Argument 'k' must be a positive multiple of 8, got {k}.")
        distance = next((d for bits, d in kind.distances if k <= bits), 2)
        super().__init__(
            f"CRC-{width}, {k} bits",
            k=k,
            n=k + width,
            minimum_distance=distance,
            corrects=0,
            linear=not kind.reflected,
            citation=kind.citation,
        )
        self.spec: str = f"crc:{width},{k}"
        self._width, self._kind = width, kind
        order = np.arange(k)
        # Order in which message bits enter the register, and register bits leave it.
        self._order = order ^ 7 if kind.reflected else order
        out = np.arange(width)
        self._out = out if kind.reflected else out[::-1].copy()
        self._taps = np.array([j for j in range(1, width) if kind.polynomial >> j & 1])

    @property
    def width(self) -> int:
        """Number of bits of the CRC."""
        return self._width

    @property
    def polynomial(self) -> int:
        """Generator polynomial without its highest power, one coefficient per bit."""
        return self._kind.polynomial

    @property
    def reflected(self) -> bool:
        """Whether each byte enters least significant bit first, with initial value and XOR of all ones."""
        return self._kind.reflected

    def _parity(self, message: BitSlices) -> BitSlices:
        from netchat.coding.block import crc_kernels

        parity = np.empty((self._width, message.shape[1]), np.uint64)
        ones = np.uint64(0xFFFFFFFFFFFFFFFF) if self._kind.reflected else np.uint64(0)
        crc_kernels.parity(message, self._order, self._taps, self._out, ones, parity)
        return parity

    def _encode_bit_sliced(self, message: BitSlices) -> BitSlices:
        return np.concatenate([message, self._parity(message)])

    def _decode_bit_sliced(self, received: BitSlices) -> DecodedBitSlices:
        message = received[: self.k].copy()
        differs = self._parity(message) ^ received[self.k :]
        no_digits = np.zeros((0, received.shape[1]), np.uint64)
        return DecodedBitSlices(message, no_digits, np.bitwise_or.reduce(differs, axis=0))

    def _shorten(self, k: int) -> Code:
        return super()._shorten(k) if k % 8 else CRC(self._width, k)
