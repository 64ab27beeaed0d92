r"""Safe display of text from a peer.

Invisible characters, and characters that change how others are displayed, are escaped (`\x1b`,
`\u202e`, `\U000e0041`). These are Unicode's control characters except line feed and tab, format
characters, default-ignorable code points, line and paragraph separators, surrogates, and
noncharacters. Three kinds of them are part of ordinary writing, and stay where writing needs them:

- The joiners U+200C and U+200D after letters of scripts that join, and U+200D between emoji.
- Variation selectors after emoji, and after Han characters.
- Tags in the flags of England, Scotland and Wales.

At most `MAX_MARKS` combining marks in a row are displayed: higher stacks would overlap other lines.
"""

from __future__ import annotations

import re
import unicodedata

__all__ = ["INVISIBLE", "MAX_MARKS", "NONCHARACTERS", "show_line", "show_text"]

#: Combining marks in a row that are displayed. Myanmar stacks five; UTS #39 advises against more
#: than four in identifiers.
MAX_MARKS = 8

#: Unicode's noncharacters, for use inside the brackets of a regular expression.
NONCHARACTERS = "\ufdd0-\ufdef\ufffe\uffff" + "".join(
    f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0x10000, 0x110000, 0x10000)
)

# Default_Ignorable_Code_Point, Cc, Cf, Cs, Zl, Zp and Noncharacter_Code_Point of Unicode 15.0,
# without tab and line feed; web/page/text.js has the same list.
_INVISIBLE = (
    "\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2"
    "\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164"
    "\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000110bd\U000110cd"
    "\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
) + NONCHARACTERS
_EMOJI = (
    "\xa9\xae\u203c\u2049\u2122\u2139\u2190-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
)
_HAN = "\u3400-\u9fff\uf900-\ufaff\U00020000-\U000323af"
# Arabic to Sinhala, Myanmar, Khmer and Mongolian, Arabic presentation forms.
_JOINING = "\u0620-\u0dff\u1000-\u109f\u1780-\u18af\ufb50-\ufdcf\ufe70-\ufefc"
_ENGLAND, _SCOTLAND, _WALES = (
    "".join(chr(0xE0000 + ord(letter)) for letter in code) for code in ("gbeng", "gbsct", "gbwls")
)

#: Characters that are invisible, or change how others are displayed.
INVISIBLE = re.compile(f"[{_INVISIBLE}]")

_WRITING = re.compile(
    f"[{_EMOJI}]\ufe0f?\u200d(?=[{_EMOJI}])"
    f"|[{_EMOJI}#*0-9][\ufe0e\ufe0f]"
    f"|[{_HAN}][\ufe00-\ufe02\U000e0100-\U000e01ef]"
    f"|(?![{_INVISIBLE}])[{_JOINING}][\u200c\u200d]"
    f"|\U0001f3f4(?:{_ENGLAND}|{_SCOTLAND}|{_WALES})\U000e007f"
    f"|(?P<harm>[{_INVISIBLE}])"
)

# Marks are neither letters, digits nor space. This class contains them and some others.
_STACK = re.compile(rf"[^\w\s\x00-\x7f]{{{MAX_MARKS + 1},}}")


def show_text(text: str) -> str:
    r"""Return text from a peer in a form that is safe to display.

    The server refuses control characters, but a client must not rely on its server.
    """
    if text.isascii() and text.isprintable():
        return text
    if INVISIBLE.search(text):
        text = _WRITING.sub(_escape, text)
    # There are no marks below U+0300, so most texts need no search for stacks.
    return _STACK.sub(_bound_marks, text) if max(text, default="") >= "\u0300" else text


def show_line(text: str) -> str:
    r"""Return text as `show_text` does, on one line: line feed and tab become `\n` and `\t`."""
    return show_text(text).replace("\n", "\\n").replace("\t", "\\t")


def _escape(match: re.Match[str]) -> str:
    return _escaped(match[0]) if match["harm"] else match[0]


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()


def _bound_marks(match: re.Match[str]) -> str:
    """Escape the marks above the limit of `MAX_MARKS` in a row."""
    shown, marks = [], 0
    for character in match[0]:
        marks = marks + 1 if unicodedata.category(character) in ("Mn", "Me") else 0
        shown.append(character if marks <= MAX_MARKS else _escaped(character))
    return "".join(shown)
