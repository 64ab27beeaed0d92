"""User names: which are allowed, which are the same, and what to suggest instead.

Two names are the same when their skeletons are: compatibility forms folded together (NFKC,
UAX #15), then case (casefold). Look-alikes across scripts are kept out by allowing only one of
Latin, Greek and Cyrillic in a name; a name wholly of look-alikes is not caught.
"""

from __future__ import annotations

import itertools
import re
import secrets
import unicodedata
from collections.abc import Callable

from netchat.wire import MAX_NAME

__all__ = ["clean_name", "name_problem", "skeleton", "suggest"]

_PUNCTUATION = "_-."
_SCRIPTS = ("LATIN", "GREEK", "CYRILLIC")
#: Names that the views use for themselves.
_RESERVED = frozenset({"you", "server", "netchat", "lobby", "everyone", "system"})
# Letters and marks that are shown as nothing (Unicode's Default_Ignorable_Code_Point): two names
# that differ in one of them look the same.
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
# The digits that `suggest` may need behind a name.
_SUFFIX = 6
# Numbers that `suggest` tries in order, before it tries random ones.
_IN_ORDER = 10
#: A name with more characters than this is too long in any form: NFKC composes at most four into
#: one. It is not normalized, since that takes seconds for some texts of the length of a frame.
_MOST_RAW = 4 * MAX_NAME


def clean_name(name: str) -> str:
    """The form of a name that is stored and shown: NFKC, without space around it."""
    return unicodedata.normalize("NFKC", name).strip() if len(name) <= _MOST_RAW else name


def skeleton(name: str) -> str:
    """What makes a name unique: names with the same skeleton are the same name."""
    if len(name) > _MOST_RAW:
        return name  # nobody's
    return unicodedata.normalize("NFKC", clean_name(name).casefold())


def _allowed(character: str) -> bool:
    if character in _PUNCTUATION:
        return True
    return unicodedata.category(character)[0] in "LMN" and not _INVISIBLE.match(character)


def _scripts(name: str) -> set[str]:
    return {
        script
        for character in name
        if character.isalpha()
        for script in _SCRIPTS
        if unicodedata.name(character, "").startswith(script)
    }


def name_problem(name: str) -> str | None:
    """Say what is wrong with a (clean) name, or None where nothing is."""
    if not name:
        return "A name needs at least one character."
    if len(name) > MAX_NAME:
        return f"A name has at most {MAX_NAME} characters; this one has {len(name)}."
    for index, character in enumerate(name):
        # Letters, marks and digits (Unicode L*, M*, N*): this keeps out space, control and bidi
        # characters without having to list them.
        if not _allowed(character):
            what = unicodedata.name(character, f"U+{ord(character):04X}")
            return f"A name has letters, digits, '_', '-' and '.' only; character {index + 1} is {what}."
    if not name[0].isalnum():
        return "A name begins with a letter or a digit."
    scripts = _scripts(name)
    if len(scripts) > 1:
        return f"A name mixes {' and '.join(sorted(scripts))} letters, which look alike; use one of them."
    if skeleton(name) in _RESERVED:
        return f"The name {name} is reserved."
    return None


def suggest(name: str, taken: Callable[[str], bool]) -> str:
    """A name near `name` that is allowed and free.

    Args:
        name: what the user wished for.
        taken: tells of a skeleton whether somebody has it.

    Returns:
        The suggestion.
    """
    kept = "".join(filter(_allowed, clean_name(name[:_MOST_RAW])))
    base = clean_name(kept).lstrip(_PUNCTUATION)[: MAX_NAME - _SUFFIX]
    if name_problem(base) is not None:
        base = "guest"
    # In order as long as that is quick: a full server may have all of a thousand of them.
    candidates = itertools.chain(
        [base],
        (f"{base}{n}" for n in range(2, _IN_ORDER)),
        (f"{base}{secrets.randbelow(10**_SUFFIX)}" for _ in itertools.count()),
    )
    return next(c for c in candidates if not taken(skeleton(c)))
