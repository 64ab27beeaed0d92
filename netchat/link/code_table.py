"""Codes of payloads: a numbered table, and the codes that a client names in OPEN."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache

from netchat.link.block_code import BlockCode
from netchat.link.code_spec import check_form, limited_code
from netchat.link.incremental_redundancy import (
    INCREMENTS,
    PREFIXES,
    RedundancyCode,
    is_redundancy,
)

__all__ = [
    "CODES",
    "OPENED",
    "REDUNDANCY",
    "BlockCode",
    "CodeSource",
    "block_code",
    "check_spec",
    "known_code",
    "numbered",
    "table",
    "warm_up",
    "warm_up_redundancy",
]

#: Codes that both sides know by number, ordered by rate after the first two: no code, and the
#: header's own. A policy chooses among them for each block. Older peers know those below 16.
CODES = {
    0: "uncoded",
    1: "rs:96,32",
    2: "rs:255,251",
    3: "rs:255,239",
    4: "rs:255,223",
    5: "rs:255,191",
    6: "rs:255,127",
    7: "rs:255,127+hamming:7,4",
    **{number: RedundancyCode(number).spec for number in (*PREFIXES, *INCREMENTS)},
}

#: Number of the code that OPEN names for a direction, if it is not in the table.
OPENED = 255

#: Numbers of the codes that a client can name.
_NUMBERS = {spec: number for number, spec in CODES.items() if number not in INCREMENTS}

#: Code with incremental redundancy that stands for all of them: if it is ready, so are the others.
REDUNDANCY = CODES[min(PREFIXES)]

#: Number of codes to cache for later links.
_CACHED = 4


def check_spec(spec: str) -> str:
    """Check a code's spec from an untrusted source; this may build the code.

    Returns:
        The spec, without spaces.

    Raises:
        ValueError: A link cannot use the code; the text gives the reason.
    """
    text = spec.replace(" ", "")
    if known_code(text) is None:
        limited_code(check_form(text))
    return text


@lru_cache(maxsize=_CACHED)
def block_code(spec: str) -> BlockCode:
    """Return the payload code of a spec.

    Raises:
        ValueError: A link cannot use the code.
    """
    return known_code(spec) or BlockCode(check_spec(spec))


def known_code(spec: str) -> BlockCode | None:
    """Return the code of the table with a spec, or None. Increments have no use by themselves."""
    number = _NUMBERS.get(spec)
    return None if number is None else table()[number]


def numbered(spec: str) -> int:
    """Return the number that blocks use for a code named in OPEN.

    >>> numbered("rs:255,223"), numbered("hamming:7,4")
    (4, 255)
    """
    return _NUMBERS.get(spec, OPENED)


@cache
def table() -> dict[int, BlockCode]:
    """Return the codes of the table, by number."""
    return {
        number: RedundancyCode(number)
        if is_redundancy(number)
        else BlockCode(spec, is_fast="+" not in spec)
        for number, spec in CODES.items()
    }


@cache
def warm_up() -> None:
    """Load and compile what the codes below 16 use, so that no block waits for it."""
    for number, code in table().items():
        if not is_redundancy(number):
            code.warm_up()


@cache
def warm_up_redundancy() -> None:
    """Load and compile what the codes with incremental redundancy use."""
    table()[_NUMBERS[REDUNDANCY]].warm_up()


CodeSource = Callable[[str], BlockCode | None]
"""Builds a code from an untrusted spec. Returns None while the code is not ready yet, and raises
ValueError if a link cannot use it."""
