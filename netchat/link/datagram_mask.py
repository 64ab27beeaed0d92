"""The mask that makes a link's datagrams unguessable to those who cannot read them.

Source addresses of datagrams can be forged, and the other numbers of a header could be guessed with
about 2^36 attempts. A client therefore puts a random key into OPEN, and both sides XOR the second
half of each coded header with bytes that are made from it. Those are parity bytes, so that what the
header says stays readable on the wire, and nothing is longer or less robust than before. Without
the mask a header has about 48 wrong bytes, and only 32 can be corrected: a forger must know 16 bytes
of the mask, or the key's 64 bits.
"""

from __future__ import annotations

from hashlib import blake2b

__all__ = ["KEY_SIZE", "MASKED", "make_mask", "masked"]

#: Bytes of a key.
KEY_SIZE = 8

#: Bytes of a coded header that are masked: the last ones.
MASKED = 48


def make_mask(key: bytes) -> bytes:
    """Return the mask of a link's key: `MASKED` bytes."""
    return blake2b(b"netchat link", key=key, digest_size=MASKED).digest()


def masked(coded: bytes, mask: bytes) -> bytes:
    """Mask a coded header, or take its mask off.

    >>> masked(masked(bytes(96), b"m" * 48), b"m" * 48) == bytes(96)
    True
    """
    changed = int.from_bytes(coded[-MASKED:], "big") ^ int.from_bytes(mask, "big")
    return coded[:-MASKED] + changed.to_bytes(MASKED, "big")
