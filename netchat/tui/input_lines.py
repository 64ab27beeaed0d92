"""Lines of UTF-8 out of bytes that come in pieces, and what was wrong with them."""

from __future__ import annotations

import codecs
from typing import NamedTuple

__all__ = ["LONGEST_LINE", "InputLine", "InputLines"]

#: Bytes at which a line that does not end is cut; no server takes as many.
LONGEST_LINE = 1024 * 1024

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class InputLine(NamedTuple):
    """One line.

    Attributes:
        text: the line, without its end; U+FFFD stands for bytes that are not UTF-8.
        problem: what was wrong with it, as a sentence; else "".
    """

    text: str
    problem: str = ""


class InputLines:
    """Cuts bytes into lines. A byte order mark at the beginning is dropped."""

    def __init__(self) -> None:
        self._rest = b""
        self._number = 0

    def feed(self, data: bytes, *, final: bool = False) -> list[InputLine]:
        """Take the next bytes; returns the lines that they complete.

        Args:
            data: the bytes.
            final: nothing follows; what remains is a line.
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
                f"0x{raw[error.start]:02x}. It is sent with \N{REPLACEMENT CHARACTER} in place of "
                f"such bytes; {hint}."
            )
            return InputLine(raw.decode(errors="replace"), problem)


def _boundary(raw: bytes, at: int) -> int:
    """Return the last place up to `at` that is not inside of a character."""
    if len(raw) <= at:
        return len(raw)
    return next((n for n in range(at, at - 4, -1) if raw[n] & 0xC0 != 0x80), at)
