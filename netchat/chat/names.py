"""User names: the profile they follow, which are the same, and what to suggest instead.

The profile is that of UAX #31 and UTS #39, by Unicode's own data, applied to the NFKC form:

- at most `MAX_NAME` characters: letters, marks and digits that an identifier may have
  (XID_Continue), and `_`, `-` and `.`; a letter or a digit comes first;
- nothing that is not displayed (default-ignorable and format characters), and no emoji: their
  sequences look the same in many fonts, and nobody can type them after `/msg`;
- letters of one script, or of those that Chinese, Japanese and Korean are written with together
  with Latin (UTS #39, Highly Restrictive), and digits of one number system;
- at most `MAX_STACK` nonspacing marks in a row.

Names are the same if they differ in case only (`fold`). Two users cannot have names that look
alike either: `lookalikes` gives the UTS #39 skeletons of a name by which that is known.
"""

from __future__ import annotations

import itertools
import re
import secrets
import unicodedata
from collections.abc import Callable, Iterator

from netchat.chat.confusables import skeleton
from netchat.wire import MAX_NAME
from netchat.wire.safe_text import INVISIBLE

__all__ = ["MAX_STACK", "fold", "lookalikes", "normalize_name", "suggest", "validate_name"]

#: Nonspacing marks in a row that a name may have (UTS #39, section 5.4).
MAX_STACK = 4

#: Characters up to which a text is normalised. No allowed name has more, in any form: each
#: of its characters is one letter and at most `MAX_STACK` marks.
_LONGEST = (MAX_STACK + 2) * MAX_NAME

_PUNCTUATION = "_-."

#: Names that the views use for themselves.
_RESERVED = ("you", "server", "netchat", "lobby", "everyone", "system")

#: Scripts that may be mixed, by the first word of their characters' names.
_TOGETHER = (
    {"LATIN", "CJK", "HIRAGANA", "KATAKANA"},
    {"LATIN", "CJK", "BOPOMOFO"},
    {"LATIN", "CJK", "HANGUL"},
)

#: First words of the names of letters and marks that go with any script.
_ANY_SCRIPT = {
    "COMBINING", "IDEOGRAPHIC", "KATAKANA-HIRAGANA", "MIDDLE", "MODIFIER", "VEDIC", "VERTICAL",
}  # fmt: skip

#: Digits that `suggest` appends at most, and how many numbers of each length it tries.
_SUFFIX, _TRIES = 6, 8


def normalize_name(name: str) -> str:
    """Return the form of a name that is stored and displayed: NFKC, without space around it.

    A text that is too long for a name in any form comes back as it is: normalising costs time
    that grows with the square of the marks in a row.
    """
    return _nfkc(name).strip()


def fold(name: str) -> str:
    """Return what names have in common that differ in case only: `Nova` and `nova` are the same."""
    return _nfkc(normalize_name(name).casefold())


def lookalikes(name: str) -> set[str]:
    """Return the skeletons of a name. Names that have one in common look alike.

    There is one for the name as it is written, and one for it in lower case: `Ian` looks like
    `lan` and is the same as `ian`, but `ian` does not look like `lan`. The latter is folded again,
    because the prototype of `0` is `O`.
    """
    clean = normalize_name(name)
    if len(clean) > _LONGEST:
        return {clean}
    return {skeleton(clean), skeleton(fold(clean)).casefold()}


def validate_name(name: str) -> str | None:
    """Return what is wrong with a (clean) name, or None if it is allowed."""
    if not name:
        return "A name needs at least one character."
    if len(name) > MAX_NAME:
        return f"A name has at most {MAX_NAME} characters; this one has {len(name)}."
    for index, character in enumerate(name):
        if not _allowed(character):
            what = unicodedata.name(character, f"U+{ord(character):04X}")
            return f"A name has letters, digits, '_', '-' and '.' only; character {index + 1} is {what}."
    if not name[0].isalnum():
        return "A name begins with a letter or a digit."
    if _stack(name) > MAX_STACK:
        return (
            f"A name has at most {MAX_STACK} combining marks in a row; this one has {_stack(name)}."
        )
    scripts = {script for character in name for script in _script(character)}
    if len(scripts) > 1 and not any(scripts <= together for together in _TOGETHER):
        *others, last = sorted(scripts)
        both = f"{', '.join(others)} and {last}"
        return f"A name mixes {both} letters, which may look alike; use one of them."
    if len({ord(c) - unicodedata.digit(c) for c in name if c.isdecimal()}) > 1:
        return "A name mixes digits of different number systems; use one of them."
    if lookalikes(name) & {skeleton(reserved) for reserved in _RESERVED}:
        return f"The name {name} is reserved."
    return None


def suggest(name: str, taken: Callable[[str], bool]) -> str:
    """Return a name near `name` that is allowed and free.

    Args:
        name: what the user asked for.
        taken: tells whether a name is not free.
    """
    kept = "".join(filter(_allowed, normalize_name(name[:_LONGEST])[:_LONGEST]))
    base = normalize_name(kept).lstrip(_PUNCTUATION)[: MAX_NAME - _SUFFIX]
    if validate_name(base) is not None:
        base = "guest"
    return next(found for found in _candidates(base) if not taken(found))


def _candidates(base: str) -> Iterator[str]:
    """Yield a name and the same with numbers: the first ones, then longer and longer random ones.

    So that a name near a popular one is found in a few dozen steps.
    """
    yield base
    for number in range(2, 10):
        yield f"{base}{number}"
    for size in range(1, _SUFFIX):
        for _ in range(_TRIES):
            yield f"{base}{10**size + secrets.randbelow(9 * 10**size)}"
    for number in itertools.count(10):  # only in a chat of a million
        yield f"{base}{number}"


def _nfkc(text: str) -> str:
    return text if len(text) > _LONGEST else unicodedata.normalize("NFKC", text)


def _allowed(character: str) -> bool:
    """Whether a character may be in a name."""
    if character in _PUNCTUATION:
        return True
    if INVISIBLE.match(character) or unicodedata.category(character) == "Pc":
        return False
    return f"a{character}".isidentifier()


def _stack(name: str) -> int:
    """Return how many nonspacing marks a name has in a row, at most."""
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
