"""Splitter of a byte stream into lines of UTF-8, with a problem for each invalid line."""

from __future__ import annotations

import codecs
from typing import NamedTuple

__all__ = ["LONGEST_LINE", "InputLine", "InputLines"]

#: Maximum length of a line in bytes; longer ones are split. No server accepts such a message.
LONGEST_LINE = 1024 * 1024

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class InputLine(NamedTuple):
    """Line of input.

    Attributes:
        text: Line without its line feed; U+FFFD replaces bytes that are not UTF-8.
        problem: Description of invalid bytes, or "".
    """

    text: str
    problem: str = ""


class InputLines:
    """Splitter of bytes into lines. It drops a byte order mark at the beginning."""

    def __init__(self) -> None:
        self._rest = b""
        self._number = 0

    def feed(self, data: bytes, *, final: bool = False) -> list[InputLine]:
        """Add bytes and return the lines that they complete.

        Args:
            data: Next bytes.
            final: No bytes follow; the rest is a line.
        """
        *lines, rest = (self._rest + data).split(b"\n")
        while len(rest) > LONGEST_LINE or (final and rest):
            cut = _boundary(rest, LONGEST_LINE)
            lines.append(rest[:cut])
            rest = rest[cut:]
        self._rest = rest
        return [self._line(line) for line in lines]

    def _line(self, raw: bytes) -> InputLine:
        self._number += 1
        hint = "iconv -f latin1 -t utf-8 converts Latin-1"
        if self._number == 1:
            raw = raw.removeprefix(codecs.BOM_UTF8)
            if raw.startswith(_UTF16):
                hint = "iconv -f utf-16 -t utf-8 converts UTF-16"
        try:
            return InputLine(raw.decode())
        except UnicodeDecodeError as error:
            problem = (
                f"Line {self._number} of the input is not UTF-8: byte {error.start + 1} is "
                f"0x{raw[error.start]:02x}. The client sends \N{REPLACEMENT CHARACTER} instead of "
                f"such bytes; {hint}."
            )
            return InputLine(raw.decode(errors="replace"), problem)


def _boundary(raw: bytes, at: int) -> int:
    """Return the last offset up to `at` that is not inside a character."""
    if len(raw) <= at:
        return len(raw)
    return next((n for n in range(at, at - 4, -1) if raw[n] & 0xC0 != 0x80), at)
