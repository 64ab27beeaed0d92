"""Words for messages: counts with their nouns, and texts cut to a readable length."""

from __future__ import annotations

__all__ = ["cut", "many"]


def many(count: int, noun: str, plural: str | None = None) -> str:
    """Return a number of things.

    >>> many(1, "packet"), many(2000, "packet"), many(0, "match", "matches")
    ('1 packet', '2,000 packets', '0 matches')
    """
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def cut(text: str, longest: int = 80) -> str:
    """Return a text, cut with an ellipsis if it is long: an error may quote what somebody typed.

    >>> cut("hamming:7,4"), cut("hamming:7,4", 7)
    ('hamming:7,4', 'hamming…')
    """
    return text if len(text) <= longest else f"{text[:longest]}…"
