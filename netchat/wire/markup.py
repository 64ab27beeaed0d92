"""Code and mentions in the text of a message: the rules that all clients share.

A text is shown as it is, except for two forms of Markdown:

- A code block: a line of three backticks, which a language may follow (letters, digits and `+#._-`, at
  most 20), lines of code, and a line of three backticks. At least one line of code is not blank.
- Inline code: backticks, a text on the same line, and as many backticks. If it begins and ends with a
  space, and is not blank, one space is removed on both sides, so that code can contain backticks.

Everything else, such as an unclosed block, is text. A client that cannot render code shows the text
with its backticks.

A mention is `@` and a name, outside code. A letter, digit, mark or `_` before the `@` makes it something
else, such as a mail address. The longest run of characters that names can have follows; dots and hyphens
at its end are not part of it.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

__all__ = ["BLOCK", "CODE", "MENTION", "TEXT", "MarkupPiece", "mentioned_names", "parse_markup"]

#: Kinds of pieces.
TEXT, CODE, BLOCK, MENTION = "text", "code", "block", "mention"

_FENCE = re.compile(r"```([A-Za-z0-9+#._-]{0,20})")

_RUN = re.compile("`+")


class MarkupPiece(NamedTuple):
    """A part of a text."""

    kind: str
    """TEXT, CODE, BLOCK or MENTION."""

    text: str
    """The text, without the marks of code; of a mention with its `@`."""

    language: str = ""
    """Language of a block, or empty."""


def parse_markup(text: str) -> list[MarkupPiece]:
    """Return the pieces of a text, in order. Those of kind TEXT are never empty."""
    pieces: list[MarkupPiece] = []
    lines = text.split("\n")
    plain: list[str] = []
    at = 0
    closing = _closing_fences(lines)
    while at < len(lines):
        fence = _FENCE.fullmatch(lines[at])
        end = closing[at + 1] if fence is not None else -1
        if fence is None or end < 0 or not any(map(str.strip, lines[at + 1 : end])):
            plain.append(lines[at])
            at += 1
            continue
        pieces += _inline("\n".join(plain))
        plain = []
        pieces.append(MarkupPiece(BLOCK, "\n".join(lines[at + 1 : end]), fence[1]))
        at = end + 1
    return pieces + _inline("\n".join(plain))


def _closing_fences(lines: list[str]) -> list[int]:
    """Return, for each line and the end, the number of the first closing fence from there on, or -1."""
    following = [-1] * (len(lines) + 1)
    for at in range(len(lines) - 1, -1, -1):
        following[at] = at if lines[at] == "```" else following[at + 1]
    return following


def _inline(text: str) -> list[MarkupPiece]:
    """Return the pieces of a text without blocks."""
    pieces: list[MarkupPiece] = []
    start = 0
    for opening, closing in _code_spans(text):
        pieces += _mentions(text[start : opening.start()])
        code = text[opening.end() : closing.start()]
        if code.startswith(" ") and code.endswith(" ") and code.strip(" "):
            code = code[1:-1]
        pieces.append(MarkupPiece(CODE, code))
        start = closing.end()
    return pieces + _mentions(text[start:])


def _code_spans(text: str) -> list[tuple[re.Match[str], re.Match[str]]]:
    """Return the runs of backticks that open and close inline code."""
    runs = list(_RUN.finditer(text))
    # For each run, the next one of the same length on the same line: one pass, for texts full of backticks.
    partner: list[int] = [-1] * len(runs)
    seen: dict[int, int] = {}
    feed = len(text)
    for at in range(len(runs) - 1, -1, -1):
        run = runs[at]
        end = text.find("\n", run.end(), feed)
        if end >= 0:
            seen, feed = {}, run.end()
        partner[at] = seen.get(len(run[0]), -1)
        seen[len(run[0])] = at
        feed = min(feed, run.start())
    spans = []
    at = 0
    while at < len(runs):
        other = partner[at]
        if other < 0:
            at += 1
        else:
            spans.append((runs[at], runs[other]))
            at = other + 1
    return spans


def _is_name_character(character: str) -> bool:
    return unicodedata.category(character)[0] in "LMN" or character in "_.-"


def _mentions(text: str) -> list[MarkupPiece]:
    """Return the pieces of a text without code."""
    pieces: list[MarkupPiece] = []
    start = 0
    at = text.find("@")
    while at >= 0:
        end = at + 1
        while end < len(text) and _is_name_character(text[end]):
            end += 1
        name = text[at + 1 : end].rstrip(".-")
        before = text[at - 1] if at else " "
        if name and name[0] not in "_.-" and (before in ".-" or not _is_name_character(before)):
            stop = at + 1 + len(name)
            if start < at:
                pieces.append(MarkupPiece(TEXT, text[start:at]))
            pieces.append(MarkupPiece(MENTION, text[at:stop]))
            start = stop
        at = text.find("@", end)
    if start < len(text):
        pieces.append(MarkupPiece(TEXT, text[start:]))
    return pieces


def mentioned_names(text: str) -> list[str]:
    """Return the names that a text mentions, as they are written."""
    return [piece.text[1:] for piece in parse_markup(text) if piece.kind == MENTION]
