"""Tokens of a filter: words, strings, operators and brackets."""

from __future__ import annotations

import re
from enum import Enum
from typing import NamedTuple

from netchat.errors import FilterError

__all__ = ["MAX_LENGTH", "Token", "TokenKind", "tokenise"]

#: Maximum length of a filter, in characters.
MAX_LENGTH = 10_000


class TokenKind(Enum):
    """Kind of a token."""

    WORD = "word"
    STRING = "string"
    OPERATOR = "operator"
    BRACKET = "bracket"
    END = "end"


class Token(NamedTuple):
    """Part of a filter.

    Attributes:
        kind: Its kind.
        text: Its text as written; of a string, the value.
        start: Offset of its first character.
        end: Offset after its last character.
        is_open: Whether it is a string whose closing quotation mark is missing.
    """

    kind: TokenKind
    text: str
    start: int
    end: int
    is_open: bool = False


_TOKEN = re.compile(
    r"""(?P<space>\s+)
    |(?P<operator>==|!=|<=|>=|&&|\|\||[<>!~])
    |(?P<bracket>[(){},])
    |(?P<quote>[rR]?["'])
    |(?P<word>[^\s(){},"'=!<>&|~]+)""",
    re.VERBOSE,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v", "0": "\0"}
_ESCAPES |= {mark: mark for mark in "\\\"'"}
_HEX = {"x": 2, "u": 4, "U": 8}

#: Operators that wrong characters were probably meant to be.
_MEANT = {"=": "==", "&": "&&", "|": "||"}


def tokenise(text: str, *, lenient: bool = False) -> list[Token]:
    """Split a filter into tokens; the last one has the kind END.

    Args:
        text: The filter.
        lenient: Whether to accept a string without its closing mark at the end.

    Raises:
        FilterError: A character begins no token, or a string is not closed.
    """
    if len(text) > MAX_LENGTH:
        reason = f"must have at most {MAX_LENGTH:,} characters, got {len(text):,}"
        raise FilterError(text[:80], 80, 80, f"the filter {reason}")
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            mark = text[at]
            raise FilterError(text, at, at + 1, f"{mark} is not an operator; use {_MEANT[mark]}")
        if match["quote"]:
            tokens.append(_string(text, at, lenient=lenient))
            at = tokens[-1].end
            continue
        if not match["space"]:
            tokens.append(Token(TokenKind(match.lastgroup), match[0], at, match.end()))
        at = match.end()
    return [*tokens, Token(TokenKind.END, "", at, at)]


def _string(text: str, start: int, *, lenient: bool) -> Token:
    """Read the string that begins at `start`, as "text" or, without escape sequences, as r"text"."""
    is_raw = text[start] in "rR"
    at = start + 1 + is_raw
    quote = text[at - 1]
    value: list[str] = []
    while at < len(text):
        mark = text[at]
        if mark == quote:
            return Token(TokenKind.STRING, "".join(value), start, at + 1)
        if mark == "\\" and not is_raw:
            if at + 1 == len(text):
                break
            mark, at = _escaped(text, at, lenient=lenient)
        else:
            at += 1
        value.append(mark)
    if lenient:
        return Token(TokenKind.STRING, "".join(value), start, len(text), is_open=True)
    raise FilterError(text, start, len(text), f"the string has no closing {quote}")


def _escaped(text: str, at: int, *, lenient: bool) -> tuple[str, int]:
    """Return the character that an escape sequence means, and the offset after it."""
    mark = text[at + 1]
    if mark in _ESCAPES:
        return _ESCAPES[mark], at + 2
    if mark in _HEX:
        end = at + 2 + _HEX[mark]
        digits = text[at + 2 : end]
        if re.fullmatch(rf"[0-9a-fA-F]{{{_HEX[mark]}}}", digits) and int(digits, 16) < 0x110000:
            return chr(int(digits, 16)), end
    if lenient:
        return mark, at + 2
    reason = r"unknown escape sequence; use \", \\, \n, \t, \xHH or \uHHHH, or \\ for a backslash"
    raise FilterError(text, at, at + 2, reason)
