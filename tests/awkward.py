"""Characters that are hard to display, from Unicode's data, for tests of everything that displays text."""

from __future__ import annotations

import sys
import unicodedata

from netchat.wire.safe_text import INVISIBLE

__all__ = ["AWKWARD", "HIDDEN", "NO_XML", "utf8"]

#: Every character that is invisible, or changes how other characters are displayed.
HIDDEN = [chr(n) for n in range(sys.maxunicode + 1) if INVISIBLE.match(chr(n))]

#: Characters that no XML document may contain (XML 1.0, section 2.2).
NO_XML = {
    c for c in HIDDEN if (c < " " and c != "\r") or "\ud800" <= c <= "\udfff" or c in "\ufffe\uffff"
}


def _some(characters: list[str], step: int) -> str:
    return "".join(characters[::step])


#: Texts, by the reason why they are hard to display. No text contains a line feed or a tab.
AWKWARD = {
    "controls": "".join(map(chr, [*range(9), *range(11, 32), *range(127, 160)])),
    "terminal commands": "\x1b[2J\x1b]0;title\x07\x9b31m",
    "hidden": _some([c for c in HIDDEN if not "\ud800" <= c <= "\udfff"], 7),
    "bidi": "\u202e\u202d\u2066\u2067\u2068\u2069\u061c\u200e\u200f abc",
    "tags": "".join(chr(0xE0000 + ord(c)) for c in "hidden"),
    "noncharacters": "\ufdd0\ufffe\uffff\U0001fffe\U0010ffff",
    "fillers": "\u115f\u1160\u3164\uffa0\u00ad\u034f\u180e",
    "separators": "\u2028\u2029\u0085\u00a0\u3000",
    "stack": "Z" + "\u0301\u0323" * 200,
    "wide": "日本語한국어ＡＢＣ" * 8,
    "emoji": "👩\u200d👩\u200d👧\u200d👦🏽❤\ufe0f🇩🇪1\ufe0f\u20e3" * 5,
    "ambiguous": "".join(
        chr(n) for n in range(0xA1, 0x3000) if unicodedata.east_asian_width(chr(n)) == "A"
    )[:60],
    "right to left": "שלום עולם مرحبا",
    "markup": "</text><script>alert(1)</script>&amp;\"' ]]> $x^2$ \\alpha {x}",
    "formula": '=cmd|"/c calc"!A1',
    "surrogates": "a\ud800b\udfffc",
}


def utf8(text: str) -> bool:
    """Return whether a peer can send a text."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
