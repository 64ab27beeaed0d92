"""Helpers for the wording of messages: counts with nouns, sizes, shortened texts, and files."""

from __future__ import annotations

__all__ = ["cannot", "cut", "many", "show_size"]

_UNITS = ("kB", "MB", "GB", "TB")


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


def show_size(size: int) -> str:
    """Return a size for users.

    >>> show_size(1), show_size(999), show_size(2_345_678), show_size(10**14)
    ('1 byte', '999 bytes', '2.3 MB', '100 TB')
    """
    if size < 1000:
        return f"{size} byte{'s' * (size != 1)}"
    value, unit = size / 1000, 0
    while value >= 999.5 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.{1 if value < 9.95 else 0}f} {_UNITS[unit]}"
