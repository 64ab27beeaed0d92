"""What may be said, and how it is shown without doing harm."""

from __future__ import annotations

import re

from netchat.wire.shown import show_text

__all__ = ["show_text", "text_problem"]

# C0 and C1 controls, but line feed and tab: they are commands to somebody's terminal.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def text_problem(text: str) -> str | None:
    """Say what is wrong with a message's text, or None where nothing is."""
    if text.isprintable() and text:
        return None
    if not text:
        return "The message is empty."
    found = _CONTROL.search(text)
    if found is None:
        return None
    return (
        f"The message holds the control character U+{ord(found[0]):04X} at character "
        f"{found.start() + 1}; only line feed and tab are allowed."
    )
