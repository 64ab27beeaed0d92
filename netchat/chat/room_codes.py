"""Room codes: short enough to read aloud, too many to guess.

Ten characters of Crockford's base 32 (no I, L, O, U) carry 50 random bits. They are displayed in two
groups: `7K3F9-2MQ0T`.
"""

from __future__ import annotations

import random
import secrets

__all__ = ["ALPHABET", "LOBBY", "PRIVATE_MARK", "new_code", "read_code", "show_code"]

#: The code of the room that every server has.
LOBBY = "lobby"

#: First character of a private room's code. No other code contains it, so JOIN cannot name one.
PRIVATE_MARK = "@"

#: Digits of Crockford's base 32.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH = 10
#: Longest input that can be a code, with spaces and hyphens, in characters.
_MAX_INPUT = 64
# Look-alikes that users type (https://www.crockford.com/base32.html), and separators.
_CORRECTIONS = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None})


#: The default source of random numbers: the system's secure one.
_SECURE = secrets.SystemRandom()


def new_code(rng: random.Random = _SECURE) -> str:
    """Return a new room code, by default from the system's secure random source."""
    return "".join(rng.choice(ALPHABET) for _ in range(_LENGTH))


def read_code(written: str) -> str | None:
    """Return the code that a user typed, in any case and grouping, or None if it is invalid."""
    if len(written) > _MAX_INPUT:
        return None
    written = written.strip()
    if written.casefold() == LOBBY:
        return LOBBY
    code = written.upper().translate(_CORRECTIONS)
    if len(code) == _LENGTH and all(c in ALPHABET for c in code):
        return code
    return None


def show_code(code: str) -> str:
    """Return a code as it is displayed, in two groups."""
    return f"{code[:5]}-{code[5:]}" if len(code) == _LENGTH else code
