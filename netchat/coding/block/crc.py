"""Cyclic redundancy checks: codes that notice, and leave the correcting to a retransmission."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from netchat.coding.bit_sliced_code import BitSlicedCode
from netchat.coding.bit_slicing import DecodedBitSlices
from netchat.coding.code import BitSlices, Code

__all__ = ["CRC"]


class _Kind(NamedTuple):
    polynomial: int
    """Without its highest power."""
    reflected: bool
    """Lowest bit of each byte first, started with ones and inverted, as zlib does it."""
    message: int
    """Bits in a message, unless told otherwise."""
    distances: tuple[tuple[int, int], ...]
    """(bits, distance): up to so many bits of message the distance is at least this."""
    citation: str


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
    """A message and its CRC of 8, 16 or 32 bits. Corrects nothing, detects distance - 1 errors.

    The distance falls with the length of the message; beyond the lengths that are known it is
    given as 2. CRC-16 is `binascii.crc_hqx`, CRC-32 is `zlib.crc32`, both with the highest bit
    first.

    Args:
        width: 8, 16 or 32.
        k: bits in a message, whole bytes; 64, 512 or 1024 unless given.

    Raises:
        ValueError: if there is no such code.

    >>> import zlib
    >>> coded = Crc(32, 32).encode_bytes(b"chat")
    >>> coded[4:] == zlib.crc32(b"chat").to_bytes(4, "big")
    True
    """

    def __init__(self, width: int = 32, k: int | None = None) -> None:
        if width not in _KINDS:
            raise ValueError(f"There is a CRC of 8, 16 and 32 bits, but not of {width}.")
        kind = _KINDS[width]
        k = kind.message if k is None else k
        if k < 8 or k % 8:
            raise ValueError(f"A CRC here is over whole bytes; {k} bits are none.")
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
        self.spec = f"crc:{width},{k}"
        self._width, self._kind = width, kind
        order = np.arange(k)
        # The order in which message bits enter the register, and register bits leave it.
        self._order = order ^ 7 if kind.reflected else order
        out = np.arange(width)
        self._out = out if kind.reflected else out[::-1].copy()
        self._taps = np.array([j for j in range(1, width) if kind.polynomial >> j & 1])

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
        nothing = np.zeros((0, received.shape[1]), np.uint64)
        return DecodedBitSlices(message, nothing, np.bitwise_or.reduce(differs, axis=0))

    def _shorten(self, k: int) -> Code:
        return super()._shorten(k) if k % 8 else CRC(self._width, k)
