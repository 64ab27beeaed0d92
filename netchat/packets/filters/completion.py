"""Completion of a filter at a position, for the Tab key."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from netchat.errors import FilterError
from netchat.packets.filters.fields import PREFIX, filter_fields
from netchat.packets.filters.item_fields import ITEM_FIELDS
from netchat.packets.filters.kinds import FieldKind, FilterField
from netchat.packets.filters.parser import OPERATORS, Parser
from netchat.packets.filters.tokens import Token, TokenKind, tokenise

__all__ = ["Candidate", "Completion", "complete"]


class Candidate(NamedTuple):
    """Text that can be inserted.

    Attributes:
        text: The text, which replaces `Completion.start` to `Completion.end`.
        doc: Description, or "".
    """

    text: str
    doc: str


@dataclass(frozen=True, slots=True)
class Completion:
    """Candidates at a position of a filter.

    Attributes:
        start: Offset of the first character that a candidate replaces.
        end: Offset after the last one: the position of the cursor.
        candidates: The candidates, the most likely first; empty if nothing can follow, or there is a
            mistake before the position.
    """

    start: int
    end: int
    candidates: tuple[Candidate, ...]

    def apply(self, text: str, candidate: Candidate) -> tuple[str, int]:
        """Return the text with a candidate inserted, and the position after it."""
        return (
            text[: self.start] + candidate.text + text[self.end :],
            self.start + len(candidate.text),
        )


def complete(
    text: str, position: int | None = None, known: Mapping[str, Iterable[str]] | None = None
) -> Completion:
    """Return what can be typed at a position of a filter.

    Args:
        text: The filter, so far.
        position: Offset of the cursor; None is the end.
        known: Values to propose for text fields, by the field's last name: `{"user": ["Nova"]}`.
    """
    end = len(text) if position is None else max(0, min(position, len(text)))
    before = text[:end]
    try:
        tokens = tokenise(before, lenient=True)
    except FilterError as error:
        if error.end < end:
            return Completion(end, end, ())
        # An operator of which only the first character was typed.
        tokens = tokenise(before[: error.start], lenient=True)
        tokens[-1:] = [
            Token(TokenKind.OPERATOR, before[error.start :], error.start, end),
            Token(TokenKind.END, "", end, end),
        ]
    typed = Token(TokenKind.END, "", end, end)
    if len(tokens) > 1 and _is_unfinished(tokens[-2], end):
        typed = tokens.pop(-2)
    parser = Parser(before, [*tokens[:-1], Token(TokenKind.END, "", end, end)])
    try:
        parser.parse()
    except FilterError as error:
        if error.start < end and not parser.wanted:
            return Completion(end, end, ())
    found = _candidates(parser, typed, known or {})
    start = typed.start
    return Completion(start, end, tuple(each for each in found if each.text != before[start:]))


def _is_unfinished(token: Token, end: int) -> bool:
    """Return whether the cursor is directly after a token that could go on."""
    if token.end != end or token.kind is TokenKind.BRACKET:
        return False
    return token.kind is not TokenKind.STRING or token.is_open


def _candidates(
    parser: Parser, typed: Token, known: Mapping[str, Iterable[str]]
) -> list[Candidate]:
    wanted, field = list(dict.fromkeys(parser.wanted)), parser.field
    if field is not None and "value" in wanted:
        return _values(field, typed, known)
    if typed.kind is TokenKind.STRING:
        return []
    found: list[Candidate] = []
    for each in wanted:
        match each:
            case "field":
                found += _fields(typed.text)
            case "operator":
                symbols = OPERATORS[field.kind] if field is not None else ()
                found += [Candidate(symbol, "") for symbol in symbols]
            case "connective":
                found += [Candidate("and", ""), Candidate("or", "")]
            case ",":
                found += [Candidate(",", ""), Candidate("}", "")]
            case mark:
                found.append(Candidate(mark, ""))
    prefix = typed.text.casefold()
    fitting = {each.text: each for each in found if each.text.casefold().startswith(prefix)}
    return list(fitting.values())


def _fields(prefix: str) -> list[Candidate]:
    """Return the fields for a prefix; those of single messages only once it names the message."""
    fields = filter_fields()
    names = dict(ITEM_FIELDS)
    for name, field in fields.items():
        short = name if prefix.startswith(PREFIX) else name.removeprefix(PREFIX)
        if short not in names and ("." not in short.removeprefix(PREFIX) or "." in prefix):
            names[short] = field
    found = [Candidate(name, field.doc) for name, field in names.items()]
    return [*found, Candidate("not", "")]


def _values(
    field: FilterField, typed: Token, known: Mapping[str, Iterable[str]]
) -> list[Candidate]:
    """Return the values that begin with what was typed, a word or an open string."""
    prefix = typed.text.casefold()
    if field.kind is FieldKind.TEXT:
        texts = known.get(field.name.rpartition(".")[2], ())
        return [
            Candidate(json.dumps(text, ensure_ascii=False), "")
            for text in texts
            if text.casefold().startswith(prefix)
        ]
    if typed.kind is TokenKind.STRING:
        return []
    return [Candidate(name, "") for name in field.choices if name.casefold().startswith(prefix)]
