"""Sealing and opening of single messages.

The nonce is a random number (`run`) and the message's counter. The additional data is everything but
ciphertext and signature, after the log's identity and the counter. The signature covers the additional
data and the ciphertext, so the server cannot move a message to another room, sender, epoch or counter.
"""

from __future__ import annotations

import functools
import hashlib
import struct

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from netchat.chat.sealing.device_key import KEYS_SIZE, DeviceKey
from netchat.chat.sealing.epoch_keys import EpochKeys
from netchat.errors import SealingError
from netchat.wire import EventKind, Sealed, SealedText, Wrap
from netchat.wire.compiler import compile_packer

__all__ = ["SUITE", "link_of", "open_sealed", "seal_text", "signed_part", "verify"]

#: HKDF-SHA256, AES-256-GCM, Ed25519.
SUITE = 1

_CONTEXT = b"netchat sealed 1\0"
_HEAD = struct.Struct(">QQ")
_NONCE = struct.Struct(">IQ")
_EMPTY = bytes(8)  # the lengths of ciphertext and signature
_TAG_SIZE = 16
_BLOB = struct.Struct(">I")

_pack = compile_packer(Sealed)


def seal_text(
    device: DeviceKey,
    epoch_keys: EpochKeys | None,
    log: int,
    counter: int,
    name: str,
    text: str,
    *,
    run: int,
    seen: int = 0,
    view: bytes = b"",
    previous: bytes = b"",
    kind: int = EventKind.SEALED,
    epoch: int = 0,
    check: bytes = b"",
    wraps: tuple[Wrap, ...] = (),
) -> tuple[Sealed, bytes]:
    """Seal a message.

    Args:
        device: Keys of this device.
        epoch_keys: Keys of the room; None for the first secret of a private room.
        log: Identity of the room's log.
        counter: Counter of the message on this device.
        name: The user's name.
        text: The message.
        run: Random number of the sender's side of the room, for the nonce.
        seen: Sequence number of the last applied event.
        view: Hash of the room up to there, or empty if it is unknown.
        previous: Hash of this device's previous sealed message in the room, or empty.
        kind: SEALED, FILE or REKEY.
        epoch: For REKEY, the new epoch.
        check: For REKEY, the check value of the new secret.
        wraps: For REKEY, the new secret for each member.

    Returns:
        The sealed message, and the bytes that its signature covers.
    """
    keys = device.keys
    epoch = epoch or (epoch_keys.epoch if epoch_keys is not None else 0)
    bare = _pack(kind, SUITE, epoch, run, seen, view, previous, keys, check, wraps, b"", b"")
    start = _CONTEXT + _HEAD.pack(log, counter) + bare[:-8]
    ciphertext = b""
    if epoch_keys is not None:
        plain = SealedText(name, text).encode()
        cipher = epoch_keys.cipher(keys)
        ciphertext = cipher.encrypt(_NONCE.pack(run, counter), plain, start + _EMPTY)
    signed = start + _BLOB.pack(len(ciphertext)) + ciphertext + _EMPTY[:4]
    signature = device.sign(signed)
    sealed = Sealed(
        kind, SUITE, epoch, run, seen, view, previous, keys, check, wraps, ciphertext, signature
    )
    return sealed, signed


def signed_part(sealed: Sealed, log: int, counter: int) -> bytes:
    """Return the bytes that a message's signature covers.

    Raises:
        SealingError: The message uses unsupported algorithms, or has invalid sizes.
    """
    if sealed.algorithms != SUITE:
        raise SealingError(
            f"it uses algorithms {sealed.algorithms}, which this version does not support"
        )
    signature = sealed.signature
    if len(sealed.key) != KEYS_SIZE or len(signature) != 64:
        raise SealingError("its keys or its signature have the wrong size")
    return _CONTEXT + _HEAD.pack(log, counter) + sealed.encode()[:-68] + _EMPTY[:4]


_public_key = functools.lru_cache(maxsize=1024)(Ed25519PublicKey.from_public_bytes)


def verify(sealed: Sealed, signed: bytes) -> None:
    """Check a message's signature.

    Args:
        sealed: The message.
        signed: The bytes that it covers, from `signed_part`.

    Raises:
        SealingError: The signature is invalid.
    """
    try:
        _public_key(sealed.key[:32]).verify(sealed.signature, signed)
    except (InvalidSignature, ValueError) as error:
        raise SealingError("its signature is invalid") from error


def link_of(sealed: Sealed, signed: bytes) -> bytes:
    """Return the hash by which the sender's next message refers to this one."""
    return hashlib.sha256(signed + sealed.signature).digest()


def open_sealed(
    sealed: Sealed, signed: bytes, epoch_keys: EpochKeys, counter: int
) -> tuple[str, str]:
    """Decrypt a message; its signature is checked by `verify`.

    Returns:
        The sender's name, as the sender knew it, and the text.

    Raises:
        SealingError: The message was changed, or sealed with another secret.
    """
    # As in `seal_text`: the additional data is the signed part without the ciphertext.
    size = len(sealed.ciphertext)
    start = signed[: len(signed) - size - 8]
    try:
        plain = epoch_keys.cipher(sealed.key).decrypt(
            _NONCE.pack(sealed.run, counter), sealed.ciphertext, start + _EMPTY
        )
        message, end = SealedText.read(plain, 0)
    except InvalidTag as error:
        raise SealingError("it was changed, or sealed with another secret") from error
    except (struct.error, UnicodeDecodeError) as error:
        raise SealingError("its plaintext is malformed") from error
    if end != len(plain):
        raise SealingError("its plaintext is malformed")
    return message.name, message.text
