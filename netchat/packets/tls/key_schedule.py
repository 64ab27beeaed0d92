"""Record keys of TLS 1.3, derived from traffic secrets (RFC 8446, section 7).

All primitives are those of `cryptography`, which is imported when the first key is needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

__all__ = [
    "SUITES",
    "CipherSuite",
    "RecordKey",
    "expand_label",
    "suites_for",
]


class CipherSuite(NamedTuple):
    """Cipher suite of TLS 1.3.

    Attributes:
        name: Name in RFC 8446.
        digest: Name of its hash in `cryptography`.
        digest_size: Length of its secrets, in bytes.
        key_size: Length of its keys, in bytes.
        aead: Name of its AEAD in `cryptography`.
    """

    name: str
    digest: str
    digest_size: int
    key_size: int
    aead: str


#: Supported cipher suites by number (RFC 8446, appendix B.4).
SUITES = {
    0x1301: CipherSuite("TLS_AES_128_GCM_SHA256", "SHA256", 32, 16, "AESGCM"),
    0x1302: CipherSuite("TLS_AES_256_GCM_SHA384", "SHA384", 48, 32, "AESGCM"),
    0x1303: CipherSuite("TLS_CHACHA20_POLY1305_SHA256", "SHA256", 32, 32, "ChaCha20Poly1305"),
}


def suites_for(secret: bytes) -> Iterator[CipherSuite]:
    """Yield the suites whose secrets have this length."""
    return (suite for suite in SUITES.values() if suite.digest_size == len(secret))


def expand_label(
    secret: bytes, label: str, context: bytes, length: int, digest: str = "SHA256"
) -> bytes:
    """Return HKDF-Expand-Label (RFC 8446, section 7.1).

    Args:
        secret: The secret.
        label: The label, without the prefix `tls13 `.
        context: The context, such as a transcript hash.
        length: Length of the result, in bytes.
        digest: Name of the hash in `cryptography`.
    """
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

    name = b"tls13 " + label.encode()
    info = length.to_bytes(2, "big") + bytes([len(name)]) + name + bytes([len(context)]) + context
    return HKDFExpand(getattr(hashes, digest)(), length, info).derive(secret)


class RecordKey:
    """Key for the records of one direction, from one traffic secret.

    Args:
        secret: The traffic secret.
        suite: The cipher suite.
        epoch: `early`, `handshake` or `application`.
        generation: Number of key updates before it.

    Attributes:
        sequence: Sequence number of the next record.
    """

    __slots__ = ("_decrypt", "_error", "_iv", "_secret", "epoch", "generation", "sequence", "suite")

    def __init__(self, secret: bytes, suite: CipherSuite, epoch: str, generation: int = 0) -> None:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers import aead

        self.suite = suite
        self.epoch = epoch
        self.generation = generation
        self.sequence = 0
        self._secret = secret
        key = expand_label(secret, "key", b"", suite.key_size, suite.digest)
        self._decrypt = getattr(aead, suite.aead)(key).decrypt
        self._iv = int.from_bytes(expand_label(secret, "iv", b"", 12, suite.digest), "big")
        self._error = InvalidTag

    def __repr__(self) -> str:
        return f"<RecordKey {self.epoch} {self.generation}, {self.suite.name}>"

    def open(self, header: bytes, body: bytes, sequence: int) -> bytes | None:
        """Decrypt a record.

        Args:
            header: Its five bytes of header.
            body: The rest of it.
            sequence: Its sequence number.

        Returns:
            Content, inner type and padding; None if the record does not belong to this key and
            number, or is damaged.
        """
        try:
            return self._decrypt((self._iv ^ sequence).to_bytes(12, "big"), body, header)  # type: ignore[no-any-return] # looked up by name
        except (self._error, ValueError):
            return None

    def updated(self) -> RecordKey:
        """Return the key after a KeyUpdate (RFC 8446, section 7.2)."""
        suite = self.suite
        secret = expand_label(self._secret, "traffic upd", b"", suite.digest_size, suite.digest)
        return RecordKey(secret, suite, self.epoch, self.generation + 1)
