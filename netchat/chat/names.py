"""User names: which are allowed, which are equal or look alike, and suggestions.

Names follow a profile of UAX #31 and UTS #39, checked on their NFKC form:

- At most `MAX_NAME` characters: the letters, marks and digits of identifiers (XID_Continue), and
  `_`, `-` and `.`. The first is a letter or a digit.
- No invisible characters (default-ignorable and format characters), and no emoji: in many fonts
  their sequences look the same, and they are hard to type after `/msg`.
- Letters of one script, or the combinations in which Chinese, Japanese and Korean are written
  together with Latin (UTS #39, Highly Restrictive), and digits of one number system.
- At most `MAX_STACK` nonspacing marks in a row.

Names that differ only in case are equal (`fold`). Two users cannot have names that look alike
either, which the UTS #39 skeletons of the names decide (`lookalikes`).
"""

from __future__ import annotations

import functools
import itertools
import re
import secrets
import unicodedata
from collections.abc import Callable, Iterator

from netchat.chat.confusables import skeleton
from netchat.wire import MAX_NAME
from netchat.wire.safe_text import INVISIBLE

__all__ = ["MAX_STACK", "fold", "lookalikes", "normalize_name", "suggest", "validate_name"]

#: Maximum number of nonspacing marks in a row in a name (UTS #39, section 5.4).
MAX_STACK = 4

#: Characters up to which a text is normalized. No allowed name has more in any form: each of its
#: characters is one letter with at most `MAX_STACK` marks.
_MAX_NORMALIZED = (MAX_STACK + 2) * MAX_NAME

_PUNCTUATION = "_-."

# Most names: their characters need no further check.
_ASCII_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")

#: Names that the user interfaces use themselves.
_RESERVED = ("you", "server", "netchat", "lobby", "everyone", "system")

#: Scripts that may be mixed, by the first word of their characters' Unicode names.
_SCRIPT_MIXES = (
    {"LATIN", "CJK", "HIRAGANA", "KATAKANA"},
    {"LATIN", "CJK", "BOPOMOFO"},
    {"LATIN", "CJK", "HANGUL"},
)

#: First words of the Unicode names of letters and marks that may be combined with any script.
_ANY_SCRIPT = {
    "COMBINING", "IDEOGRAPHIC", "KATAKANA-HIRAGANA", "MIDDLE", "MODIFIER", "VEDIC", "VERTICAL",
}  # fmt: skip

#: Maximum number of digits that `suggest` appends, and how many numbers of each length it tries.
_SUFFIX, _TRIES = 6, 8


def normalize_name(name: str) -> str:
    """Return the form of a name that is stored and displayed: NFKC, without surrounding space.

    A text that is too long for a name in any form is returned unchanged, because the time to
    normalize grows with the square of the number of marks in a row.
    """
    return _nfkc(name).strip()


def fold(name: str) -> str:
    """Return the form by which names are compared: `Nova` and `nova` have the same one."""
    return _nfkc(normalize_name(name).casefold())


def lookalikes(name: str) -> frozenset[str]:
    """Return the skeletons of a name. Two names look alike if they share a skeleton.

    One skeleton is for the name as written, the other for its lower case: `Ian` looks like `lan`
    and equals `ian`, but `ian` does not look like `lan`. The second skeleton is case-folded again,
    because the prototype of `0` is `O`.
    """
    clean = normalize_name(name)
    if len(clean) > _MAX_NORMALIZED:
        return frozenset({clean})
    return _lookalikes(clean)


@functools.lru_cache(maxsize=256)  # a new user's name needs its skeletons three times
def _lookalikes(name: str) -> frozenset[str]:
    return frozenset({skeleton(name), skeleton(fold(name)).casefold()})


def validate_name(name: str) -> str | None:
    """Return what is wrong with a normalized name, or None if it is allowed."""
    if not name:
        return "A name must have at least one character."
    if len(name) > MAX_NAME:
        return f"A name must have at most {MAX_NAME} characters, got {len(name)}."
    if not _ASCII_NAME.fullmatch(name) and (problem := _problem_of_letters(name)) is not None:
        return problem
    if lookalikes(name) & _reserved():
        return f"The name {name} is reserved; choose another one."
    return None


def _problem_of_letters(name: str) -> str | None:
    """Return what is wrong with a name's characters, or None if they are allowed."""
    for index, character in enumerate(name):
        if not _allowed(character):
            what = unicodedata.name(character, f"U+{ord(character):04X}")
            return f"A name may contain letters, digits, '_', '-' and '.'; character {index + 1} is {what}."
    if not name[0].isalnum():
        return "A name must begin with a letter or a digit."
    if _stack(name) > MAX_STACK:
        return f"A name must have at most {MAX_STACK} combining marks in a row, got {_stack(name)}."
    scripts = {script for character in name for script in _script(character)}
    if len(scripts) > 1 and not any(scripts <= mix for mix in _SCRIPT_MIXES):
        *others, last = sorted(scripts)
        both = f"{', '.join(others)} and {last}"
        return f"A name must not mix {both} letters, which may look alike; use one script."
    if len({ord(c) - unicodedata.digit(c) for c in name if c.isdecimal()}) > 1:
        return "A name must not mix digits of different number systems; use one of them."
    return None


@functools.cache
def _reserved() -> frozenset[str]:
    """Return the skeletons of the reserved names."""
    return frozenset(map(skeleton, _RESERVED))


def suggest(name: str, taken: Callable[[str], bool]) -> str:
    """Return a name similar to `name` that is allowed and free.

    Args:
        name: The requested name.
        taken: Returns whether a name is not free.
    """
    kept = "".join(filter(_allowed, normalize_name(name[:_MAX_NORMALIZED])[:_MAX_NORMALIZED]))
    base = normalize_name(kept).lstrip(_PUNCTUATION)[: MAX_NAME - _SUFFIX]
    if validate_name(base) is not None:
        base = "guest"
    return next(found for found in _candidates(base) if not taken(found))


def _candidates(base: str) -> Iterator[str]:
    """Yield a name alone, then with the numbers 2 to 9, then with ever longer random numbers.

    A free name similar to a popular one is then found in a few dozen steps.
    """
    yield base
    for number in range(2, 10):
        yield f"{base}{number}"
    for size in range(1, _SUFFIX):
        for _ in range(_TRIES):
            yield f"{base}{10**size + secrets.randbelow(9 * 10**size)}"
    # Only with about a million users.
    yield from (f"{base}{number}" for number in itertools.count(10))


def _nfkc(text: str) -> str:
    return text if len(text) > _MAX_NORMALIZED else unicodedata.normalize("NFKC", text)


def _allowed(character: str) -> bool:
    """Return whether a name may contain a character."""
    if character in _PUNCTUATION:
        return True
    if INVISIBLE.match(character) or unicodedata.category(character) == "Pc":
        return False
    return f"a{character}".isidentifier()


def _stack(name: str) -> int:
    """Return the largest number of nonspacing marks in a row."""
    marks = "".join("x" if unicodedata.category(c) in ("Mn", "Me") else " " for c in _nfd(name))
    return max(map(len, marks.split()), default=0)


def _nfd(name: str) -> str:
    return unicodedata.normalize("NFD", name)


def _script(character: str) -> set[str]:
    """Return the script of a letter or mark, as the first word of its Unicode name."""
    if unicodedata.category(character)[0] not in "LM":
        return set()
    word = re.match(r"[^ ]*", unicodedata.name(character, ""))
    return {word[0]} - _ANY_SCRIPT - {""} if word else set()
