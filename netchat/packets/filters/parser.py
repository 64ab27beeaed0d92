"""Parser of the filter language; compiles a filter to a predicate.

    filter     = and-part { ("or" | "||") and-part }
    and-part   = part { ("and" | "&&") part }
    part       = ("not" | "!") part | "(" filter ")" | test
    test       = FIELD [ operator value | "in" "{" range { "," range } "}" ]
    range      = value [ ".." value ]

A field that occurs several times, or never, is compared as in Wireshark 4: `!=` requires that the field
occurs and that all its values differ; every other operator requires one value that matches.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

from netchat.errors import FilterError
from netchat.packets.filters.fields import alternatives, find_field, resembling
from netchat.packets.filters.kinds import FieldKind, FilterField
from netchat.packets.filters.options import ItemFilter
from netchat.packets.filters.tokens import Token, TokenKind, tokenise
from netchat.packets.filters.values import read_value, split_range
from netchat.packets.items import Item

__all__ = ["OPERATORS", "ParsedFilter", "Parser", "describe_unknown", "parse"]

#: Maximum depth of brackets and `not`; it bounds the recursion.
_MAX_DEPTH = 100

#: Operators by their symbol or word, as their symbol.
_SYMBOLS = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_SYMBOLS |= {each: each for each in (*_SYMBOLS.values(), "contains", "matches")} | {"~": "matches"}

_ORDER = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}

#: Operators of each kind of field, in the order in which they are proposed.
OPERATORS: dict[FieldKind, tuple[str, ...]] = {
    FieldKind.FLAG: (),
    FieldKind.NUMBER: ("==", "!=", "<", "<=", ">", ">=", "in"),
    FieldKind.SECONDS: ("<", "<=", ">", ">=", "==", "!=", "in"),
    FieldKind.TEXT: ("==", "!=", "contains", "matches", "in", "<", "<=", ">", ">="),
    FieldKind.BYTES: ("==", "!=", "contains", "in"),
    FieldKind.ADDRESS: ("==", "!=", "in"),
}

_OR, _AND, _NOT = ("or", "||"), ("and", "&&"), ("not", "!")
_KEYWORDS = ("or", "and", "not", "in", *(each for each in _SYMBOLS if each.isalpha()))

_Values = Callable[[Item], Iterable[Any]]


class ParsedFilter:
    """Predicate of items, made from a filter's text.

    Attributes:
        text: The filter.
        fields: Full names of the fields in it.
    """

    def __init__(self, text: str, test: ItemFilter, fields: frozenset[str]) -> None:
        self.text = text
        self.fields = fields
        self._test = test

    def __call__(self, item: Item) -> bool:
        """Return whether an item matches."""
        return self._test(item)

    def __repr__(self) -> str:
        return f"ParsedFilter({self.text!r})"


def parse(text: str) -> ParsedFilter:
    """Compile a filter.

    Args:
        text: The filter, such as `type == SEND and room == "lobby"`.

    Returns:
        A predicate of items: messages, gaps, damage, blocks, TLS records, notices and traces. It has no
        state, so it can be applied to any items in any order.

    Raises:
        FilterError: The filter has a mistake; the error knows its position.
    """
    parser = Parser(text, tokenise(text))
    return ParsedFilter(text, parser.parse(), frozenset(parser.names))


class Parser:
    """Recursive-descent parser of one filter.

    Attributes:
        wanted: What could follow at the end of the text: `field`, `operator`, `value`, `connective`,
            `)`, `{`, or `,`.
        field: The last field that was read.
        names: Full names of all fields that were read.
    """

    def __init__(self, text: str, tokens: list[Token]) -> None:
        self.wanted: list[str] = []
        self.field: FilterField | None = None
        self.names: set[str] = set()
        self._text = text
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    def parse(self) -> ItemFilter:
        """Parse the whole filter."""
        test = self._or()
        if self._token.kind is not TokenKind.END:
            if self._token.text == ")":
                self._fail(self._token, "no bracket is open here; remove )")
            self._fail(self._token, f"expected {self._followers()}, got {_shown(self._token)}")
        return test

    @property
    def _token(self) -> Token:
        return self._tokens[self._at]

    def _next(self, *wanted: str) -> Token:
        """Return the next token; record what may be here if it is the end."""
        token = self._token
        if token.kind is TokenKind.END:
            self.wanted += wanted
        return token

    def _take(self) -> Token:
        token = self._token
        self._at += token.kind is not TokenKind.END
        return token

    def _skip(self, texts: tuple[str, ...], *wanted: str) -> Token | None:
        """Take the next token if it is an unquoted one of `texts`."""
        token = self._next(*wanted)
        if token.kind in (TokenKind.STRING, TokenKind.END) or token.text not in texts:
            return None
        return self._take()

    def _followers(self) -> str:
        """Name what may follow the last token."""
        before = self._tokens[self._at - 1]
        bare = self.field is not None and find_field(before.text) is self.field
        operators = OPERATORS[self.field.kind] if self.field is not None and bare else ()
        return ", ".join((*operators, "and, or"))

    def _fail(self, token: Token, reason: str) -> NoReturn:
        raise FilterError(self._text, token.start, token.end, reason)

    # -- logic ------------------------------------------------------------------------------------

    def _or(self) -> ItemFilter:
        tests = [self._and()]
        while self._skip(_OR, "connective"):
            tests.append(self._and())
        return tests[0] if len(tests) == 1 else lambda item: any(test(item) for test in tests)

    def _and(self) -> ItemFilter:
        tests = [self._part()]
        while self._skip(_AND, "connective"):
            tests.append(self._part())
        return tests[0] if len(tests) == 1 else lambda item: all(test(item) for test in tests)

    def _part(self) -> ItemFilter:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            self._fail(self._token, f"brackets and not must be nested at most {_MAX_DEPTH} deep")
        try:
            if self._skip(_NOT, "field"):
                test = self._part()
                return lambda item: not test(item)
            opened = self._skip(("(",), "field")
            if opened is None:
                return self._test()
            inner = self._or()
            if self._skip((")",), ")") is None:
                if self._token.kind is TokenKind.END:
                    self._fail(opened, "this bracket is not closed; add )")
                self._fail(
                    self._token, f"expected {self._followers()} or ), got {_shown(self._token)}"
                )
            return inner
        finally:
            self._depth -= 1

    # -- one test ---------------------------------------------------------------------------------

    def _test(self) -> ItemFilter:
        token = self._next("field")
        field = self._read_field(token)
        self.field = field
        self.names.add(field.name)
        mark = self._next("operator") if OPERATORS[field.kind] else self._token
        if mark.kind in (TokenKind.WORD, TokenKind.OPERATOR) and mark.text == "in":
            self._allow(field, token, "in")
            return self._set(field)
        symbol = (
            _SYMBOLS.get(mark.text) if mark.kind not in (TokenKind.STRING, TokenKind.END) else None
        )
        if symbol is None:
            values = field.values
            return lambda item: any(True for _ in values(item))
        self._allow(field, token, symbol)
        value = self._value(field, for_match=symbol == "matches")
        return _comparison(field, symbol, value)

    def _read_field(self, token: Token) -> FilterField:
        if token.kind is TokenKind.END:
            self._fail(token, "expected a field, such as type or room")
        if token.kind is not TokenKind.WORD or token.text in _KEYWORDS:
            self._fail(token, f"expected a field, such as type or room, got {_shown(token)}")
        field = find_field(token.text)
        if field is None:
            self._fail(token, describe_unknown(token.text))
        self._take()
        return field

    def _allow(self, field: FilterField, token: Token, symbol: str) -> None:
        """Take an operator; fail if the field does not have it."""
        allowed = OPERATORS[field.kind]
        if symbol in allowed:
            self._take()
            return
        if field.kind is not FieldKind.FLAG:
            reason = f"{token.text} is a {field.kind.value} field; use {', '.join(allowed)}"
            self._fail(self._token, reason)
        reason = f"{token.text} has no value to compare; write {token.text} or not {token.text}"
        if others := alternatives(token.text):
            reason += f"; fields of this name: {_listed(others)}"
        self._fail(self._token, reason)

    def _set(self, field: FilterField) -> ItemFilter:
        if self._skip(("{",), "{") is None:
            self._fail(self._token, 'expected {, as in {"Nova", "Maya"}')
        ranges: list[tuple[Any, Any]] = []
        while True:
            ranges.append(self._range(field))
            if self._skip(("}",), ","):
                return _membership(field, ranges)
            if self._skip((",",)) is None:
                self._fail(self._token, "expected , or }")

    def _range(self, field: FilterField) -> tuple[Any, Any]:
        """Read a value or a range of a set; return its limits, equal for a value."""
        token = self._next("value")
        ends = split_range(token) if field.kind in (FieldKind.NUMBER, FieldKind.SECONDS) else None
        if ends is None:
            value = self._value(field)
            return value, value
        self._take()
        low, high = (read_value(field, end, self._text) for end in ends)
        if low > high:
            self._fail(token, "the first value of a range must not be above the second")
        return low, high

    def _value(self, field: FilterField, *, for_match: bool = False) -> Any:
        token = self._next("value")
        if token.kind not in (TokenKind.WORD, TokenKind.STRING):
            got = "" if token.kind is TokenKind.END else f", got {_shown(token)}"
            self._fail(token, f"expected a value{got}")
        if token.kind is TokenKind.WORD and token.text in _KEYWORDS:
            self._fail(token, f'expected a value; write "{token.text}" if it is a text')
        value: Any = token.text if for_match else read_value(field, token, self._text)
        if for_match:
            try:
                value = re.compile(value, re.IGNORECASE)
            except (re.error, OverflowError, RecursionError) as error:
                self._fail(token, f"the regular expression is not valid: {error}")
        self._take()
        return value


def _comparison(field: FilterField, symbol: str, value: Any) -> ItemFilter:
    """Return the test that compares a field's values with a value."""
    values = _keyed_values(field)
    if field.key is not None and isinstance(value, str):
        value = field.key(value)
    if field.kind is FieldKind.ADDRESS:
        if symbol == "==":
            return lambda item: any(each in value for each in values(item))
        return lambda item: _all_differ(each not in value for each in values(item))
    match symbol:
        case "==":
            return lambda item: any(each == value for each in values(item))
        case "!=":
            return lambda item: _all_differ(each != value for each in values(item))
        case "contains":
            return lambda item: any(value in each for each in values(item))
        case "matches":
            found, raw = value.search, field.values
            return lambda item: any(found(each) for each in raw(item))
        case _:
            is_in_order = _ORDER[symbol]
            return lambda item: any(is_in_order(each, value) for each in values(item))


def _keyed_values(field: FilterField) -> _Values:
    key, values = field.key, field.values
    return values if key is None else lambda item: [key(each) for each in values(item)]


def _all_differ(differences: Iterable[bool]) -> bool:
    """Return whether there is a value, and all values differ."""
    found = list(differences)
    return bool(found) and all(found)


def _membership(field: FilterField, ranges: list[tuple[Any, Any]]) -> ItemFilter:
    """Return the test that looks up a field's values in a set."""
    values = _keyed_values(field)
    if field.kind is FieldKind.ADDRESS:
        networks = [low for low, _ in ranges]
        return lambda item: any(each in net for each in values(item) for net in networks)
    if field.key is not None:
        key = field.key
        ranges = [(key(low), key(high)) for low, high in ranges]
    single = frozenset(low for low, high in ranges if low == high)
    wide = [(low, high) for low, high in ranges if low != high]
    return lambda item: any(
        each in single or any(low <= each <= high for low, high in wide) for each in values(item)
    )


def _shown(token: Token) -> str:
    return "a string" if token.kind is TokenKind.STRING else token.text


def describe_unknown(name: str) -> str:
    """Say why a name is no field, and which are similar."""
    if "." not in name and (others := alternatives(name)):
        return f"{name} has several meanings; use one of {_listed(others)}"
    near = resembling(name)
    return f"unknown field {name[:40]}" + (f"; did you mean {' or '.join(near)}?" if near else "")


def _listed(names: list[str]) -> str:
    return ", ".join(names[:6]) + (", …" if len(names) > 6 else "")
