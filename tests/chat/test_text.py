"""What may be said, and how it is shown without doing harm."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchat.chat.text import show_text, text_problem


@pytest.mark.parametrize(
    "text", ["hi", "two\nlines", "a\ttab", "Grüße 👩‍🚀", "علي", " ", "\u202eabc"]
)
def test_may_be_said(text):
    assert text_problem(text) is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"),
        ("\x1b[2J", "U+001B at character 1"),
        ("ab\x07", "U+0007 at character 3"),
        ("a\r\n", "U+000D at character 2"),
        ("a\x00", "U+0000"),
        ("\x7f", "U+007F"),
        ("\x9b31m", "U+009B"),
    ],
)
def test_may_not_be_said(text, why):
    assert why in (text_problem(text) or "")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("two\nlines\tand tab", "two\nlines\tand tab"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("a\u2066b\u2069", "a\\u2066b\\u2069"),
        ("a\u200fb\u200e\u061c", "a\\u200fb\\u200e\\u061c"),
        ("a\u2028b", "a\\u2028b"),
        ("a\u200bb\ufeff\u2060", "a\\u200bb\\ufeff\\u2060"),
        ("\x85\x9b", "\\x85\\x9b"),
        ("👩‍🚀 می‌خواهم", "👩‍🚀 می‌خواهم"),  # the joiners belong to the writing
    ],
)
def test_shown_without_harm(text, shown):
    assert show_text(text) == shown


@given(st.text())
def test_what_is_shown_can_always_be_said_and_is_stable(text):
    shown = show_text(text)
    assert not shown or text_problem(shown) is None
    assert show_text(shown) == shown
