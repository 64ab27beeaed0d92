"""Golden vectors of sealed messages: bytes laid out by hand, and cryptography without netchat.

`standards.json` holds published vectors: RFC 9180, RFC 8032, RFC 5869 and NIST's for AES-GCM, as
distributed with `cryptography_vectors` 50.0.2.

`golden.json` holds a sealed message and what follows from a room's secret. Its `pieces` are written by
hand from docs/SEALING.md; `compute` fills in what cryptography adds, from HMAC (RFC 5869 spelled out),
AES-GCM and Ed25519 alone. Both Python and the page must give the same bytes, and open them.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

__all__ = ["GOLDEN", "STANDARDS", "compute"]

_HERE = Path(__file__).parent
STANDARDS: dict[str, list[dict[str, Any]]] = json.loads((_HERE / "standards.json").read_text())
GOLDEN: dict[str, Any] = json.loads((_HERE / "golden.json").read_text())


def _hkdf(secret: bytes, info: bytes, length: int) -> bytes:
    """HKDF-SHA256 without salt, as in sections 2.2 and 2.3 of RFC 5869."""
    prk = hmac.digest(bytes(32), secret, "sha256")
    block, okm, number = b"", b"", 0
    while len(okm) < length:
        number += 1
        block = hmac.digest(prk, block + info + bytes([number]), "sha256")
        okm += block
    return okm[:length]


def compute(golden: dict[str, Any]) -> dict[str, str]:
    """Return the fields of a golden vector that cryptography determines."""
    secret = bytes.fromhex(golden["secret"])
    pieces = [bytes.fromhex(piece) for piece, _ in golden["pieces"]]
    head = b"".join(pieces)
    log, epoch = bytes.fromhex(golden["log"]), bytes.fromhex(golden["epoch"])
    keys = bytes.fromhex(golden["keys"])
    key = _hkdf(secret, b"netchat sender 1\0" + log + epoch + keys, 32)
    nonce = bytes.fromhex(golden["run"] + golden["counter"])
    plain = b"".join(bytes.fromhex(piece) for piece, _ in golden["plaintext"])
    ciphertext = AESGCM(key).encrypt(nonce, plain, head + bytes(8))
    signed = head + len(ciphertext).to_bytes(4, "big") + ciphertext + bytes(4)
    signing = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(golden["seed"])[:32])
    signature = signing.sign(signed)
    members = _hkdf(secret, b"netchat members 1\0" + log + epoch, 32)
    begin = hashlib.sha256(b"netchat view 1\0" + log).digest()
    event = hashlib.sha256(bytes.fromhex(golden["first_event"])).digest()
    return {
        "check": _hkdf(secret, b"netchat check 1\0" + epoch, 16).hex(),
        "proof": hmac.digest(members, keys, "sha256").hex(),
        "bundle": (keys + signing.sign(b"netchat device keys 1\0" + keys)).hex(),
        "ciphertext": ciphertext.hex(),
        "signature": signature.hex(),
        "link": hashlib.sha256(signed + signature).hexdigest(),
        "view": hashlib.sha256(begin + event).hexdigest(),
    }
