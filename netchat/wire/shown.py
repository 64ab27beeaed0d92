"""Text from somebody else, shown without doing harm."""

from __future__ import annotations

import re

__all__ = ["show_line", "show_text"]

# C0 and C1 controls, but line feed and tab: they are commands to somebody's terminal. Then what
# reorders, breaks or hides text: bidi controls (UAX #9), line and paragraph separator, zero-width
# space and the like. The joiners U+200C and U+200D stay: Persian and emoji are written with them.
_HARMFUL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]"
)


def show_text(text: str) -> str:
    r"""Text from somebody else, safe for a terminal: harmful characters as `\x1b` or `\u202e`.

    The server refuses control characters, but a client must not depend on its server.
    """
    if text.isprintable():
        return text
    return _HARMFUL.sub(lambda m: m[0].encode("unicode_escape").decode(), text)


def show_line(text: str) -> str:
    r"""The same for a place where only one line has room: line feed and tab as `\n` and `\t`."""
    return show_text(text).replace("\n", "\\n").replace("\t", "\\t")
