"""Helpers for the wording of messages: counts with nouns, shortened texts, and files."""

from __future__ import annotations

__all__ = ["cannot", "cut", "many"]


def cannot(do: str, what: object, error: BaseException) -> str:
    """Return the message for a file or stream that cannot be used.

    Args:
        do: Verb, such as `read` or `write`.
        what: The file, as the user named it.
        error: Its cause; of an OSError, only the reason is shown, and of bytes that are not UTF-8, where
            they are.

    >>> cannot("write", "results.json", OSError(28, "No space left on device"))
    'Cannot write results.json: No space left on device'
    """
    if isinstance(error, UnicodeDecodeError):
        reason = f"byte {error.start + 1} is not UTF-8"
    else:
        reason = getattr(error, "strerror", None) or str(error)
    return f"Cannot {do} {what}: {reason}"


def many(count: int, noun: str, plural: str | None = None) -> str:
    """Return a count with its noun in the singular or plural.

    >>> many(1, "packet"), many(2000, "packet"), many(0, "match", "matches")
    ('1 packet', '2,000 packets', '0 matches')
    """
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def cut(text: str, longest: int = 80) -> str:
    """Return a text, shortened with an ellipsis if it is too long to quote in an error.

    >>> cut("hamming:7,4"), cut("hamming:7,4", 7)
    ('hamming:7,4', 'hamming…')
    """
    return text if len(text) <= longest else f"{text[:longest]}…"
