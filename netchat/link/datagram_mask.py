"""Header mask that keeps off-path attackers from forging a link's datagrams.

Source addresses of datagrams can be forged, and the other fields of a header could be guessed with
about 2^36 attempts. A client therefore puts a random key into OPEN, and both sides XOR the second
half of each coded header with bytes derived from it. Those are parity bytes, so the header stays
readable on the wire, and masking costs neither bytes nor error correction. Without the mask, a header
has about 48 wrong bytes, and only 32 can be corrected: an attacker must know 16 bytes of the mask,
or the key's 64 bits.
"""

from __future__ import annotations

__all__ = ["KEY_SIZE", "MASKED", "make_mask", "masked"]

#: Size of a key in bytes.
KEY_SIZE = 8

#: Number of masked bytes at the end of a coded header.
MASKED = 48


def make_mask(key: bytes) -> bytes:
    """Return the mask for a key, `MASKED` bytes."""
    from hashlib import blake2b  # loads OpenSSL, which a capture without such links does not need

    return blake2b(b"netchat link", key=key, digest_size=MASKED).digest()


def masked(coded: bytes, mask: bytes) -> bytes:
    """Mask a coded header, or remove its mask.

    >>> masked(masked(bytes(96), b"m" * 48), b"m" * 48) == bytes(96)
    True
    """
    changed = int.from_bytes(coded[-MASKED:], "big") ^ int.from_bytes(mask, "big")
    return coded[:-MASKED] + changed.to_bytes(MASKED, "big")
