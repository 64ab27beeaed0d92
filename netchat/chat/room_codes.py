"""Room codes: short enough to say across a classroom, too many to guess.

Ten characters of Crockford's base 32 (no I, L, O, U) carry 50 random bits. Shown in two groups:
`7K3F9-2MQ0T`.
"""

from __future__ import annotations

import random
import secrets

__all__ = ["LOBBY", "PRIVATE_MARK", "new_code", "read_code", "show_code"]

#: The code of the room that every server has.
LOBBY = "lobby"

#: First character of a private room's code. It is in no other code, so nobody can join one.
PRIVATE_MARK = "@"

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH = 10
#: Characters in which somebody may write a code, with spaces and hyphens.
_MOST_WRITTEN = 64
# What people write for what they see (https://www.crockford.com/base32.html), and separators.
_READ = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None})


#: The default source of random numbers: the system's secure one.
_SECURE = secrets.SystemRandom()


def new_code(rng: random.Random = _SECURE) -> str:
    """Return a fresh room code from a source of random numbers, by default a secure one."""
    return "".join(rng.choice(_ALPHABET) for _ in range(_LENGTH))


def read_code(written: str) -> str | None:
    """The code somebody meant, whatever its case, groups and look-alikes; None if it is none."""
    if len(written) > _MOST_WRITTEN:
        return None
    written = written.strip()
    if written.casefold() == LOBBY:
        return LOBBY
    code = written.upper().translate(_READ)
    if len(code) == _LENGTH and all(c in _ALPHABET for c in code):
        return code
    return None


def show_code(code: str) -> str:
    """The code as people read it, in groups."""
    return f"{code[:5]}-{code[5:]}" if len(code) == _LENGTH else code
