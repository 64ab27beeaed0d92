"""Keys of a device: one for signatures (Ed25519), and one for receiving secrets (X25519).

The private keys never leave the device. Everything else here is public.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from netchat.errors import SealingError

__all__ = ["BUNDLE_SIZE", "KEYS_SIZE", "DeviceKey", "check_bundle", "wrap"]

#: Size of a device's two public keys, in bytes.
KEYS_SIZE = 64

#: Size of the two public keys with the signature that binds them, in bytes.
BUNDLE_SIZE = 128

_BIND = b"netchat device keys 1\0"
_HPKE = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
_ENC_SIZE = 32


class DeviceKey:
    """The private keys of this device.

    Args:
        seed: The private keys of Ed25519 and X25519, 64 bytes together; by default new ones.

    Attributes:
        keys: The public keys: Ed25519, X25519.
        bundle: The public keys, and the signature that binds the second to the first.
    """

    def __init__(self, seed: bytes | None = None) -> None:
        if seed is None:
            seed = (
                Ed25519PrivateKey.generate().private_bytes_raw()
                + X25519PrivateKey.generate().private_bytes_raw()
            )
        if len(seed) != KEYS_SIZE:
            raise ValueError(
                f"a device's private keys must have {KEYS_SIZE} bytes, got {len(seed)}"
            )
        self.seed = seed
        self._signing = Ed25519PrivateKey.from_private_bytes(seed[:32])
        self._exchange = X25519PrivateKey.from_private_bytes(seed[32:])
        self.sign = self._signing.sign
        self.keys = (
            self._signing.public_key().public_bytes_raw()
            + self._exchange.public_key().public_bytes_raw()
        )
        self.bundle = self.keys + self.sign(_BIND + self.keys)

    def unwrap(self, enc: bytes, sealed: bytes, info: bytes) -> bytes:
        """Open a secret that `wrap` sealed for this device.

        Raises:
            SealingError: It was not sealed for this device, or with other `info`.
        """
        try:
            return _HPKE.decrypt(enc + sealed, self._exchange, info=info)
        except Exception as error:  # `cryptography` raises several kinds for malformed input
            raise SealingError("the secret was not sealed for this device") from error


def wrap(secret: bytes, keys: bytes, info: bytes) -> tuple[bytes, bytes]:
    """Seal a secret for a device with HPKE (RFC 9180, base mode).

    Args:
        secret: The secret.
        keys: The device's public keys.
        info: What the secret is for; `unwrap` needs the same.

    Returns:
        The encapsulated key, and the sealed secret.

    Raises:
        SealingError: The public key is invalid.
    """
    try:
        sealed = _HPKE.encrypt(secret, X25519PublicKey.from_public_bytes(keys[32:64]), info=info)
    except ValueError as error:  # a point of small order
        raise SealingError("the device's public key is invalid") from error
    return sealed[:_ENC_SIZE], sealed[_ENC_SIZE:]


def check_bundle(bundle: bytes) -> bytes:
    """Return the public keys in a bundle, after checking the signature that binds them.

    Raises:
        SealingError: The bundle is invalid.
    """
    keys, signature = bundle[:KEYS_SIZE], bundle[KEYS_SIZE:]
    try:
        if len(bundle) != BUNDLE_SIZE:
            raise ValueError(f"{len(bundle)} bytes")
        Ed25519PublicKey.from_public_bytes(keys[:32]).verify(signature, _BIND + keys)
    except (InvalidSignature, ValueError) as error:
        raise SealingError("the keys of a device are invalid") from error
    return keys
