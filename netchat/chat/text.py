"""Message texts: which are allowed, and how to display them safely."""

from __future__ import annotations

import re

from netchat.wire.safe_text import NONCHARACTERS, show_text

__all__ = ["show_text", "validate_text"]

# C0 and C1 control characters except line feed and tab: a terminal would execute them.
_CONTROL = "\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f"
_REFUSED = re.compile(f"[{_CONTROL}{NONCHARACTERS}]")


def validate_text(text: str) -> str | None:
    """Return what is wrong with a message's text, or None if it is allowed."""
    if text.isprintable() and text:
        return None
    if not text:
        return "The message is empty."
    found = _REFUSED.search(text)
    if found is None:
        return None
    number = ord(found[0])
    where = f"U+{number:04X} at character {found.start() + 1}"
    if number > 0x9F:
        return f"The message contains the noncharacter {where}; remove it."
    return (
        f"The message contains the control character {where}; only line feed and tab are allowed."
    )
