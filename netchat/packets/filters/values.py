"""Values in a filter: numbers, names, times, texts, bytes and addresses."""

from __future__ import annotations

import ipaddress
import re
from difflib import get_close_matches
from typing import Any

from netchat.errors import FilterError
from netchat.packets.filters.kinds import FieldKind, FilterField
from netchat.packets.filters.tokens import Token, TokenKind
from netchat.wording import cut

__all__ = ["read_value", "split_range"]

_NUMBER = re.compile(r"0[xX][0-9a-fA-F]+|[0-9]+")
_SECONDS = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(us|ms|s|m|h)?")
_UNITS = {None: 1.0, "us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_BYTES = re.compile(r"[0-9a-fA-F]{2}(?:[:.-]?[0-9a-fA-F]{2})*")

#: A number longer than this cannot be a field's value, and is slow to convert.
_MAX_DIGITS = 40


def read_value(field: FilterField, token: Token, text: str) -> Any:
    """Convert a token to a value of a field's kind.

    Args:
        field: The field.
        token: A word or a string.
        text: The filter, for errors.

    Returns:
        An int, float (seconds), str, bytes or IP network.

    Raises:
        FilterError: The token is not a value of this kind.
    """
    written, is_string = token.text, token.kind is TokenKind.STRING
    try:
        match field.kind:
            case FieldKind.NUMBER:
                return _number(field, written)
            case FieldKind.SECONDS:
                return _seconds(written)
            case FieldKind.BYTES:
                return _bytes(written, is_string=is_string)
            case FieldKind.ADDRESS:
                return _network(field, written)
            case _:
                return written if is_string else _text(written)
    except ValueError as error:
        raise FilterError(text, token.start, token.end, str(error)) from None


def _number(field: FilterField, written: str) -> int:
    for name in (written, written.upper()):
        if name in field.choices:
            return field.choices[name]
    if _NUMBER.fullmatch(written) and len(written) <= _MAX_DIGITS:
        return int(written, 16 if written[:2].lower() == "0x" else 10)
    if not field.choices:
        raise ValueError(
            f"{cut(written)} is not a number; write digits, or 0x and hexadecimal digits"
        )
    names = list(field.choices)
    near = get_close_matches(written.upper(), names, n=3) or [*names[:6], "…"]
    raise ValueError(
        f"{cut(written)} is not a value of {field.name}; use a number or a name: {', '.join(near)}"
    )


def _seconds(written: str) -> float:
    found = _SECONDS.fullmatch(written)
    if found is None or len(written) > _MAX_DIGITS:
        raise ValueError(f"{cut(written)} is not a time; write seconds, such as 3.5, or 200ms")
    return float(found[1]) * _UNITS[found[2]]


def _bytes(written: str, *, is_string: bool) -> bytes:
    if is_string:
        return written.encode("utf-8", "surrogatepass")
    if not _BYTES.fullmatch(written):
        raise ValueError(f'{cut(written)} is not a byte string; write 4e:43, or "NC" for its text')
    return bytes.fromhex(re.sub("[:.-]", "", written))


def _network(field: FilterField, written: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        network = ipaddress.ip_network(written, strict=False)
    except ValueError:
        raise ValueError(
            f"{cut(written)} is not an IP address or network, such as 10.0.0.1 or 10.0.0.0/8"
        ) from None
    family, _, side = field.name.partition(".")
    if {"ip": 4, "ipv6": 6}.get(family, network.version) != network.version:
        other = "ip" if network.version == 4 else "ipv6"
        raise ValueError(
            f"{written} is an IPv{network.version} address; use {other}.{side}, or host for both"
        )
    return network


def _text(word: str) -> str:
    """Return an unquoted text; one that is the name of a field is probably a mistake."""
    from netchat.packets.filters.fields import find_field

    if find_field(word) is not None:
        raise ValueError(f'{word} is a field; write "{word}" to compare with this text')
    return word


def split_range(token: Token) -> tuple[Token, Token] | None:
    """Split a word such as `1..5` at its two dots; return None if it has none."""
    low, dots, high = token.text.partition("..")
    if token.kind is not TokenKind.WORD or not dots:
        return None
    middle = token.start + len(low)
    return (
        Token(TokenKind.WORD, low, token.start, middle),
        Token(TokenKind.WORD, high, middle + 2, token.end),
    )
