"""Device keys and resume tokens: the secrets by which the server recognises a client."""

from __future__ import annotations

import functools
import hashlib
import random
import secrets

__all__ = ["DEVICE_KEY_SIZE", "TOKEN_SIZE", "device_id", "new_token", "short_id", "token_hash"]

#: Size of a resume token, in bytes.
TOKEN_SIZE = 32

#: Size of a device key, in bytes.
DEVICE_KEY_SIZE = 16


def device_id(key: bytes) -> int:
    """Return the public device id of a secret device key: 63 bits of its SHA-256.

    63 bits, not 64, fit a signed integer in SQLite and in other languages.
    """
    return int.from_bytes(hashlib.sha256(key).digest()[:8], "big") >> 1


@functools.lru_cache(maxsize=4096)  # a REKEY refers to each member's device
def short_id(keys: bytes) -> int:
    """Return the number by which a REKEY refers to a device, given its public keys.

    Args:
        keys: The keys, or the keys and their signature.
    """
    return int.from_bytes(hashlib.sha256(keys[:64]).digest()[:8], "big")


#: The default source of random numbers: the system's secure one.
_SECURE = secrets.SystemRandom()


def new_token(rng: random.Random = _SECURE) -> bytes:
    """Return a fresh resume token: 256 random bits."""
    return rng.randbytes(TOKEN_SIZE)


def token_hash(token: bytes) -> bytes:
    """Return the stored form of a token.

    A plain hash without salt is enough: 256 random bits cannot be guessed.
    """
    return hashlib.sha256(token).digest()
