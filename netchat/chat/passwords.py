"""Passwords and invitations: their form, and what is stored of them."""

from __future__ import annotations

import hashlib
import random
import unicodedata

from netchat.chat.room_codes import ALPHABET

__all__ = [
    "MAX_PASSWORD",
    "MIN_PASSWORD",
    "NO_PASSWORD",
    "invitation_hash",
    "new_invitation",
    "normalize_password",
    "validate_password",
]

#: Minimum number of characters in a password (NIST SP 800-63B, section 5.1.1.2).
MIN_PASSWORD = 8

#: Maximum size of a password in bytes, so that hashing it takes no longer than hashing a short one.
MAX_PASSWORD = 1024

#: Hash that no password matches, for names without an account: checking it takes as long as any other.
NO_PASSWORD = "$argon2id$v=19$m=19456,t=2,p=1$bm8gcGFzc3dvcmQgYXQgYWxs$" + 43 * "A"

#: Random characters of an invitation: 80 bits, too many to guess, so that storing a plain hash is safe.
_INVITATION_LENGTH, _GROUP = 16, 4


def normalize_password(password: str) -> str:
    """Return the form of a password that is hashed (NFC, as in RFC 8265).

    A password that is too long is returned unchanged, because the time to normalize it grows fast.
    """
    if len(password) > MAX_PASSWORD:
        return password
    return unicodedata.normalize("NFC", password)


def validate_password(password: str, name: str) -> str | None:
    """Return what is wrong with a new password, or None if it is allowed.

    Args:
        password: The normalized password.
        name: Name of the account.
    """
    if len(password) < MIN_PASSWORD:
        return f"A password must have at least {MIN_PASSWORD} characters, got {len(password)}."
    if (size := len(password.encode())) > MAX_PASSWORD:
        return f"A password must have at most {MAX_PASSWORD} bytes, got {size}."
    if any(unicodedata.category(character) == "Cc" for character in password):
        return "A password must not contain control characters."
    if password.casefold().strip("0123456789") == name.casefold().strip("0123456789"):
        return "A password must not be the name; choose another one."
    return None


def new_invitation(rng: random.Random) -> str:
    """Return a new invitation code, such as `7K3F-92MQ-0TAB-XY5Z`."""
    code = "".join(rng.choices(ALPHABET, k=_INVITATION_LENGTH))
    return "-".join(code[at : at + _GROUP] for at in range(0, _INVITATION_LENGTH, _GROUP))


def invitation_hash(code: str) -> bytes:
    """Return the stored form of an invitation's code, ignoring case and hyphens."""
    letters = "".join(filter(str.isalnum, code[:100].upper()))
    letters = letters.translate(str.maketrans("OIL", "011"))
    return hashlib.sha256(b"netchat invitation " + letters.encode()).digest()
