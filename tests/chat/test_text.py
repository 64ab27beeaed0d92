"""Message texts: which are allowed, and how they are displayed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchat.chat.text import show_text, validate_text


@pytest.mark.parametrize(
    "text", ["hi", "two\nlines", "a\ttab", "Grüße 👩‍🚀", "علي", " ", "\u202eabc"]
)
def test_allowed_texts(text):
    assert validate_text(text) is None


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
        ("a\uffff", "noncharacter U+FFFF at character 2"),
        ("\ufdd0", "noncharacter U+FDD0"),
        ("\U0010fffe", "noncharacter U+10FFFE"),
    ],
)
def test_refused_texts(text, why):
    assert why in (validate_text(text) or "")


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
        ("👩‍🚀 می‌خواهم", "👩‍🚀 می‌خواهم"),  # here the joiners are part of the text
        ("a\u200db\u200cc", "a\\u200db\\u200cc"),  # but not in this one
        ("❤️‍🔥 1️⃣", "❤️‍🔥 1️⃣"),
        ("a\ufe0f", "a\\ufe0f"),
        ("葛\U000e0100", "葛\U000e0100"),
        ("🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",) * 2,
        ("🏴\U000e0068\U000e007f", "🏴\\U000e0068\\U000e007f"),
        ("x\xady\u3164", "x\\xady\\u3164"),
        ("x\uffff\U0001fffe\ud800", "x\\uffff\\U0001fffe\\ud800"),
        ("e" + "\u0301" * 9, "e" + "\u0301" * 8 + "\\u0301"),
    ],
)
def test_safe_display(text, shown):
    assert show_text(text) == shown


@given(st.text())
def test_displayed_text_is_allowed_and_stable(text):
    shown = show_text(text)
    assert not shown or validate_text(shown) is None
    assert show_text(shown) == shown
