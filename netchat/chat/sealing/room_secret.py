"""Secrets of sealed rooms: 128 bits, written as 22 characters for links or as 12 words.

The words are those of BIP-39: 128 bits and 4 bits of their SHA-256, in groups of 11. A mistyped word
is found in 15 of 16 cases here, and in the others by the room's check value.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets

__all__ = [
    "SECRET_SIZE",
    "new_secret",
    "read_invitation",
    "read_secret",
    "secret_words",
    "show_secret",
    "to_words",
]

#: Size of a room's secret, in bytes.
SECRET_SIZE = 16

_COUNT = 12  # words for 128 bits and their checksum
_BITS = 11  # of a word
_CHECKSUM_BITS = 4
_ENCODED = re.compile(r"[A-Za-z0-9_-]{21}[AQgw]")


def new_secret() -> bytes:
    """Return a new secret from the system's secure random source."""
    return secrets.token_bytes(SECRET_SIZE)


def show_secret(secret: bytes) -> str:
    """Return a secret as the fragment of a link: 22 characters of URL-safe Base64."""
    return base64.urlsafe_b64encode(secret).decode().rstrip("=")


def to_words(data: bytes) -> list[str]:
    """Return 16 bytes as 12 words of BIP-39."""
    from netchat.chat.sealing.wordlist import WORDS

    checksum = hashlib.sha256(data).digest()[0] >> (8 - _CHECKSUM_BITS)
    number = int.from_bytes(data, "big") << _CHECKSUM_BITS | checksum
    top = len(WORDS) - 1
    return [WORDS[number >> _BITS * at & top] for at in reversed(range(_COUNT))]


def secret_words(secret: bytes) -> str:
    """Return a secret as 12 words, to read aloud or to type."""
    return " ".join(to_words(secret))


def read_secret(written: str) -> bytes:
    """Return the secret that a user pasted or typed.

    Args:
        written: 22 characters of URL-safe Base64, or 12 words; of each word, the first four
            letters suffice.

    Raises:
        ValueError: The text is neither. The error says what is wrong, without the secret.
    """
    words = re.split(r"[\s,+.-]+", written.strip().casefold())
    if len(words) == 1 or _ENCODED.fullmatch(written.strip()):
        return _read_encoded(written.strip())
    from netchat.chat.sealing.wordlist import WORDS

    if len(words) != _COUNT:
        raise ValueError(f"A room's secret has {_COUNT} words, got {len(words)}.")
    index = {word[:4]: (at, word) for at, word in enumerate(WORDS)}
    number = 0
    for place, typed in enumerate(words, 1):
        at, word = index.get(typed[:4], (0, ""))
        if not word.startswith(typed):
            raise ValueError(f"Word {place} of the secret is not in the list of words; check it.")
        number = number << _BITS | at
    secret = (number >> _CHECKSUM_BITS).to_bytes(SECRET_SIZE, "big")
    if to_words(secret)[-1] != WORDS[number & len(WORDS) - 1]:
        raise ValueError("The words of the secret do not match their checksum; check each of them.")
    return secret


def _read_encoded(written: str) -> bytes:
    if not _ENCODED.fullmatch(written):
        raise ValueError(
            f"A room's secret has 22 letters, digits, hyphens and underscores, or {_COUNT} words; "
            f"got {len(written)} characters."
        )
    return base64.urlsafe_b64decode(written + "==")


def read_invitation(written: str) -> tuple[str, str]:
    """Split an invitation into the room's code and the secret as it was written.

    Args:
        written: `CODE`, `CODE#SECRET`, `CODE WORD … WORD`, or the link `http://HOST/r/CODE#SECRET`.

    Returns:
        The code, and the secret or an empty string.
    """
    written = written.strip()
    if found := re.fullmatch(r"https?://[^#]*/r/([^/#?]+)(?:#(.*))?", written):
        return found[1], found[2] or ""
    found = re.fullmatch(r"([^\s#]+)(?:[\s#]+(.*))?", written, re.DOTALL)
    return (found[1], (found[2] or "").strip()) if found else (written, "")
