"""Escaping of every Unicode character that is invisible or changes how others are displayed."""

import re
import sys
import unicodedata

import pytest

from netchat.wire.safe_text import show_line, show_text

CATEGORIES = {"Cc", "Cf", "Cs", "Zl", "Zp"}

#: Default_Ignorable_Code_Point of DerivedCoreProperties-15.0.0.txt, but format characters.
IGNORED = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2065\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8"
    "\U000e0000-\U000e0fff]"
)


def is_noncharacter(number):
    return 0xFDD0 <= number <= 0xFDEF or number & 0xFFFE == 0xFFFE


def escaped(character):
    """Return how a character is displayed, apart from its neighbours."""
    hidden = unicodedata.category(character) in CATEGORIES or IGNORED.match(character)
    if hidden or is_noncharacter(ord(character)):
        return character.encode("unicode_escape").decode()
    return character


def test_exactly_what_is_not_displayed_is_escaped():
    assigned = [
        character
        for character in map(chr, range(sys.maxunicode + 1))
        if unicodedata.category(character) != "Cn"
        or IGNORED.match(character)
        or is_noncharacter(ord(character))
    ]
    shown = show_line("a".join(assigned))
    assert shown == "a".join(map(escaped, assigned))


@pytest.mark.parametrize("size", [1, 8, 9, 10_000])
def test_a_stack_of_marks_has_a_bound(size):
    shown = show_text("a" + "\u0301\u0489" * size)
    raw = sum(unicodedata.category(c) in ("Mn", "Me") for c in shown)
    assert raw == min(2 * size, 8)
