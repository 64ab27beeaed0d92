"""Keys that follow from a room's secret in one epoch (HKDF-SHA256)."""

from __future__ import annotations

import hmac
import struct
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from netchat.chat.sealing.room_secret import SECRET_SIZE

if TYPE_CHECKING:
    from collections.abc import MutableMapping

__all__ = ["CHECK_SIZE", "EpochKeys", "check_value"]

#: Size of a secret's check value, in bytes.
CHECK_SIZE = 16

_EPOCH = struct.Struct(">I")
_LOG_EPOCH = struct.Struct(">QI")


def _derive(secret: bytes, info: bytes, size: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=size, salt=None, info=info).derive(secret)


def check_value(secret: bytes, epoch: int) -> bytes:
    """Return a value by which a device recognises the secret of an epoch; it is public."""
    return _derive(secret, b"netchat check 1\0" + _EPOCH.pack(epoch), CHECK_SIZE)


class EpochKeys:
    """Keys of one room and epoch.

    Args:
        secret: The room's secret in this epoch.
        log: Identity of the room's log.
        epoch: Number of the epoch, from 1.

    Attributes:
        secret: The secret.
        epoch: The epoch.
        check: The secret's public check value.
    """

    def __init__(self, secret: bytes, log: int, epoch: int) -> None:
        if len(secret) != SECRET_SIZE:
            raise ValueError(f"a room's secret must have {SECRET_SIZE} bytes, got {len(secret)}")
        self.secret, self.epoch = secret, epoch
        self._context = _LOG_EPOCH.pack(log, epoch)
        self.check = check_value(secret, epoch)
        self._members = _derive(secret, b"netchat members 1\0" + self._context, 32)
        self._ciphers: MutableMapping[bytes, AESGCM] = {}

    def cipher(self, keys: bytes) -> AESGCM:
        """Return the cipher of a sending device, given its public keys."""
        cipher = self._ciphers.get(keys)
        if cipher is None:
            key = _derive(self.secret, b"netchat sender 1\0" + self._context + keys, 32)
            if len(self._ciphers) >= 1024:  # an attacker may invent senders
                self._ciphers.clear()
            cipher = self._ciphers[keys] = AESGCM(key)
        return cipher

    def proof(self, keys: bytes) -> bytes:
        """Return the proof that a device with these public keys is a member in this epoch."""
        return hmac.digest(self._members, keys, "sha256")

    def is_member(self, keys: bytes, proof: bytes) -> bool:
        """Return whether a proof of membership is valid."""
        return hmac.compare_digest(proof, self.proof(keys))
